# SPDX-License-Identifier: LGPL-2.1-or-later
"""What reduced precision costs in PSNR: Kodak24 through the engine in f32 and in bf16, and the largest difference.

    python tests/bench/precision.py --sigmas 15,25,50

Noise is Gaussian with a fixed seed, clipped and rounded to 8 bits. Exits with 1 where bf16 loses LIMIT dB or more.
"""
import sys

import numpy as np

import common
from libudm import Engine

LIMIT = 0.02  # below it, bf16 might be the default


def restore(engine, noisy, sigma, precision):
    return [engine.restore(n, sigma, precision=precision)[0] for n in noisy]


def measure(engine, pictures, sigma):
    """Mean PSNR in f32, mean and largest loss in bf16, and the largest difference of any pixel."""
    noisy = [common.add_noise(p, sigma) for p in pictures]
    exact, rounded = (restore(engine, noisy, sigma, precision) for precision in (b"f32", b"bf16"))
    scores = [np.array([common.psnr(r, p.frames) for r, p in zip(some, pictures)]) for some in (exact, rounded)]
    loss = scores[0] - scores[1]
    most = max(np.abs(a.astype(int) - b).max() for a, b in zip(exact, rounded))
    return scores[0].mean(), loss.mean(), loss.max(), most


def main():
    p = common.options(__doc__, ["denoise", "denoise-quality"])
    p.add_argument("--sigmas", default="15,25,50", help="separated by commas (default: %(default)s)")
    o = p.parse_args()
    pictures, rows, worst = common.load_kodak(o), [], 0
    for o.model in o.models:
        engine = Engine(o)
        for sigma in map(float, o.sigmas.split(",")):
            exact, loss, largest, most = measure(engine, pictures, sigma)
            worst = max(worst, loss)
            rows.append([o.model.name, "%g" % sigma, "%.3f" % exact, "%.4f" % loss, "%.4f" % largest, most])
    print(f"Kodak24, {len(pictures)} pictures, 8-bit frames, {o.threads} threads")
    common.print_table(["", "sigma", "f32, dB", "loss in bf16", "largest loss", "largest difference of 255"], rows)
    return int(worst >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
