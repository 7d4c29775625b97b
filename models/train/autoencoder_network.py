# SPDX-License-Identifier: LGPL-2.1-or-later
"""An autoencoder with the names and the arithmetic of diffusers' AutoencoderTiny (TAESD, Ollin Boer Bohan)."""
import torch
from torch import nn
from torch.nn import functional as F

LIMIT = 3  # of latents, softly, before they are decoded
CONFIG = dict(in_channels=3, out_channels=3, latent_channels=12, encoder_block_out_channels=(48, 48, 48, 48),
              decoder_block_out_channels=(32, 32, 32, 32), num_encoder_blocks=(0, 1, 2, 2),
              num_decoder_blocks=(4, 4, 3, 0), act_fn="relu", upsampling_scaling_factor=2, scaling_factor=1.0,
              shift_factor=0.0)


class Block(nn.Module):
    """Three convolutions beside the identity."""

    def __init__(self, width):
        super().__init__()
        conv = lambda: nn.Conv2d(width, width, 3, padding=1)
        self.conv = nn.Sequential(conv(), nn.ReLU(), conv(), nn.ReLU(), conv())
        nn.init.zeros_(self.conv[4].weight)

    def forward(self, x):
        return F.relu(self.conv(x) + x)


def half(layers):
    """Named as diffusers names it."""
    module = nn.Module()
    module.layers = nn.Sequential(*layers)
    return module


def encoder(c):
    layers, width = [], c["encoder_block_out_channels"][0]
    for i, count in enumerate(c["num_encoder_blocks"]):
        layers.append(nn.Conv2d(width, width, 3, 2, 1, bias=False) if i else nn.Conv2d(c["in_channels"], width, 3,
                                                                                      padding=1))
        layers += [Block(width) for _ in range(count)]
    return half([*layers, nn.Conv2d(width, c["latent_channels"], 3, padding=1)])


def decoder(c):
    width, counts = c["decoder_block_out_channels"][0], c["num_decoder_blocks"]
    layers = [nn.Conv2d(c["latent_channels"], width, 3, padding=1), nn.ReLU()]
    for i, count in enumerate(counts):
        layers += [Block(width) for _ in range(count)]
        if i < len(counts) - 1:
            layers += [nn.Upsample(scale_factor=2), nn.Conv2d(width, width, 3, padding=1, bias=False)]
    return half([*layers, nn.Conv2d(width, c["out_channels"], 3, padding=1)])


class Autoencoder(nn.Module):
    def __init__(self, **config):
        super().__init__()
        self.config = c = {**CONFIG, **config}
        self.encoder, self.decoder = encoder(c), decoder(c)
        self.scale = 2 ** (len(c["num_decoder_blocks"]) - 1)

    def encode(self, x):
        """Pictures [N, 3, H, W] in [-1, 1] as latents [N, C, H / scale, W / scale]."""
        return self.encoder.layers((x + 1) / 2)

    def decode(self, latents):
        return self.decoder.layers(torch.tanh(latents / LIMIT) * LIMIT) * 2 - 1
