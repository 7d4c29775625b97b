#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stable Diffusion 1.5 in its true size, with random weights: memory, time to the first step, time of a step.

    python tests/bench/true_size.py [--folder FOLDER] [--size 512] [--precision f32,bf16] [--memory-limit 1G] [--torch]

Writes the directory (2.1 GB of float16) where it is not there yet: shapes are those that diffusers gives the published
configs, values have the deviation of their layer's fan-in. Prints, for each precision, the peak of resident memory, the
time until the first step begins, and that of a U-Net evaluation, from `udm generate`; with --torch those of diffusers
in float32 in the same run. Needs diffusers, transformers, torch, numpy. Ratios of one run are what it is for.
"""
import argparse
import json
import mmap
import multiprocessing
import os
import pathlib
import pty
import re
import resource
import subprocess
import sys
import time

import numpy as np
import torch

import common

UNET = dict(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
VAE = dict(block_out_channels=(128, 256, 512, 512), layers_per_block=2, sample_size=512,
           down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)
TEXT = dict(vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
INDEX = {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],
         "vae": ["diffusers", "AutoencoderKL"], "text_encoder": ["transformers", "CLIPTextModel"],
         "tokenizer": ["transformers", "CLIPTokenizer"], "scheduler": ["diffusers", "DDIMScheduler"]}
SCHEDULER = dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1, clip_sample=False,
                 set_alpha_to_one=False)


def write_weights(path, shapes):
    """Streams them: a block of noise, cut and scaled for each tensor."""
    noise = np.random.default_rng(1).standard_normal(1 << 22).astype(np.float32)
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 2 * int(np.prod(shape))
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, shape in shapes.items():
            count = int(np.prod(shape))
            norm, bias = "norm" in name and name.endswith("weight"), len(shape) == 1
            scale = 0.02 if bias else 0.7 * (count / shape[0]) ** -0.5
            block = (noise * scale + norm).astype(np.float16)
            for first in range(0, count, len(block)):
                file.write(block[:min(len(block), count - first)].tobytes())


def write_part(folder, net, name="diffusion_pytorch_model"):
    folder.mkdir(parents=True)
    net.config.to_json_file(folder / "config.json") if hasattr(net.config, "to_json_file") else net.save_config(folder)
    write_weights(folder / f"{name}.safetensors", {k: v.shape for k, v in net.state_dict().items()
                                                   if v.is_floating_point()})


def write(folder):
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel
    with torch.device("meta"):
        parts = {"unet": UNet2DConditionModel(**UNET), "vae": AutoencoderKL(**VAE)}
        text = CLIPTextModel(CLIPTextConfig(**TEXT))
    for name, net in parts.items():
        write_part(folder / name, net)
    write_part(folder / "text_encoder", text, "model")
    (folder / "scheduler").mkdir()
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(SCHEDULER))
    (folder / "tokenizer").symlink_to(common.ROOT / "models/world/tokenizer")
    (folder / "model_index.json").write_text(json.dumps(INDEX))


def touch_memory(size=2 << 30):
    """What a virtual machine has given back to its host it is given anew, at half a gigabyte a second, by the first
    program that asks for it: that is one of ours, and not the one that is timed."""
    def touch():
        with mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
            memory.madvise(mmap.MADV_HUGEPAGE)
            for at in range(0, size, mmap.PAGESIZE):
                memory[at] = 1
    process = multiprocessing.get_context("fork").Process(target=touch)
    process.start()
    process.join()


class Run:
    """Of `udm generate`: its progress, as a terminal sees it, and the memory of its process."""

    def __init__(self, args, precision):
        command = [args.build / "engine/cli/udm", "generate", args.folder, args.folder / "out.npy", "--prompt", "a cat",
                   "--steps", str(args.steps), "--guidance-scale", "1", "--size", f"{args.size}x{args.size}",
                   "--device", args.device, "--precision", precision, "--threads", str(args.threads)]
        if args.memory_limit:
            command += ["--memory-limit", args.memory_limit]
        touch_memory()
        before = time.monotonic()
        ours, its = pty.openpty()
        process = subprocess.Popen(command, stderr=its)
        os.close(its)
        self.times = [(time.monotonic() - before, text) for text in iter(lambda: self.read(ours), "")]
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit("".join(text for _, text in self.times))
        self.total, self.peak = time.monotonic() - before, usage.ru_maxrss / 2 ** 20

    @staticmethod
    def read(terminal):
        try:
            return os.read(terminal, 4096).decode()
        except OSError:  # closed
            return ""

    def report(self, precision):
        steps = [at for at, line in self.times if re.search(r"step \d+ of", line)]
        evaluation = (steps[-1] - steps[0]) / (len(steps) - 1) if len(steps) > 1 else None
        print(f"udm {precision}: peak {self.peak:.2f} GiB, first step after {steps[0]:.1f} s, "
              + (f"an evaluation {evaluation:.2f} s, " if evaluation else "") + f"all {self.total:.1f} s")
        return evaluation


def with_torch(args):
    from diffusers import UNet2DConditionModel
    torch.set_num_threads(args.threads)
    net = UNet2DConditionModel.from_pretrained(args.folder, subfolder="unet", torch_dtype=torch.float32)
    side = args.size // 8
    x, tokens = torch.randn(1, 4, side, side), torch.randn(1, 77, 768)
    with torch.inference_mode():
        net(x, 500, tokens)
        start = time.monotonic()
        net(x, 500, tokens)
    took = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** 20
    print(f"diffusers f32: peak {peak:.2f} GiB, an evaluation {took:.2f} s")
    return took


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/tmp/udm-true-size"))
    p.add_argument("--build", type=pathlib.Path, default=common.ROOT / "build")
    p.add_argument("--size", type=int, default=512)
    p.add_argument("--steps", type=int, default=2)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--device", default="cpu")
    p.add_argument("--precision", default="f32,bf16")
    p.add_argument("--memory-limit", help="as of udm generate")
    p.add_argument("--torch", action="store_true")
    args = p.parse_args()
    if args.torch and args.steps < 2:
        p.error("--torch compares evaluations from the second on: --steps must be 2 or more")
    if not (args.folder / "model_index.json").exists():
        write(args.folder)
    ours = {precision: Run(args, precision).report(precision) for precision in args.precision.split(",")}
    theirs = with_torch(args) if args.torch else None
    for precision, took in ours.items() if theirs else ():
        print(f"an evaluation in {precision} takes {took / theirs:.2f} of the time of diffusers f32")


main()
