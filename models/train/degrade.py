# SPDX-License-Identifier: LGPL-2.1-or-later
"""The degradations of engine/process/blur.c, pixelate.c and mask.c on pictures, for training and measuring.

Pictures are [N, C, H, W] in [-1, 1]. A network is shown x_t times the signal sqrt(1 - share), and the level sqrt(share)
as a plane, the share being how far the process has gone: `shown` makes both.
"""
import math
import random

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch.nn import functional as F

EXTENT = 16  # of blur and of pixelation, in pixels: the share is 1 there


def heat(size, sigma):
    """The matrix [len(sigma), size, size] that blurs a line: exp(-(pi k / size)^2 sigma^2 / 2) on its DCT."""
    k = torch.arange(size)
    omega = math.pi * k / size
    dct = torch.cos(omega[:, None] * (k[None] + 0.5)) * math.sqrt(2 / size)
    dct[0] /= math.sqrt(2)
    falls = torch.exp(-(omega * sigma.view(-1, 1)) ** 2 / 2)
    return torch.einsum("ki,nk,kj->nij", dct, falls, dct)


def blur(x0, sigma):
    """sigma: [N], in pixels."""
    h, w = x0.shape[2:]
    return heat(h, sigma)[:, None] @ x0 @ heat(w, sigma)[:, None]


def pixelate(x0, block):
    """Blocks have their mean; those at the right and the bottom may be cut."""
    h, w = x0.shape[2:]
    mean = F.avg_pool2d(x0, block, ceil_mode=True)  # of the pixels that there are
    return mean.repeat_interleave(block, 2).repeat_interleave(block, 3)[:, :, :h, :w]


def agree(x0, pixelated, block):
    """The nearest picture to x0 whose blocks have the right means, as "ddim" ends with."""
    return x0 + pixelated - pixelate(x0, block)


def lost_blocks(draw, width, height):
    """As a decoder loses them: squares of 8, 16 or 32 pixels, some in a row."""
    side = random.choice((8, 16, 16, 32))
    for _ in range(max(1, round(random.uniform(0.1, 0.45) * width * height / side ** 2 / 2))):
        x, y = (random.randrange(0, max(n - side, 1), side) for n in (width, height))
        draw.rectangle((x, y, x + side * random.choice((1, 1, 2, 3)) - 1, y + side - 1), fill=255)


def scratches(draw, width, height):
    """Bent strokes of 1 to 12 pixels."""
    for _ in range(random.randint(2, 2 + width * height // 700)):
        points = [(random.uniform(0, width), random.uniform(0, height))]
        angle = random.uniform(0, 2 * math.pi)
        for _ in range(random.randint(1, 4)):
            angle += random.uniform(-1, 1)
            far = random.uniform(10, 40)
            points.append((points[-1][0] + far * math.cos(angle), points[-1][1] + far * math.sin(angle)))
        draw.line(points, fill=255, width=random.randint(1, 12), joint="curve")


def mask(width, height):
    """Which pixels are gone: [height, width] of bool. Blocks, strokes, or single pixels."""
    kind = random.random()
    if kind < 0.05:
        return np.random.rand(height, width) < random.uniform(0.2, 0.9)
    image = Image.new("L", (width, height))
    (lost_blocks if kind < 0.5 else scratches)(ImageDraw.Draw(image), width, height)
    return np.asarray(image) > 0


SURROUNDED = 0.2  # the level of what surroundings say: some 26 of 255 grey levels
SWEEPS = 8        # that smooth it, at every size


def halved(x):
    """Sums of 2x2; an odd row or column counts as if there was nothing beside it."""
    h, w = x.shape[2:]
    return 4 * F.avg_pool2d(F.pad(x, (0, w % 2, 0, h % 2)), 2)


def surround(x, known):
    """Fills the unknown pixels from ever larger surroundings, as engine/diffusion/hole_filling.c, which says how.

    known: [N, 1, H, W], 0 to 1.
    """
    if min(x.shape[2:]) == 1 and max(x.shape[2:]) == 1:
        return x
    weight = halved(known)
    coarse = halved(known * x) / weight.clamp(min=1e-6)
    coarse = surround(coarse, weight.clamp(max=1))
    fine = F.interpolate(coarse, scale_factor=2, mode="bilinear")[:, :, :x.shape[2], :x.shape[3]]
    filled = known * x + (1 - known) * fine
    for _ in range(SWEEPS):
        wide = F.pad(filled, (1, 1, 1, 1), mode="replicate")
        beside = wide[:, :, 1:-1, :-2] + wide[:, :, 1:-1, 2:] + wide[:, :, :-2, 1:-1] + wide[:, :, 2:, 1:-1]
        filled = known * x + (1 - known) * beside / 4
    return filled


def shown(xt, share):
    """share: [N, 1, H, W] or of a shape that expands to it."""
    share = share.expand(len(xt), 1, *xt.shape[2:])
    return xt * (1 - share).sqrt(), share.sqrt()
