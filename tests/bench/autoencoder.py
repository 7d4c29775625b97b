#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A published autoencoder on photographs: is ours the same as PyTorch, how far are pictures from themselves, how fast?

    python tests/bench/autoencoder.py [--taef2 FOLDER] [--pictures 24] [--device cpu]

TAEF2 (Ollin Boer Bohan), as its author publishes it, is made a directory by models/tools/taesd.py; each picture of
Kodak24, cut to whole latents, goes through the encoder and the decoder, here and in PyTorch float32. Exits with 1
where the largest difference exceeds 1e-4 of the largest value. Needs torch, numpy, pillow, safetensors.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

import common

TOLERANCE, LEVELS = 1e-4, 8


def block(x, w, name):
    """A residual block, and the normalisation over the whole picture that stands before it where it has weights."""
    if f"{name}.pool.0.weight" in w:
        h = F.conv2d(x, w[f"{name}.pool.0.weight"])
        h = F.relu(F.group_norm(h, 4, w[f"{name}.pool.1.weight"], w[f"{name}.pool.1.bias"]))
        x = x + F.conv2d(h, w[f"{name}.pool.3.weight"])
    h = x
    for i in (0, 2, 4):
        h = F.conv2d(h, w[f"{name}.conv.{i}.weight"], w[f"{name}.conv.{i}.bias"], padding=1)
        h = F.relu(h) if i < 4 else h
    return F.relu(h + x)


def encode(x, w):
    last = max(int(k.split(".")[0]) for k in w)
    x = (x + 1) / 2
    for i in range(last + 1):
        if f"{i}.weight" in w:
            x = F.conv2d(x, w[f"{i}.weight"], w.get(f"{i}.bias"), padding=1, stride=1 if i in (0, last) else 2)
        else:
            x = block(x, w, i)
    return x


def decode(x, w):
    last = max(int(k.split(".")[0]) for k in w)
    x = torch.tanh(x / 3) * 3
    for i in range(1, last + 1):
        if f"{i}.weight" in w:
            x = F.interpolate(x, scale_factor=2) if 1 < i < last else x
            x = F.conv2d(x, w[f"{i}.weight"], w.get(f"{i}.bias"), padding=1)
            x = F.relu(x) if i == 1 else x
        elif f"{i}.conv.0.weight" in w:
            x = block(x, w, i)
    return 2 * x - 1


def psnr(a, b):
    to_levels = [np.round((np.clip(x, -1, 1) + 1) * 127.5) for x in (a, b)]
    return 10 * np.log10(255 ** 2 / np.mean((to_levels[0] - to_levels[1]) ** 2))


def error(ours, theirs):
    return np.abs(ours - theirs).max() / np.abs(theirs).max()


class Tool:
    """Ours, through coder_tool of the build folder."""

    def __init__(self, args, model, folder):
        self.program, self.model, self.folder, self.device = args.build / "tests/engine/coder_tool", model, folder, args
        common.need(self.program.exists(), f"{self.program}: ninja -C {args.build}")

    def run(self, what, x):
        files = [self.folder / "in.npy", self.folder / "out.npy"]
        np.save(files[0], x)
        line = subprocess.run([self.program, self.model, what, *files, self.device.device], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        return np.load(files[1]), float(line.split()[2])


def measure(tool, weights, path):
    picture = np.asarray(Image.open(path).convert("RGB"), dtype=np.float32)
    height, width = (side // LEVELS * LEVELS for side in picture.shape[:2])
    x = (picture[:height, :width] / 127.5 - 1).transpose(2, 0, 1)[None]
    start = time.monotonic()
    with torch.inference_mode():
        z = encode(torch.from_numpy(x), weights[0]).numpy()
        between = time.monotonic()
        y = decode(torch.from_numpy(z), weights[1]).numpy()
    theirs = np.array([between - start, time.monotonic() - between]) * 1000
    latents, first = tool.run("encode", x)
    drawn, second = tool.run("decode", latents)
    return [error(latents, z), error(drawn, y)], [psnr(drawn, x), psnr(y, x)], theirs / np.array([first, second])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--taef2", type=pathlib.Path, default=common.DATA.parent / "taef2")
    p.add_argument("--data", type=pathlib.Path, default=common.DATA)
    p.add_argument("--build", type=pathlib.Path, default=common.ROOT / "build")
    p.add_argument("--pictures", type=int, default=24)
    p.add_argument("--device", default="cpu")
    args = p.parse_args()
    files = [args.taef2 / f"taef2_{half}.pth" for half in ("encoder", "decoder")]
    common.need(all(f.exists() for f in files), f"{files[0]}")
    torch.set_num_threads(2)
    weights = [{k: v.float() for k, v in torch.load(f, map_location="cpu", weights_only=True).items()} for f in files]
    with tempfile.TemporaryDirectory() as folder:
        model = pathlib.Path(folder) / "taef2"
        subprocess.run([sys.executable, common.ROOT / "models/tools/taesd.py", *files, model], check=True)
        tool = Tool(args, model, pathlib.Path(folder))
        paths = sorted((args.data / "kodak24_500x500").glob("*.webp"))[:args.pictures]
        common.need(paths, args.data / "kodak24_500x500")
        found = [measure(tool, weights, path) for path in paths]
    errors, psnrs, ratios = (np.array([f[i] for f in found]) for i in range(3))
    print(f"TAEF2, {len(found)} pictures of Kodak24, {args.device}: PSNR {psnrs[:, 0].mean():.3f} dB "
          f"(PyTorch {psnrs[:, 1].mean():.3f})")
    print(f"largest difference from PyTorch, of the largest value: encoder {errors[:, 0].max():.1e}, "
          f"encoder and decoder {errors[:, 1].max():.1e}")
    print("times as fast as PyTorch f32, median: encoder {:.2f}, decoder {:.2f}".format(*np.median(ratios, axis=0)))
    sys.exit(errors.max() > TOLERANCE)


main()
