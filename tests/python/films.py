# SPDX-License-Identifier: LGPL-2.1-or-later
"""Films for the tests: small, but with all that makes cutting hard, and how to run udm-film on them."""
import hashlib
import pathlib
import subprocess
import sys
import time
from fractions import Fraction

import av
import numpy as np

BASE = Fraction(1, 1000)
STEPS = (40, 40, 33, 53, 20, 60)  # milliseconds from a frame to the next
SIGMAS = (3, 12, 20, 6, 15)
SUBTITLES = ((400, "one"), (2100, "two"), (5000, "three"))


def picture(number, begins, width, height):
    """A texture of the scene that slowly moves, and the scene's noise."""
    scene = sum(number >= begin for begin in begins)
    texture = np.random.default_rng(scene).uniform(40, 215, (height // 8 + 8, width // 8 + 8, 3))
    texture = texture.repeat(8, 0).repeat(8, 1)
    at = (number - max((0, *[begin for begin in begins if begin <= number]))) // 3 % 40
    noise = np.random.default_rng(1000 + number).normal(0, SIGMAS[scene % 5], (height, width, 1))
    return np.clip(texture[at:at + height, at // 2:at // 2 + width] + noise, 0, 255).astype(np.uint8)


def make(path, count=150, begins=(24, 50, 58, 110), width=96, height=64, codec="libx264", sound=True, rest=True,
         aspect=Fraction(4, 3), gop=40, pixels="yuv420p", waits={}, flashes=()):
    """H.264 with B-frames and open GOPs, times that vary, stereo sound; subtitles, chapters and a tag, and in Matroska
    a font. waits: how many milliseconds some frames stay longer; flashes: frames that are much brighter."""
    matroska = pathlib.Path(path).suffix == ".mkv"
    options = {"bf": "3", "g": str(gop), "crf": "12", "x264-params": "open-gop=1:threads=1:scenecut=0"}
    with av.open(str(path), "w") as out:
        video = out.add_stream(codec, rate=25, options=options if codec == "libx264" else {})
        video.width, video.height, video.pix_fmt = width, height, pixels
        video.codec_context.time_base = BASE
        video.codec_context.color_primaries, video.codec_context.color_trc, video.codec_context.colorspace = 1, 1, 1
        video.codec_context.color_range = 1
        video.sample_aspect_ratio = aspect
        audio = out.add_stream("aac", rate=48000) if sound else None
        text = None
        if rest:
            text = out.add_mux_stream("subrip" if matroska else "mov_text")
            text.time_base = BASE
            text.metadata["language"] = "eng"
            if matroska:
                out.add_attachment("letters.ttf", "application/x-truetype-font", bytes(range(200)))
            out.metadata["title"] = "A test of everything"
            out.set_chapters([{"id": 1, "start": 0, "end": 2000, "time_base": BASE, "metadata": {"title": "First"}},
                              {"id": 2, "start": 2000, "end": 9000, "time_base": BASE, "metadata": {"title": "Last"}}])
        for words in SUBTITLES if text else ():
            said = words[1].encode()
            packet = av.Packet(said if matroska else len(said).to_bytes(2, "big") + said)
            packet.stream, packet.time_base = text, BASE
            packet.pts = packet.dts = words[0]
            packet.duration = 300
            out.mux_one(packet)
        now = heard = 0
        for number in range(count):
            seen = picture(number, begins, width, height)
            rgb = av.VideoFrame.from_ndarray(seen // 3 + 170 if number in flashes else seen, format="rgb24")
            frame = rgb.reformat(format=pixels, dst_colorspace=1)
            frame.pts, frame.time_base = now, BASE
            out.mux(video.encode(frame))
            now += STEPS[number % 6] + waits.get(number, 0)
            while audio and heard < now * 48:
                tone = np.sin((heard + np.arange(1024)) * np.array([[0.03], [0.05]])).astype(np.float32) / 3
                samples = av.AudioFrame.from_ndarray(tone, format="fltp", layout="stereo")
                samples.sample_rate, samples.pts = 48000, heard
                heard += 1024
                out.mux(audio.encode(samples))
        out.mux(video.encode(None))
        if audio:
            out.mux(audio.encode(None))


def cut_off(path, out, seconds):
    """A copy of a film that begins later, by an edit list: the packets that lead there stay, for the decoder."""
    with av.open(str(path)) as film, av.open(str(out), "w") as to:
        streams = {stream.index: to.add_stream_from_template(stream, opaque=True) for stream in film.streams
                   if stream.type in ("video", "audio", "subtitle")}
        for packet in film.demux():
            if packet.size and packet.stream.index in streams:
                late = round(seconds / packet.time_base)
                packet.pts, packet.dts = packet.pts - late, packet.dts - late
                if packet.stream.type == "subtitle" and (packet.pts < 0 or packet.size == 2):  # nothing is said
                    continue
                packet.stream = streams[packet.stream.index]
                to.mux_one(packet)


def command(*words):
    return [str(pathlib.Path(sys.executable).with_name("udm-film")), *map(str, words)]


def film(*words, code=0, **keywords):
    """Runs udm-film; what it says."""
    done = subprocess.run(command(*words), capture_output=True, text=True, **keywords)
    assert done.returncode == code, f"{done.returncode}, not {code}: {done.stdout}{done.stderr}{logs(words)}"
    return done.stdout + done.stderr


def logs(words):
    folder = pathlib.Path(f"{words[2]}.udm-film/logs") if len(words) > 2 else pathlib.Path("none")
    return "".join(f"\n== {path.name}\n{path.read_text()}" for path in sorted(folder.glob("*.log"))
                   ) if folder.is_dir() else ""


def frames(path):
    with av.open(str(path)) as file:
        yield from file.decode(file.streams.video[0])


def digest(frame):
    """Of what played() finds in the same picture."""
    return hashlib.sha256(frame.to_ndarray(format="yuv420p").tobytes()).hexdigest()


def played(gst, description, seek=None):
    """[(nanoseconds, digest)] of the frames that come out of a pipeline, from a place that is sought on, and what was
    complained of."""
    pipeline = gst.parse_launch(f"{description} ! appsink name=out sync=false max-buffers=400")
    out, bus = pipeline.get_by_name("out"), pipeline.get_bus()
    found = []
    try:
        pipeline.set_state(gst.State.PAUSED)
        pipeline.get_state(60 * gst.SECOND)
        if seek is not None:
            assert pipeline.seek_simple(gst.Format.TIME, gst.SeekFlags.FLUSH | gst.SeekFlags.ACCURATE, seek)
        pipeline.set_state(gst.State.PLAYING)
        while (sample := out.emit("pull-sample")) is not None:
            buffer = sample.get_buffer()
            time = sample.get_segment().to_stream_time(gst.Format.TIME, buffer.pts)
            found.append((time, hashlib.sha256(buffer.extract_dup(0, buffer.get_size())).hexdigest()))
        error = bus.pop_filtered(gst.MessageType.ERROR)
        return found, error.parse_error()[0].message if error else ""
    finally:
        pipeline.set_state(gst.State.NULL)


def packets(path, kind):
    """Time, duration and bytes of what is not video."""
    with av.open(str(path)) as file:
        stream = next(stream for stream in file.streams if stream.type == kind)
        return [(Fraction(packet.pts) * packet.time_base, bytes(packet)) for packet in file.demux(stream)
                if packet.size]


def times(path):
    return [frame.pts * frame.time_base for frame in frames(path)]


def children(process):
    """What it started, by what they do: {process: verb}"""
    found = {}
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(status.read_text().rsplit(")", 1)[1].split()[1]) == process:
                found[int(status.parent.name)] = (status.parent / "cmdline").read_text().split("\0")[3]
        except (OSError, IndexError):
            pass
    return found


def wait_for(what, seconds=900):
    end = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
    return value


def alive(process):
    try:
        return " Z " not in pathlib.Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
