# SPDX-License-Identifier: LGPL-2.1-or-later
"""A decoder from image embeddings and captions to pictures, with the names and the arithmetic of diffusers'
UNet2DConditionModel in the configuration of unCLIP's children (DALL-E 2, Ramesh et al. 2022; Karlo; Kandinsky 2.1).

Both embeddings are added to that of the time; the picture's becomes tokens, which with those of the caption join the
keys and values of attention. What it draws are latents (autoencoder.py). `patch_size` squares of them, or of pixels
where a network has none, are the channels of the network (pixel_unshuffle).
"""
import math

import torch
from torch import nn
from torch.nn import functional as F

import channels

EPSILON = 1e-5
TOKENS = 10  # that a picture's embedding becomes, as TextImageProjection of diffusers has it
CONFIG = dict(sample_size=8, in_channels=16, out_channels=16, block_out_channels=(128, 192), layers_per_block=1,
              cross_attention_dim=128, encoder_hid_dim=128, attention_head_dim=32, norm_num_groups=8,
              text_tokens=32, encoder_hid_dim_type="text_image_proj", addition_embed_type="text_image",
              resnet_time_scale_shift="scale_shift", patch_size=1,
              down_block_types=("SimpleCrossAttnDownBlock2D", "SimpleCrossAttnDownBlock2D"),
              mid_block_type="UNetMidBlock2DSimpleCrossAttn",
              up_block_types=("SimpleCrossAttnUpBlock2D", "SimpleCrossAttnUpBlock2D"))


def sinusoids(time, size):
    """[N, size]: cosines and sines of time steps at size / 2 frequencies."""
    frequency = torch.exp(-math.log(10000) * torch.arange(size // 2, device=time.device) / (size // 2))
    x = time[:, None].float() * frequency
    return torch.cat([x.cos(), x.sin()], 1)


class Embedding(nn.Module):
    def __init__(self, size, inner):
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(size, inner), nn.Linear(inner, inner)

    def forward(self, x):
        return self.linear_2(F.silu(self.linear_1(x)))


class Tokens(nn.Module):
    """What pixels attend to: tokens of a picture's embedding, then those of a text."""

    def __init__(self, picture, text, width):
        super().__init__()
        self.image_embeds = nn.Linear(picture, TOKENS * width)
        self.text_proj = nn.Linear(text, width)

    def forward(self, picture, text):
        return torch.cat([self.image_embeds(picture).view(len(picture), TOKENS, -1), self.text_proj(text)], 1)


class Addition(nn.Module):
    """The embeddings of picture and text as a vector that is added to that of the time."""

    def __init__(self, size, width):
        super().__init__()
        self.image_proj, self.text_proj = nn.Linear(size, width), nn.Linear(size, width)
        self.text_norm = nn.LayerNorm(width, EPSILON)

    def forward(self, picture, text):
        return self.text_norm(self.text_proj(text)) + self.image_proj(picture)


def norm(groups, width):
    return channels.GroupNorm(groups, width, EPSILON)


class Resnet(nn.Module):
    """A residual block; `scale` 2 doubles the resolution on the way, 0.5 halves it."""

    def __init__(self, before, after, time, groups, scale=1):
        super().__init__()
        self.scale = scale
        self.norm1 = norm(groups, before)
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.time_emb_proj = nn.Linear(time, 2 * after)
        self.norm2 = norm(groups, after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(before, after, 1) if before != after else None
        nn.init.zeros_(self.conv2.weight)

    def resize(self, x):
        if self.scale == 1:
            return x
        return F.avg_pool2d(x, 2) if self.scale < 1 else F.interpolate(x, scale_factor=2.0, mode="nearest")

    def forward(self, x, emb):
        h = self.conv1(self.resize(F.silu(self.norm1(x))))
        scale, shift = self.time_emb_proj(F.silu(emb))[:, :, None, None].chunk(2, 1)
        h = self.conv2(F.silu(torch.addcmul(shift, self.norm2(h), 1 + scale)))
        x = self.resize(x)
        return h + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class Attention(nn.Module):
    """Over places, and over tokens that are added to the keys and values."""

    def __init__(self, width, head, tokens, groups):
        super().__init__()
        self.heads = width // head
        self.group_norm = norm(groups, width)
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.add_k_proj, self.add_v_proj = nn.Linear(tokens, width), nn.Linear(tokens, width)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        nn.init.zeros_(self.to_out[0].weight)

    def split(self, x):
        n, places, width = x.shape
        return x.view(n, places, self.heads, -1).transpose(1, 2)

    def forward(self, x, tokens):
        n, c, h, w = x.shape
        places = self.group_norm(x).permute(0, 2, 3, 1).reshape(n, h * w, c)
        q = self.split(self.to_q(places))
        k = self.split(torch.cat([self.add_k_proj(tokens), self.to_k(places)], 1))
        v = self.split(torch.cat([self.add_v_proj(tokens), self.to_v(places)], 1))
        y = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1) @ v
        y = self.to_out[0](y.transpose(1, 2).reshape(n, h * w, c))
        return x + y.view(n, h, w, c).permute(0, 3, 1, 2)


class Block(nn.Module):
    """Residual blocks of one resolution, with attention if `attends`, then one that changes the resolution."""

    def __init__(self, sizes, c, time, attends, sampler=None):
        """sizes: (channels before, after) of each; sampler: "down", "up" or None."""
        super().__init__()
        groups, width = c["norm_num_groups"], sizes[-1][1]
        self.resnets = nn.ModuleList(Resnet(a, b, time, groups) for a, b in sizes)
        if attends:
            self.attentions = nn.ModuleList(
                Attention(width, c["attention_head_dim"], c["cross_attention_dim"], groups) for _ in sizes)
        self.attends = attends
        if sampler == "down":
            self.downsamplers = nn.ModuleList([Resnet(width, width, time, groups, 0.5)])
        if sampler == "up":
            self.upsamplers = nn.ModuleList([Resnet(width, width, time, groups, 2)])

    def layer(self, i, x, emb, tokens):
        x = self.resnets[i](x, emb)
        return self.attentions[i](x, tokens) if self.attends else x


class Middle(nn.Module):
    def __init__(self, width, c, time):
        super().__init__()
        groups = c["norm_num_groups"]
        self.resnets = nn.ModuleList(Resnet(width, width, time, groups) for _ in range(2))
        self.attentions = nn.ModuleList([Attention(width, c["attention_head_dim"], c["cross_attention_dim"], groups)])

    def forward(self, x, emb, tokens):
        return self.resnets[1](self.attentions[0](self.resnets[0](x, emb), tokens), emb)


def down_blocks(c, time):
    widths, made = c["block_out_channels"], []
    for i, (kind, after) in enumerate(zip(c["down_block_types"], widths)):
        sizes = [(widths[max(i - 1, 0)] if k == 0 else after, after) for k in range(c["layers_per_block"])]
        made.append(Block(sizes, c, time, kind.startswith("Simple"), "down" if i < len(widths) - 1 else None))
    return nn.ModuleList(made)


def up_blocks(c, time):
    widths, made = c["block_out_channels"][::-1], []
    for i, (kind, after) in enumerate(zip(c["up_block_types"], widths)):
        before, last_skip = widths[max(i - 1, 0)], widths[min(i + 1, len(widths) - 1)]
        layers = c["layers_per_block"] + 1
        sizes = [((before if k == 0 else after) + (last_skip if k == layers - 1 else after), after)
                 for k in range(layers)]
        made.append(Block(sizes, c, time, kind.startswith("Simple"), "up" if i < len(widths) - 1 else None))
    return nn.ModuleList(made)


class Decoder(nn.Module):
    def __init__(self, **config):
        super().__init__()
        self.config = c = {**CONFIG, **config}
        first, last = c["block_out_channels"][0], c["block_out_channels"][-1]
        time = 4 * first
        self.patch = c["patch_size"]
        self.channels = c["out_channels"] // self.patch ** 2
        self.conv_in = nn.Conv2d(c["in_channels"], first, 3, padding=1)
        self.time_embedding = Embedding(first, time)
        embedding = c["cross_attention_dim"]  # values of both, which diffusers takes to be as many as those of a token
        self.encoder_hid_proj = Tokens(embedding, c["encoder_hid_dim"], embedding)
        self.add_embedding = Addition(embedding, time)
        self.down_blocks = down_blocks(c, time)
        self.mid_block = Middle(last, c, time)
        self.up_blocks = up_blocks(c, time)
        self.conv_norm_out = norm(c["norm_num_groups"], first)
        self.conv_out = nn.Conv2d(first, c["out_channels"], 3, padding=1)
        nn.init.zeros_(self.conv_out.weight)

    def through(self, x, time, picture, text, tokens):
        """What comes out, and the features [N, C, S, S] of each resolution but the finest on the way up, enlarged."""
        emb = self.time_embedding(sinusoids(time, self.conv_in.out_channels)) + self.add_embedding(picture, text)
        tokens = self.encoder_hid_proj(picture, tokens)
        x = self.conv_in(x)
        skips = [x]
        for block in self.down_blocks:
            for i in range(len(block.resnets)):
                x = block.layer(i, x, emb, tokens)
                skips.append(x)
            if hasattr(block, "downsamplers"):
                x = block.downsamplers[0](x, emb)
                skips.append(x)
        x, features = self.mid_block(x, emb, tokens), []
        for block in self.up_blocks:
            for i in range(len(block.resnets)):
                x = block.layer(i, torch.cat([x, skips.pop()], 1), emb, tokens)
            if hasattr(block, "upsamplers"):
                x = block.upsamplers[0](x, emb)
                features.append(x)
        return self.conv_out(F.silu(self.conv_norm_out(x))), features

    def places(self, x, time, picture, text, tokens):
        """As diffusers' class: x [N, in_channels, S, S], time steps [N], the embeddings of a picture and of a text
        [N, size], the tokens of the text [N, T, encoder_hid_dim]; x0 as x."""
        return self.through(x, time, picture, text, tokens)[0]

    def with_features(self, x, time, picture, text, tokens):
        """x0 of x [N, channels, H, W], and features as through() has them."""
        made, features = self.through(F.pixel_unshuffle(x, self.patch), time, picture, text, tokens)
        return F.pixel_shuffle(made, self.patch).float(), features

    def forward(self, x, time, picture, text, tokens):
        return self.with_features(x, time, picture, text, tokens)[0]
