#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stable Diffusion 1.5 and AnimateDiff in their true size, with random weights: memory, and time beside others.

    python tests/bench/true_size.py [unet|turbo|decoder|tiny|film] [--precision f32,bf16] [--memory-limit 1G]
        [--peers pytorch-f32,openvino-f32,openvino-bf16] [--size 512] [--folder FOLDER]

Writes the directories (3.1 GB of float16) where they are not there yet: shapes are those that diffusers gives the
published configs, values have the deviation of their layer's fan-in. Prints, for each precision, of

  unet     a picture: the peak of resident memory, the time until the first step begins, and that of an evaluation
  turbo    a picture in one step with the tiny decoder: the time of the step and the decoder together
  decoder  the decoder of the autoencoder
  tiny     the tiny decoder
  film     a window of 16 frames of AnimateDiff: memory, the time of an evaluation, and of decoding a frame

and with --peers what true_peers.py measures of the same network in the same run, how many times as fast ours is, and
by how much ours differs from pytorch-f32. Needs diffusers, transformers, torch, numpy; openvino for its rows. Ratios of
one run are what it is for.
"""
import argparse
import json
import mmap
import multiprocessing
import os
import pathlib
import pty
import re
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
PARTS = {"unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
         "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
         "scheduler": ["diffusers", "DDIMScheduler"]}
SCHEDULER = dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1, clip_sample=False,
                 set_alpha_to_one=False)
FRAMES, BLOCK = 16, 1 << 20


def write_weights(path, shapes):
    """Streams them: of one block of noise each tensor has another piece, scaled for it."""
    noise = np.random.default_rng(1).standard_normal(BLOCK + 7919 * len(shapes), np.float32)
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 2 * int(np.prod(shape))
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for number, (name, shape) in enumerate(shapes.items()):
            count = int(np.prod(shape))
            norm, bias = "norm" in name and name.endswith("weight"), len(shape) == 1
            scale = 0.02 if bias else 0.7 * (count / shape[0]) ** -0.5
            start = number * 7919
            block = (noise[start:start + min(count, BLOCK)] * scale + norm).astype(np.float16)
            for first in range(0, count, len(block)):
                file.write(block[:min(len(block), count - first)].tobytes())


def write_part(folder, net, name="diffusion_pytorch_model"):
    folder.mkdir(parents=True)
    net.config.to_json_file(folder / "config.json") if hasattr(net.config, "to_json_file") else net.save_config(folder)
    write_weights(folder / f"{name}.safetensors", {k: v.shape for k, v in net.state_dict().items()
                                                   if v.is_floating_point()})


def write_pipeline(folder, parts, pipeline, **others):
    """A directory whose parts lie in another: others, {name: (folder, class)}."""
    folder.mkdir()
    index = {**PARTS, **{name: ["diffusers", kind] for name, (_, kind) in others.items()}}
    for name in index:
        if name != "scheduler":
            (folder / name).symlink_to(parts / others.get(name, (name, None))[0])
    (folder / "scheduler").mkdir()
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(SCHEDULER))
    (folder / "model_index.json").write_text(json.dumps({"_class_name": pipeline, **index}))


def write(folder):
    from diffusers import AutoencoderKL, AutoencoderTiny, MotionAdapter, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel
    parts = folder / "parts"
    with torch.device("meta"):
        nets = {"unet": UNet2DConditionModel(**UNET), "vae": AutoencoderKL(**VAE), "tiny": AutoencoderTiny(),
                "motion": MotionAdapter()}
        text = CLIPTextModel(CLIPTextConfig(**TEXT))
    for name, net in nets.items():
        write_part(parts / name, net)
    write_part(parts / "text_encoder", text, "model")
    (parts / "tokenizer").symlink_to(common.ROOT / "models/world/tokenizer")
    write_pipeline(folder / "unet", parts, "StableDiffusionPipeline")
    write_pipeline(folder / "turbo", parts, "StableDiffusionPipeline", vae=("tiny", "AutoencoderTiny"))
    write_pipeline(folder / "film", parts, "AnimateDiffPipeline", motion_adapter=("motion", "MotionAdapter"))
    (folder / "done").touch()


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

    def __init__(self, args, model, precision, *more):
        command = [args.build / "engine/cli/udm", "generate", args.folder / model, args.folder / "out.npy", "--prompt",
                   "a cat", "--guidance-scale", "1", "--size", f"{args.size}x{args.size}", "--device", args.device,
                   "--precision", precision, "--threads", str(args.threads), *more]
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

    def at(self, what):
        """The times at which lines of progress came."""
        return [at for at, line in self.times if re.search(what, line)]


def unet(args, precision):
    run = Run(args, "unet", precision, "--steps", str(args.steps))
    steps = run.at(r"step \d+ of")
    took = (steps[-1] - steps[0]) / (len(steps) - 1) if len(steps) > 1 else None
    print(f"udm {precision}: peak {run.peak:.2f} GiB, first step after {steps[0]:.1f} s, "
          + (f"an evaluation {took:.2f} s, " if took else "") + f"all {run.total:.1f} s", flush=True)
    return took


def turbo(args, precision):
    run = Run(args, "turbo", precision, "--steps", "1")
    took = run.total - run.at(r"step 1 of")[0]
    print(f"udm {precision}: peak {run.peak:.2f} GiB, the step and the tiny decoder {took:.2f} s, "
          f"all {run.total:.1f} s", flush=True)
    return took


def film(args, precision):
    run = Run(args, "film", precision, "--steps", "1", "--frames", str(FRAMES))
    frames = run.at(r"frame \d+ of")
    decoding = (frames[-1] - frames[1]) / (len(frames) - 2)
    took = frames[1] - frames[0] - decoding
    print(f"udm {precision}: peak {run.peak:.2f} GiB, first frame after {frames[1]:.1f} s, an evaluation of {FRAMES} "
          f"frames {took:.2f} s, decoding one {decoding:.2f} s", flush=True)
    return took


def coder(args, precision, part, name):
    inputs, output = args.folder / "in.npy", args.folder / "out.npy"
    side = args.size // 8
    np.save(inputs, np.random.default_rng(1).standard_normal((1, 4, side, side)).astype(np.float32))
    touch_memory()
    command = [args.build / "tests/engine/coder_tool", args.folder / "parts" / part, "decode", inputs, output,
               args.device, "100000", precision]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    took = float(run.stdout.split()[2]) / 1e3
    print(f"udm {precision}: {name} {took:.3f} s", flush=True)
    return took


def peer(args, kind):
    """(seconds, output)"""
    output = args.folder / f"{kind}.npy"
    program = pathlib.Path(__file__).with_name("true_peers.py")
    touch_memory()
    run = subprocess.run([sys.executable, program, args.folder / "parts", args.what, kind, str(args.size),
                          str(args.threads), "--output", output], check=True, stdout=subprocess.PIPE, text=True)
    took, peak = map(float, run.stdout.split()[-2:])
    print(f"{kind}: peak {peak:.2f} GiB, {took:.3f} s", flush=True)
    return took, output


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", nargs="?", default="unet", choices=("unet", "turbo", "decoder", "tiny", "film"))
    p.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/tmp/udm-true-sizes"))
    p.add_argument("--build", type=pathlib.Path, default=common.ROOT / "build")
    p.add_argument("--size", type=int, help="of a side; 512, of films 256")
    p.add_argument("--steps", type=int, default=2, help="of a picture (unet)")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--device", default="cpu")
    p.add_argument("--precision", default="f32,bf16")
    p.add_argument("--memory-limit", help="as of udm generate")
    p.add_argument("--peers", default="", help="pytorch-f32, -bf16, openvino-f32, -bf16; none")
    args = p.parse_args()
    args.size = args.size or (256 if args.what == "film" else 512)
    if args.peers and args.what == "unet" and args.steps < 2:
        p.error("evaluations are compared from the second on: --steps must be 2 or more")
    if not (args.folder / "done").exists():
        args.folder.mkdir(parents=True)
        write(args.folder)
    ways = {"unet": unet, "turbo": turbo, "film": film,
            "decoder": lambda a, precision: coder(a, precision, "vae", "the decoder"),
            "tiny": lambda a, precision: coder(a, precision, "tiny", "the tiny decoder")}
    ours = {precision: ways[args.what](args, precision) for precision in args.precision.split(",")}
    for kind in filter(None, args.peers.split(",")):
        theirs, output = peer(args, kind)
        for precision, took in ours.items():
            print(f"  udm in {precision} is {theirs / took:.2f} times as fast")
        if kind == "pytorch-f32" and args.what in ("decoder", "tiny"):
            wanted, made = np.load(output), np.load(args.folder / "out.npy")
            error = np.abs(made - wanted).max() / np.abs(wanted).max()
            print(f"  and off by {error:.1e} of its largest, in {precision}")


main()
