# SPDX-License-Identifier: LGPL-2.1-or-later
"""The networks of films, with the names and the arithmetic of engine/network/unet2d_frames.c: the decoder
(decoder_network.py) on each frame, and layers along time (Make-A-Video, Singer et al. 2022, sections 3.2 and 3.3).

After each residual block that keeps the resolution stands a convolution along time, after each attention over places
one along time, and the frame rate is a condition. All three start as the identity, so that what was a decoder goes on
as one. Attention along time knows how far apart frames are (rotary embeddings, Su et al. 2021), may be limited to
frames that are `time_window` away at most, and all normalisation is per frame: a film may be longer than those learnt
from.

With `context` the network is shown planes beside each frame: the known frames of a film with a mask of them
(interpolation), one more than a frame has; or the frame as it is to be enlarged, 3.
"""
import torch
from torch import nn
from torch.nn import functional as F

from decoder_network import CONFIG, Decoder, Embedding, norm, sinusoids
from pseudo3d import TemporalConv

CLASS = "UdmPseudo3DConditionModel"
OWN = dict(frames=16, context=0, time_window=0)
SPAN = 100  # of the slowest rotation, in frames
OCTAVE = 100  # what the embedding of the frame rate takes for an octave of it


def turns(frames, size, device):
    """Cosines and sines [frames, size / 2] of the angles by which the halves of queries and keys are turned."""
    frequency = SPAN ** (-torch.arange(size // 2, device=device) / (size // 2))
    angle = torch.arange(frames, device=device)[:, None] * frequency
    return angle.cos(), angle.sin()


def turned(x, cosine, sine):
    """x: [..., frames, size]"""
    first, second = x.chunk(2, -1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1)


class TimeAttention(nn.Module):
    """Over the frames at each place, those that are at most `window` away; 0: over all. Starts as the identity."""

    def __init__(self, width, head, groups, window):
        super().__init__()
        self.heads, self.window = width // head, window
        self.group_norm = norm(groups, width)
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        nn.init.zeros_(self.to_out[0].weight)
        nn.init.zeros_(self.to_out[0].bias)

    def forward(self, x, frames):
        n, c, h, w = x.shape
        places = self.group_norm(x).permute(0, 2, 3, 1).reshape(n // frames, frames, h * w, c)
        split = lambda y: y.view(*y.shape[:3], self.heads, -1).permute(0, 2, 3, 1, 4)
        q, k, v = (split(layer(places)) for layer in (self.to_q, self.to_k, self.to_v))
        cosine, sine = (t.to(q.dtype) for t in turns(frames, q.shape[-1], x.device))
        scores = turned(q, cosine, sine) @ turned(k, cosine, sine).transpose(-1, -2) * q.shape[-1] ** -0.5
        if self.window:
            at = torch.arange(frames, device=x.device)
            scores = scores.masked_fill((at[:, None] - at).abs() > self.window, float("-inf"))
        y = scores.softmax(-1) @ v  # [clips, places, heads, frames, size]
        y = self.to_out[0](y.permute(0, 3, 1, 2, 4).reshape(n, h * w, c))
        return x + y.view(n, h, w, c).permute(0, 3, 1, 2)


class FilmDecoder(Decoder):
    """As Decoder, of frames: x [N, channels, H, W] are clips of `frames` frames, one after the other."""

    def __init__(self, **config):
        own = {key: config.pop(key, usual) for key, usual in OWN.items()}
        made = config.get("out_channels", CONFIG["out_channels"])
        beside = own["context"] * config.get("patch_size", CONFIG["patch_size"]) ** 2
        super().__init__(**{**config, "in_channels": made + beside})
        self.config.update(own)
        c = self.config
        self.time_layers(c, [*self.down_blocks, self.mid_block, *self.up_blocks])
        self.fps_embedding = Embedding(c["block_out_channels"][0], 4 * c["block_out_channels"][0])
        nn.init.zeros_(self.fps_embedding.linear_2.weight)
        nn.init.zeros_(self.fps_embedding.linear_2.bias)

    @staticmethod
    def time_layers(c, blocks):
        for block in blocks:
            widths = [resnet.conv2.out_channels for resnet in block.resnets]
            block.temp_convs = nn.ModuleList(TemporalConv(width) for width in widths)
            count = len(block.attentions) if hasattr(block, "attentions") else 0
            block.temp_attentions = nn.ModuleList(
                TimeAttention(widths[0], c["attention_head_dim"], c["norm_num_groups"], c["time_window"])
                for _ in range(count))

    def start_from(self, network):
        """Takes the weights of a decoder, or of films without this one's context, which then changes nothing."""
        weights, own = network.state_dict(), self.state_dict()
        first = weights["conv_in.weight"]
        grown = torch.zeros_like(own["conv_in.weight"])
        grown[:, :first.shape[1]] = first
        self.load_state_dict({**own, **weights, "conv_in.weight": grown})

    def layer_of(self, block, i, x, emb, tokens, frames):
        x = block.resnets[i](x, emb)
        if frames > 1:
            x = block.temp_convs[i](x, frames)
        if hasattr(block, "attentions") and i < len(block.attentions):
            x = block.attentions[i](x, tokens)
            if frames > 1:
                x = block.temp_attentions[i](x, frames)
        return x

    def embedded(self, time, rate, picture, text):
        width = self.conv_in.out_channels
        emb = self.time_embedding(sinusoids(time, width)) + self.add_embedding(picture, text)
        return emb + self.fps_embedding(sinusoids(OCTAVE * rate.log2(), width))

    def places_of(self, x, time, rate, picture, text, tokens, frames):
        """x: [N, (channels + context) patch patch, S, S]; time, rate: [N]; the others as Decoder has them."""
        emb, tokens = self.embedded(time, rate, picture, text), self.encoder_hid_proj(picture, tokens)
        x = self.conv_in(x)
        skips = [x]
        for block in self.down_blocks:
            for i in range(len(block.resnets)):
                x = self.layer_of(block, i, x, emb, tokens, frames)
                skips.append(x)
            if hasattr(block, "downsamplers"):
                x = block.downsamplers[0](x, emb)
                skips.append(x)
        middle = self.mid_block
        x = self.layer_of(middle, 0, x, emb, tokens, frames)
        x = middle.resnets[1](x, emb)
        x = middle.temp_convs[1](x, frames) if frames > 1 else x
        for block in self.up_blocks:
            for i in range(len(block.resnets)):
                x = self.layer_of(block, i, torch.cat([x, skips.pop()], 1), emb, tokens, frames)
            if hasattr(block, "upsamplers"):
                x = block.upsamplers[0](x, emb)
        return self.conv_out(F.silu(self.conv_norm_out(x)))

    def forward(self, x, time, rate, picture, text, tokens, frames=None, beside=None):
        """x0 as x [N, channels, H, W]; beside: [N, context, H, W]; frames: by default as many as N."""
        seen = F.pixel_unshuffle(x, self.patch)
        if beside is not None:
            seen = torch.cat([seen, F.pixel_unshuffle(beside, self.patch)], 1)
        made = self.places_of(seen, time, rate, picture, text, tokens, frames or len(x))
        return F.pixel_shuffle(made, self.patch).float()
