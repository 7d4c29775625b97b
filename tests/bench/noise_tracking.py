# SPDX-License-Identifier: LGPL-2.1-or-later
"""Noise that the engine has to estimate: how far is its sigma off (allowed: 10 %), and what does it cost in PSNR
against a given one (allowed: 0.2 dB in the mean)? The first frame's estimate is the one a scene starts with.

    python tests/bench/noise_tracking.py --sigmas 5,10,25,50
"""
import sys

import numpy as np

import common
import libudm


def main():
    p = common.options(__doc__)
    p.add_argument("--sigmas", default="5,10,15,25,35,50", help="default: %(default)s")
    o = p.parse_args()
    engine = libudm.Engine(o)
    rows, errors, losses = [], [], []
    for clip in common.load_clips(o):
        for sigma in map(float, o.sigmas.split(",")):
            noisy = common.add_noise(clip, sigma)
            given = common.psnr(engine.restore(noisy, sigma)[0], clip.frames)
            restored, estimates = engine.restore(noisy, None)
            blind = common.psnr(restored, clip.frames)
            errors.append(max(abs(e / sigma - 1) for e in estimates))
            losses.append(given - blind)
            rows.append([clip.name, "%g" % sigma, "%.2f" % estimates[0], "%.2f" % np.mean(estimates),
                         "%.1f %%" % (100 * errors[-1]), "%.2f" % given, "%.2f" % blind, "%.3f" % losses[-1]])
    common.print_table(["clip", "sigma", "first", "mean", "worst error", "given", "estimated", "loss"], rows)
    print("worst error %.1f %%, mean loss %.3f dB" % (100 * max(errors), np.mean(losses)))
    return bool(max(errors) > 0.1 or np.mean(losses) >= 0.2)


if __name__ == "__main__":
    sys.exit(main())
