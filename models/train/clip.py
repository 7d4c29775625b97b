# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains a CLIP (Radford et al. 2021) on pictures of the world and their captions.

    python models/train/clip.py WORK/world --tokenizer models/world/tokenizer --checkpoint WORK/clip.pt --minutes 40
    python models/train/clip.py WORK/world --tokenizer ... --checkpoint WORK/clip.pt --export models/world

Each picture of a batch is to find its caption among those of the batch, and each caption its picture. A caption that is
true of another picture as well does not count as a wrong one there. Beside that, linear layers name what is in the
picture from its embedding (--facts), which makes it learn in minutes what would take hours, and keeps in the embedding
what a decoder is to draw; they are not part of the model.
"""
import math
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import bpe
import clip_network
import export
import scenes
import stage
import wording
import world

HELD = 200  # pictures that retrieval is measured on, in two hundreds
MOST_SCALE = 100
TEXT = dict(hidden_size=192, num_attention_heads=6, num_hidden_layers=4, intermediate_size=768)
VISION = dict(hidden_size=192, num_attention_heads=6, num_hidden_layers=4, intermediate_size=768, patch_size=8,
              image_size=64, num_channels=3)
KINDS, COLOURS, SIZES, FILLS = (len(x) for x in (scenes.KINDS, scenes.COLOURS, scenes.SIZES, scenes.FILLS))
PREPROCESSOR = dict(image_processor_type="CLIPImageProcessor", do_resize=True, size={"height": 64, "width": 64},
                    resample=3, do_center_crop=False, do_rescale=True, rescale_factor=1 / 255, do_normalize=True,
                    image_mean=[0.5] * 3, image_std=[0.5] * 3, do_convert_rgb=True)


class Clip(nn.Module):
    """Both towers and the temperature."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.text = clip_network.TextModel(**config["text"])
        self.vision = clip_network.VisionModel(**config["vision"])
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def texts(self, ids):
        return F.normalize(self.text(ids)[0].float(), dim=-1)

    def pictures(self, x):
        return F.normalize(self.vision(x).float(), dim=-1)


class Facts(nn.Module):
    """Names what is in a picture from its embedding: of each kind of thing the colour or none, size, fill and place."""

    def __init__(self, size):
        super().__init__()
        self.parts = {"colour": COLOURS + 1, "size": SIZES, "fill": FILLS, "spot": 3}
        self.things = nn.Linear(size, KINDS * sum(self.parts.values()))
        self.background = nn.Linear(size, len(scenes.BACKGROUNDS))
        self.grounds = nn.Linear(size, 2 * len(wording.GROUND_NAMES))

    def loss(self, embedding, told):
        """embedding [N, size], normalised; told: what facts_of() gives."""
        x = embedding * embedding.shape[1] ** 0.5
        colour, size, fill, spot = self.things(x).view(len(x), KINDS, -1).split(list(self.parts.values()), -1)
        there = told["colour"] < COLOURS
        named = F.cross_entropy(colour.flatten(0, 1), told["colour"].flatten(), reduction="none").view(there.shape).sum(1)
        loss = named.mean() + F.cross_entropy(size[there], told["size"][there])
        loss = loss + F.cross_entropy(fill[there], told["fill"][there])
        loss = loss + 20 * (spot[there] - told["spot"][there]).square().mean()
        loss = loss + F.cross_entropy(self.background(x), told["background"])
        grounds = self.grounds(x).view(2 * len(x), -1)
        return loss + F.cross_entropy(grounds, told["grounds"].flatten(), ignore_index=wording.OPEN)


def facts_of(drawn):
    """What Facts is to name, of scenes: tensors by name."""
    n = len(drawn)
    told = {name: np.full((n, KINDS), COLOURS if name == "colour" else 0) for name in ("colour", "size", "fill")}
    spot = np.zeros((n, KINDS, 3), np.float32)
    grounds = np.full((n, 2), wording.OPEN)
    for i, scene in enumerate(drawn):
        for thing in scene.things:
            for name, values in told.items():
                values[i, thing.kind] = getattr(thing, name)
            spot[i, thing.kind] = thing.x - 0.5, thing.y - 0.5, thing.radius
        grounds[i, :len(scene.grounds)] = [wording.GROUND_NAMES.index(name) for name in scene.grounds]
    told |= {"spot": spot, "grounds": grounds, "background": np.array([s.background for s in drawn])}
    return {name: torch.from_numpy(v).to(stage.device()) for name, v in told.items()}


class Learner(nn.Module):
    """What is trained: the CLIP, and the layers beside it."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.clip = Clip(config)
        self.facts = Facts(config["text"]["projection_dim"])


def contrast(logits, also_true):
    """The mean of both directions' cross-entropy; also_true [texts, pictures]: no wrong answers, nor the right ones."""
    logits = logits.masked_fill(also_true, -math.inf)
    right = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2


def also_true(claims, facts):
    truth = torch.from_numpy(wording.true_of(claims, facts))
    return (truth & ~torch.eye(len(truth), dtype=torch.bool)).to(stage.device())


def retrieval(texts, pictures, claims, facts, hundred=100):
    """(share of pictures whose own caption is the first of a hundred, share whose first caption is true of them)."""
    own, true = [], []
    for k in range(0, len(texts), hundred):
        part = slice(k, k + hundred)
        first = (pictures[part] @ texts[part].T).argmax(1).cpu()
        truth = torch.from_numpy(wording.true_of(claims[part], facts[part]))
        own.append((first == torch.arange(len(first))).float().mean())
        true.append(truth[first, torch.arange(len(first))].float().mean())
    return float(sum(own) / len(own)), float(sum(true) / len(true))


class Training(stage.Stage):
    memory = 0.995

    def __init__(self, options, drawn, tokenizer, held):
        self.tokenizer, self.drawn, self.held = tokenizer, drawn, held
        super().__init__(options)

    def make_network(self):
        t = self.tokenizer
        shared = dict(projection_dim=self.options.embedding, hidden_act="gelu", layer_norm_eps=clip_network.EPSILON)
        text = dict(TEXT, vocab_size=len(t.ids), max_position_embeddings=t.length, bos_token_id=t.begin,
                    eos_token_id=t.end, pad_token_id=t.end, **shared)
        return Learner(dict(text=text, vision={**VISION, **shared}))

    def ids(self, texts):
        return torch.from_numpy(self.tokenizer.batch(texts)).to(stage.device())

    def batch(self):
        """(pictures, scenes, texts, claims)"""
        numbers = np.sort(np.random.randint(self.drawn.count, size=self.options.batch))
        drawn = [self.drawn.scene(int(n)) for n in numbers]
        said = [wording.caption(np.random.default_rng(), s) for s in drawn]
        return self.drawn.pictures[numbers], drawn, [t for t, _ in said], np.stack([c for _, c in said])

    def step(self):
        pictures, drawn, texts, claims = self.batch()
        clip = self.network.clip
        with stage.mixed():
            seen, read = clip.pictures(stage.pixels(pictures)), clip.texts(self.ids(texts))
        scale = clip.logit_scale.exp().clamp(max=MOST_SCALE)
        loss = contrast(scale * read @ seen.T, also_true(claims, np.stack([wording.facts(s) for s in drawn])))
        if self.options.facts:
            loss = loss + self.options.facts * self.network.facts.loss(seen, facts_of(drawn))
        return self.learn(loss)

    def measure(self, network):
        pictures, texts, claims, facts = self.held
        with stage.mixed():
            seen, read = network.clip.pictures(stage.pixels(pictures)), network.clip.texts(self.ids(texts))
        own, true = retrieval(read, seen, claims, facts)
        return {"R@1 among 100": own, "first is true": true}


def load(path):
    """The averaged CLIP of a checkpoint."""
    config, weights = stage.load(path)
    learner = Learner(config)
    learner.load_state_dict(weights)
    return learner.clip.eval().to(stage.device()).requires_grad_(False)


def write_model(folder, clip):
    """As transformers has them: text_encoder, image_encoder and feature_extractor."""
    half = {"dtype": "float16", "attention_dropout": 0.0, "initializer_factor": 1.0, "initializer_range": 0.02}
    for name, tower, kind, model in (("text_encoder", clip.text, "CLIPTextModelWithProjection", "clip_text_model"),
                                     ("image_encoder", clip.vision, "CLIPVisionModelWithProjection",
                                      "clip_vision_model")):
        weights = {k: w.cpu() for k, w in tower.state_dict().items()}
        config = {"architectures": [kind], "model_type": model, **tower.config, **half}
        export.write_network(folder / name, config, weights, torch.float16)
        (folder / name / "diffusion_pytorch_model.safetensors").replace(folder / name / "model.safetensors")
    export.write_json(folder / "feature_extractor/preprocessor_config.json", PREPROCESSOR)


def main():
    p = stage.parser(__doc__, minutes=40, batch=128, rate=1e-3)
    p.add_argument("--tokenizer", required=True, type=pathlib.Path, help="folder that bpe.py wrote")
    p.add_argument("--embedding", type=int, default=192, help="its size (default: %(default)s)")
    p.add_argument("--facts", type=float, default=0.3, help="weight of naming what is in a picture; 0: contrast alone "
                   "(default: %(default)s)")
    p.add_argument("--export", type=pathlib.Path, metavar="FOLDER", help="write the towers of the checkpoint there")
    o = p.parse_args()
    if o.export:
        return write_model(o.export, load(o.checkpoint))
    drawn = world.Drawn(o.folder)
    Training(o, drawn, bpe.Tokenizer(o.tokenizer), drawn.held_out(HELD, VISION["image_size"])).run()


if __name__ == "__main__":
    main()
