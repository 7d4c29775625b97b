# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the decoder: from image embeddings and captions to pictures of 64x64, on stills.

    python models/train/decoder.py WORK/world --clip WORK/clip.pt --tokenizer models/world/tokenizer \\
        --checkpoint WORK/decoder.pt --minutes 70
    python models/train/decoder.py WORK/world ... --checkpoint WORK/decoder.pt --export models/world

embed.py has put embeddings into the folder. Shares of the embeddings and of the captions are not told, for guidance (Ho
and Salimans 2022) and so that each alone will do; zeros stand for an embedding then, and the empty text for a caption.
The network says x0, its errors count as those of v. Beside that, its features name the thing and the colour in each
place (--facts), which are not part of the model: alignment with what is known already makes a decoder learn faster
(REPA, Yu et al. 2024), and here the truth is known. Beside the checkpoint lies a picture with samples.
"""
import pathlib

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

import bpe
import clip
import decoder_network
import embed
import export
import facts
import noising
import scenes
import stage
import world

TOLD = 0.5, 0.35, 0.08, 0.07  # shares that are told both embedding and caption, the caption, the embedding, nothing
BLURRED = 0.15   # deviations of the noise on embeddings, at most: what a prior finds is not exact
HELD, SHOWN = 100, 12  # pictures that are held out, and those of them of which samples are drawn
MEASURED = 200, 600, 900  # time steps at which it is measured whether things are named
ALIKE = 0.7      # share of the time steps that are logit-normal (Esser et al. 2024), the others being uniform
MIDDLE, SPREAD = 0.8, 0.8
THING, TEXTURE = 4, 0.4  # weights of errors where things are, and on backgrounds that are not plain
FACTS = 0.03     # weight of that naming, which falls with the learning rate
EASY = 40000     # pictures, from the first, of which some are easy
NOTHING = 0.2    # weight of naming what is in a place where there is no thing
SCHEDULER = dict(_class_name="DDIMScheduler", num_train_timesteps=noising.STEPS, beta_schedule="linear",
                 beta_start=0.0001, beta_end=0.02, prediction_type="sample", clip_sample=True, clip_sample_range=1.0,
                 set_alpha_to_one=True, timestep_spacing="trailing", steps_offset=0)


def read(tower, tokenizer, texts, length):
    """What the decoder is told of texts: (embeddings [N, size], tokens [N, length, width])."""
    return read_ids(tower, tokenizer.batch(texts, length))


def read_ids(tower, ids):
    with torch.no_grad(), stage.mixed():
        text, tokens = tower(torch.from_numpy(ids).to(stage.device()))
    return text.float(), tokens.float()


def sample(network, told, untold, guidance, steps, generator):
    """Pictures [N, 3, H, W], each from its own noise, of (embeddings of pictures, embeddings of texts, tokens)."""
    side = network.config["sample_size"] * network.patch
    noise = torch.randn((len(told[0]), 3, side, side), generator=generator).to(told[0].device)
    with torch.no_grad(), stage.mixed():
        return noising.ddim(network, noise, told, untold, guidance, steps)


def picture_of(x):
    """[N, 3, H, W] in [-1, 1] as uint8 [N, H, W, 3]."""
    return ((x.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def wall(rows):
    """One picture of rows of pictures, uint8 [N, H, W, 3] each."""
    return Image.fromarray(np.concatenate([np.concatenate(list(row), 1) for row in rows]))


class Learner(nn.Module):
    """What is trained: the decoder, and the layers beside it."""

    def __init__(self, **config):
        super().__init__()
        self.decoder = decoder_network.Decoder(**config)
        self.config = self.decoder.config
        widths = self.config["block_out_channels"][:0:-1]  # of what is enlarged on the way up
        self.patches = nn.ModuleList(facts.Patches(width, NOTHING) for width in widths)

    def named(self, features, known):
        """How wrong the names are that features of several resolutions give to what lies in their places; known: that,
        for each of them, as facts.patches_of() has it."""
        return sum(head.loss(f.float().flatten(2).transpose(1, 2), right)
                   for head, f, right in zip(self.patches, features, known))


def drawn_steps(count):
    """Time steps, most of them where it is decided what is where."""
    logits = MIDDLE + SPREAD * torch.randn(count)
    share = torch.where(torch.rand(count) < ALIKE, logits.sigmoid(), torch.rand(count))
    return (share * noising.STEPS).long().clamp(max=noising.STEPS - 1).to(stage.device())


class Training(stage.Stage):
    memory = 0.998

    def __init__(self, options, drawn, tower, tokenizer, held):
        self.drawn, self.tower, self.tokenizer, self.held = drawn, tower, tokenizer, held
        self.spread = drawn.embeddings_of(np.arange(min(20000, drawn.count))).std(0)
        if options.easy:
            found = drawn.pairs.scenes(range(min(EASY, drawn.count)))
            self.easy = np.array([number for number, scene in enumerate(found) if is_easy(scene)])
        super().__init__(options)

    def numbers(self, seconds):
        """Of pictures to learn from."""
        if seconds >= 60 * self.options.easy:
            return self.drawn.sample(self.options.batch)
        return np.sort(np.random.choice(self.easy, self.options.batch))

    def make_network(self):
        learner = Learner(sample_size=self.drawn.pictures.shape[1] // self.options.patch,
                          in_channels=3 * self.options.patch ** 2, out_channels=3 * self.options.patch ** 2,
                          block_out_channels=tuple(self.options.widths),
                          encoder_hid_dim=self.tower.config["hidden_size"],
                          cross_attention_dim=self.drawn.embeddings.shape[1])
        if self.options.start:
            begun = stage.part(self.options.start / "decoder", decoder_network.Decoder)
            learner.decoder.load_state_dict(begun.state_dict())
        return learner

    def batch(self, seconds):
        """(pictures, embeddings, which of those are left out, ids of captions, and what is known of the pictures: what
        lies in places of each resolution of the features, and which backgrounds are plain; or None)"""
        numbers = self.numbers(seconds)
        scenes = self.drawn.pairs.scenes(numbers) if self.options.facts else None
        way = np.random.choice(len(TOLD), len(numbers), p=TOLD)
        texts = ["" if w > 1 else text for w, text in zip(way, self.drawn.pairs.said(numbers, scenes)[0])]
        ids = self.tokenizer.batch(texts, self.network.config["text_tokens"])
        known = scenes and ([facts.patch_numbers(scenes, side) for side in self.sides()],
                            np.array([is_plain(scene) for scene in scenes]))
        return self.drawn.pictures[numbers], self.drawn.embeddings[numbers], way % 2 == 1, ids, known

    def sides(self):
        """Of the features of each resolution, in places."""
        config = self.network.config
        return [config["sample_size"] >> i for i in reversed(range(len(config["block_out_channels"]) - 1))]

    def told(self, embeddings, left_out, ids):
        """(embeddings of pictures, embeddings of captions, tokens), some of them left out."""
        pictures, left_out = (torch.from_numpy(v).to(stage.device()) for v in (embeddings, left_out))
        pictures = pictures.float()
        blur = BLURRED * torch.rand(len(pictures), 1, device=pictures.device) * self.spread
        pictures = torch.where(left_out[:, None], 0, pictures + blur * torch.randn_like(pictures))
        return pictures, *read_ids(self.tower, ids)

    def read(self, texts):
        return read(self.tower, self.tokenizer, texts, self.network.config["text_tokens"])

    def learn_from(self, batch):
        pictures, *told, known = batch
        x0, steps = stage.pixels(pictures), drawn_steps(len(pictures))
        x = noising.noisy(x0, steps, noising.LINEAR).contiguous(memory_format=torch.channels_last)
        with stage.mixed():
            made, features = self.network.decoder.with_features(x, steps, *self.told(*told))
        errors, named = (made - x0).square(), 0
        if known:
            patches, plain = [facts.moved(p) for p in known[0]], torch.from_numpy(known[1]).to(x0.device)
            named = self.options.facts * self.rate() / self.options.rate * self.network.named(features, patches)
            errors = errors * weights_of(patches[-1][0], plain, x0)
        errors = noising.weights(steps, noising.LINEAR) * errors.mean((1, 2, 3))
        return self.learn(errors.mean() + named)

    def measure(self, network):
        pictures, texts, embeddings = self.held
        told = embeddings, *self.read(texts)
        self.show(network.decoder, pictures[:SHOWN], [part[:SHOWN] for part in told])
        return self.naming(network, stage.pixels(pictures), told) if self.options.facts else {}

    def show(self, decoder, pictures, told):
        """Below pictures: what is made of their embeddings, of their captions, and of both."""
        untold = torch.zeros_like(told[0]), *self.read([""] * len(pictures))
        ways = (told[0], *untold[1:]), (untold[0], *told[1:]), told
        made = [sample(decoder, way, untold, 3, 10, torch.Generator().manual_seed(0)) for way in ways]
        wall([pictures, *map(picture_of, made)]).save(
            self.options.checkpoint.with_name(self.options.checkpoint.stem + "-samples.png"))

    def naming(self, network, x0, told):
        """In how many of the places of things the features name the right one."""
        found = {}
        for step in MEASURED:
            steps = torch.full((len(x0),), step, device=x0.device)
            with stage.mixed():
                features = network.decoder.with_features(noising.noisy(x0, steps, noising.LINEAR), steps, *told)[1][-1]
            right = facts.patches_of(world.held_out_scenes(len(x0), self.drawn.pairs.split), features.shape[-1])[0]
            said = network.patches[-1].kind(features.float().flatten(2).transpose(1, 2))[..., :facts.KINDS].argmax(-1)
            found[f"things named, step {step}"] = (said == right)[right < facts.KINDS].float().mean().item()
        return found


def is_plain(scene):
    return scenes.BACKGROUNDS[scene.background] in ("plain", "gradient")


def is_easy(scene):
    """Shows much of things, and nothing else."""
    return is_plain(scene) and len(scene.things) < 3 and all(thing.size > 0 for thing in scene.things)


def weights_of(kinds, plain, like):
    """[N, 1, H, W]: how much errors of pictures count, the same in each of the places [N, places] of which kinds are
    known; plain [N]: whether backgrounds are."""
    side = round(kinds.shape[1] ** 0.5)
    there = (kinds < facts.KINDS).view(-1, 1, side, side).float()
    there = F.max_pool2d(there, 3, 1, 1)  # what is round about makes the outline
    behind = torch.where(plain, 1, TEXTURE)[:, None, None, None]
    weights = torch.where(there > 0, THING, behind)
    return F.interpolate(weights, like.shape[-2:])


def held_out(drawn, tower):
    """(pictures, captions, embeddings of the pictures)"""
    pictures, texts, _ = drawn.pairs.held_out(HELD)
    with torch.no_grad(), stage.mixed():
        return pictures, texts, tower(stage.pixels(pictures)).float()


def load(path):
    """The averaged decoder of a checkpoint."""
    config, weights = stage.load(path)
    learner = Learner(**config).to(stage.device())
    learner.load_state_dict(weights)
    return learner.decoder.eval().requires_grad_(False)


def write_model(folder, network):
    config = {"_class_name": "UNet2DConditionModel", **network.config, "patch_size": network.patch}
    export.write_network(folder / "decoder", config, {k: w.cpu() for k, w in network.state_dict().items()},
                         torch.float16)
    export.write_json(folder / "decoder_scheduler/scheduler_config.json", SCHEDULER)


def options(doc, minutes, batch, rate):
    p = stage.parser(doc, minutes, batch, rate)
    p.add_argument("--clip", required=True, type=pathlib.Path, help="checkpoint of clip.py")
    p.add_argument("--tokenizer", required=True, type=pathlib.Path, help="folder that bpe.py wrote")
    p.add_argument("--export", type=pathlib.Path, metavar="FOLDER", help="write the decoder of the checkpoint there")
    return p


def main():
    p = options(__doc__, minutes=90, batch=16, rate=1e-3)
    p.add_argument("--facts", type=float, default=FACTS, help="weight of naming what is in each place; 0: pictures and "
                   "captions alone (default: %(default)s)")
    p.add_argument("--easy", type=float, default=0, metavar="MINUTES", help="at first, of pictures of the world with "
                   "one or two things that are not small, on plain backgrounds or gradients (default: %(default)s)")
    p.add_argument("--widths", type=int, nargs=3, default=decoder_network.CONFIG["block_out_channels"],
                   help="channels of each resolution (default: 64 96 96)")
    p.add_argument("--patch", type=int, default=4, help="pixels to a side of a place (default: %(default)s)")
    o = p.parse_args()
    if o.export:
        return write_model(o.export, load(o.checkpoint))
    drawn, towers = embed.Embedded(o.folder), clip.load(o.clip)
    Training(o, drawn, towers.text, bpe.Tokenizer(o.tokenizer), held_out(drawn, towers.vision)).run()


if __name__ == "__main__":
    main()
