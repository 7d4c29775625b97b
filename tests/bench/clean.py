#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clean clips, nothing told: does what has no noise stay as it is?

    python tests/bench/clean.py [--only mobile] [--frames 12]

PSNR of what comes out to what went in, the mean over frames and the least of one; the sigma that was told. Text that
stands and scrolls, a drawing, both as they are and through x264 (estimate.py draws them), night as an infrared camera
sees it (a public clip in grey, dark, with little contrast), and the public clips, of which some have noise of theirs.
Allowed of what is drawn and of night: 50 dB.
"""
import sys

import numpy as np

import common
import estimate
import libudm

LEAST = 50
HEIGHT, WIDTH = 176, 208


def night(clip):
    """A fifth of its contrast, in grey."""
    luma = clip.frames.astype(np.float32) @ estimate.LUMA
    return common.Clip("night", np.repeat(common.to_8_bits(16 + luma[..., None] / 5), 3, axis=3))


def cases(o):
    """[(clip, whether it has to stay as it is)]"""
    drawn = {"text": estimate.text(o.frames, 0), "text that scrolls": estimate.text(o.frames, 3),
             "cartoon": estimate.cartoon(o.frames)}
    drawn |= {name + ", h264": estimate.h264(frames, 20) for name, frames in drawn.items()}
    clips = common.load_clips(o)
    made = [common.Clip(name, frames) for name, frames in drawn.items()] + [night(clip) for clip in clips[1:2]]
    return [(clip, clip in made) for clip in made + clips if o.only in clip.name]


def main():
    p = common.options(__doc__)
    p.set_defaults(model=common.ROOT / "models/auto", frames=12)
    o = p.parse_args()
    engine, rows, kept = libudm.Engine(o), [], True
    for clip, stays in cases(o):
        frames = estimate.cropped(clip, HEIGHT, WIDTH).frames
        restored, sigmas = engine.restore(frames, None)
        each = [common.psnr(restored[i:i + 1], frames[i:i + 1]) for i in range(len(frames))]
        kept &= not stays or min(each) >= LEAST
        rows.append([clip.name, *("%.1f" % value for value in (np.mean(each), min(each))),
                     "%.1f to %.1f" % (min(sigmas), max(sigmas))])
    common.print_table(["clean", "dB to the input", "least", "sigma"], rows)
    return int(not kept)


if __name__ == "__main__":
    sys.exit(main())
