# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the tiny model that makes video and, beside it, golden tensors computed by PyTorch (README.md here).

    python tests/models/make_video.py
"""
import math
import pathlib
import sys

import numpy as np
import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "models/train"))
from export import write_video_model  # noqa: E402
from generate import level_of  # noqa: E402
from pseudo3d import TemporalConv, UdmPseudo3D  # noqa: E402

SEED, RATE = 7, 12.5
GIVEN = -1  # the number of frames that were given
UNKNOWN, CLASS = 1 << 30, 1 << 31  # "steps" of engine/diffusion/rolling_window.c


def network():
    """Random weights, with none at zero, so that every layer matters."""
    torch.manual_seed(6)
    net = UdmPseudo3D(sample_size=16, frames=5, context=1, patch_size=2, block_out_channels=(8, 16),
                      layers_per_block=(1, 1), heads=(0, 2), norm_num_groups=4, embedding=12, num_class_embeds=3).eval()
    with torch.no_grad():
        for name, w in net.named_parameters():
            if w.ndim > 1:
                w.normal_(0, 1 / math.sqrt(w[0].numel()))
            elif "norm" not in name:
                w.normal_(0, 0.3)
    return net


def philox(counter, key):
    """Philox 4x32-10 of Salmon et al. 2011; counter: [..., 4], key: [2] of integers. [..., 4] as uint64."""
    c, k = [np.asarray(counter[..., i], np.uint64) for i in range(4)], [int(x) for x in key]
    mask = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]), p1 & mask, (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]),
             p0 & mask]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(c, -1)


def normal(number, step, shape):
    count = math.prod(shape)
    counter = np.zeros((-(-count // 4), 4), np.uint64)
    counter[:, 0], counter[:, 1], counter[:, 3] = np.arange(len(counter)), number, step
    bits = philox(counter, (SEED, 0)).astype(np.float64).reshape(-1, 2)
    radius, angle = np.sqrt(-2 * np.log((bits[:, 0] + 1) / 2 ** 32)), bits[:, 1] * (2 * math.pi / 2 ** 32)
    values = np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1).reshape(-1)[:count]
    return torch.from_numpy(values.astype(np.float32)).view(shape)


class Memories:
    """What layers along time of a network read of the known frames at its last run that did not recall them."""

    def __init__(self, net, known):
        self.known, self.kept, self.recalls = known, {}, False
        along_time = [m for m in net.modules() if isinstance(m, TemporalConv) or getattr(m, "along_time", False)]
        self.hooks = [layer.register_forward_pre_hook(self.replace) for layer in along_time]

    def replace(self, layer, arguments):
        x, frames = arguments
        if self.recalls:
            return torch.cat([self.kept[layer], x[self.known:]]), frames
        self.kept[layer] = x[:self.known]

    def remove(self):
        for hook in self.hooks:
            hook.remove()


class Rolling:
    """engine/diffusion/rolling_window.c, for the first frames of one scene, with DDIM."""

    def __init__(self, net, steps, classes, guidance, known=(), residual=False, recalls=False):
        """classes, guidance: of frame n; a class of -1 is drawn, or none after `known` frames."""
        self.net, self.classes, self.guidance = net, classes, guidance
        self.frames, self.shape = net.frames, (1, net.config["sample_size"], net.config["sample_size"])
        self.ramp = min(steps, self.frames - 1 - net.config["context"])
        self.turns = -(-steps // self.ramp)
        self.residual = residual
        self.memories = Memories(net, self.frames - self.ramp) if recalls else None
        bits = int(philox(np.array([0, 0, 0, CLASS], np.uint64), (SEED, 0))[0])
        self.drawn = net.config["num_class_embeds"] if len(known) else bits * net.config["num_class_embeds"] >> 32
        self.x = [normal(0, UNKNOWN + f, self.shape) for f in range(self.frames)]
        self.number = [None] * self.frames  # of the frame in each place
        self.anchor_age = 0
        self.entered = 0
        self.unconditional = [None] * self.frames  # x0 without the class, at the first step of the turn
        if len(known):  # the first frame has their class
            places = [0] + list(range(self.frames - len(known), self.frames - 1))
            for place, x in zip(places, known):
                self.x[place], self.number[place] = x, GIVEN
        self.enter()

    def enter(self):
        self.x[-1], self.number[-1] = normal(self.entered, 0, self.shape), self.entered
        self.entered += 1

    def class_of(self, place):
        wanted = self.classes(max(self.number[place], 0))
        return self.drawn if wanted < 0 else wanted

    def time(self, place, done):
        if self.number[place] is None:
            return 1.0
        if self.number[place] == GIVEN:
            return 0.0
        steps = (self.frames - 1 - place) * self.turns + done
        return 1 - steps / (self.turns * self.ramp) if place >= self.frames - self.ramp else 0.0

    def look(self, level, conditional):
        none = self.net.config["num_class_embeds"]
        known = [self.class_of(f) if conditional and self.number[f] is not None else none for f in range(self.frames)]
        with torch.no_grad():
            out = self.net(torch.stack(self.x), level, torch.tensor(known), torch.full((self.frames,), RATE),
                           self.frames)
        if self.memories:
            self.memories.recalls = self.number[0] is not None
        return out

    def step(self, done):
        time = torch.tensor([[self.time(f, d) for d in (done, done + 1)] for f in range(self.frames)],
                            dtype=torch.float64)
        level = level_of(time).float()
        if self.memories and done == 0:
            self.memories.recalls = False
        conditional, unconditional = self.look(level[:, 0], True), self.look(level[:, 0], False)
        for f in range(self.frames - self.ramp, self.frames):
            if self.number[f] in (None, GIVEN):
                continue
            (s, s2), (a, a2) = level[f], (1 - level[f] ** 2).sqrt()
            if self.residual and done == 0:
                self.unconditional[f] = unconditional[f]
            elif self.residual:
                unconditional[f] = self.unconditional[f]
            x0 = (unconditional[f] + self.guidance(self.number[f]) * (conditional[f] - unconditional[f])).clamp(-1, 1)
            noise = (self.x[f] - a * x0) / s
            self.x[f] = a2 * x0 + s2 * noise

    def roll(self):
        done = self.frames - self.ramp
        if self.number[done] not in (None, GIVEN):
            other = self.number[0] is not None and self.class_of(0) != self.class_of(done)
            self.anchor_age = self.anchor_age + 1 if other else 0
            if self.number[0] is None or self.anchor_age >= 4:
                self.x[0], self.number[0], self.anchor_age = self.x[done].clone(), self.number[done], 0
        made = self.x[done], self.number[done]
        self.unconditional[1:] = self.unconditional[2:] + self.unconditional[1:2]
        self.x[1:], self.number[1:] = self.x[2:] + self.x[1:2], self.number[2:] + self.number[1:2]
        self.enter()
        return made

    def run(self, count):
        made = []
        while len(made) < count:
            for done in range(self.turns):
                self.step(done)
            x, number = self.roll()
            made += [x] if number not in (None, GIVEN) else []
        if self.memories:
            self.memories.remove()
        return torch.stack(made)


def main():
    torch.set_num_threads(1)
    net = network()
    write_video_model(HERE / "tiny-video", net.config, net.state_dict(), torch.float32)
    torch.manual_seed(8)
    window, level = torch.randn(5, 1, 16, 16), torch.tensor([0, 0.1, 0.45, 0.9, 1])
    classes = torch.tensor([1, 1, 0, 3, 2])  # 3: none
    with torch.no_grad():
        expected = net(window, level, classes, torch.full((5,), RATE), 5)
    guidance = lambda n: 1.5 + n / 4
    film = Rolling(net, 6, lambda n: -1 if n < 3 else 2, guidance).run(12)
    few = Rolling(net, 2, lambda n: 1, guidance).run(6)
    residual = Rolling(net, 6, lambda n: n % 3, guidance, residual=True).run(6)
    recalled = Rolling(net, 6, lambda n: n % 3, guidance, recalls=True).run(6)
    known = film[:3]
    continued = Rolling(net, 6, lambda n: -1 if n < 2 else 0, guidance, known).run(6)
    for name, x in dict(window=window, level=level, expected=expected, film=film, few=few, residual=residual,
                        recalled=recalled, continued=continued).items():
        np.save(HERE / "tiny-video" / f"{name}.npy", x.numpy())
    print(f"expected {expected.std():.2f}, film {film.std():.2f}, {film.abs().max():.2f}")


if __name__ == "__main__":
    main()
