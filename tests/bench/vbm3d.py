# SPDX-License-Identifier: LGPL-2.1-or-later
"""V-BM3D of VapourSynth between raw RGB on standard input and output. Runs in a Python of its own, 3.12 or later:

    python3.12 -m venv FOLDER && FOLDER/bin/pip install numpy vapoursynth vapoursynth-bm3d
    FOLDER/bin/python tests/bench/vbm3d.py WIDTH HEIGHT SIGMA RADIUS PROFILE THREADS < noisy.rgb > restored.rgb

Dabov, Foi, Egiazarian, "Video denoising by sparse 3D transform-domain collaborative filtering", EUSIPCO 2007: a basic
estimate by hard thresholding, then a Wiener filter guided by it, both in the opponent colour space, in float. The
plugin knows from the matrix how large the noise of each plane is. PROFILE: fast, the plugin's default; np, the paper's
settings; lc, vn, high.
"""
import sys

import numpy as np
import vapoursynth

OPPONENT = 100  # the plugin's number of that matrix


def clip_of(frames):
    """uint8 [F, H, W, 3] as a clip in planar float RGB."""
    core = vapoursynth.core
    f, h, w, _ = frames.shape
    blank = core.std.BlankClip(width=w, height=h, format=vapoursynth.RGB24, length=f, keep=True)

    def fill(n, f):
        out = f.copy()
        for plane in range(3):
            np.asarray(out[plane])[:] = frames[n, ..., plane]
        return out
    return core.std.ModifyFrame(blank, blank, fill).resize.Point(format=vapoursynth.RGBS)


def frames_of(clip):
    rgb = clip.resize.Point(format=vapoursynth.RGB24, dither_type="none")
    return np.stack([np.stack([np.asarray(frame[plane]) for plane in range(3)], -1) for frame in rgb.frames()])


def restore(frames, sigma, radius, profile):
    bm3d = vapoursynth.core.bm3d
    noisy = bm3d.RGB2OPP(clip_of(frames), sample=1)
    settings = dict(sigma=[sigma] * 3, radius=radius, profile=profile, matrix=OPPONENT)
    basic = bm3d.VAggregate(bm3d.VBasic(noisy, **settings), radius=radius, sample=1)
    final = bm3d.VAggregate(bm3d.VFinal(noisy, basic, **settings), radius=radius, sample=1)
    return frames_of(bm3d.OPP2RGB(final, sample=1))


def main():
    if len(sys.argv) != 7:
        sys.exit(__doc__)
    width, height, sigma, radius, profile, threads = sys.argv[1:]
    vapoursynth.core.num_threads = int(threads)
    frames = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(-1, int(height), int(width), 3)
    sys.stdout.buffer.write(restore(frames, float(sigma), int(radius), profile).tobytes())


if __name__ == "__main__":
    main()
