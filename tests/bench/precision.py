# SPDX-License-Identifier: LGPL-2.1-or-later
"""What reduced precision costs in PSNR: Kodak24, and clips, through the engine in f32 and in bf16 (on cpu) or f16 (on
opencl), and the largest difference.

    python tests/bench/precision.py --sigmas 15,25,50
    python tests/bench/precision.py --precisions f16 --models models/denoise --sigmas 25 --clips --only ea,fo --frames 8

Noise is Gaussian with a fixed seed, clipped and rounded to 8 bits. Exits with 1 where a precision loses LIMIT dB or
more.
"""
import sys

import numpy as np

import common
from libudm import Engine

LIMIT = 0.02  # below it, bf16 might be the default
DEVICES = {"bf16": b"cpu", "f16": b"opencl"}


def measure(engine, clips, sigma, precision):
    """Mean PSNR in f32, mean and largest loss, and the largest difference of any pixel."""
    scores, runs = [], []
    for name in ("f32", precision):
        runs.append([engine.restore(common.add_noise(clip, sigma), sigma, precision=name.encode(),
                                    device=DEVICES[precision])[0] for clip in clips])
        scores.append(np.array([common.psnr(out, clip.frames) for out, clip in zip(runs[-1], clips)]))
    loss = scores[0] - scores[1]
    most = max(np.abs(a.astype(int) - b).max() for a, b in zip(*runs))
    return scores[0].mean(), loss.mean(), loss.max(), most


def main():
    p = common.options(__doc__, ["denoise", "denoise-quality"])
    p.add_argument("--sigmas", default="15,25,50", help="separated by commas (default: %(default)s)")
    p.add_argument("--precisions", default="bf16,f16", help="separated by commas (default: %(default)s)")
    p.add_argument("--clips", action="store_true", help="the clips of --data instead of Kodak24")
    o = p.parse_args()
    clips, rows, worst = common.load_clips(o) if o.clips else common.load_kodak(o), [], 0
    for o.model in o.models:
        engine = Engine(o)
        for sigma in map(float, o.sigmas.split(",")):
            for precision in o.precisions.split(","):
                exact, loss, largest, most = measure(engine, clips, sigma, precision)
                worst = max(worst, loss)
                rows.append([o.model.name, "%g" % sigma, precision, "%.3f" % exact, "%.4f" % loss, "%.4f" % largest,
                             most])
    print(f"{len(clips)} {'clips' if o.clips else 'pictures of Kodak24'}, 8-bit frames, {o.threads} threads")
    common.print_table(["", "sigma", "", "f32, dB", "loss", "largest loss", "largest difference of 255"], rows)
    return int(worst >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
