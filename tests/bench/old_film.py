#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Old films as scanned and coded, nothing told: is the level that the engine finds as good as the best one told?

    python tests/bench/old_film.py --models models/denoise-real

There is no clean version. Each frame is compared with the median of seven around it, moved onto it, in the blocks that
stand still and have texture: what is left of grain and dirt counts there, and so does detail that is lost. Allowed: 0.3
dB less than the best level.
"""
import sys

import numpy as np
from PIL import Image

import common
import libudm

RADIUS, SIDE = 3, 16  # frames of the median each way, pixels of a block
LEVELS = (2, 3, 4, 6, 8, 12, 16)


def smooth(x, deviation):
    """Gaussian, over the last two dimensions."""
    reach = int(3 * deviation + 0.5)
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    window /= window.sum()
    for axis in (-2, -1):
        pad = [(0, 0)] * x.ndim
        pad[axis] = (reach, reach)
        padded, size = np.pad(x, pad, mode="edge"), x.shape[axis]
        x = sum(k * np.take(padded, range(i, i + size), axis) for i, k in enumerate(window))
    return x


def shift_of(a, b):
    """(dy, dx) that moves b onto a: the peak of the phase correlation."""
    window = np.outer(*(np.hanning(side) for side in a.shape))
    product = np.fft.fft2((a - a.mean()) * window) * np.conj(np.fft.fft2((b - b.mean()) * window))
    peak = np.fft.ifft2(product / (np.abs(product) + 1e-3 * np.abs(product).max())).real
    return [(at + side // 2) % side - side // 2 for at, side in zip(np.unravel_index(peak.argmax(), a.shape), a.shape)]


def registered(luma, t):
    """[2 RADIUS + 1, H, W]: the frames around t, as bright as it and moved onto it."""
    moved = [np.roll(luma[i], shift_of(luma[t], luma[i]), (0, 1)) for i in range(t - RADIUS, t + RADIUS + 1)]
    return np.stack([frame + luma[t].mean() - frame.mean() for frame in moved])


def blocks(x):
    h, w = (side // SIDE for side in x.shape[-2:])
    return x[..., :h * SIDE, :w * SIDE].reshape(*x.shape[:-2], h, SIDE, w, SIDE)


def still_texture(around, median):
    """[H, W], bool."""
    contrast = blocks(smooth(median, 1)).std((1, 3))
    calm = smooth(around, 3)
    motion = blocks(np.abs(calm - np.median(calm, 0)).max(0)).mean((1, 3))
    chosen = (contrast > np.quantile(contrast, 0.4)) & (motion < np.quantile(motion, 0.3))
    chosen[:2] = chosen[-2:] = chosen[:, :2] = chosen[:, -2:] = False
    mask = np.zeros(median.shape, bool)
    full = np.repeat(np.repeat(chosen, SIDE, 0), SIDE, 1)
    mask[:full.shape[0], :full.shape[1]] = full
    return mask


class Score:
    def __init__(self, frames, at):
        luma = frames.astype(np.float32).mean(-1)
        self.references = []
        for t in at:
            around = registered(luma, t)
            median = np.median(around, 0)
            self.references.append((t, median, still_texture(around, median)))

    def __call__(self, frames):
        values = [np.mean((frames[t].astype(np.float32).mean(-1) - median)[mask] ** 2)
                  for t, median, mask in self.references]
        return np.mean(10 * np.log10(255 ** 2 / np.array(values)))


def films(o):
    for folder in sorted((o.data / "old_film").glob("*/")):
        if o.only in folder.name:
            paths = sorted(folder.glob("*.png"))[:o.frames]
            frames = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
            top, left = (frames.shape[1] - 224) // 2, (frames.shape[2] - 320) // 2
            yield folder.name, np.ascontiguousarray(frames[:, top:top + 224, left:left + 320])


def main():
    p = common.options(__doc__, models=["denoise-real"])
    p.set_defaults(frames=11)
    p.add_argument("--lookahead", type=int, default=2, help="default: %(default)s")
    o, lost = p.parse_args(), []
    for o.model in o.models:
        engine, rows = libudm.Engine(o), []
        for name, frames in films(o):
            score = Score(frames, range(RADIUS, o.frames - RADIUS, 2))
            told = [score(engine.restore(frames, level, lookahead=o.lookahead)[0]) for level in LEVELS]
            restored, sigmas = engine.restore(frames, None, lookahead=o.lookahead)
            blind = score(restored)
            lost.append(max(told) - blind)
            rows.append([name[:24], *("%.2f" % value for value in (score(frames), *told, blind)),
                         "%.1f to %.1f" % (min(sigmas), max(sigmas)), "%.2f" % lost[-1]])
        common.print_table([o.model.name, "as it is", *map(str, LEVELS), "nothing told", "sigma", "lost"], rows)
    return int(max(lost) > 0.3)


if __name__ == "__main__":
    sys.exit(main())
