# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the networks that draw films, from a decoder (decoder.py) and films without captions (films.py).

    python models/train/film_decoder.py WORK/films --start WORK/decoder.pt --clip WORK/clip.pt \\
        --autoencoder WORK/autoencoder.pt \\
        --tokenizer models/world/tokenizer --stills WORK/world --checkpoint WORK/film.pt --minutes 60
    python models/train/film_decoder.py WORK/films --start WORK/film.pt --between ... --checkpoint WORK/between.pt
    python models/train/film_decoder.py WORK/films ... --checkpoint WORK/film.pt --export models/world

The first learns 16 frames at rates from 1 to 30 a second, at the beginning more from high ones, in which little moves,
later more from low ones (a Beta distribution, as Make-A-Video has it). Some films have their first frames known, so
that it goes on from them. So that it does not forget words, some steps are stills with captions (--stills). With
--captions films have captions, too, with words of motion: a model of which that has to be said, as text is otherwise
paired with stills alone. The second (--between) is made of the first: it is shown some frames of a film, with a mask of
them, and fills in the others: 16 frames become 76. Beside the checkpoint lies a picture with samples.
"""
import pathlib

import numpy as np
import torch

import autoencoder
import decoder
import film_training
import films
import noising
import stage
import world

KNOWN = 0.35            # share of clips whose first frames are known
KNOWN_STEPS = 150       # time steps at most of the noise on those, which is told
STILLS = 0.25           # share of the steps that are of stills
SPACINGS = 5, 5, 5, 2, 3, 4, 15  # of the known frames between which others are filled in
STILL_RATE = 10.0       # what is said of stills
GOES_ON = 0.2           # ... share of clips of which only the first are known
SHOWN = 2               # films of which samples are drawn
GUIDANCE, SAMPLED = 3, 10


def skips(count, done):
    """Every which frame clips take: as `done` goes from 0 to 1, more of them many."""
    share = np.random.beta(1 + 2 * done, 3 - 2 * done, count)
    return 1 + np.minimum((films.MOST_SKIPPED * share).astype(int), films.MOST_SKIPPED - 1)


def sample(network, noise, rates, told, untold, guidance, steps, beside=None, frames=None):
    """Films [N, C, H, W] from noise of that shape; told: of each frame."""
    doubled = None if beside is None else torch.cat([beside, beside])
    frames = frames or len(noise)

    def say(x, at, *of):
        twice = len(x) > len(noise)
        return network(x, at, torch.cat([rates, rates]) if twice else rates, *of, frames, doubled if twice else beside)
    with torch.no_grad(), stage.mixed():
        return noising.ddim(say, noise, told, untold, guidance, steps)


class Drawing(film_training.FilmStage):
    def __init__(self, options, *parts):
        self.stills = autoencoder.Encoded(options.stills) if options.stills and not options.between else None
        super().__init__(options, *parts)

    def batch(self, seconds):
        """(pictures, rates, ids of captions or None), or, of stills, (latents, embeddings, which are left out, ids)"""
        if self.stills and np.random.rand() < STILLS:
            return self.still_batch()
        count, done = self.options.batch, min(seconds / (60 * self.options.minutes), 1)
        pictures, rates, numbers = self.clips.clips(count, self.frames, skips(count, done))
        texts, length = None, self.network.config["text_tokens"]
        if self.options.captions:
            texts = [world.film_caption(np.random.randint(2 ** 31), self.clips.scene(n))[0] for n in numbers]
        return pictures, rates, texts and self.tokenizer.batch(texts, length)

    def still_batch(self):
        """As decoder.py has it."""
        drawn, length = self.stills, self.network.config["text_tokens"]
        numbers = drawn.sample(self.options.batch * self.frames)
        way = np.random.choice(len(decoder.TOLD), len(numbers), p=decoder.TOLD)
        texts = ["" if w > 1 else text for w, text in zip(way, drawn.pairs.said(numbers)[0])]
        latents = drawn.latents_of(numbers, self.network.channels)
        return latents, drawn.embeddings[numbers], way % 2 == 1, self.tokenizer.batch(texts, length)

    def learn_from(self, batch):
        return self.learn(self.still_loss(*batch) if len(batch) > 3 else self.film_loss(*batch))

    def film_loss(self, pictures, rates, ids):
        pixels, frames = film_training.film_pixels(pictures), self.frames
        x0 = self.latents(pixels)
        steps, known = film_training.steps_for(len(pictures), frames), self.known(len(pictures))
        steps = torch.where(known, (steps.float() / noising.STEPS * KNOWN_STEPS).long(), steps)
        x = noising.noisy(x0, steps).contiguous(memory_format=torch.channels_last)
        with stage.mixed():
            made = self.network(x, steps, self.rates(rates, frames), *self.told(pixels, frames, ids), frames)
        error = noising.weights(steps) * (made - x0).square().mean((1, 2, 3))
        return error[~known].mean()

    def known(self, clips):
        """Which of the frames [clips frames] are: none, or the first up to half of them."""
        count = torch.randint(1, self.frames // 2 + 1, (clips, 1)) * (torch.rand(clips, 1) < KNOWN)
        return (torch.arange(self.frames) < count).flatten().to(stage.device())

    def still_loss(self, latents, embeddings, left_out, ids):
        """As decoder.py has it; time layers do nothing, as there is one frame."""
        x0, steps = latents.to(stage.device()), decoder.drawn_steps(len(latents))
        embeddings, left_out = (torch.from_numpy(v).to(x0.device) for v in (embeddings, left_out))
        told = torch.where(left_out[:, None], 0, embeddings.float()), *decoder.read_ids(self.towers.text, ids)
        rates = torch.full((len(x0),), STILL_RATE, device=x0.device)
        x = noising.noisy(x0, steps).contiguous(memory_format=torch.channels_last)
        with stage.mixed():
            made = self.network(x, steps, rates, *told, 1)
        return (noising.weights(steps) * (made - x0).square().mean((1, 2, 3))).mean()

    def measure(self, network):
        pixels, rates = self.held
        x0, rates, told = self.latents(pixels), rates.repeat_interleave(self.frames), self.held_told(pixels)
        self.show(network, x0, rates, told)
        return film_training.errors(network, x0, rates, told, self.frames)

    def held_told(self, pixels):
        first = self.seen(pixels.view(-1, self.frames, *pixels.shape[1:])[:, 0])
        text, tokens = self.read([""] * len(first))
        return film_training.each((first, text, tokens), self.frames)

    def show(self, network, x0, rates, told):
        """Films, and below each what is drawn of the embedding of its first frame."""
        count = SHOWN * self.frames
        told = [part[:count] for part in told]
        untold = torch.zeros_like(told[0]), *told[1:]
        noise = torch.randn((count, *x0.shape[1:]), generator=torch.Generator().manual_seed(0)).to(x0.device)
        made = sample(network, noise, rates[:count], told, untold, GUIDANCE, SAMPLED, frames=self.frames)
        self.save_strip(self.pictures(x0[:count]), self.pictures(made))

    def save_strip(self, *films):
        rows = [row for pair in zip(*(film.split(self.frames) for film in films)) for row in pair]
        name = self.options.checkpoint.stem + "-samples.png"
        film_training.strip(rows).save(self.options.checkpoint.with_name(name))


class Between(Drawing):
    """F_up of Make-A-Video: known frames come as planes, and a mask of them."""
    part = "interpolator"

    @property
    def context(self):
        return 1 + self.coder.config["latent_channels"]

    def film_loss(self, pictures, rates, ids):
        pixels, frames = film_training.film_pixels(pictures), self.frames
        x0 = self.latents(pixels)
        known = self.known(len(pictures))
        steps = film_training.steps_for(len(pictures), frames)
        x = noising.noisy(x0, steps).contiguous(memory_format=torch.channels_last)
        with stage.mixed():
            made = self.network(x, steps, self.rates(rates, frames), *self.told(pixels, frames, ids), frames,
                                shown(x0, known))
        error = noising.weights(steps) * (made - x0).square().mean((1, 2, 3))
        return error[~known].mean()

    def known(self, clips):
        at, rows = torch.arange(self.frames), []
        for _ in range(clips):
            if torch.rand(()) < GOES_ON:
                rows.append(at < torch.randint(1, self.frames // 2 + 1, ()))
            else:
                rows.append(at % SPACINGS[torch.randint(len(SPACINGS), ())] == 0)
        return torch.stack(rows).flatten().to(stage.device())

    def measure(self, network):
        """PSNR of frames between every fifth, that are said in one step and made in some, and of blending."""
        pixels, rates = self.held
        x0, rates, told = self.latents(pixels), rates.repeat_interleave(self.frames), self.held_told(pixels)
        known = (torch.arange(self.frames) % SPACINGS[0] == 0).repeat(len(x0) // self.frames).to(x0.device)
        noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(0)).to(x0.device)
        made = sample(network, noise, rates, told, told, 1, SAMPLED, shown(x0, known), self.frames)
        made, mixed = self.pictures(made), blended(pixels, SPACINGS[0], self.frames)
        count = SHOWN * self.frames
        self.save_strip(pixels[:count], torch.where(known[:, None, None, None], pixels, made)[:count])
        there = ~known
        return {name: psnr(film[there], pixels[there]) for name, film in
                {"PSNR between, dB": made, "of blending, dB": mixed, "at best, dB": self.pictures(x0)}.items()}


def shown(x0, known):
    """[N, C + 1, H, W]: the known frames, and where they are."""
    mask = known.view(-1, 1, 1, 1).to(x0.dtype)
    return torch.cat([x0 * mask, mask.expand(-1, 1, *x0.shape[-2:])], 1)


def blended(x0, spacing, frames):
    """Films whose frames between every `spacing`th are mixed of those."""
    clips = x0.view(-1, frames, *x0.shape[1:])
    at = torch.arange(frames, device=x0.device)
    before = at // spacing * spacing
    after = (before + spacing).clamp(max=(frames - 1) // spacing * spacing)
    share = ((at - before) / spacing).view(1, -1, 1, 1, 1)
    return torch.lerp(clips[:, before], clips[:, after], share).flatten(0, 1)


def psnr(made, x0):
    """Of frames [N, 3, H, W]; at most 60 dB, as some are exact."""
    return (-10 * ((made.clamp(-1, 1) - x0).square().mean((1, 2, 3)) / 4).clamp(min=1e-6).log10()).mean().item()


def main():
    p = film_training.options(__doc__, minutes=60, batch=4, rate=5e-4)
    p.add_argument("--autoencoder", required=True, type=pathlib.Path, help="checkpoint of autoencoder.py")
    p.add_argument("--stills", type=pathlib.Path, metavar="FOLDER", help="pictures with captions and embeddings "
                   "(embed.py), to which a quarter of the steps goes")
    p.add_argument("--captions", action="store_true", help="films are told captions, with words of motion")
    p.add_argument("--between", action="store_true", help="fill in frames between known ones")
    o = p.parse_args()
    training = Between if o.between else Drawing
    if o.export:
        return film_training.write_model(o.export, training.part, film_training.load(o.checkpoint))
    training(o, *film_training.opened(o), autoencoder.load(o.autoencoder)).run()


if __name__ == "__main__":
    main()
