# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the trainings of the networks of films share (film_decoder.py, enlarge.py): clips, what is told of them, how
they begin and end.

A film has no caption: the network is told the embedding of one of its frames, and the empty text.
"""
import pathlib

import numpy as np
import torch
from torch.nn import functional as F

import autoencoder
import bpe
import clip
import decoder
import decoder_network
import export
import film_network
import films
import noising
import stage

NOT_TOLD = 0.1  # share of clips that are told nothing, for guidance
HELD = 4        # films that are held out
SPREAD = 64     # frames of which the deviation of embeddings is taken
MEASURED = 200, 600, 900  # time steps at which errors are measured


def begun(path, part):
    """The decoder, or the network of films `part`, of a model folder; or that of a checkpoint."""
    if not path.is_dir():
        config, weights = stage.load(path)
        if "frames" in config:
            return loaded(config, weights)
        return decoder.load(path)
    if (path / part / "config.json").exists():
        return stage.part(path / part, film_network.FilmDecoder)
    return stage.part(path / "decoder", decoder_network.Decoder)


def loaded(config, weights):
    network = film_network.FilmDecoder(**config)
    network.load_state_dict(weights)
    return network


def load(path):
    """The averaged network of a checkpoint."""
    return loaded(*stage.load(path)).to(stage.device()).eval().requires_grad_(False)


def write_model(folder, part, network):
    weights = {k: w.cpu() for k, w in network.state_dict().items()}
    export.write_network(folder / part, {"_class_name": film_network.CLASS, **network.config}, weights, torch.float16)
    export.write_json(folder / "decoder_scheduler/scheduler_config.json", decoder.SCHEDULER)


def each(values, frames):
    """What clips are told, told to each of their frames."""
    return tuple(v.repeat_interleave(frames, 0) for v in values)


def film_pixels(pictures):
    """uint8 [clips, frames, H, W, 3] as float [clips frames, 3, H, W]."""
    return stage.pixels(pictures.reshape(-1, *pictures.shape[2:]))


class FilmStage(stage.Stage):
    memory = 0.998
    part, frames, context = "film_decoder", 16, 0  # of the model; of a clip; of the network

    def __init__(self, options, clips, towers, tokenizer, coder=None):
        """coder: the autoencoder, of networks that draw latents."""
        self.clips, self.towers, self.tokenizer, self.coder = clips, towers, tokenizer, coder
        super().__init__(options)
        known = np.ascontiguousarray(clips.films[:min(SPREAD, clips.count), 0])
        self.spread = self.seen(stage.pixels(known)).std(0, correction=0)
        held, rates, self.held_scenes = clips.held_out(HELD, self.frames, skip=3)
        self.held = film_pixels(held), torch.from_numpy(rates).float().to(stage.device())

    def config(self):
        """Of the network, beyond that of the decoder it is made of."""
        return dict(frames=self.frames, context=self.context, time_window=self.options.window)

    def make_network(self):
        o = self.options
        if not o.start:
            raise SystemExit("--start must name what it is made of: a model folder, or a checkpoint of decoder.py")
        first = begun(o.start, self.part)
        network = film_network.FilmDecoder(**{**first.config, **self.config()})
        network.start_from(first)
        return network

    def read(self, texts):
        """(embeddings, tokens) of texts."""
        length = self.network.config["text_tokens"]
        return decoder.read(self.towers.text, self.tokenizer, texts, length)

    def latents(self, pictures):
        return autoencoder.encoded(self.coder, pictures)

    def pictures(self, latents):
        return autoencoder.developed(self.coder, latents)

    def seen(self, pictures):
        """Embeddings of pictures [N, 3, H, W] of any size."""
        side = self.towers.vision.config["image_size"]
        small = F.interpolate(pictures, (side, side), mode="area") if pictures.shape[-1] != side else pictures
        with torch.no_grad(), stage.mixed():
            return self.towers.vision(small).float()

    def told(self, x0, frames, ids=None):
        """Of clips of pictures, for each frame: the embedding of one, or of none; and what a text says, or nothing."""
        clips = x0.view(-1, frames, *x0.shape[1:])
        which = torch.randint(frames, (len(clips),), device=x0.device)
        picture = self.seen(clips[torch.arange(len(clips), device=x0.device), which])
        blur = decoder.BLURRED * torch.rand(len(clips), 1, device=x0.device) * self.spread
        kept = torch.rand(len(clips), 1, device=x0.device) >= NOT_TOLD
        picture = torch.where(kept, picture + blur * torch.randn_like(picture), 0)
        if ids is None:
            text, tokens = self.read([""])
            text, tokens = text.expand(len(clips), -1), tokens.expand(len(clips), -1, -1)
        else:
            text, tokens = decoder.read_ids(self.towers.text, ids)
        return each((picture, text, tokens), frames)

    def rates(self, rates, frames):
        """[clips] of numpy as [N]."""
        return torch.from_numpy(rates).float().to(stage.device()).repeat_interleave(frames)


def options(doc, minutes, batch, rate):
    p = stage.parser(doc, minutes, batch, rate)
    p.add_argument("--clip", required=True, type=pathlib.Path, help="checkpoint of clip.py")
    p.add_argument("--tokenizer", required=True, type=pathlib.Path, help="folder that bpe.py wrote")
    p.add_argument("--window", type=int, default=0, help="frames to either side that attention along time sees; 0: all "
                   "(default: %(default)s)")
    p.add_argument("--export", type=pathlib.Path, metavar="FOLDER", help="write the network of the checkpoint there")
    return p


def opened(o):
    """(films, towers, tokenizer)"""
    return films.Films(o.folder), clip.load(o.clip), bpe.Tokenizer(o.tokenizer)


def steps_for(clips, frames):
    """Time steps [N], the same for all frames of a clip."""
    return decoder.drawn_steps(clips).repeat_interleave(frames)


def errors(network, x0, rates, told, frames, beside=None, step_counts=MEASURED):
    """The squared error, by name, of what is said of latents of held out films at some time steps, from noise that is
    always the same."""
    found = {}
    for step in step_counts:
        steps = torch.full((len(x0),), step, device=x0.device)
        noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(step)).to(x0.device)
        level = noising.COSINE[step]
        with torch.no_grad(), stage.mixed():
            made = network(level.sqrt() * x0 + (1 - level).sqrt() * noise, steps, rates, *told, frames, beside)
        found[f"error, step {step}"] = (made - x0).square().mean().item()
    return found


def strip(rows):
    """One picture of films [N, 3, H, W] each, a row for each."""
    return stage.wall([stage.picture_of(row) for row in rows])
