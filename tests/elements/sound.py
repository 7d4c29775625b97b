# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sound stays in step with slow motion: flashes of the picture and beeps that come at the same time do so afterwards,
at half and a quarter of the speed and along ramps, where the sound is slowed by the element pitch, whose keyframes are
at times of the output. They may be apart by as much as a frame of the film lasts, as pitch makes sound of pieces about
as long.

    meson test -C build sound
"""
import array
import os
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstController", "1.0")
from gi.repository import Gst, GstController  # noqa: E402

RATE, WIDTH, HEIGHT, HERTZ = 25, 32, 24, 48000
EVERY, FLASHES, LASTS = 25, 6, 5  # frames from flash to flash; flashes; frames that one lasts
FRAMES = EVERY * FLASHES
PIECE = HERTZ // 100  # samples in a buffer of sound
POINTS = 1000  # of a ramp
PATIENCE = 200 * Gst.SECOND


def lit(frame):
    """Whether a frame is white, and beeps."""
    return EVERY // 2 <= frame % EVERY < EVERY // 2 + LASTS


def push(source, data, pts, duration):
    """A buffer."""
    buffer = Gst.Buffer.new_wrapped(data)
    buffer.pts, buffer.duration = pts, duration
    source.emit("push-buffer", buffer)


def feed(pipeline):
    """All frames and all sound."""
    picture, sound = pipeline.get_by_name("picture"), pipeline.get_by_name("sound")
    for number in range(FRAMES):
        push(picture, bytes([235 if lit(number) else 16]) * (WIDTH * HEIGHT), number * Gst.SECOND // RATE,
             Gst.SECOND // RATE)
    for first in range(0, FRAMES * HERTZ // RATE, PIECE):
        loud = lit(first * RATE // HERTZ)
        data = array.array("h", (12000 * (1 if i // 24 % 2 else -1) if loud else 0 for i in range(PIECE)))
        push(sound, data.tobytes(), first * Gst.SECOND // HERTZ, PIECE * Gst.SECOND // HERTZ)
    picture.emit("end-of-stream")
    sound.emit("end-of-stream")


def drawn(sink):
    """Samples that came to a sink: times and data."""
    while True:
        sample = sink.emit("try-pull-sample", PATIENCE)
        if sample is None:
            return
        _, mapped = sample.get_buffer().map(Gst.MapFlags.READ)
        data = bytes(mapped.data)
        sample.get_buffer().unmap(mapped)
        segment = sample.get_segment()
        yield segment.to_stream_time(Gst.Format.TIME, sample.get_buffer().pts) / Gst.SECOND, data


def runs_of(values):
    """Where each run of loud or bright times begins and ends."""
    runs = []
    for at, level, gap in values:
        if level and runs and at - runs[-1][1] < gap:
            runs[-1][1] = at
        elif level:
            runs.append([at, at])
    return runs


def speed_at(ramp, at):
    """On the line between both points."""
    (begin, first), (end, last) = ramp
    return first + (last - first) * at / (end - begin)


def slowed(ramp):
    """The same speeds, at times of the output."""
    length, points, passed = ramp[1][0], [], 0
    for number in range(POINTS + 1):
        points.append((passed, speed_at(ramp, length * number / POINTS)))
        passed += length / POINTS / speed_at(ramp, length * (number + 0.5) / POINTS)
    return points


def control(element, name, ramp):
    """Lets a property follow a ramp."""
    source = GstController.InterpolationControlSource()
    source.set_property("mode", GstController.InterpolationMode.LINEAR)
    for at, value in ramp:
        source.set(int(at * Gst.SECOND), value)
    element.add_control_binding(GstController.DirectControlBinding.new_absolute(element, name, source))


def play(speed, ramp):
    """The times of flashes and of beeps."""
    pipeline = Gst.parse_launch(
        f"appsrc name=picture format=time caps=video/x-raw,format=GRAY8,width={WIDTH},height={HEIGHT},"
        f"framerate={RATE}/1 max-bytes=0 ! udmslowmotion name=slow speed={speed} ! appsink name=seen sync=false "
        f"appsrc name=sound format=time caps=audio/x-raw,format=S16LE,rate={HERTZ},channels=1,layout=interleaved "
        f"max-bytes=0 ! audioconvert ! pitch name=pitch tempo={speed} ! audioconvert ! audio/x-raw,format=S16LE ! "
        "appsink name=heard sync=false")
    if ramp:
        control(pipeline.get_by_name("slow"), "speed", ramp)
        control(pipeline.get_by_name("pitch"), "tempo", slowed(ramp))
    pipeline.set_state(Gst.State.PLAYING)
    feed(pipeline)
    flashes = runs_of((at, sum(data) > 125 * len(data), 8.5 / RATE)
                      for at, data in drawn(pipeline.get_by_name("seen")))
    beeps = runs_of((at + i / HERTZ, abs(value) > 3000, 0.1) for at, data in drawn(pipeline.get_by_name("heard"))
                    for i, value in enumerate(array.array("h", data)))
    message = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    if message:
        sys.exit(message.parse_error()[0].message)
    return flashes, beeps


def main():
    """Each speed."""
    os.environ["UDM_MODEL_PATH"] = os.path.join(os.environ["UDM_SOURCE_ROOT"], "models")
    Gst.init(None)
    if not Gst.ElementFactory.find("pitch"):
        print("there is no element pitch (Debian: gstreamer1.0-plugins-bad)")
        sys.exit(77)
    length = FRAMES / RATE
    for name, speed, ramp in (("1", 1, None), ("0.5", 0.5, None), ("0.25", 0.25, None),
                              ("1 to 0.5", 1, ((0, 1), (length, 0.5))),
                              ("0.25 to 1", 1, ((0, 0.25), (length, 1)))):
        flashes, beeps = play(speed, ramp)
        if len(flashes) != FLASHES or len(beeps) != FLASHES:
            sys.exit(f"{len(flashes)} flashes and {len(beeps)} beeps of {FLASHES}")
        apart = []
        for number, (flash, beep) in enumerate(zip(flashes, beeps)):
            middle = (number * EVERY + (EVERY + LASTS) / 2) / RATE
            of_film = speed_at(ramp, middle) if ramp else speed
            late = (sum(beep) - sum(flash) - 1 / RATE) / 2  # of the middles; the last frame lasts, too
            apart.append(RATE * of_film * late)
        print(f"speed {name}: flashes from {' '.join(f'{at:.2f}' for at, _ in flashes)} s; sound later by "
              f"{' '.join(f'{late:.2f}' for late in apart)} frames of the film")
        if max(map(abs, apart)) > 1:
            sys.exit("sound is out of step")


main()
