# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the trainings of the chain from text to pictures share: devices, options, resuming, the curve.

A GPU is used where PyTorch sees one. A training can be stopped at any time and goes on from its checkpoint.
"""
import argparse
import contextlib
import copy
import json
import os
import pathlib

import numpy as np
import safetensors.torch
import torch
from matplotlib import pyplot
from PIL import Image
from tqdm import tqdm

import train
from ahead import Ahead
from lion import Lion


def device():
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def mixed():
    """Products in bfloat16 on a GPU, and on processors that have them."""
    return torch.autocast("cuda", torch.bfloat16) if device().type == "cuda" else train.mixed()


def usual_workers():
    """None where products take longer than batches."""
    return max(1, min(14, os.cpu_count() - 2)) if device().type == "cuda" else 0


def parser(doc, minutes, batch, rate, models=True):
    """What every stage takes; the figures are defaults. models: whether it makes a part of a model."""
    p = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=pathlib.Path, help="of pictures, that `world.py draw` or pairs.py filled")
    p.add_argument("--checkpoint", required=True, type=pathlib.Path)
    if models:
        p.add_argument("--start", type=pathlib.Path, metavar="MODEL", help="a model folder whose weights to go on from "
                       "if nothing is at --checkpoint")
    p.add_argument("--minutes", type=float, default=minutes, help="training time in all (default: %(default)s)")
    p.add_argument("--batch", type=int, default=batch, help="default: %(default)s")
    p.add_argument("--rate", type=float, default=rate, help="peak learning rate (default: %(default)s)")
    p.add_argument("--optimizer", choices=("adamw", "lion"), default="adamw", help="for lion, --rate should be a third "
                   "to a tenth (default: %(default)s)")
    p.add_argument("--threads", type=int, default=os.cpu_count(), help="of the processor (default: %(default)s)")
    p.add_argument("--workers", type=int, default=usual_workers(), help="processes that make batches ahead, which a "
                   "GPU would wait for (default: %(default)s)")
    p.add_argument("--save-every", type=float, default=2, help="minutes (default: %(default)s)")
    p.add_argument("--look-every", type=float, default=5, help="minutes (default: %(default)s)")
    return p


def pixels(pictures):
    """uint8 [N, H, W, 3] as float [N, 3, H, W] in [-1, 1], on the device."""
    x = torch.from_numpy(pictures).to(device()).permute(0, 3, 1, 2)
    return x.float() / 127.5 - 1


def picture_of(x):
    """[N, 3, H, W] in [-1, 1] as uint8 [N, H, W, 3]."""
    return ((x.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def wall(rows):
    """One picture of rows of pictures, uint8 [N, H, W, 3] each."""
    return Image.fromarray(np.concatenate([np.concatenate(list(row), 1) for row in rows]))


@contextlib.contextmanager
def using(network, weights):
    """For a while, a copy of the network with other weights."""
    other = copy.deepcopy(network).eval()
    other.load_state_dict(weights)
    with torch.no_grad():
        yield other


def part(folder, make, name="diffusion_pytorch_model"):
    """A network with the weights of a part of a model folder."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    network = make(**{k: v for k, v in config.items() if not k.startswith("_")})
    weights = safetensors.torch.load_file(folder / f"{name}.safetensors")
    network.load_state_dict({k: w.float() for k, w in weights.items()})
    return network


def load(path):
    """(config, averaged weights) of a checkpoint."""
    saved = torch.load(path, weights_only=True, map_location=device())
    return saved["config"], saved["average"]


class Stage(train.Training):
    """make_network() makes the network, learn_from(batch) learns once from what batch(seconds) gave, on other processes
    where there are workers; measure(network) gives figures by name."""

    def __init__(self, options):
        torch.set_num_threads(options.threads)
        options.validate_every = options.look_every
        options.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        self.ahead = None
        super().__init__(options)

    def make_optimizer(self):
        if self.options.optimizer == "lion":
            return Lion(self.network.parameters(), self.options.rate)
        return super().make_optimizer()

    def step(self):
        return self.learn_from(self.ahead.next(self.seconds))

    def run(self):
        self.ahead = Ahead(self.batch, self.options.workers)
        try:
            super().run()
        finally:
            self.ahead.close()

    def first_network(self):
        return self.make_network().to(device())

    def resume(self):
        super().resume()
        self.average = {name: w.to(device()) for name, w in self.average.items()}

    def measure(self, network):
        return {}

    def look(self):
        with using(self.network, self.average) as network:
            found = self.measure(network)
        self.curve.append(dict(minutes=self.seconds / 60, steps=self.steps,
                               loss=sum(self.losses) / max(len(self.losses), 1), **found))
        self.losses = []
        tqdm.write("step %d, minute %.1f: loss %.4f" % (self.steps, self.seconds / 60, self.curve[-1]["loss"]) +
                   "".join(f", {name} {value:.3f}" for name, value in found.items()))
        draw_curve(self.curve, self.options.checkpoint.with_suffix(".png"))


def draw_curve(curve, path):
    """curve: a dict for each point, with minutes, steps, loss, and other figures by name."""
    names = [key for key in curve[-1] if key not in ("minutes", "steps")]
    figure, axes = pyplot.subplots(1, len(names), figsize=(4 * len(names), 3.5), layout="constrained", squeeze=False)
    for axis, name in zip(axes[0], names):
        axis.plot([p["minutes"] for p in curve], [p.get(name) for p in curve], ".-")
        axis.set_ylabel(name)
        axis.set_xlabel(f"minutes of training ({curve[-1]['steps']} steps)")
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=80)
    pyplot.close(figure)
