# SPDX-License-Identifier: LGPL-2.1-or-later
"""A network that reads the digit of a frame, to measure video that was made of digits (generate.py).

    python tests/bench/reader.py FOLDER READER.pt [--minutes 3]

FOLDER holds MNIST. It learns from its train part, drawn as models/train/digits.py draws it but as stills, and prints
the share that it reads of the t10k part, which it has not seen.
"""
import argparse
import pathlib
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "models/train"))
import digits  # noqa: E402


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [1, 16, 32, 64, 96]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(widths, widths[1:]))
        self.out = nn.Linear(widths[-1], 10)

    def forward(self, x):
        x = F.avg_pool2d(x, 2)
        for conv in self.convs:
            x = F.max_pool2d(F.relu(conv(x)), 2)
        return self.out(x.amax((2, 3)))


def stills(pictures, labels, count):
    x, classes = digits.clips(pictures, labels, count, torch.zeros(1, 1))
    return x.flatten(0, 1), classes


def read(reader, frames):
    """frames: [N, 1, 64, 64] in [-1, 1]; the class of each."""
    with torch.no_grad():
        return torch.cat([reader(part).argmax(1) for part in frames.split(256)])


def load(path):
    reader = Reader()
    reader.load_state_dict(torch.load(path, weights_only=True))
    return reader.eval()


def learn(reader, folder, minutes):
    data = digits.load(folder)
    optimizer = torch.optim.AdamW(reader.parameters(), 2e-3)
    start = time.process_time()
    while (done := (time.process_time() - start) / 60 / minutes) < 1:
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * (1 - done)
        x, classes = stills(*data, 64)
        loss = F.cross_entropy(reader(x), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder")
    p.add_argument("reader")
    p.add_argument("--minutes", type=float, default=3, help="of processor time")
    o = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    reader = Reader()
    learn(reader, o.folder, o.minutes)
    x, classes = stills(*digits.load(o.folder, "t10k"), 5000)
    print(f"reads {100 * (read(reader.eval(), x) == classes).float().mean():.1f} % of digits that it has not seen")
    torch.save(reader.state_dict(), o.reader)


if __name__ == "__main__":
    main()
