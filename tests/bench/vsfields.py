# SPDX-License-Identifier: LGPL-2.1-or-later
"""Deinterlacers of VapourSynth, and VIVTC, which undoes telecine, between raw luma of woven frames, top field first,
on standard input and luma of what they make on standard output: twice as many frames, or as many as VIVTC leaves. Runs
in a Python of its own, which fields.py says how to make:

    FOLDER/bin/python tests/bench/vsfields.py znedi3|qtgmc|vivtc WIDTH HEIGHT < woven.y > made.y
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


def vivtc(clip):
    """As its documentation has it: what stays combed is deinterlaced, then one of five frames dropped."""
    clip = core.resize.Point(clip, format=vs.YUV420P8)
    matched = core.vivtc.VFM(clip, order=1)
    spare = core.std.SetFieldBased(core.std.SelectEvery(core.znedi3.nnedi3(clip, field=3), 2, 0), 0)
    whole = core.std.FrameEval(matched, lambda n, f: spare if f.props.get("_Combed") else matched, prop_src=matched)
    return core.std.ShufflePlanes(core.vivtc.VDecimate(whole), 0, vs.GRAY)


def main():
    name, width, height = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    frames = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(-1, height, width)
    core.num_threads = 2
    for frame in {"znedi3": znedi3, "qtgmc": qtgmc, "vivtc": vivtc}[name](clip_of(frames)).frames():
        sys.stdout.buffer.write(np.asarray(frame[0]).tobytes())


if __name__ == "__main__":
    main()
