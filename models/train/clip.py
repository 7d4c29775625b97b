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
import facts
import stage
import wording
import world

HELD = 200  # pictures that retrieval is measured on, in two hundreds
MOST_SCALE = 100
TEXT = dict(hidden_size=192, num_attention_heads=6, num_hidden_layers=4, intermediate_size=768)
VISION = dict(hidden_size=192, num_attention_heads=6, num_hidden_layers=4, intermediate_size=768, patch_size=8,
              image_size=64, num_channels=3)
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


class Learner(nn.Module):
    """What is trained: the CLIP, and the layers beside it."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.clip = Clip(config)
        self.facts = facts.Facts(config["text"]["projection_dim"])


def contrast(logits, also_true):
    """The mean of both directions' cross-entropy; also_true [texts, pictures]: no wrong answers, nor the right ones."""
    logits = logits.masked_fill(also_true, -math.inf)
    right = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2


def also_true(claims, rows):
    truth = torch.from_numpy(wording.true_of(claims, rows))
    return (truth & ~torch.eye(len(truth), dtype=torch.bool)).to(stage.device())


def retrieval(texts, pictures, claims, rows, hundred=100):
    """(share of pictures whose own caption is the first of a hundred, share whose first caption is true of them)."""
    own, true = [], []
    for k in range(0, len(texts), hundred):
        part = slice(k, k + hundred)
        first = (pictures[part] @ texts[part].T).argmax(1).cpu()
        truth = torch.from_numpy(wording.true_of(claims[part], rows[part]))
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
            loss = loss + self.options.facts * self.network.facts.loss(seen, facts.of(drawn))
        return self.learn(loss)

    def measure(self, network):
        pictures, texts, claims, rows = self.held
        with stage.mixed():
            seen, read = network.clip.pictures(stage.pixels(pictures)), network.clip.texts(self.ids(texts))
        own, true = retrieval(read, seen, claims, rows)
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
