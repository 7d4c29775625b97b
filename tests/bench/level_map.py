# SPDX-License-Identifier: LGPL-2.1-or-later
"""A frame whose left half has noise of sigma 10 and whose right half has 40, given by a time map: what does each half
lose against a frame that has this noise all over? Allowed: 0.1 dB in the mean.

    python tests/bench/level_map.py
"""
import sys

import numpy as np

import common
import libudm

SIGMAS = 10, 40
ALLOWED = 0.1


def halves(frames):
    middle = frames.shape[2] // 2
    return frames[:, :, :middle], frames[:, :, middle:]


def main():
    o = common.options(__doc__).parse_args()
    engine = libudm.Engine(o)
    rows, losses = [], []
    for clip in common.load_kodak(o) + common.load_clips(o):
        h, w = clip.frames.shape[1:3]
        sigma = np.where(np.arange(w) < w // 2, *SIGMAS).astype(np.float32) + np.zeros((h, 1), np.float32)
        both = halves(engine.restore(common.add_noise(clip, sigma[..., None]), sigma)[0])
        row = [clip.name]
        for side, value in enumerate(SIGMAS):
            alone = halves(engine.restore(common.add_noise(clip, value), value)[0])[side]
            clean = halves(clip.frames)[side]
            row += [common.psnr(alone, clean), common.psnr(both[side], clean)]
        losses.append([row[1] - row[2], row[3] - row[4]])
        rows.append([row[0]] + ["%.2f" % x for x in row[1:]] + ["%.3f" % x for x in losses[-1]])
    loss = np.mean(losses, 0)
    rows.append(["mean", "", "", "", ""] + ["%.3f" % x for x in loss])
    a, b = SIGMAS
    common.print_table(["PSNR", f"{a} alone", "in map", f"{b} alone", "in map", f"loss {a}", f"loss {b}"], rows)
    return bool(loss.max() >= ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
