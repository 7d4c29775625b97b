# SPDX-License-Identifier: LGPL-2.1-or-later
"""Colour as video has it: chroma at half the resolution of luma, put back by repeating or interpolating it.

Most frames that are restored were 4:2:0 or 4:2:2 once. As RGB they have chroma that is the same in squares or pairs of
pixels (how swscale and GStreamer's fast paths convert), or smooth. A network that has only seen chroma of full
resolution keeps noise in it that it could recognise, and blurs the edges of those squares.

Pictures are float [N, 3, H, W] in [-1, 1] with even sides; squares begin at even coordinates, as decoders have them.
"""
import random

import torch
from torch.nn import functional as F

MATRICES = (0.299, 0.587, 0.114), (0.2126, 0.7152, 0.0722)  # luma of BT.601 and BT.709


def sited_left(x):
    """Moved by half a pixel: a mean of pairs then lies on the left one of them, as MPEG-2 and its heirs have it."""
    padded = F.pad(x, (1, 0, 0, 0), mode="replicate")
    return (padded[..., 1:] + padded[..., :-1]) / 2


def subsampled(x):
    """All of them in one way, drawn at random, in 8 bits."""
    luma = (x * x.new_tensor(random.choice(MATRICES)).view(1, 3, 1, 1)).sum(1, keepdim=True)
    chroma = x - luma
    if random.random() < 0.5:
        chroma = sited_left(chroma)
    across = (1 if random.random() < 0.15 else 2, 2)  # 4:2:2, 4:2:0
    low = F.avg_pool2d(chroma, across)
    mode = dict(mode="nearest") if random.random() < 0.7 else dict(mode="bilinear", align_corners=False)
    made = luma + F.interpolate(low, x.shape[2:], **mode)
    return (made.clamp(-1, 1) * 127.5).round() / 127.5


def some_subsampled(x, share):
    """This share of them, each drawn by itself."""
    chosen = torch.rand(len(x)) < share
    if chosen.any():
        x = x.clone()
        x[chosen] = subsampled(x[chosen])
    return x
