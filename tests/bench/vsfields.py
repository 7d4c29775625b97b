# SPDX-License-Identifier: LGPL-2.1-or-later
"""Deinterlacers of VapourSynth, between raw luma of woven frames, top field first, on standard input and luma of twice
as many frames on standard output. Runs in a Python of its own, which fields.py says how to make:

    FOLDER/bin/python tests/bench/vsfields.py znedi3|qtgmc WIDTH HEIGHT < woven.y > made.y
"""
import sys

import numpy as np
import vapoursynth as vs

core = vs.core


def clip_of(frames):
    count, height, width = frames.shape
    blank = core.std.BlankClip(width=width, height=height, format=vs.GRAY8, length=count, keep=True)

    def fill(n, f):
        made = f.copy()
        np.asarray(made[0])[:] = frames[n]
        made.props["_FieldBased"] = 2
        return made
    return core.std.ModifyFrame(blank, blank, fill)


def znedi3(clip):
    return core.znedi3.nnedi3(clip, field=3)


def qtgmc(clip):
    """Its defaults, which sharpen and remove shimmer. Its masks want chroma."""
    from vsdeinterlace import QTempGaussMC
    colour = core.resize.Point(clip, format=vs.YUV420P8)
    colour = core.std.SetFrameProp(colour, prop="_FieldBased", intval=2)
    return core.std.ShufflePlanes(QTempGaussMC().bob(colour), 0, vs.GRAY)


def main():
    name, width, height = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    frames = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(-1, height, width)
    core.num_threads = 2
    for frame in {"znedi3": znedi3, "qtgmc": qtgmc}[name](clip_of(frames)).frames():
        sys.stdout.buffer.write(np.asarray(frame[0]).tobytes())


if __name__ == "__main__":
    main()
