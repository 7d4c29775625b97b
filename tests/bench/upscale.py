#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""udmupscale against bicubic enlarging on clips: PSNR, and how much frames differ from the ones before them, as a ratio
to the clip's own (flicker: 1.2 is the most that is wanted). Files of raw frames go in and out, with default settings.

    python tests/bench/upscale.py --build build [--frames 8] CLIP...

Clips are reduced to a half and a quarter by the mean of blocks. Needs PyAV, Pillow and GStreamer's programs.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import av
import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]


def read(path, count):
    """The first frames, cut to multiples of 8: [N, H, W, 3]."""
    frames = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            picture = frame.to_ndarray(format="rgb24")
            frames.append(picture[:picture.shape[0] // 8 * 8, :picture.shape[1] // 8 * 8])
            if len(frames) == count:
                break
    return np.stack(frames)


def reduced(frames, factor):
    """Each block becomes its mean."""
    n, h, w, _ = frames.shape
    blocks = frames.reshape(n, h // factor, factor, w // factor, factor, 3)
    return blocks.mean((2, 4)).round().astype(np.uint8)


def bicubic(frames, factor):
    """As Pillow does it."""
    _, h, w, _ = frames.shape
    return np.stack([Image.fromarray(frame).resize((w * factor, h * factor), Image.BICUBIC) for frame in frames])


def upscaled(frames, factor, build):
    """By the element, from file to file."""
    n, h, w, _ = frames.shape
    environment = dict(os.environ, GST_PLUGIN_PATH=str(build / "elements"), UDM_MODEL_PATH=str(ROOT / "models"))
    with tempfile.TemporaryDirectory() as folder:
        before, after = (os.path.join(folder, name) for name in ("in.raw", "out.raw"))
        frames.tofile(before)
        subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={before}", "!", "rawvideoparse", "format=rgb",
                        f"width={w}", f"height={h}", "framerate=25/1", "!", "udmupscale", f"factor={factor}", "!",
                        "filesink", f"location={after}"], check=True, env=environment)
        return np.fromfile(after, np.uint8).reshape(n, h * factor, w * factor, 3)


def psnr(a, b):
    """Mean over frames, dB."""
    errors = ((a.astype(np.float32) - b) ** 2).mean((1, 2, 3))
    return float((10 * np.log10(255 ** 2 / errors)).mean())


def change(frames):
    """Mean difference of a frame from the one before."""
    return float(np.abs(np.diff(frames.astype(np.float32), axis=0)).mean())


def print_row(name, factor, values):
    """Of the table."""
    print(f"| {name} | {factor} | " + " | ".join(f"{value:.2f}" for value in values) + " |", flush=True)


def main():
    """A row for each clip and factor, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--frames", type=int, default=8)
    options = parser.parse_args()
    print("| clip | factor | bicubic, dB | udmupscale, dB | flicker, bicubic | flicker, udmupscale |")
    print("|---|---|---|---|---|---|")
    for factor in 2, 4:
        rows = []
        for path in options.clips:
            frames = read(path, options.frames)
            small = reduced(frames, factor)
            others = bicubic(small, factor), upscaled(small, factor, options.build.resolve())
            rows.append([psnr(other, frames) for other in others] +
                        [change(other) / change(frames) for other in others])
            print_row(path.stem.split("_")[0], factor, rows[-1])
        print_row("mean", factor, np.mean(rows, 0))
    return 0


sys.exit(main())
