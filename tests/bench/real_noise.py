# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real noise of cameras, PolyU (Xu et al. 2018, https://arxiv.org/abs/1804.02603): what does a picture gain against the
mean of many of the same scene, with a noise level that is estimated? Allowed: 0.6 dB in the mean, none worse by 0.2 dB.

    python tests/bench/real_noise.py --models models/denoise
    python tests/bench/real_noise.py --clips 3 --models models/denoise,models/denoise-real

The second puts noise as of cameras, film and codecs on the public clips, so many times each (models/train/realnoise.py,
with fixed seeds).

The pictures are JPEG files as they came out of the cameras: demosaiced, developed and compressed, 512x512 of each.
"""
import random
import sys

import numpy as np
from PIL import Image

import common
import libudm

MEAN, WORST = 0.6, -0.2


def arguments():
    p = common.options(__doc__, models=["denoise"])
    p.add_argument("--level", type=float, default=-1, help="sigma that is given; -1: estimated (default: %(default)s)")
    p.add_argument("--clips", type=int, default=0, help="take clips, with so many kinds of noise on each")
    p.add_argument("--every", type=int, default=1, help="of the pictures, one in this many (default: %(default)s)")
    return p.parse_args()


def noisy_clips(o):
    sys.path.insert(0, str(common.ROOT / "models/train"))
    import clips
    import torch
    for clip in common.load_clips(o):
        for seed in range(o.clips):
            random.seed(seed)
            np.random.seed(seed)
            torch.manual_seed(seed)
            noisy, clean, *_ = clips.with_real_noise(clip.frames)
            yield f"{clip.name} {seed}", *(common.to_8_bits(frames) for frames in (noisy, clean))


def pairs(o):
    """[(name, noisy, clean)], pictures as clips of one frame."""
    if o.clips:
        yield from noisy_clips(o)
        return
    folder = o.data / "polyu_real_noise_512"
    paths = [p for p in sorted(folder.glob("*_real.JPG")) if o.only in p.name][::o.every]
    common.need(paths, f"pictures whose name contains '{o.only}' in {folder}")
    for real in paths:
        mean = real.with_name(real.name.replace("_real", "_mean"))
        yield real.stem.removesuffix("_real"), *(np.asarray(Image.open(p).convert("RGB"))[None] for p in (real, mean))


def measure(o, engine):
    """[name, PSNR before, sigma, PSNR after, gain] of each picture."""
    rows = []
    for name, noisy, clean in pairs(o):
        restored, sigmas = engine.restore(noisy, o.level if o.level >= 0 else None)
        before, after = common.psnr(noisy, clean), common.psnr(restored, clean)
        rows.append([name, before, sigmas[0], after, after - before])
    return rows


def main():
    o = arguments()
    kept = True
    for o.model in o.models:
        rows = measure(o, libudm.Engine(o))
        common.print_table([o.model.name, "noisy", "sigma", "restored", "gain"],
                           [[row[0], *("%.2f" % v for v in row[1:])] for row in rows])
        gains = [row[-1] for row in rows]
        mean, worst = np.mean(gains), min(gains)
        print("gain %.2f dB in the mean, %.2f at worst, %d of %d pictures worse\n"
              % (mean, worst, sum(g < 0 for g in gains), len(gains)))
        kept &= bool(mean >= MEAN and worst >= WORST)
    return int(not kept)


if __name__ == "__main__":
    sys.exit(main())
