# SPDX-License-Identifier: LGPL-2.1-or-later
"""Moving digits: one of MNIST's that flies, bounces off the walls, turns to and fro, and grows and shrinks.

Their motion is a function of time in seconds, so a clip may have any frame rate.
"""
import gzip
import math
import pathlib

import numpy as np
import torch
from torch.nn import functional as F

SIZE = 64
SPEED = 12, 30      # pixels a second
TURN = 0.25, 0.6    # radians to either side
SWINGS = 0.2, 0.5   # a second, of turning and of growing
SCALE = 1.5, 0.25   # pixels of the picture for one of MNIST's: the mean, and how far it grows and shrinks
RADIUS = 9          # of a digit, in MNIST's pixels: where it bounces


def read_idx(path):
    raw = gzip.decompress(pathlib.Path(path).read_bytes())
    shape = [int.from_bytes(raw[4 + 4 * i:8 + 4 * i], "big") for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def load(folder, part="train"):
    """Digits [K, 1, 28, 28] in [0, 1] and their classes [K] (part: train or t10k)."""
    pictures = torch.from_numpy(read_idx(f"{folder}/{part}-images-idx3-ubyte.gz").copy()).float().div(255)
    return pictures[:, None], torch.from_numpy(read_idx(f"{folder}/{part}-labels-idx1-ubyte.gz").copy()).long()


def typical(pictures, classes, share):
    """Of each class, those that are nearest to its mean: what is written most often, in `share` of all ways."""
    kept = []
    for c in classes.unique():
        here = (classes == c).nonzero()[:, 0]
        soft = F.avg_pool2d(pictures[here], 3, 1, 1)
        distance = (soft - soft.mean(0)).square().sum((1, 2, 3))
        kept.append(here[distance.argsort()[:max(1, int(share * len(here)))]])
    kept = torch.cat(kept)
    return pictures[kept], classes[kept]


def uniform(count, low, high):
    return low + (high - low) * torch.rand(count, 1)


def reflect(x, low, high):
    """A place that runs on without end, folded between two walls."""
    span = high - low
    x = (x - low) % (2 * span)
    return low + torch.minimum(x, 2 * span - x)


class Motion:
    """Of `count` digits; at(seconds [count, T]) gives x, y (pixels), angle (radians) and scale, each [count, T]."""

    def __init__(self, count):
        speed, direction = uniform(count, *SPEED), uniform(count, 0, 2 * math.pi)
        self.velocity = speed * direction.cos(), speed * direction.sin()
        self.start = uniform(count, 0, 2 * SIZE), uniform(count, 0, 2 * SIZE)
        self.turn = uniform(count, *TURN), uniform(count, *SWINGS), uniform(count, 0, 2 * math.pi)
        self.grow = uniform(count, *SWINGS), uniform(count, 0, 2 * math.pi)

    def at(self, seconds):
        wave = lambda frequency, phase: torch.sin(2 * math.pi * frequency * seconds + phase)
        scale = SCALE[0] + SCALE[1] * wave(*self.grow)
        wall = RADIUS * (SCALE[0] + SCALE[1])
        x, y = (reflect(s + v * seconds, wall, SIZE - wall) for s, v in zip(self.start, self.velocity))
        return x, y, self.turn[0] * wave(*self.turn[1:]), scale


def draw(digits, x, y, angle, scale):
    """digits: [K, 1, 28, 28]; the others [K]. Pictures [K, 1, SIZE, SIZE] in [-1, 1]."""
    at = (torch.arange(SIZE) + 0.5)
    dx, dy = at[None, None, :] - x[:, None, None], at[None, :, None] - y[:, None, None]
    c, s = (angle.cos() / scale / 14)[:, None, None], (angle.sin() / scale / 14)[:, None, None]
    grid = torch.stack([c * dx + s * dy, c * dy - s * dx], -1)
    return F.grid_sample(digits, grid, align_corners=False) * 2 - 1


def clips(digits, classes, count, seconds):
    """`count` clips [count, T, 1, SIZE, SIZE] at the times seconds [count or 1, T], and their classes [count]."""
    which = torch.randint(len(digits), (count,))
    return fly(digits[which], Motion(count), seconds), classes[which]


def pairs(digits, classes, count, seconds):
    """Two clips each, of two digits in the same motion, and the classes of both."""
    first, second = torch.randint(len(digits), (2, count))
    motion = Motion(count)
    return fly(digits[first], motion, seconds), fly(digits[second], motion, seconds), classes[first], classes[second]


def fly(digits, motion, seconds):
    count, frames = len(digits), seconds.shape[1]
    places = [v.expand(count, frames).reshape(-1) for v in motion.at(seconds)]
    return draw(digits.repeat_interleave(frames, 0), *places).view(count, frames, 1, SIZE, SIZE)
