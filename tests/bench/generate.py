# SPDX-License-Identifier: LGPL-2.1-or-later
"""Video that udmsrc makes of moving digits: can they be read, do they stay what they are, do they move as they should?

    python tests/bench/reader.py FOLDER READER.pt
    python tests/bench/generate.py FOLDER READER.pt [--steps 5,10,20] [--guidance 1,2] [--long 1000]

FOLDER holds MNIST. Films of --frames frames, --films of each class, go through gst-launch-1.0; each is one scene. Read:
frames in which the reader sees the class that was asked for. Kept: films whose last frame shows it. Speed (pixels a
second) and turning (radians a second) are those of the mass and of its longer axis, found in the same way in films that
models/train/digits.py draws; the ratio is to those. Of long films it says too in how many every 50th frame is read.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import time

import numpy as np
import torch

from reader import digits, load, read

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RATE = 25


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder")
    p.add_argument("reader")
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    p.add_argument("--model", default=str(ROOT / "models/digits"))
    p.add_argument("--steps", default="10")
    p.add_argument("--guidance", default="7")
    p.add_argument("--sampler", default="ddim")
    p.add_argument("--properties", default="", help="more of udmsrc, such as residual-guidance=true")
    p.add_argument("--frames", type=int, default=64)
    p.add_argument("--films", type=int, default=2, help="of each class")
    p.add_argument("--long", type=int, default=0, help="also one film of each class with so many frames")
    p.add_argument("--threads", type=int, default=2)
    return p.parse_args()


def film(o, steps, guidance, digit, seed, frames):
    """[frames, 64, 64] in [-1, 1], and the seconds that it took."""
    env = dict(os.environ, GST_PLUGIN_PATH=str(o.build / "elements"), GST_REGISTRY=str(o.build / "bench.registry"))
    source = (f"udmsrc model={o.model} n-threads={o.threads} class-label={digit} seed={seed} steps={steps} "
              f"guidance-scale={guidance} sampler={o.sampler} scene-length=0 num-frames={frames} {o.properties}")
    start = time.monotonic()
    done = subprocess.run(["gst-launch-1.0", "-q", *source.split(), "!",
                           f"video/x-raw,format=GRAY8,width=64,height=64,framerate={RATE}/1", "!", "fdsink"],
                          env=env, stdout=subprocess.PIPE)
    if done.returncode or len(done.stdout) != frames * 64 * 64:
        sys.exit(f"gst-launch-1.0 did not make {frames} frames")
    pixels = np.frombuffer(done.stdout, np.uint8).reshape(frames, 64, 64).astype(np.float32)
    return torch.from_numpy(pixels / 127.5 - 1), time.monotonic() - start


def motion(films):
    """Mean speed and turning of [N, F, 64, 64]."""
    mass = ((films + 1) / 2).clamp(0, 1) ** 2 + 1e-9
    total, at = mass.sum((2, 3)), torch.arange(64.0)
    x, y = (mass.sum(2) * at).sum(2) / total, (mass.sum(3) * at).sum(2) / total
    dx, dy = at - x[..., None], at - y[..., None]
    xx, yy = ((mass.sum(2) * dx ** 2).sum(2), (mass.sum(3) * dy ** 2).sum(2))
    xy = (mass * dy[..., :, None] * dx[..., None, :]).sum((2, 3))
    axis = torch.atan2(2 * xy, xx - yy) / 2
    turned = (axis.diff(dim=1) + np.pi / 2) % np.pi - np.pi / 2
    speed = (x.diff(dim=1) ** 2 + y.diff(dim=1) ** 2).sqrt()
    return speed.median(1).values.mean().item() * RATE, turned.abs().median(1).values.mean().item() * RATE


def drawn(folder, count, frames):
    seconds = torch.arange(frames)[None] / RATE
    return digits.clips(*digits.load(folder, "t10k"), count, seconds)[0].squeeze(2)


def measure(o, reader, steps, guidance, films, frames, truth):
    """Prints a line; returns in which frames [films, frames] the class is read."""
    made, seen, took = [], [], 0
    for number in range(10 * films):
        pixels, seconds = film(o, steps, guidance, number % 10, number, frames)
        made.append(pixels)
        seen.append(read(reader, pixels[:, None]) == number % 10)
        took += seconds
    seen, (speed, turning) = torch.stack(seen), motion(torch.stack(made))
    print(f"{steps:>5} {guidance:>8} {len(made):>5} x {frames:<5}{100 * seen.float().mean():7.1f} %"
          f"{100 * seen[:, -1].float().mean():7.1f} %{speed:8.1f} ({speed / truth[0]:.2f}){turning:8.2f} "
          f"({turning / truth[1]:.2f}){len(made) * frames / took:8.1f}", flush=True)
    return seen


def tell_kept(seen, every=50):
    shares = 100 * seen[:, every - 1::every].float().mean(0)
    print("\n".join(f"kept at frame {every * (i + 1):<5}{share:7.1f} %" for i, share in enumerate(shares)))


def main():
    o = options()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    reader = load(o.reader)
    truth = motion(drawn(o.folder, 200, o.frames))
    print(f"drawn digits: speed {truth[0]:.1f}, turning {truth[1]:.2f}")
    print("steps guidance      films     read     kept  speed         turning      frames/s, with the start")
    for steps in o.steps.split(","):
        for guidance in o.guidance.split(","):
            measure(o, reader, steps, guidance, o.films, o.frames, truth)
    if o.long:
        tell_kept(measure(o, reader, o.steps.split(",")[0], o.guidance.split(",")[0], 1, o.long, truth))


if __name__ == "__main__":
    main()
