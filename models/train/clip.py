# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains a CLIP (Radford et al. 2021) on pictures of the world and their captions.

    python models/train/clip.py WORK/world --tokenizer models/world/tokenizer --checkpoint WORK/clip.pt --minutes 60
    python models/train/clip.py WORK/world --tokenizer ... --checkpoint WORK/clip.pt --export models/world

Each picture of a batch is to find its caption among those of the batch, and each caption its picture. A caption that is
true of another picture as well does not count as a wrong one there. Beside that, linear layers name what is in the
picture from its embedding, and what is in each patch (--facts), which makes it learn in minutes what would take hours,
and keeps in the embedding what a decoder is to draw; they are not part of the model.
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
import pairs
import stage

HELD = 200  # pictures that retrieval is measured on, in two hundreds
MOST_SCALE = 100
HEAD = 32  # channels of a head of attention
PATCHES = 5  # weight of naming what is in each patch beside what is in the picture
TOWERS = (("text_encoder", clip_network.TextModel), ("image_encoder", clip_network.VisionModel))
VISION = dict(patch_size=8, image_size=64, num_channels=3)
PREPROCESSOR = dict(image_processor_type="CLIPImageProcessor", do_resize=True, size={"shortest_edge": 64},
                    resample=3, do_center_crop=True, crop_size={"height": 64, "width": 64}, do_rescale=True,
                    rescale_factor=1 / 255, do_normalize=True, image_mean=[0.5] * 3, image_std=[0.5] * 3,
                    do_convert_rgb=True)


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
        self.patches = facts.Patches(config["vision"]["hidden_size"])


def begun(folder):
    """A Learner with the towers of a model folder."""
    towers = [stage.part(folder / name, make, "model") for name, make in TOWERS]
    learner = Learner(dict(zip(("text", "vision"), (tower.config for tower in towers))))
    for tower, own in zip(towers, (learner.clip.text, learner.clip.vision)):
        own.load_state_dict(tower.state_dict())
    return learner


def contrast(logits, also_true):
    """The mean of both directions' cross-entropy; also_true [texts, pictures]: no wrong answers, nor the right one."""
    logits = logits.masked_fill(also_true, -math.inf)
    right = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2


def others(truth):
    """Where captions are true of other pictures than their own."""
    return torch.from_numpy(truth & ~np.eye(len(truth), dtype=bool)).to(stage.device())


def retrieval(asked, answers, truth, hundred=100):
    """Of embeddings that ask, in hundreds: (share whose own answer is the nearest of the hundred, share whose nearest
    answer is true of them). truth [asked, answers]."""
    own, true = [], []
    for k in range(0, len(asked), hundred):
        part = slice(k, k + hundred)
        first = (asked[part] @ answers[part].T).argmax(1).cpu().numpy()
        own.append((first == np.arange(len(first))).mean())
        true.append(truth[part, part][np.arange(len(first)), first].mean())
    return float(np.mean(own)), float(np.mean(true))


class Training(stage.Stage):
    memory = 0.995

    def __init__(self, options, drawn, tokenizer, held):
        self.tokenizer, self.drawn, self.held = tokenizer, drawn, held
        super().__init__(options)
        vision = self.network.config["vision"]
        self.side = vision["image_size"] // vision["patch_size"]

    def make_network(self):
        o, t = self.options, self.tokenizer
        if o.start:
            return begun(o.start)
        shared = dict(projection_dim=o.width, hidden_size=o.width, num_attention_heads=o.width // HEAD,
                      intermediate_size=4 * o.width, hidden_act="gelu", layer_norm_eps=clip_network.EPSILON)
        text = dict(vocab_size=len(t.ids), max_position_embeddings=t.length, bos_token_id=t.begin,
                    eos_token_id=t.end, pad_token_id=t.end, num_hidden_layers=o.layers[0], **shared)
        return Learner(dict(text=text, vision={**VISION, **shared, "num_hidden_layers": o.layers[1]}))

    def ids(self, texts):
        return torch.from_numpy(self.tokenizer.batch(texts)).to(stage.device())

    def batch(self, seconds):
        """(pictures, ids, of which pictures each caption is true; what is in them, and in each patch; or None twice)"""
        numbers = np.sort(np.random.randint(self.drawn.count, size=self.options.batch))
        scenes = self.drawn.scenes(numbers) if self.options.facts else None
        texts, truth = self.drawn.said(numbers, scenes)
        known = (facts.numbers(scenes), facts.patch_numbers(scenes, self.side)) if scenes else (None, None)
        return self.drawn.pictures[numbers], self.tokenizer.batch(texts), truth, *known

    def learn_from(self, batch):
        pictures, ids, truth, known, known_patches = batch
        clip = self.network.clip
        with stage.mixed():
            seen, patches = clip.vision.with_patches(stage.pixels(pictures))
            seen, read = F.normalize(seen.float(), dim=-1), clip.texts(torch.from_numpy(ids).to(stage.device()))
        loss = contrast(clip.logit_scale.exp().clamp(max=MOST_SCALE) * read @ seen.T, others(truth))
        if known:
            named = self.network.facts.loss(seen, facts.moved(known))
            named = named + PATCHES * self.network.patches.loss(patches, facts.moved(known_patches))
            loss = loss + self.options.facts * named
        return self.learn(loss)

    def measure(self, network):
        """Whether pictures find their captions."""
        pictures, texts, truth = self.held
        with stage.mixed():
            seen, read = network.clip.pictures(stage.pixels(pictures)), network.clip.texts(self.ids(texts))
        own, true = retrieval(seen, read, truth.T)
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
    p = stage.parser(__doc__, minutes=60, batch=64, rate=2e-3)
    p.add_argument("--tokenizer", required=True, type=pathlib.Path, help="folder that bpe.py wrote")
    p.add_argument("--width", type=int, default=128, help="of both towers and of the embedding, which the prior takes "
                   "to be one (default: %(default)s)")
    p.add_argument("--layers", type=int, nargs=2, default=(3, 4), help="of the towers of text and of pictures "
                   "(default: 3 4)")
    p.add_argument("--facts", type=float, default=0.5, help="weight of naming what is in a picture; 0: contrast alone "
                   "(default: %(default)s)")
    p.add_argument("--export", type=pathlib.Path, metavar="FOLDER", help="write the towers of the checkpoint there")
    o = p.parse_args()
    if o.export:
        return write_model(o.export, load(o.checkpoint))
    drawn = pairs.opened(o.folder)
    Training(o, drawn, bpe.Tokenizer(o.tokenizer), drawn.held_out(HELD)).run()


if __name__ == "__main__":
    main()
