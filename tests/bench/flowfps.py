# SPDX-License-Identifier: LGPL-2.1-or-later
"""FlowFPS of MVTools between raw RGB on standard input and output, FACTOR times as many frames. Runs in a Python of its
own, 3.12 or later:

    python3.12 -m venv FOLDER && FOLDER/bin/pip install numpy vapoursynth vapoursynth-mvtools
    FOLDER/bin/python tests/bench/flowfps.py WIDTH HEIGHT FACTOR BLOCK THREADS < in.rgb > out.rgb

In YUV 4:4:4. Blocks overlap by half; the rest is as MVTools has it by default. It prints seconds of computing on
standard error.
"""
import sys
import time

import numpy as np
import vapoursynth

import vbm3d


def interpolate(frames, factor, block):
    core = vapoursynth.core
    rgb = vbm3d.clip_of(frames).std.AssumeFPS(fpsnum=25, fpsden=1)
    clip = rgb.resize.Bicubic(format=vapoursynth.YUV444P8, matrix_s="709")
    pyramid = core.mv.Super(clip, pel=2)
    ways = [core.mv.Analyse(pyramid, isb=isb, blksize=block, overlap=block // 2) for isb in (True, False)]
    made = core.mv.FlowFPS(clip, pyramid, *ways, num=25 * factor, den=1)
    start = time.perf_counter()
    out = vbm3d.frames_of(made.resize.Bicubic(format=vapoursynth.RGBS, matrix_in_s="709"))
    print(time.perf_counter() - start, file=sys.stderr)
    return out


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    width, height, factor, block, threads = map(int, sys.argv[1:])
    vapoursynth.core.num_threads = threads
    frames = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(-1, height, width, 3)
    sys.stdout.buffer.write(interpolate(frames, factor, block).tobytes())


if __name__ == "__main__":
    main()
