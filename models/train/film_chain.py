# SPDX-License-Identifier: LGPL-2.1-or-later
"""The chain from text to films in PyTorch: chain.py, and the networks of films of a model folder.

    python models/train/film_chain.py models/world OUT.png "a red seven" "a small blue star over sand" [--rate 10]

draws films of 16 frames, a row for each prompt.
"""
import argparse
import functools
import os
import pathlib

import numpy as np
import torch

import chain
import enlarge
import film_decoder
import film_network
import film_training
import noising
import stage

SHARED = 0.25  # of a window, with the one before it
BETWEEN_STEPS, LARGER_STEPS = 4, 2  # as engine/diffusion/cascade.c has them


class FilmChain(chain.Chain):
    """The stages of a model folder, each loaded when it is first used."""

    @functools.cached_property
    def draws(self):
        return chain.part(self.folder / "film_decoder", film_network.FilmDecoder)

    @functools.cached_property
    def fills(self):
        return chain.part(self.folder / "interpolator", film_network.FilmDecoder)

    def each(self, embeddings, texts, frames):
        """What clips are told, and what they are if they are told nothing, for each frame."""
        told = embeddings, *self.told(texts)
        untold = torch.zeros_like(embeddings), *self.told([""] * len(texts))
        return (film_training.each(part, frames) for part in (told, untold))

    def film(self, embedding, text, count, rate, guidance=3, steps=10, seed=0, known=None):
        """uint8 [count, H, W, 3] of the embedding of a picture [1, size]; windows go on from each other. known: the
        first frames, uint8."""
        frames, generator = self.draws.config["frames"], torch.Generator().manual_seed(seed)
        shared = int(SHARED * frames)
        made = self.encoded(stage.pixels(known)) if known is not None else torch.zeros(0)
        told, untold = map(list, self.each(embedding, [text], frames))
        while len(made) < count:
            before = made[-shared:] if len(made) else made
            window = self.window(before, told, untold, rate, guidance, steps, generator)
            made = torch.cat([made, window[len(before):]]) if len(made) else window
        return stage.picture_of(self.developed(made[:count]))

    def window(self, known, told, untold, rate, guidance, steps, generator):
        """[frames, C, H, W] whose first frames are known."""
        frames, side, limit = self.draws.config["frames"], self.draws.config["sample_size"], noising.LATENT_LIMIT
        x = torch.randn((frames, self.draws.channels, side, side), generator=generator).to(stage.device())
        if len(known):
            x[:len(known)] = known
        first = torch.arange(frames, device=x.device) < len(known)
        rates = torch.full((frames,), float(rate), device=x.device)
        times = noising.trailing(steps)
        for step, after in zip(times, [*times[1:], -1]):
            x0 = self.say(x, torch.where(first, 0, step), rates, told, untold, guidance).clamp(-limit, limit)
            now, then = noising.COSINE[step], noising.COSINE[after] if after >= 0 else torch.tensor(1.0)
            x = torch.where(first.view(-1, 1, 1, 1), x, noising.step_of(x, x0, now, then))
        return x

    def say(self, x, at, rates, told, untold, guidance):
        with torch.no_grad(), stage.mixed():
            made = self.draws(x, at, rates, *told, len(x))
            if guidance == 1:
                return made
            without = self.draws(x, at, rates, *untold, len(x))
        return without + guidance * (made - without)

    def filled(self, clips, rates, seed=0, spacing=5):
        """[clips frames, 3, H, W] of uint8 [clips, frames, H, W, 3] whose every fifth frame is shown."""
        frames, pixels = clips.shape[1], film_training.film_pixels(clips)
        x0 = self.encoded(pixels)
        embeddings = self.image_embeddings(np.ascontiguousarray(clips[:, 0]))
        told, _ = self.each(embeddings, [""] * len(clips), frames)
        known = (torch.arange(frames) % spacing == 0).repeat(len(clips)).to(x0.device)
        noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(seed)).to(x0.device)
        every = torch.from_numpy(rates).float().to(x0.device).repeat_interleave(frames)
        made = film_decoder.sample(self.fills, noise, every, told, told, 1, BETWEEN_STEPS,
                                   film_decoder.shown(x0, known), frames)
        return torch.where(known.view(-1, 1, 1, 1), pixels, self.developed(made))

    def larger(self, part, small, rates, frames, one_noise, seed=0):
        """Films [clips frames, 3, H, W] at twice the size, from the same noise for all frames or not."""
        network = chain.part(self.folder / part, film_network.FilmDecoder)
        clips, at_once = len(small) // frames, network.config["frames"]
        shape = (1 if one_noise else len(small), 3, *(2 * n for n in small.shape[-2:]))
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(small.device)
        first = stage.picture_of(small.view(clips, frames, *small.shape[1:])[:, 0])
        seen = self.image_embeddings(resized(first, self.vision.config["image_size"]))
        told, _ = self.each(seen, [""] * clips, frames)
        every = torch.from_numpy(rates).float().to(small.device).repeat_interleave(frames)
        return enlarge.sample(network, noise.expand(len(small), -1, -1, -1), small, every, list(told), LARGER_STEPS,
                              min(frames, at_once))


def resized(pictures, side):
    x = torch.nn.functional.interpolate(stage.pixels(pictures), (side, side), mode="area")
    return stage.picture_of(x)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("out", type=pathlib.Path)
    p.add_argument("prompts", nargs="+")
    p.add_argument("--rate", type=float, default=5, help="frames a second (default: %(default)s)")
    p.add_argument("--frames", type=int, default=16, help="default: %(default)s")
    p.add_argument("--guidance", type=float, default=3, help="default: %(default)s")
    p.add_argument("--steps", type=int, default=10, help="default: %(default)s")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=os.cpu_count(), help="of the processor (default: %(default)s)")
    o = p.parse_args()
    torch.set_num_threads(o.threads)
    c = FilmChain(o.folder)
    embeddings = c.embeddings(o.prompts, seed=o.seed)
    stage.wall([c.film(embeddings[i:i + 1], prompt, o.frames, o.rate, o.guidance, o.steps, o.seed)
                  for i, prompt in enumerate(o.prompts)]).save(o.out)


if __name__ == "__main__":
    main()
