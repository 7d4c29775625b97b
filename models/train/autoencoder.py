# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains an autoencoder: pictures to latents of an eighth of their size, and back.

    python models/train/autoencoder.py WORK/world --checkpoint WORK/autoencoder.pt --minutes 30
    python models/train/autoencoder.py WORK/world --checkpoint WORK/autoencoder.pt --encode
    python models/train/autoencoder.py WORK/world --checkpoint WORK/autoencoder.pt --export models/world

Diffusion in latents (Rombach et al. 2022) has a sixty-fourth of the places to look at. Latents have mean 0 and
deviation 1, and are noisy when they are decoded, so that what is nearly right is drawn right. Where it is known what is
in a picture (--facts), some more latents say it: for each kind of thing a plane of where it is. Pictures are decoded
with the true ones, so that diffusion decides what is where, which a caption says, before it decides how that looks
(joint diffusion of pictures and of what they mean: Kouzelis et al. 2025). --encode keeps the latents of the folder's
pictures in it, which decoder.py learns from.

The way back can learn on while latents are in use (--keep-latents), with more channels (--start models/world --width
48), and so that pictures look the same to CLIP (--clip).
"""
import hashlib
import json
import pathlib

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm

import autoencoder_network
import clip
import embed
import export
import facts
import pairs
import stage
import train
import world

NOISE = 1.0      # deviation of what is added to latents, at most; most have little
SPREAD = 0.1     # weight of means that are not 0 and deviations that are not 1
EDGES = 0.5      # weight of errors of the differences between neighbours
THING = 3        # weight of errors where things are
SEEN = 0.3       # weight of what CLIP sees, where it looks
THERE = 2.0      # of a plane, where its thing is; 0 elsewhere
GUESSED = 0.25   # share of the pictures that are decoded with what the encoder thinks is there
HELD, SHOWN, CHUNK = 200, 16, 250


def slopes(x):
    return x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]


def errors(made, x0, weights):
    """Absolute errors of pixels and of the differences between neighbours; weights: [N, 1, H, W], or a number."""
    wrong = (made - x0) * weights
    return wrong.abs().mean() + EDGES * sum(slope.abs().mean() for slope in slopes(wrong))


def spread(latents):
    """How far each channel is from mean 0 and deviation 1."""
    return latents.mean((0, 2, 3)).square().mean() + (latents.std((0, 2, 3)) - 1).square().mean()


def planes_of(scenes, side):
    """[N, kinds, side, side]: what the latents say of what is where."""
    kinds = torch.from_numpy(facts.patch_numbers(scenes, side)[0]).view(-1, side, side)
    return THERE * F.one_hot(kinds, facts.KINDS + 1)[..., :-1].permute(0, 3, 1, 2).float()


class Training(stage.Stage):
    memory = 0.998

    def __init__(self, options, drawn):
        self.drawn, self.held = drawn, drawn.held_out(HELD)[0]
        self.eyes = clip.load(options.clip).vision if options.clip else None
        super().__init__(options)

    def make_network(self):
        o = self.options
        if o.start:
            begun = stage.part(o.start / "vae", autoencoder_network.Autoencoder)
            return widened(begun, o.width) if o.width else begun
        return autoencoder_network.Autoencoder(latent_channels=self.options.channels + self.planes)

    def first_network(self):
        network = super().first_network()
        network.encoder.requires_grad_(not self.options.keep_latents)
        return network

    @property
    def planes(self):
        return facts.KINDS if self.options.facts else 0

    def batch(self, seconds):
        numbers = np.sort(np.random.randint(self.drawn.count, size=self.options.batch))
        side = self.drawn.pictures.shape[1] // self.network.scale
        return self.drawn.pictures[numbers], planes_of(self.drawn.scenes(numbers), side) if self.planes else None

    def learn_from(self, batch):
        pictures, planes = batch
        x0, wrong, weights = stage.pixels(pictures).contiguous(memory_format=torch.channels_last), 0, 1
        with stage.mixed():
            latents, guessed = self.network.encode(x0).float().tensor_split([self.options.channels], 1)
            seen = latents
            if self.planes:
                planes = planes.to(x0.device)
                weights = weights_of(planes, x0)
                wrong = ((guessed - planes).square().sum(1, True) * weights_of(planes, planes)).mean()
                seen = torch.cat([latents, torch.where(self.some(x0), guessed.detach(), planes)], 1)
            noise = NOISE * torch.rand(len(x0), 1, 1, 1, device=x0.device) ** 2 * torch.randn_like(seen)
            made = self.network.decode(seen + noise).float()
            looks = SEEN * self.seen(made, x0, planes) if self.eyes else 0
        return self.learn(errors(made, x0, weights) + looks + SPREAD * spread(latents) + self.options.facts * wrong)

    def seen(self, made, x0, planes):
        """How unlike two pictures are to CLIP's eyes, patch for patch (perceptual losses: Zhang et al. 2018)."""
        with torch.no_grad():
            right = self.eyes.with_patches(x0)[1]
        unlike = 1 - F.cosine_similarity(self.eyes.with_patches(made)[1].float(), right.float(), dim=-1)
        if planes is not None:
            side = round(unlike.shape[1] ** 0.5)
            unlike = unlike * weights_of(planes, unlike.view(-1, 1, side, side)).flatten(1)
        return unlike.mean()

    @staticmethod
    def some(x):
        return torch.rand(len(x), 1, 1, 1, device=x.device) < GUESSED

    def measure(self, network):
        x0 = stage.pixels(self.held)
        latents = encoded(network, x0)
        made = developed(network, latents)
        shown = [self.held[:SHOWN], stage.picture_of(made[:SHOWN])]
        found = {"PSNR, dB": train.psnr(made, x0)}
        if self.planes:
            planes = planes_of(world.held_out_scenes(len(x0), self.drawn.split), latents.shape[-1]).to(x0.device)
            told = developed(network, torch.cat([latents[:, :self.options.channels], planes], 1))
            there = planes.amax(1) > 0
            named = (latents[:, self.options.channels:].argmax(1) == planes.argmax(1))[there].float().mean()
            found |= {"with the true planes": train.psnr(told, x0), "things named": named.item()}
            shown.append(stage.picture_of(told[:SHOWN]))
        stage.wall(shown).save(self.options.checkpoint.with_name(self.options.checkpoint.stem + "-samples.png"))
        return found


def widened(network, width):
    """An autoencoder whose way back has so many channels, and does the same until it learns."""
    levels = len(network.config["decoder_block_out_channels"])
    wide = autoencoder_network.Autoencoder(**{**network.config, "decoder_block_out_channels": [width] * levels})
    weights = wide.state_dict()
    for name, old in network.state_dict().items():
        new = weights[name]
        new[:len(old)] = 0
        new[tuple(slice(size) for size in old.shape)] = old
    wide.load_state_dict(weights)
    return wide


def encoded(network, pictures):
    """Latents of pictures [N, 3, H, W]."""
    with torch.no_grad(), stage.mixed():
        return network.encode(pictures).float()


def developed(network, latents):
    """Pictures of latents [N, C, H, W]."""
    with torch.no_grad(), stage.mixed():
        return network.decode(latents).float().clamp(-1, 1)


def near_things(planes):
    """[N, 1, side, side]: above 0 where planes_of() has things, and round about, where their outlines are."""
    return F.max_pool2d(planes.amax(1, True), 3, 1, 1)


def weights_of(planes, like):
    """[N, 1, H, W]: how much errors count."""
    return F.interpolate(torch.where(near_things(planes) > 0, THING, 1.0), like.shape[-2:])


def load(path):
    """The averaged autoencoder of a checkpoint."""
    config, weights = stage.load(path)
    network = autoencoder_network.Autoencoder(**config).to(stage.device())
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False)


class Encoded(embed.Embedded):
    """Pictures with captions, of which the first `count` have embeddings and latents; more may come meanwhile."""

    def __init__(self, folder):
        super().__init__(folder)
        self.encoded = folder / "encoded.json"
        self.latents = np.load(folder / "latents.npy", mmap_mode="r")

    @property
    def count(self):
        return min(json.loads(self.encoded.read_text())["done"], super().count)

    def latents_of(self, numbers, channels):
        """[N, channels, side, side]: those that were kept, and planes for the rest."""
        latents = torch.from_numpy(self.latents[numbers]).float()
        if latents.shape[1] < channels:
            latents = torch.cat([latents, planes_of(self.pairs.scenes(numbers), latents.shape[-1])], 1)
        return latents


def encode(o, drawn, network):
    """Latents of pictures of a folder, without planes; where that was broken off, it goes on."""
    torch.set_num_threads(o.threads)
    path, done_path, count = o.folder / "latents.npy", o.folder / "encoded.json", min(o.count, drawn.count)
    about = dict(autoencoder=hashlib.sha256(o.checkpoint.read_bytes()).hexdigest())
    saved = json.loads(done_path.read_text()) if done_path.exists() else {}
    first = saved["done"] if saved.get("autoencoder") == about["autoencoder"] else 0
    side, channels = drawn.pictures.shape[1] // network.scale, o.channels
    kept = np.lib.format.open_memmap(path, "r+" if first else "w+", np.float16, (drawn.count, channels, side, side))
    for at in tqdm(range(first, count, CHUNK), unit_scale=CHUNK, unit="picture", mininterval=10):
        end = min(at + CHUNK, count)
        kept[at:end] = encoded(network, stage.pixels(drawn.pictures[at:end]))[:, :channels].cpu()
        export.write_json(done_path, {**about, "done": end})


def write_model(folder, network):
    config = {"_class_name": "AutoencoderTiny", **network.config}
    export.write_network(folder / "vae", config, {k: w.cpu() for k, w in network.state_dict().items()}, torch.float16)


def main():
    p = stage.parser(__doc__, minutes=30, batch=32, rate=2e-3)
    p.add_argument("--facts", type=float, default=0.03, help="weight of what the encoder finds is where; 0: there "
                   "are no planes of it (default: %(default)s)")
    p.add_argument("--channels", type=int, default=12, help="of latents, without planes (default: %(default)s)")
    p.add_argument("--clip", type=pathlib.Path, help="checkpoint of clip.py, whose eyes judge pictures, too")
    p.add_argument("--width", type=int, help="with --start, of the way back: channels are added")
    p.add_argument("--keep-latents", action="store_true", help="only the way back learns: latents are in use")
    p.add_argument("--encode", action="store_true", help="keep the latents of the folder's pictures in it")
    p.add_argument("--count", type=int, default=10 ** 9, help="... of so many, from the first (default: all)")
    p.add_argument("--export", type=pathlib.Path, metavar="FOLDER", help="write the autoencoder there")
    o = p.parse_args()
    if o.width and not o.start:
        p.error("--width adds channels to those of a model: name it with --start")
    if o.export:
        return write_model(o.export, load(o.checkpoint))
    drawn = pairs.opened(o.folder)
    if o.encode:
        return encode(o, drawn, load(o.checkpoint))
    Training(o, drawn).run()


if __name__ == "__main__":
    main()
