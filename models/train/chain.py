# SPDX-License-Identifier: LGPL-2.1-or-later
"""The chain from text to pictures in PyTorch: CLIP's text tower, the prior and the decoder of a model folder.

    python models/train/chain.py models/world OUT.png "a red seven" "a small blue star over sand" [--columns 4]

draws a wall of pictures, a row for each prompt.
"""
import argparse
import functools
import os
import pathlib

import torch
from torch.nn import functional as F

import autoencoder
import autoencoder_network
import bpe
import clip_network
import decoder
import decoder_network
import prior
import prior_network
import stage


def part(folder, make, name="diffusion_pytorch_model"):
    return stage.part(folder, make, name).eval().to(stage.device()).requires_grad_(False)


class Chain:
    """The stages of a model folder, each loaded when it is first used."""

    def __init__(self, folder):
        self.folder = folder
        self.tokenizer = bpe.Tokenizer(folder / "tokenizer")

    @functools.cached_property
    def text(self):
        return part(self.folder / "text_encoder", clip_network.TextModel, "model")

    @functools.cached_property
    def vision(self):
        return part(self.folder / "image_encoder", clip_network.VisionModel, "model")

    @functools.cached_property
    def prior(self):
        return part(self.folder / "prior", prior_network.Prior)

    @functools.cached_property
    def decoder(self):
        return part(self.folder / "decoder", decoder_network.Decoder)

    @functools.cached_property
    def coder(self):
        return part(self.folder / "vae", autoencoder_network.Autoencoder)

    def text_embeddings(self, texts):
        return prior.read(self.text, self.tokenizer, texts)[0]

    def image_embeddings(self, pictures):
        """Of uint8 [N, H, W, 3]."""
        with torch.no_grad(), stage.mixed():
            return torch.cat([self.vision(stage.pixels(pictures[k:k + 200])) for k in range(0, len(pictures), 200)]
                             ).float()

    def straight(self, texts):
        """The text embeddings as if they were those of pictures: as long, and about the same mean."""
        mean, std = self.prior.clip_mean, self.prior.clip_std
        length = (mean.square() + std.square()).sum().sqrt()
        return F.normalize(self.text_embeddings(texts)) * length

    def embeddings(self, texts, guidance=2, steps=25, seed=0):
        """Image embeddings that the prior finds for texts."""
        told, untold = (prior.read(self.text, self.tokenizer, t) for t in (texts, [""] * len(texts)))
        return prior.sample(self.prior, told, untold, guidance, steps, torch.Generator().manual_seed(seed))

    def told(self, texts):
        """What the decoder is told of texts: embeddings and tokens."""
        return decoder.read(self.text, self.tokenizer, texts, self.decoder.config["text_tokens"])

    def planes(self, told, guidance=3, steps=10, seed=0):
        """[N, 3, H, W] of embeddings of pictures and what told() gives of texts."""
        return torch.cat([self.developed(part) for part in self.latents(told, guidance, steps, seed).split(100)])

    def latents(self, told, guidance=3, steps=10, seed=0):
        """... as the decoder draws them."""
        generator = torch.Generator().manual_seed(seed)
        nothing = torch.zeros_like(told[0][:1]), *self.told([""])
        parts = zip(*(part.split(100) for part in told))
        return torch.cat([decoder.sample(self.decoder, part, [n.expand(len(part[0]), *n.shape[1:]) for n in nothing],
                                         guidance, steps, generator) for part in parts])

    def encoded(self, pictures):
        return autoencoder.encoded(self.coder, pictures)

    def developed(self, latents):
        return autoencoder.developed(self.coder, latents)

    def pictures(self, embeddings, texts=None, guidance=3, steps=10, seed=0):
        """uint8 [N, H, W, 3] of image embeddings, or None, and of texts, or None."""
        count = len(embeddings if texts is None else texts)
        if embeddings is None:
            embeddings = torch.zeros(count, self.decoder.config["cross_attention_dim"], device=stage.device())
        return stage.picture_of(self.planes((embeddings, *self.told(texts or [""] * count)), guidance, steps, seed))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("out", type=pathlib.Path)
    p.add_argument("prompts", nargs="+")
    p.add_argument("--columns", type=int, default=4, help="pictures of each prompt (default: %(default)s)")
    p.add_argument("--prior-guidance", type=float, default=2, help="0: the decoder is told the text alone (default: "
                   "%(default)s)")
    p.add_argument("--guidance", type=float, default=3, help="of the decoder (default: %(default)s)")
    p.add_argument("--steps", type=int, default=10, help="of the decoder (default: %(default)s)")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=os.cpu_count(), help="of the processor (default: %(default)s)")
    o = p.parse_args()
    torch.set_num_threads(o.threads)
    chain = Chain(o.folder)
    texts = [prompt for prompt in o.prompts for _ in range(o.columns)]
    embeddings = chain.embeddings(texts, o.prior_guidance, seed=o.seed) if o.prior_guidance else None
    made = chain.pictures(embeddings, texts, o.guidance, o.steps, o.seed)
    stage.wall(made.reshape(len(o.prompts), o.columns, *made.shape[1:])).save(o.out)


if __name__ == "__main__":
    main()
