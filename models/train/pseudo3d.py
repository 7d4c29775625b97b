# SPDX-License-Identifier: LGPL-2.1-or-later
"""The network that generates video, with the names and the arithmetic of engine/network/pseudo3d.c.

A window of frames, each at its own noise level, goes through a U-Net whose spatial layers are followed by layers along
time (pseudo-3D convolution and attention: Make-A-Video, Singer et al. 2022, section 3.2). Layers along time start as
the identity, so that a network trained on stills goes on with video. The first frame of a window is the anchor, a frame
of the beginning; the others follow each other. Everything is normalised per frame.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F

EPSILON = 1e-5
RATE = 25  # frames a second at which the embedding of the frame rate is zero


def sinusoids(level, size):
    """What the noise level is embedded as: the angle of (signal, noise), from 0 to 1, at `size` / 2 frequencies."""
    angle = torch.asin(level.clamp(0, 1)) * (2 / math.pi) * 1000
    frequency = torch.exp(-math.log(10000) * torch.arange(size // 2) / (size // 2))
    x = angle[:, None] * frequency
    return torch.cat([x.cos(), x.sin()], 1)


class ResidualBlock(nn.Module):
    def __init__(self, channels, groups, embedding):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, channels, eps=EPSILON)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.time_emb_proj = nn.Linear(embedding, channels)
        self.norm2 = nn.GroupNorm(groups, channels, eps=EPSILON)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x, emb):
        h = self.conv1(F.silu(self.norm1(x))) + self.time_emb_proj(emb)[:, :, None, None]
        return x + self.conv2(F.silu(self.norm2(h)))


class TemporalConv(nn.Module):
    """Along time: each frame sees the one before it, itself and the one after it. Starts as the identity."""

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, channels, 3))  # taps: before, now, after

    def forward(self, x, frames):
        n, c, h, w = x.shape
        clips = x.reshape(n // frames, frames, c, h, w)
        nothing = torch.zeros_like(clips[:, :1])
        before, after = torch.cat([nothing, clips[:, :-1]], 1), torch.cat([clips[:, 1:], nothing], 1)
        three = torch.cat([before, clips, after], 2).reshape(n, 3 * c, h, w)
        weight = self.weight.transpose(1, 2).reshape(c, 3 * c, 1, 1)
        return x + F.conv2d(three.contiguous(memory_format=torch.channels_last), weight)


class Attention(nn.Module):
    """Over the pixels of each frame or, along time, over the frames at each pixel."""

    def __init__(self, channels, groups, heads, along_time):
        super().__init__()
        self.heads, self.along_time = heads, along_time
        self.group_norm = nn.GroupNorm(groups, channels, eps=EPSILON)
        self.to_q, self.to_k, self.to_v = (nn.Conv2d(channels, channels, 1) for _ in range(3))
        self.to_out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.to_out.weight)

    def forward(self, x, frames):
        n, c, h, w = x.shape
        normed = self.group_norm(x)
        q, k, v = (self.split(layer(normed), frames) for layer in (self.to_q, self.to_k, self.to_v))
        # Plain products: PyTorch's fused attention takes three times as long for so few tokens.
        y = torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, -1) @ v
        # Pixels and frames back in the order of x: [clips, frames, pixels, heads, c / heads].
        y = y.permute(0, 3, 1, 2, 4) if self.along_time else y.permute(0, 2, 1, 3)
        return x + self.to_out(y.reshape(n, h, w, c).permute(0, 3, 1, 2))

    def split(self, x, frames):
        """Tokens and heads: [clips, pixels, heads, frames, c / heads] or [frames, heads, pixels, c / heads]."""
        n, c, h, w = x.shape
        x = x.permute(0, 2, 3, 1)
        if self.along_time:
            return x.reshape(n // frames, frames, h * w, self.heads, c // self.heads).permute(0, 2, 3, 1, 4)
        return x.reshape(n, h * w, self.heads, c // self.heads).permute(0, 2, 1, 3)


class Level(nn.Module):
    """One resolution: blocks, each a residual block and what follows it along time, with attention where asked for."""

    def __init__(self, channels, layers, groups, embedding, heads):
        super().__init__()
        self.resnets = nn.ModuleList(ResidualBlock(channels, groups, embedding) for _ in range(layers))
        self.temporal = nn.ModuleList(TemporalConv(channels) for _ in range(layers))
        count = layers if heads else 0
        self.attentions = nn.ModuleList(Attention(channels, groups, heads, False) for _ in range(count))
        self.temporal_attentions = nn.ModuleList(Attention(channels, groups, heads, True) for _ in range(count))

    def forward(self, x, emb, frames):
        for i, block in enumerate(self.resnets):
            x = block(x, emb)
            if frames > 1:
                x = self.temporal[i](x, frames)
            if self.attentions:
                x = self.attentions[i](x, frames)
                if frames > 1:
                    x = self.temporal_attentions[i](x, frames)
        return x


class UdmPseudo3D(nn.Module):
    def __init__(self, in_channels=1, sample_size=64, frames=8, context=2, patch_size=4, block_out_channels=(48, 96),
                 layers_per_block=(2, 2), heads=(0, 4), norm_num_groups=8, embedding=128, num_class_embeds=10):
        super().__init__()
        self.config = dict(_class_name="UdmPseudo3D", in_channels=in_channels, sample_size=sample_size, frames=frames,
                           context=context, patch_size=patch_size, block_out_channels=list(block_out_channels),
                           layers_per_block=list(layers_per_block), heads=list(heads),
                           norm_num_groups=norm_num_groups, embedding=embedding, num_class_embeds=num_class_embeds)
        ch, area = block_out_channels, patch_size ** 2
        self.frames, self.patch, self.embedding = frames, patch_size, embedding
        self.linear_1 = nn.Linear(embedding, embedding)
        self.linear_2 = nn.Linear(embedding, embedding)
        self.class_embedding = nn.Parameter(0.5 * torch.randn(num_class_embeds + 1, embedding))  # the last: none
        self.position_embedding = nn.Parameter(torch.zeros(frames, embedding))
        self.rate_embedding = nn.Parameter(torch.zeros(embedding))
        self.conv_in = nn.Conv2d(in_channels * area, ch[0], 3, padding=1)
        levels = list(zip(ch, layers_per_block, heads))
        level = lambda c, k, n: Level(c, k, norm_num_groups, embedding, n)
        self.down_blocks = nn.ModuleList(level(*l) for l in levels[:-1])
        self.downsamplers = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in zip(ch, ch[1:]))
        self.mid_block = level(*levels[-1])
        self.upsamplers = nn.ModuleList(nn.Conv2d(b, 4 * a, 1) for a, b in zip(ch, ch[1:]))
        self.up_blocks = nn.ModuleList(level(*l) for l in levels[:-1])
        self.conv_norm_out = nn.GroupNorm(norm_num_groups, ch[0], eps=EPSILON)
        self.conv_out = nn.Conv2d(ch[0], in_channels * area, 3, padding=1)
        nn.init.zeros_(self.conv_out.weight)

    def embed(self, level, classes, rate, frames):
        """[N, embedding]: what each frame is: its noise level, its class, its place in the window, the frame rate."""
        h = self.linear_1(sinusoids(level, self.embedding)) + self.class_embedding[classes]
        if frames > 1:
            h = h + self.position_embedding.repeat(len(level) // frames, 1)
            h = h + torch.log2(rate / RATE)[:, None] * self.rate_embedding
        return F.silu(self.linear_2(F.silu(h)))

    def forward(self, x, level, classes, rate, frames):
        """x: [N, C, H, W] (N = clips * frames); level, classes, rate: [N], for each frame. Returns x0, as x.

        frames is 1 (stills, with no layer along time) or that of the window.
        """
        emb = self.embed(level, classes, rate, frames)
        x = self.conv_in(F.pixel_unshuffle(x, self.patch))
        skips = []
        for block, down in zip(self.down_blocks, self.downsamplers):
            x = block(x, emb, frames)
            skips.append(x)
            x = down(x)
        x = self.mid_block(x, emb, frames)
        for i in reversed(range(len(skips))):
            x = F.pixel_shuffle(self.upsamplers[i](x), 2) + skips[i]
            x = self.up_blocks[i](x, emb, frames)
        return F.pixel_shuffle(self.conv_out(F.silu(self.conv_norm_out(x))), self.patch).float()
