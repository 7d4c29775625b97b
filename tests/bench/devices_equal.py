#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether every pipeline comes out the same on another device as on the processor.

    python tests/bench/devices_equal.py [--device opencl:0] [--build build] [--most 1e-4] [NAME...]

Draws with each of the small models of tests/models on both, from the same noise, and prints the largest difference as
a share of the largest value. NAMEs choose pipelines. Exits with 1 where one is beyond --most. Needs numpy.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MODELS = ROOT / "tests/models"
PROMPT = ["--prompt", "a small red seven, and a blue star"]
LATENTS, UNCLIP = MODELS / "tiny-latents", MODELS / "tiny-unclip"
PIPELINES = {
    "Stable Diffusion 1": ["tiny-latents/sd1", *PROMPT],
    "... by a solver": ["tiny-latents/solver", *PROMPT],
    "Stable Diffusion 2": ["tiny-latents/sd2", *PROMPT],
    "Turbo, tiny decoder": ["tiny-latents/turbo", *PROMPT, "--steps", "1", "--guidance-scale", "1"],
    "LCM": ["tiny-latents/lcm", *PROMPT],
    "a picture that is changed": ["tiny-latents/changed", *PROMPT, "--image", LATENTS / "picture.npy"],
    "inpainting": ["tiny-latents/filled", *PROMPT, "--image", LATENTS / "holed.npy"],
    "LoRA": ["tiny-text", *PROMPT, "--lora", MODELS / "tiny-lora/text.safetensors"],
    "AnimateDiff": ["tiny-film/animate", *PROMPT, "--frames", "24", "--size", "8x8"],
    "ModelScope": ["tiny-film/scope", *PROMPT, "--frames", "6", "--size", "8x8"],
    "Karlo": ["tiny-unclip/prompt", *PROMPT],
    "Karlo, of a picture": ["tiny-unclip/variations", "--image", UNCLIP / "image.npy"],
    "Kandinsky 2.1": ["tiny-text", *PROMPT],
    "Make-A-Video": ["tiny-cascade", *PROMPT, "--frames", "6"],
}


def draw(o, what, device, out):
    model, *more = what
    command = [o.build / "engine/cli/udm", "generate", MODELS / model, out, "--device", device, "--threads", "2", *more]
    if "--steps" not in more:
        command += ["--steps", "4"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {run.stderr}")
    return np.load(out)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("names", nargs="*", choices=[[], *PIPELINES])
    p.add_argument("--device", default="opencl:0")
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    p.add_argument("--most", type=float, default=1e-4)
    o = p.parse_args()
    beyond = []
    with tempfile.TemporaryDirectory() as work:
        for name in o.names or PIPELINES:
            ours = draw(o, PIPELINES[name], "cpu", f"{work}/cpu.npy")
            other = draw(o, PIPELINES[name], o.device, f"{work}/other.npy")
            off = np.abs(other - ours).max() / np.abs(ours).max()
            print(f"{name:28} {off:.1e}", flush=True)
            if not off <= o.most:
                beyond.append(name)
    if beyond:
        sys.exit(f"beyond {o.most:g}: {', '.join(beyond)}")


main()
