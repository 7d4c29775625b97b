# SPDX-License-Identifier: LGPL-2.1-or-later
"""What restorers use in VapourSynth, between raw yuv420p on standard input and output. Runs in a Python of its own:

    python3.12 -m venv FOLDER
    FOLDER/bin/pip install numpy vapoursynth vapoursynth-{mvtools,bm3d,nlm-ispc,dfttest2-cpu}
    FOLDER/bin/python tests/bench/vsfilters.py WIDTH HEIGHT FILTER LUMA CHROMA THREADS < noisy.yuv > restored.yuv

FILTER and what its two strengths are: degrain2, degrain3 (MVTools along motion; thSAD and thSADC), nlm (non-local means
over three frames; h), dfttest (five frames; sigma), vbm3d (basic estimate and Wiener filter, radius 4; sigma of luma
and of chroma, each plane of it at its own size).
"""
import sys

import numpy as np
import vapoursynth as vs

core = vs.core
BLOCK, STEP, RADIUS = 16, 4, 2  # of dfttest: five frames


def clip_of(planes, width, height, count):
    blank = core.std.BlankClip(width=width, height=height, format=vs.YUV420P8, length=count, keep=True)

    def fill(n, f):
        made = f.copy()
        for k in range(3):
            np.asarray(made[k])[:] = planes[k][n]
        return made
    return core.std.ModifyFrame(blank, blank, fill)


def degrain(clip, luma, chroma, frames):
    above, smooth = core.mv.Super(clip, pel=2, sharp=1), core.mv.Super(core.std.BoxBlur(clip, hpasses=2, vpasses=2))
    found = [core.mv.Analyse(smooth, isb=back, delta=d, blksize=8, overlap=4, truemotion=1)
             for d in range(1, frames + 1) for back in (1, 0)]
    run = {2: core.mv.Degrain2, 3: core.mv.Degrain3}[frames]
    return run(clip, above, *found, thsad=int(luma), thsadc=int(chroma), thscd1=10000, thscd2=255)


def nlm(clip, luma, chroma):
    made = core.nlm_ispc.NLMeans(clip, d=1, a=2, s=4, h=luma, channels="Y")
    return core.nlm_ispc.NLMeans(made, d=1, a=2, s=4, h=chroma, channels="UV")


def window():
    """Hann's along both axes of a picture. Blocks are windowed on both ways; together, and with the transforms, which
    are not normalised, that comes to 1."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(BLOCK) + 0.5) / BLOCK)
    made = np.einsum("i,j,k->ijk", np.ones(2 * RADIUS + 1), hann, hann)
    return made / np.sqrt(np.square(made[RADIUS, ::STEP, ::STEP]).sum() * made.size)


def dfttest(clip, luma, chroma):
    shown = window()
    power = np.square(shown).sum()  # of noise of deviation 1 in each coefficient
    for plane, sigma in enumerate((luma, chroma, chroma)):
        clip = core.dfttest2_cpu.DFTTest(
            clip, window=shown.ravel().tolist(), filter_type=0, radius=RADIUS, block_size=BLOCK, block_step=STEP,
            sigma=[float(sigma ** 2 * power)] * (len(shown) * BLOCK * (BLOCK // 2 + 1)), sigma2=0.0, pmin=0.0, pmax=0.0,
            zero_mean=0, planes=[plane])
    return clip


def vbm3d(clip, luma, chroma):
    def one(plane, sigma):
        grey = plane.resize.Point(format=vs.GRAYS)
        basic = core.bm3d.VAggregate(core.bm3d.VBasic(grey, sigma=[sigma], radius=4), radius=4, sample=1)
        made = core.bm3d.VAggregate(core.bm3d.VFinal(grey, basic, sigma=[sigma], radius=4), radius=4, sample=1)
        return made.resize.Point(format=vs.GRAY8)
    planes = [one(core.std.ShufflePlanes(clip, k, vs.GRAY), chroma if k else luma) for k in range(3)]
    return core.std.ShufflePlanes(planes, [0, 0, 0], vs.YUV)


FILTERS = {"degrain2": lambda c, y, uv: degrain(c, y, uv, 2), "degrain3": lambda c, y, uv: degrain(c, y, uv, 3),
           "nlm": nlm, "dfttest": dfttest, "vbm3d": vbm3d}


def main():
    if len(sys.argv) != 7 or sys.argv[3] not in FILTERS:
        sys.exit(__doc__)
    width, height, name, luma, chroma, threads = sys.argv[1:]
    width, height = int(width), int(height)
    core.num_threads = int(threads)
    raw = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(-1, width * height * 3 // 2)
    ends = np.cumsum([0, width * height, width * height // 4, width * height // 4])
    planes = [raw[:, ends[k]:ends[k + 1]].reshape(len(raw), height >> (k > 0), width >> (k > 0)) for k in range(3)]
    made = FILTERS[name](clip_of(planes, width, height, len(raw)), float(luma), float(chroma))
    for frame in made.frames():
        for k in range(3):
            sys.stdout.buffer.write(np.asarray(frame[k]).tobytes())


if __name__ == "__main__":
    main()
