#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Playback in real time, as an editor's viewer does it: how many different pictures are shown in each second, how long
is the longest freeze, to which level does quality fall, and how soon does a frame come while somebody looks for one?

    /usr/bin/python3 tests/bench/playback.py [--size 1280x720] [--seconds 10] [--effects "A; interlaced: B"] [CLIP]

Needs GStreamer's bindings for Python (Debian: python3-gi, gir1.2-gstreamer-1.0) and an H.264 encoder. `identity` is
what the machine can show with no effect. Exits with 1 if any second has fewer than 10 pictures where identity has 20,
or a frame takes more than 0.3 s to come while somebody looks for it.
"""
import argparse
import os
import sys
import tempfile
import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
INTERLACED = "interlaced: "  # before an effect: its clip is
HOLE = "videoconvert ! videocrop left=200 ! videobox left=-200 border-alpha=0 ! video/x-raw,format=RGBA ! "
EFFECTS = ("identity", "udmdenoise", "udmdenoise quality=live", "udmdenoise quality=best", "udmdenoise model=deblur",
           "udmdenoise model=super4", f"{HOLE}udmdenoise model=inpaint", "udmdenoise deflicker=1",
           "udmdenoise dirt=0.5 deflicker=1 stabilize-gate=1", f"{INTERLACED}udmdenoise",
           f"{INTERLACED}udmdenoise deinterlace=fields", f"{INTERLACED}udmdenoise noise-level=0",
           f"{INTERLACED}udmdenoise noise-level=0 deinterlace=fields", f"{INTERLACED}udmdenoise deinterlace=telecine",
           f"{INTERLACED}udmdenoise dirt=0.5 deflicker=1", "udminterp", "udminterp model=interp",
           "udminterp motion-blur=180", "udmslowmotion speed=0.5", "udmslowmotion speed=0.25",
           "udmslowmotion speed=0.25 motion-blur=180", "udmupscale", f"{INTERLACED}udminterp",
           f"{INTERLACED}udmslowmotion speed=0.5", f"{INTERLACED}udmupscale")
RATE = 25
LOOKS = 5  # for a frame
LONGEST_LOOK = 0.3  # seconds


def wait_for(pipeline, kinds):
    """The next message of these kinds."""
    message = pipeline.get_bus().timed_pop_filtered(120 * Gst.SECOND, kinds | Gst.MessageType.ERROR)
    if message is None or message.type == Gst.MessageType.ERROR:
        sys.exit(f"{message and message.parse_error()}")
    return message


def make_clip(source, size, seconds, interlaced, path):
    """A file with a picture that never repeats: the source over and over, at the size."""
    width, height = size
    frames, rate = round(seconds * RATE), 2 * RATE if interlaced else RATE
    weave = "interlace field-pattern=1:1 ! " if interlaced else ""
    start = f"filesrc location={source} ! decodebin" if source else "videotestsrc pattern=zone-plate kx2=20 ky2=20 kt=3"
    pipeline = Gst.parse_launch(f"{start} ! videoconvert ! videoscale ! videorate ! video/x-raw,format=I420,"
                                f"width={width},height={height},framerate={rate}/1,pixel-aspect-ratio=1/1 ! {weave}"
                                f"identity eos-after={frames} ! x264enc speed-preset=ultrafast "
                                f"interlaced={bool(weave)} ! matroskamux ! "
                                f"filesink location={path}")
    pipeline.set_state(Gst.State.PLAYING)
    wait_for(pipeline, Gst.MessageType.EOS)
    pipeline.set_state(Gst.State.NULL)


def look(pipeline):
    """The longest time until a frame is there after a seek, paused."""
    longest = 0
    pipeline.set_state(Gst.State.PAUSED)
    pipeline.get_state(Gst.CLOCK_TIME_NONE)
    for at in range(LOOKS):
        began = time.monotonic()
        pipeline.seek_simple(Gst.Format.TIME, Gst.SeekFlags.FLUSH | Gst.SeekFlags.ACCURATE, at * Gst.SECOND // 2)
        wait_for(pipeline, Gst.MessageType.ASYNC_DONE)
        longest = max(longest, time.monotonic() - began)
    return longest


def play(clip, effect, seconds):
    """Pictures in each second, the longest freeze, the levels, how many frames were degraded, and the longest look."""
    pipeline = Gst.parse_launch(f"filesrc location={clip} ! matroskademux ! avdec_h264 ! {effect} "
                                "name=effect ! queue max-size-buffers=3 max-size-bytes=0 max-size-time=0 ! "
                                "videoconvert ! fakesink name=sink sync=true qos=true max-lateness=20000000 "
                                "signal-handoffs=true")
    element, shown, levels = pipeline.get_by_name("effect"), [], []

    def show(_sink, buffer, _pad):
        _, mapped = buffer.map(Gst.MapFlags.READ)
        shown.append((time.monotonic(), hash(bytes(mapped.data[::997]))))
        buffer.unmap(mapped)

    pipeline.get_by_name("sink").connect("handoff", show)
    pipeline.set_state(Gst.State.PLAYING)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        message = pipeline.get_bus().timed_pop_filtered(Gst.SECOND // 50, Gst.MessageType.ERROR)
        if message:
            sys.exit(f"{effect}: {message.parse_error()}")
        stats = element.get_property("stats")
        level = stats.get_value("level") if stats.has_field("level") else "-"
        if not levels or levels[-1] != level:
            levels.append(level)
    degraded = stats.get_value("degraded") if stats.has_field("degraded") else 0
    seconds_shown = [len({picture for at, picture in shown if second <= at - shown[0][0] < second + 1})
                     for second in range(int(shown[-1][0] - shown[0][0]))]
    changes = [at for number, (at, picture) in enumerate(shown) if number == 0 or picture != shown[number - 1][1]]
    freeze = max((b - a for a, b in zip(changes, changes[1:])), default=0)
    longest = look(pipeline)
    pipeline.set_state(Gst.State.NULL)
    return seconds_shown, freeze, levels, degraded, longest


def main():
    """All effects, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?", help="a video; default: a pattern")
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--effects", default="; ".join(EFFECTS), help="separated by semicolons (default: %(default)s)")
    options = parser.parse_args()
    size = [int(side) for side in options.size.split("x")]
    Gst.init(None)
    os.environ.setdefault("UDM_MODEL_PATH", os.path.join(ROOT, "models"))
    missing = [name for name in ("udmdenoise", "x264enc", "avdec_h264") if not Gst.ElementFactory.find(name)]
    if missing:
        sys.exit(f"there is no element {', '.join(missing)}: run it in `meson devenv -C build`")
    fails, baseline = False, None
    print("| effect | pictures in each second | longest freeze, s | levels | degraded | a frame while looking, s |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as work:
        clips = [os.path.join(work, name) for name in ("progressive.mkv", "interlaced.mkv")]
        for interlaced, clip in enumerate(clips):
            make_clip(options.clip, size, options.seconds + 2, interlaced, clip)
        for effect in options.effects.split("; "):
            interlaced = effect.startswith(INTERLACED)
            pictures, freeze, levels, degraded, longest = play(clips[interlaced], effect[interlaced * len(INTERLACED):],
                                                               options.seconds)
            least = min(pictures, default=0)
            baseline = least if baseline is None else baseline
            fails |= baseline >= 20 and (least < 10 or longest > LONGEST_LOOK)
            print(f"| {effect} | {' '.join(map(str, pictures))} | {freeze:.2f} | {', '.join(levels)} | {degraded} | "
                  f"{longest:.2f} |", flush=True)
    sys.exit(fails)


main()
