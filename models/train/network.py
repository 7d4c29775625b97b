# SPDX-License-Identifier: LGPL-2.1-or-later
"""The restoration U-Net, with the names and the arithmetic of engine/network/unet.c.

Every pixel of a frame stands at its own time t of the variance-preserving Gaussian process
x_t = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) e. The network is shown the *level* sqrt(1 - alpha_bar)
as a plane beside the frame, and likewise a prediction of the frame with a level of its own (level 1: no prediction).
Pictures are in [-1, 1]; noise of standard deviation sigma on the 0-255 scale has the noise-to-signal
ratio 2 sigma / 255.
"""
import torch
from torch import nn
from torch.nn import functional as F

import winograd

MIN_LEVEL = 1e-3        # below this a pixel counts as known (0.13 grey levels)
PRIOR_PRECISION = 1e-2  # keeps the fusion finite where neither frame nor prediction says anything
LOG_VARIANCE_BIAS = -6         # an untrained network trusts the prediction to some 6 of 255 grey levels
GATE = 1e-2             # the correction is halved where this much noise is left,
GATE_OPEN = 1.2e-2      # and less than that below this much: sigma 1.5
CONVICTION = 8          # a vote of 1 makes an estimate e^8 times as likely
LEAST_WEIGHT = 1e-3     # of an estimate, before votes are counted
WHITE_CHROMA = 0.31     # Cb and Cr of white noise at half the size, in sigmas
MOST_POWER = 12         # of e, so that nothing overflows


def fuse(frame, level, predicted, predicted_level):
    """The precision-weighted mean of frame and prediction, and what the body of the network is shown.

    frame, prediction: [N, C, H, W]; levels: [N, 1, H, W], in [0, 1]. Returns (fused, rho, planes): the posterior mean
    under a flat prior, its level, and [N, 2 C + 3, H, W].
    """
    s2 = level.clamp(MIN_LEVEL, 1) ** 2
    g2 = predicted_level.clamp(MIN_LEVEL, 1) ** 2
    a, b = (1 - s2).sqrt(), (1 - g2).sqrt()
    precision = (1 - s2) * g2 + (1 - g2) * s2 + PRIOR_PRECISION * s2 * g2  # times s2 g2
    fused = (a * g2 * frame + b * s2 * predicted) / precision
    variance = s2 * g2 / precision
    rho = (variance / (1 + variance)).sqrt()
    innovation = a * predicted - b * frame
    return fused, rho, torch.cat([fused, rho, innovation, level, predicted_level], 1)


class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        if self.training and torch.is_grad_enabled() and winograd.serves(x, self.conv1.weight):
            return winograd.residual(x, *self.conv1.parameters(), *self.conv2.parameters())
        return x + self.conv2(F.relu(self.conv1(x)))


class TemporalConv(nn.Module):
    """Make-A-Video's convolution along time, causal: each frame sees itself and two before it. Starts as identity."""

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, channels, 3))  # taps: two back, one back, now

    def forward(self, x, frames):
        n, c, h, w = x.shape
        v = x.view(n // frames, frames, c, h * w).transpose(1, 2)          # [clips, C, F, HW]
        v = F.conv2d(F.pad(v, (0, 0, 2, 0)), self.weight[..., None])
        return x + v.transpose(1, 2).reshape(n, c, h, w)


class Level(nn.Module):
    """The residual blocks of one resolution and, where asked for, the convolution along time after them."""

    def __init__(self, channels, blocks, temporal):
        super().__init__()
        self.resnets = nn.ModuleList(ResidualBlock(channels) for _ in range(blocks))
        self.temporal = TemporalConv(channels) if temporal else None

    def forward(self, x, frames):
        for block in self.resnets:
            x = block(x)
        return self.temporal(x, frames) if self.temporal else x


class UdmUNet(nn.Module):
    def __init__(self, in_channels=3, block_out_channels=(32, 64, 128), layers_per_block=(2, 2, 4),
                 patch_size=2, temporal=False, predict_log_variance=False, context=0, mix=0, halved=False,
                 chroma_level=False):
        super().__init__()
        self.config = dict(_class_name="UdmUNet", in_channels=in_channels,
                           block_out_channels=list(block_out_channels),
                           layers_per_block=list(layers_per_block), patch_size=patch_size,
                           temporal=temporal, predict_log_variance=predict_log_variance,
                           **(dict(context=context, mix=mix) if context else {}),
                           **(dict(halved=True) if halved else {}),  # it is shown frames of half the size
                           **(dict(chroma_level=True) if chroma_level else {}))  # as its one plane of context
        ch, patch = block_out_channels, patch_size
        planes = (2 * in_channels + 3 + context + chroma_level) * patch * patch
        self.patch, self.others = patch, predict_log_variance + mix
        self.conv_in = nn.Conv2d(planes, ch[0], 3, padding=1)
        steps = list(zip(ch, ch[1:]))
        self.down_blocks = nn.ModuleList(Level(c, k, temporal) for c, k in zip(ch[:-1], layers_per_block))
        self.downsamplers = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in steps)
        self.mid_block = Level(ch[-1], layers_per_block[-1], temporal)
        self.upsamplers = nn.ModuleList(nn.Conv2d(b, 4 * a, 1) for a, b in steps)
        self.up_blocks = nn.ModuleList(Level(c, k, temporal) for c, k in zip(ch[:-1], layers_per_block))
        self.conv_out = nn.Conv2d(ch[0], (in_channels + self.others) * patch * patch, 3, padding=1)

    def ignore_innovation(self):
        """Zeroes the weights of what a prediction says beyond the fused frame: training without predictions leaves
        them so."""
        c, area = self.config["in_channels"], self.patch ** 2
        with torch.no_grad():
            self.conv_in.weight[:, (c + 1) * area:(2 * c + 1) * area] = 0

    def forward(self, frame, level, predicted=None, predicted_level=None, frames=1, context=None):
        """frame: [N, C, H, W] (N = clips * frames), level: [N, 1, H, W]; H, W multiples of the stride; context:
        [N, planes, H, W], what else is known; of a network with a chroma_level that, [N, 1, H, W],
        or as in white noise.

        Returns x0 and, if the network predicts it, as one more channel after it, the log of the variance (less
        LOG_VARIANCE_BIAS) that the prediction has beyond that of its level; if it mixes, its vote on each estimate
        that the prediction is made of (mend).
        """
        if predicted is None:
            predicted, predicted_level = torch.zeros_like(frame), torch.ones_like(level)
        fused, rho, planes = fuse(frame, level, predicted, predicted_level)
        if context is None and self.config.get("chroma_level"):
            context = of_white_noise(level)
        if context is not None:
            planes = torch.cat([planes, context], 1)
        x = self.conv_in(F.pixel_unshuffle(planes, self.patch))
        skips = []
        for block, down in zip(self.down_blocks, self.downsamplers):
            x = block(x, frames)
            skips.append(x)
            x = down(x)
        x = self.mid_block(x, frames)
        for i in reversed(range(len(skips))):
            x = F.pixel_shuffle(self.upsamplers[i](x), 2) + skips[i]
            x = self.up_blocks[i](x, frames)
        output = F.pixel_shuffle(self.conv_out(x), self.patch).float()
        correction, others = output.split([self.config["in_channels"], self.others], 1)
        return torch.cat([fused + gate(rho) * correction, others], 1)


def of_white_noise(level):
    """The level of chroma, at half the size, in noise that is white over pixels and colours."""
    ratio = WHITE_CHROMA * level / (1 - level ** 2).clamp(min=1e-12).sqrt()
    return ratio * (1 + ratio ** 2).rsqrt()


def with_context(network, weights):
    """Weights of a network that knew less context, as those of one that ignores what it is told beyond."""
    first, known = network.conv_in.weight, weights["conv_in.weight"]
    more = torch.zeros(known.shape[0], first.shape[1] - known.shape[1], *known.shape[2:], dtype=known.dtype)
    return {**weights, "conv_in.weight": torch.cat([known, more], 1)}


def gate(rho):
    """The share of a correction that is taken, where this much noise is left."""
    return rho / (rho + GATE) * (rho / GATE_OPEN).clamp(max=1) ** 2


def part_of_predicted(level, predicted_level):
    """How much of a fused frame is what a prediction of it says."""
    s2, g2 = (x.clamp(MIN_LEVEL, 1) ** 2 for x in (level, predicted_level))
    return (1 - g2) * s2 / ((1 - s2) * g2 + (1 - g2) * s2 + PRIOR_PRECISION * s2 * g2)


def mend(output, part, estimates, weights):
    """x0 of a network that votes on what its prediction was made of.

    part: of the prediction in the fused frame, [N, 1, H, W]; estimates: [N, C, H, W] each, of which the prediction is
    a mean, with weights [N, estimates, H, W]. Without a vote the prediction stays.
    """
    x0, votes = output.split([output.shape[1] - len(estimates), len(estimates)], 1)
    before = weights.clamp(min=LEAST_WEIGHT)
    after = before * (CONVICTION * votes).clamp(-MOST_POWER, MOST_POWER).exp()
    more = part * (after / after.sum(1, keepdim=True) - before / before.sum(1, keepdim=True))
    return x0 + sum(m * estimate for m, estimate in zip(more.split(1, 1), estimates))
