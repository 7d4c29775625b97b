# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains a network that reads the world's pictures: which things, in which colours, sizes and fills, and where.

    python models/train/world.py draw WORK/any --split any --count 60000 --digits ... --pictures ...
    python models/train/readers.py WORK/any --checkpoint WORK/reader.pt --minutes 60

It measures what the chain makes of words (tests/bench/text.py), so it learns by itself, from pictures of all pairs of
things and colours, some of them soft or noisy as those that are made may be.
"""
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import facts
import stage
import tempered
import world

HELD = 500


class Reader(nn.Module):
    """Looks for each kind of thing on a grid of places, and says what is where it looks."""

    def __init__(self, widths=(32, 64, 96, 128)):
        super().__init__()
        self.config = dict(widths=list(widths))
        sizes = [3, *widths]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, 2 if i < 3 else 1, 1) for i, (a, b) in
                                   enumerate(zip(sizes, sizes[1:])))
        self.norms = nn.ModuleList(nn.GroupNorm(8, width) for width in widths)
        self.last = nn.Conv2d(widths[-1], widths[-1], 3, padding=1)
        self.where = nn.Conv2d(widths[-1], facts.KINDS, 1)
        self.what = nn.Linear(widths[-1], facts.COLOURS + facts.SIZES + facts.FILLS + 3)
        self.bias = nn.Parameter(torch.zeros(facts.KINDS))

    def features(self, x):
        """[N, C, 8, 8]"""
        for conv, norm in zip(self.convs, self.norms):
            x = F.relu(norm(conv(x)))
        return x + F.relu(self.last(x))

    def forward(self, x):
        """x [N, 3, 64, 64] in [-1, 1]: by kind the logit that it is there, colour, size, fill, spot (x, y, radius)."""
        x = self.features(x)
        heat = self.where(x).flatten(2)
        looks = (4 * heat).softmax(-1)
        seen = looks @ x.flatten(2).transpose(1, 2)
        colour, size, fill, offset = self.what(seen).split([facts.COLOURS, facts.SIZES, facts.FILLS, 3], -1)
        side = x.shape[-1]
        at = (torch.arange(side, device=x.device) + 0.5) / side - 0.5
        grid = torch.stack([at.repeat(side), at.repeat_interleave(side), torch.zeros(side ** 2, device=x.device)], -1)
        return dict(there=heat.amax(-1) + self.bias, colour=colour, size=size, fill=fill,
                    spot=looks @ grid + 0.2 * offset)


def read(reader, pictures):
    """uint8 [N, 64, 64, 3]: what forward() says of them, on the processor."""
    with torch.no_grad():
        parts = [reader(stage.pixels(pictures[k:k + 200])) for k in range(0, len(pictures), 200)]
    return {name: torch.cat([part[name] for part in parts]).float().cpu() for name in parts[0]}


def loss(said, told, temper=0.0):
    there = told["colour"] < facts.COLOURS
    total = tempered.binary(said["there"], there.float(), temper).sum(1).mean()
    for name in ("colour", "size", "fill"):
        total = total + tempered.cross_entropy(said[name][there].float(), told[name][there], temper)
    return total + 20 * (said["spot"][there] - told["spot"][there]).square().mean()


def worn(x):
    """Some of the pictures soft, some noisy."""
    soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    share = torch.rand(len(x), 1, 1, 1, device=x.device)
    x = torch.lerp(x, soft, torch.where(share < 0.4, share * 2.5, 0))
    amount = 0.15 * torch.rand(len(x), 1, 1, 1, device=x.device) * (torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5)
    return (x + amount * torch.randn_like(x)).clamp(-1, 1)


def figures(said, drawn):
    """Shares that are read right, by name: things, and of those that are there colours, sizes, fills and places."""
    told = {name: v.cpu() for name, v in facts.of(drawn).items()}
    there = told["colour"] < facts.COLOURS
    found = {"things": ((said["there"] > 0) == there).all(1).float().mean().item()}
    for name in ("colour", "size", "fill"):
        found[name] = (said[name][there].argmax(-1) == told[name][there]).float().mean().item()
    far = (said["spot"] - told["spot"])[there][:, :2].norm(dim=-1)
    found["place"] = (far < 0.1).float().mean().item()
    return found


class Training(stage.Stage):
    memory = 0.995

    def __init__(self, options, drawn):
        self.drawn = drawn
        self.held, self.held_scenes = drawn.held_out(HELD)[0], world.held_out_scenes(HELD, drawn.split)
        super().__init__(options)

    def make_network(self):
        torch.manual_seed(self.options.seed)
        return Reader()

    def batch(self, seconds):
        numbers = np.sort(np.random.randint(self.drawn.count, size=self.options.batch))
        return self.drawn.pictures[numbers], facts.numbers(self.drawn.scenes(numbers))

    def learn_from(self, batch):
        pictures, known = batch
        x = worn(stage.pixels(pictures)).contiguous(memory_format=torch.channels_last)
        with stage.mixed():
            said = self.network(x)
        return self.learn(loss(said, facts.moved(known), self.options.temper))

    def measure(self, network):
        return figures(read(network, self.held), self.held_scenes)


def load(path):
    config, weights = stage.load(path)
    reader = Reader(**config).to(stage.device())
    reader.load_state_dict(weights)
    return reader.eval()


def main():
    p = stage.parser(__doc__, minutes=60, batch=64, rate=2e-3, models=False)
    p.add_argument("--seed", type=int, default=0, help="of the first weights (default: %(default)s)")
    p.add_argument("--temper", type=float, default=0, help="0 to 1: how much less what is given up for lost teaches "
                   "(tempered.py; default: %(default)s)")
    o = p.parse_args()
    Training(o, world.Drawn(o.folder)).run()


if __name__ == "__main__":
    main()
