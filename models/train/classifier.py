# SPDX-License-Identifier: LGPL-2.1-or-later
"""A classifier of noisy pictures for classifier guidance; engine/network/classifier.c has the same. Trains it on MNIST:

    python models/train/classifier.py FOLDER DIRECTORY --minutes 3           # given the noise level, any level
    python models/train/classifier.py FOLDER DIRECTORY --minutes 3 --clean   # for pictures without noise

DIRECTORY is written as a part of a model directory. Prints the share of the t10k part, which it has not seen, that it
reads right, at some levels.
"""
import argparse
import pathlib
import time

import torch
from torch import nn
from torch.nn import functional as F

import digits
import export
import processes

LEVELS = 0, 0.3, 0.6, 0.9


class UdmClassifier(nn.Module):
    def __init__(self, channels=1, widths=(32, 64, 128), classes=10):
        super().__init__()
        self.config = dict(_class_name="UdmClassifier", channels=channels, widths=list(widths), classes=classes)
        sizes = [channels + 1, *widths]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in zip(sizes, sizes[1:]))
        self.out = nn.Linear(widths[-1], classes)

    def features(self, x, level):
        """x: [N, C, H, W]; level: [N], sqrt(1 - alpha_bar)."""
        x = torch.cat([x, level.view(-1, 1, 1, 1).expand_as(x[:, :1])], 1)
        for conv in self.convs:
            x = F.silu(conv(x))
        return x.mean((2, 3))

    def forward(self, x, level):
        return self.out(self.features(x, level))


def moved(x, most):
    """Each by up to `most` pixels, at random, in what was black."""
    shift = torch.randint(-most, most + 1, (len(x), 2))
    padded = F.pad(x, [most] * 4, value=-1)
    rows = (shift[:, :1] + most + torch.arange(x.shape[-2]))[:, None, :, None]
    columns = (shift[:, 1:] + most + torch.arange(x.shape[-1]))[:, None, None, :]
    return padded[torch.arange(len(x))[:, None, None, None], torch.zeros(1, 1, 1, 1, dtype=torch.long), rows, columns]


def noisy(x, level):
    s = level.view(-1, 1, 1, 1)
    return (1 - s * s).sqrt() * x + s * torch.randn_like(x)


def levels(count):
    """Half of them even, half as often as the linear schedule has them, which are mostly high."""
    steps = torch.randint(processes.STEPS, (count,))
    scheduled = (1 - processes.alpha_bars("linear")[steps]).sqrt().float()
    return torch.where(torch.rand(count) < 0.5, torch.rand(count), scheduled)


def learn(net, pictures, labels, o):
    optimizer = torch.optim.AdamW(net.parameters(), o.rate, weight_decay=0.01)
    start = time.process_time()
    while (done := (time.process_time() - start) / 60 / o.minutes) < 1:
        for group in optimizer.param_groups:
            group["lr"] = o.rate * (1 - done)
        which = torch.randint(len(pictures), (o.batch,))
        level = torch.zeros(o.batch) if o.clean else levels(o.batch)
        x = noisy(moved(pictures[which], 1 if o.clean else 0), level)
        loss = F.cross_entropy(net(x, level), labels[which], label_smoothing=0.05 if o.clean else 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def accuracy(net, pictures, labels, level):
    levels = torch.full((len(pictures),), float(level))
    return (net(noisy(pictures, levels), levels).argmax(1) == labels).float().mean().item()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder")
    p.add_argument("directory", type=pathlib.Path)
    p.add_argument("--minutes", type=float, default=3, help="of processor time")
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--rate", type=float, default=3e-3)
    p.add_argument("--widths", type=int, nargs="+", default=[32, 64, 128])
    p.add_argument("--clean", action="store_true")
    o = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = UdmClassifier(widths=o.widths)
    pictures, labels = digits.load(o.folder)
    learn(net, pictures * 2 - 1, labels, o)
    unseen, truth = digits.load(o.folder, "t10k")
    for level in LEVELS[:1 if o.clean else None]:
        print(f"reads {100 * accuracy(net, unseen * 2 - 1, truth, level):.2f} % at level {level}")
    export.write_network(o.directory, net.config, net.state_dict(), torch.float16)


if __name__ == "__main__":
    main()
