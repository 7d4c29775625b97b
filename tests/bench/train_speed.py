# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long a training step takes with the residual blocks of models/train/winograd.c and with those of PyTorch, in
mixed precision: least seconds, one after the other, on the same pictures of noise.

    python tests/bench/train_speed.py --model models/denoise-quality --threads 1
"""
import argparse
import pathlib
import sys
import tempfile
import time
import types

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "models/train"))
import torch  # noqa: E402
import train  # noqa: E402
import winograd  # noqa: E402


def training(o, folder):
    pictures = list(np.random.default_rng(1).integers(0, 256, (4, 2 * o.patch, 2 * o.patch, 3), np.uint8))
    return train.Denoising(types.SimpleNamespace(
        start=o.model, config={}, rate=1e-5, checkpoint=pathlib.Path(folder) / "none", batch=o.batch, patch=o.patch,
        max_sigma=75, low=1.5, usual=0, chroma_share=0.5, real_share=0, minutes=1, squared=False), pictures)


def least(training, steps):
    spent = []
    for _ in range(steps + 1):  # the first one compiles and allocates
        start = time.perf_counter()
        training.step()
        spent.append(time.perf_counter() - start)
    return min(spent[1:])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", type=pathlib.Path, default=ROOT / "models/denoise-quality", help="default: %(default)s")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--patch", type=int, default=64)
    p.add_argument("--steps", type=int, default=6)
    o = p.parse_args()
    torch.set_num_threads(o.threads)
    serves = winograd.serves
    with tempfile.TemporaryDirectory() as folder:
        winograd.serves = lambda *_: False
        plain = least(training(o, folder), o.steps)
        winograd.serves = serves
        ours = least(training(o, folder), o.steps)
    print(f"{o.model.name}, {o.batch} patches of {o.patch}x{o.patch}, {o.threads} threads: a step takes {plain:.2f} s "
          f"in PyTorch, {ours:.2f} s with winograd.c, {plain / ours:.2f} times as fast")


if __name__ == "__main__":
    main()
