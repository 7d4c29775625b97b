# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares a film with what udm-restore made of it, as ffprobe sees both: prints what should not differ and does."""
import argparse
import json
import subprocess
import sys
from fractions import Fraction

# Of the restored video, beside codec and format, which have options of their own.
VIDEO = ("width", "height", "sample_aspect_ratio", "color_range", "color_space", "color_transfer", "color_primaries",
         "chroma_location")
COPIED = ("codec_name", "codec_type", "sample_rate", "channels", "width", "height")
# What each muxer writes of its own, and how it would call what others do not say.
TAGS_OF_MUXERS = {"encoder", "software", "duration", "major_brand", "minor_version", "compatible_brands", "vendor_id",
                  "handler_name"}
DEFAULTS = {"color_range": "tv", "chroma_location": "left", "sample_aspect_ratio": "1:1", "language": "und"}
SIDE_DATA = ("Display Matrix", "Mastering display metadata", "Content light level metadata")


def ffprobe(*arguments):
    command = ["ffprobe", "-v", "error", "-of", "json", *arguments]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def probe(path):
    film = ffprobe("-show_format", "-show_streams", "-show_chapters", "-show_packets", "-show_data_hash", "md5", path)
    for stream in film["streams"]:
        stream["packets"] = [p for p in film["packets"] if p["stream_index"] == stream["index"]]
        if is_restored(stream):
            stream["frames"] = ffprobe("-select_streams", str(stream["index"]), "-show_frames", path)["frames"]
    # Tracks of QuickTime that are made anew of what it says of timecode and chapters.
    film["streams"] = [s for s in film["streams"] if s.get("codec_tag_string") not in ("tmcd", "text")]
    return film


def is_cover(stream):
    return stream["disposition"]["attached_pic"] == 1


def is_restored(stream):
    return stream["codec_type"] == "video" and not is_cover(stream)


def tags(thing, stream):
    """Those that are not the muxer's own; of streams also without those that not all containers have for them."""
    found = {key.lower(): value for key, value in thing.get("tags", {}).items()}
    unknown = TAGS_OF_MUXERS | ({"creation_time"} if stream else set())
    if stream and is_cover(thing):
        unknown = unknown | {"filename", "mimetype"}
    return {k: v.replace(".000000Z", "Z") for k, v in found.items() if k not in unknown and DEFAULTS.get(k) != v}


def side_data(stream):
    """Of a stream, or where it has none of its first frame, in numbers."""
    def numbers(side):
        return {key: float(Fraction(value)) if "/" in str(value) else value for key, value in side.items()}
    found = {}
    for holder in (stream["frames"][0], stream):
        found |= {side["side_data_type"]: numbers(side) for side in holder.get("side_data_list", [])
                  if side["side_data_type"] in SIDE_DATA}
    return found


def seconds(stamps, stream):
    return [int(stamp) * Fraction(stream["time_base"]) for stamp in stamps]


def chapters(film, moved):
    return [(round(float(c["start_time"]) - moved, 3), round(float(c["end_time"]) - moved, 3), c["tags"])
            for c in film["chapters"]]


class Comparison:
    def __init__(self, options):
        self.options = options
        self.failed = False
        self.shift = Fraction(0) # of the last stream that was compared

    def same(self, what, before, after):
        if before != after:
            self.failed = True
            print(f"  {what}: {before!r} became {after!r}")

    def stamps(self, what, before, after, tick):
        """Equal, up to half a tick of a coarser clock; or, where they may be, all moved by as much."""
        self.same(f"{what}, how many", len(before), len(after))
        shift = self.shift = after[0] - before[0] if self.options.moved and before and after else Fraction(0)
        for number, (one, other) in enumerate(zip(before, after)):
            if abs(other - one - shift) > (tick if self.options.moved else tick / 2):
                self.same(f"{what} {number}", str(one + shift), str(other))
                return

    def video(self, before, after):
        o = self.options
        self.same("codec", o.codec, after["codec_name"])
        self.same("format", o.format, after["pix_fmt"])
        for key in VIDEO:
            default = DEFAULTS.get(key)
            if key == "chroma_location" and "420" not in o.format: # H.264 says it of no other
                continue
            self.same(key, str(o.expect.get(key, before.get(key, default))), str(after.get(key, default)))
        rates = [Fraction(s["avg_frame_rate"]) for s in (before, after)] if not o.variable else (1, 1)
        if abs(rates[0] / rates[1] - 1) > 1e-4: # Matroska has nanoseconds a frame
            self.same("frame rate", *rates)
        light = side_data(before)
        if o.turned:
            light.pop("Display Matrix")
        self.same("side data", light, side_data(after))
        clocks = Fraction(before["time_base"]), Fraction(after["time_base"])
        exact = (clocks[0] / clocks[1]).denominator == 1
        stamps = [seconds([f["best_effort_timestamp"] for f in s["frames"]], s) for s in (before, after)]
        self.stamps("frame", *stamps, 0 if exact else clocks[1])

    def copied(self, before, after):
        o = self.options
        kind, name = before["codec_type"], f"stream {before['index']}, {before['codec_type']}"
        codec = {"audio": o.sound, "subtitle": o.text}.get(kind)
        if codec:
            self.same(name, codec, after["codec_name"])
        for key in COPIED if not codec else ():
            self.same(f"{name}, {key}", before.get(key), after.get(key))
        if not codec and not o.wrapped:
            self.same(f"{name}, packets", *[[p["data_hash"] for p in s["packets"]] for s in (before, after)])
        if kind == "subtitle" or (kind == "audio" and not codec):
            # QuickTime fills the time between subtitles by empty ones.
            stamps = [seconds([p["pts"] for p in s["packets"] if int(p["size"]) > 2], s) for s in (before, after)]
            same_clock = before["time_base"] == after["time_base"]
            self.stamps(f"{name}, packet", *stamps, 0 if same_clock else Fraction(after["time_base"]))

    def streams(self, before, after):
        if is_restored(before):
            self.video(before, after)
        else:
            self.copied(before, after)
        name = f"stream {before['index']}"
        self.same(f"{name}, disposition", *[{**s["disposition"], "default": 0} for s in (before, after)])
        expected = {key: value for key, value in tags(before, True).items() if key not in self.options.lost}
        self.same(f"{name}, tags", expected, tags(after, True))

    def films(self, before, after):
        lost = self.options.lost
        kept = [s for s in before["streams"] if ("cover" if is_cover(s) else s["codec_type"]) not in lost]
        self.same("streams", [s["codec_type"] for s in kept], [s["codec_type"] for s in after["streams"]])
        for one, other in zip(kept, after["streams"]):
            self.streams(one, other)
        self.same("tags", tags(before["format"], False), tags(after["format"], False))
        moved = float(self.shift if self.options.moved else 0)
        self.same("chapters", chapters(before, 0), chapters(after, moved))


def pair(text):
    key, value = text.split("=", 1)
    return key, value


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("before")
    p.add_argument("after")
    p.add_argument("--codec", default="h264")
    p.add_argument("--format", default="yuv420p", help="of the pixels")
    p.add_argument("--sound", help="the codec that sound becomes")
    p.add_argument("--text", help="the format that subtitles become")
    p.add_argument("--lost", nargs="*", default=[], help="types of streams, and tags of streams")
    p.add_argument("--expect", nargs="*", type=pair, default=[], help="KEY=VALUE of the video that differs")
    p.add_argument("--moved", action="store_true", help="all stamps by as much")
    p.add_argument("--variable", action="store_true", help="there is no rate of frames")
    p.add_argument("--turned", action="store_true", help="frames lie upright, as the container cannot say so")
    p.add_argument("--wrapped", action="store_true", help="the container wraps packets otherwise")
    o = p.parse_args()
    o.expect = dict(o.expect)
    comparison = Comparison(o)
    comparison.films(probe(o.before), probe(o.after))
    sys.exit(comparison.failed)


if __name__ == "__main__":
    main()
