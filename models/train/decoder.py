# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the decoder: from image embeddings and captions to latents of pictures of 64x64, on stills.

    python models/train/decoder.py WORK/world --clip WORK/clip.pt --tokenizer models/world/tokenizer \\
        --autoencoder WORK/autoencoder.pt --checkpoint WORK/decoder.pt --minutes 70
    python models/train/decoder.py WORK/world ... --checkpoint WORK/decoder.pt --export models/world

embed.py has put embeddings into the folder, and autoencoder.py latents. Shares of the embeddings and of the captions
are not told, for guidance (Ho and Salimans 2022) and so that each alone will do; zeros stand for an embedding then, and
the empty text for a caption. The network says x0; its errors count as those of v, and more where things are. Beside the
checkpoint lies a picture with samples.
"""
import pathlib

import numpy as np
import torch

import autoencoder
import bpe
import clip
import decoder_network
import export
import noising
import scenes
import stage
import world

TOLD = 0.35, 0.5, 0.07, 0.08  # shares that are told both embedding and caption, the caption, the embedding, nothing
BLURRED = 0.15   # deviations of the noise on embeddings, at most: what a prior finds is not exact
HELD, SHOWN = 100, 12  # pictures that are held out, and those of them of which samples are drawn
MEASURED = 200, 600, 900  # time steps at which it is measured whether things are named
ALIKE = 0.7      # share of the time steps that are logit-normal (Esser et al. 2024), the others being uniform
MIDDLE, SPREAD = 0.3, 1.0
THING, TEXTURE = 4, 0.4  # weights of errors where things are, and on backgrounds that are not plain
PLANES = 0.5     # weight of errors of the planes that say what is where
EASY = 40000     # pictures, from the first, of which some are easy
SCHEDULER = dict(_class_name="DDIMScheduler", num_train_timesteps=noising.STEPS, beta_schedule="squaredcos_cap_v2",
                 prediction_type="sample", clip_sample=True, clip_sample_range=noising.LATENT_LIMIT,
                 set_alpha_to_one=True, timestep_spacing="trailing", steps_offset=0)


def read(tower, tokenizer, texts, length):
    """What the decoder is told of texts: (embeddings [N, size], tokens [N, length, width])."""
    return read_ids(tower, tokenizer.batch(texts, length))


def read_ids(tower, ids):
    with torch.no_grad(), stage.mixed():
        text, tokens = tower(torch.from_numpy(ids).to(stage.device()))
    return text.float(), tokens.float()


def sample(network, told, untold, guidance, steps, generator):
    """Latents [N, C, H, W], each from its own noise, of (embeddings of pictures, embeddings of texts, tokens)."""
    side = network.config["sample_size"] * network.patch
    noise = torch.randn((len(told[0]), network.channels, side, side), generator=generator).to(told[0].device)
    with torch.no_grad(), stage.mixed():
        return noising.ddim(network, noise, told, untold, guidance, steps)


def drawn_steps(count):
    """Time steps, most of them where it is decided what is where."""
    logits = MIDDLE + SPREAD * torch.randn(count)
    share = torch.where(torch.rand(count) < ALIKE, logits.sigmoid(), torch.rand(count))
    return (share * noising.STEPS).long().clamp(max=noising.STEPS - 1).to(stage.device())


class Training(stage.Stage):
    memory = 0.998

    def __init__(self, options, drawn, autoencoder, tower, tokenizer, held):
        self.drawn, self.autoencoder, self.held = drawn, autoencoder, held
        self.tower, self.tokenizer = tower, tokenizer
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
        if self.options.start:
            return stage.part(self.options.start / "decoder", decoder_network.Decoder)
        channels, side = self.autoencoder.config["latent_channels"], self.drawn.latents.shape[-1]
        return decoder_network.Decoder(sample_size=side, in_channels=channels, out_channels=channels,
                                       block_out_channels=tuple(self.options.widths),
                                       encoder_hid_dim=self.tower.config["hidden_size"],
                                       cross_attention_dim=self.drawn.embeddings.shape[1])

    def batch(self, seconds):
        """(latents, which backgrounds are plain, embeddings, which of those are left out, ids of captions)"""
        numbers = self.numbers(seconds)
        latents = self.drawn.latents_of(numbers, self.network.channels)
        drawn = self.drawn.pairs.scenes(numbers) if self.knows else None
        way = np.random.choice(len(TOLD), len(numbers), p=TOLD)
        texts = ["" if w > 1 else text for w, text in zip(way, self.drawn.pairs.said(numbers, drawn)[0])]
        ids = self.tokenizer.batch(texts, self.network.config["text_tokens"])
        plain = np.array([is_plain(scene) for scene in drawn]) if drawn else np.ones(len(numbers), bool)
        return latents, plain, self.drawn.embeddings[numbers], way % 2 == 1, ids

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
        x0, plain, *told = batch
        x0, plain, steps = x0.to(stage.device()), torch.from_numpy(plain).to(stage.device()), drawn_steps(len(x0))
        x = noising.noisy(x0, steps).contiguous(memory_format=torch.channels_last)
        with stage.mixed():
            made = self.network(x, steps, *self.told(*told))
        return self.learn((noising.weights(steps) * self.errors(made, x0, plain)).mean())

    def errors(self, made, x0, plain):
        """Squared, of each of N."""
        own = self.drawn.latents.shape[1]
        latents, planes = (made - x0).square().tensor_split([own], 1)
        latents = latents.mean(1)
        if self.knows:
            weights = torch.where(plain, 1, TEXTURE)[:, None, None]
            weights = torch.where(autoencoder.near_things(x0[:, own:])[:, 0] > 0, THING, weights)
            latents = weights * (latents + PLANES * planes.sum(1))
        return latents.mean((1, 2))

    @property
    def knows(self):
        """Whether latents say what is where."""
        return self.network.channels > self.drawn.latents.shape[1]

    def measure(self, network):
        pictures, texts, embeddings = self.held
        told = embeddings, *self.read(texts)
        self.show(network, pictures[:SHOWN], [part[:SHOWN] for part in told])
        return self.naming(network, stage.pixels(pictures), told) if self.knows else {}

    def show(self, decoder, pictures, told):
        """Below pictures: what is made of their embeddings, of their captions, and of both."""
        untold = torch.zeros_like(told[0]), *self.read([""] * len(pictures))
        ways = (told[0], *untold[1:]), (untold[0], *told[1:]), told
        made = [sample(decoder, way, untold, 3, 10, torch.Generator().manual_seed(0)) for way in ways]
        stage.wall([pictures, *(stage.picture_of(autoencoder.developed(self.autoencoder, x)) for x in made)]).save(
            self.options.checkpoint.with_name(self.options.checkpoint.stem + "-samples.png"))

    def naming(self, network, pictures, told):
        """In how many of the places of things x0 says the right one, of captions alone."""
        found, own = {}, self.drawn.latents.shape[1]
        told = torch.zeros_like(told[0]), *told[1:]
        x0 = autoencoder.encoded(self.autoencoder, pictures)
        planes = autoencoder.planes_of(world.held_out_scenes(len(x0), self.drawn.pairs.split), x0.shape[-1])
        x0[:, own:], there = planes, planes.amax(1) > 0
        for step in MEASURED:
            steps = torch.full((len(x0),), step, device=x0.device)
            with stage.mixed():
                made = network(noising.noisy(x0, steps), steps, *told)
            right = made[:, own:].argmax(1) == x0[:, own:].argmax(1)
            found[f"things named, step {step}"] = right[there].float().mean().item()
        return found


def is_plain(scene):
    return scenes.BACKGROUNDS[scene.background] in ("plain", "gradient")


def is_easy(scene):
    """Shows much of things, and nothing else."""
    return is_plain(scene) and len(scene.things) < 3 and all(thing.size > 0 for thing in scene.things)


def held_out(drawn, tower):
    """(pictures, captions, embeddings of the pictures)"""
    pictures, texts, _ = drawn.pairs.held_out(HELD)
    with torch.no_grad(), stage.mixed():
        return pictures, texts, tower(stage.pixels(pictures)).float()


def load(path):
    """The averaged decoder of a checkpoint."""
    config, weights = stage.load(path)
    network = decoder_network.Decoder(**config).to(stage.device())
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False)


def write_model(folder, network):
    config = {"_class_name": "UNet2DConditionModel", **network.config}
    export.write_network(folder / "decoder", config, {k: w.cpu() for k, w in network.state_dict().items()},
                         torch.float16)
    export.write_json(folder / "decoder_scheduler/scheduler_config.json", SCHEDULER)


def options(doc, minutes, batch, rate):
    p = stage.parser(doc, minutes, batch, rate)
    p.add_argument("--clip", required=True, type=pathlib.Path, help="checkpoint of clip.py")
    p.add_argument("--autoencoder", required=True, type=pathlib.Path, help="checkpoint of autoencoder.py")
    p.add_argument("--tokenizer", required=True, type=pathlib.Path, help="folder that bpe.py wrote")
    p.add_argument("--export", type=pathlib.Path, metavar="FOLDER", help="write the decoder of the checkpoint there")
    return p


def opened(o):
    """What trainings learn from: (encoded pictures, autoencoder, text tower, tokenizer, what is held out)"""
    drawn, towers = autoencoder.Encoded(o.folder), clip.load(o.clip)
    return (drawn, autoencoder.load(o.autoencoder), towers.text, bpe.Tokenizer(o.tokenizer),
            held_out(drawn, towers.vision))


def main():
    p = options(__doc__, minutes=90, batch=16, rate=1e-3)
    p.add_argument("--easy", type=float, default=0, metavar="MINUTES", help="at first, of pictures of the world with "
                   "one or two things that are not small, on plain backgrounds or gradients (default: %(default)s)")
    p.add_argument("--widths", type=int, nargs=2, default=decoder_network.CONFIG["block_out_channels"],
                   help="channels of each resolution (default: 128 192)")
    o = p.parse_args()
    if o.export:
        return write_model(o.export, load(o.checkpoint))
    Training(o, *opened(o)).run()


if __name__ == "__main__":
    main()
