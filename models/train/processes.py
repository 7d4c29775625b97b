# SPDX-License-Identifier: LGPL-2.1-or-later
"""Forward processes on pictures of one size, as engine/process has them, for training. A share, [N], is 1 - alpha_bar.

tests/bench/mnist.py compares them with the engine's."""
import math

import numpy as np
import torch

STEPS = 1000
LEVELS = 4  # of grey, of categorical data
EXTENT = {"blur": 14, "soft_blur": 7, "pixelate": 16}  # process_extent of scheduler_config.json


def alpha_bars(schedule, steps=STEPS):
    """After each step of a schedule in discrete time."""
    if schedule == "linear":
        betas = torch.linspace(0.0001, 0.02, steps, dtype=torch.float64)
    else:
        t = torch.arange(steps + 1, dtype=torch.float64) / steps
        left = ((t + 0.008) / 1.008 * math.pi / 2).cos() ** 2
        betas = (1 - left[1:] / left[:-1]).clamp(max=0.999)
    return (1 - betas).cumprod(0)


def column(share):
    return share.view(-1, 1, 1, 1)


def blur(x0, share, extent):
    """The heat equation, by the DCT: coefficients k fall by exp(-(pi k / size)^2 sigma^2 / 2)."""
    size = x0.shape[-1]
    k, n = torch.arange(size)[:, None], torch.arange(size)
    basis = (math.pi * k * (n + 0.5) / size).cos() * math.sqrt(2 / size)
    basis[0] /= math.sqrt(2)
    fall = (-(math.pi * k[:, 0] / size * extent * share[:, None]) ** 2 / 2).exp()
    matrix = torch.einsum("kn,bk,km->bnm", basis, fall, basis)[:, None]
    return matrix @ x0 @ matrix.mT


def blocks(x0, size):
    """Those at the right and the bottom may be cut."""
    edges = np.arange(0, x0.shape[-1] + size, size).clip(max=x0.shape[-1])
    which = torch.from_numpy(np.repeat(np.arange(len(edges) - 1), np.diff(edges)))
    member = (which == torch.arange(len(edges) - 1)[:, None]).float()
    mean = member / member.sum(1, keepdim=True)
    spread = member.T @ mean
    return spread @ x0 @ spread.T


def pixelate(x0, share, extent):
    """Between blocks of two sizes, on the line."""
    sizes = int(math.log2(extent))
    stage = share * sizes
    below = stage.floor().clamp(max=sizes - 1)
    all_sizes = torch.stack([blocks(x0, 1 << k) for k in range(sizes + 1)])
    picture = torch.arange(len(x0))
    here, next_one = all_sizes[below.long(), picture], all_sizes[below.long() + 1, picture]
    return torch.lerp(here, next_one, column(stage - below))


def philox(counter, key):
    """10 rounds of Philox 4x32; counter: uint64 [4, N]."""
    c, k, low = [v.copy() for v in counter], list(key), np.uint64(0xffffffff)
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]), p1 & low,
             (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]), p0 & low]
        k = [(k[0] + 0x9E3779B9) & 0xffffffff, (k[1] + 0xBB67AE85) & 0xffffffff]
    return c


def turns(pixels):
    """The share at which each pixel goes."""
    zero = np.zeros(pixels, np.uint64)
    bits = philox([np.arange(pixels, dtype=np.uint64), zero, zero, zero], (0x6d61736b, 0))[0]
    return torch.from_numpy((bits + 1.0) / 2 ** 32).float()


def mask(x0, share, noise):
    gone = column(share) >= turns(x0[0, 0].numel()).view(x0.shape[-2:])
    return torch.where(gone, noise, x0)


def symbols(x0):
    """Greys to one of LEVELS, and a channel more, which stands for what is gone."""
    level = ((x0 + 1) / 2 * (LEVELS - 1)).round().long().clamp(0, LEVELS - 1)
    return torch.nn.functional.one_hot(level[:, 0], LEVELS + 1).permute(0, 3, 1, 2).float()


def greys(one_hot):
    return one_hot[:, :LEVELS].argmax(1, keepdim=True) / (LEVELS - 1) * 2 - 1


def absorbing(one_hot, share):
    gone = torch.rand(one_hot[:, :1].shape) < column(share)
    nothing = torch.zeros_like(one_hot)
    nothing[:, -1] = 1
    return torch.where(gone, nothing, one_hot)


def forward(process, x0, share, noise):
    if process == "gaussian":
        return column(1 - share).sqrt() * x0 + column(share).sqrt() * noise
    if process == "blur":
        return blur(x0, share, EXTENT[process])
    if process == "soft_blur":
        return column(1 - share).sqrt() * blur(x0, share, EXTENT[process]) + column(share).sqrt() * noise
    if process == "pixelate":
        return pixelate(x0, share, EXTENT[process])
    if process == "mask":
        return mask(x0, share, noise)
    return absorbing(x0, share)
