#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What true_size.py measures against: a network of diffusers in PyTorch or OpenVINO, in a process of its own.

    python tests/bench/true_peers.py FOLDER PART KIND SIZE THREADS [--inputs IN.npz] [--output OUT.npy]

PART is "unet", "decoder", "tiny", "turbo" (the U-Net and the tiny decoder, one after the other) or "film" (16 frames
of AnimateDiff's U-Net); FOLDER is `parts` of what true_size.py writes. KIND is "pytorch" or "openvino", with "-f32" or
"-bf16". Prints the seconds of an evaluation, the least of two after one that is not counted, and the peak of memory in
GiB. OpenVINO's model is made by its own converter, once, and kept in FOLDER with weights of 16 bits, as those of the
checkpoint are.
"""
import argparse
import pathlib
import resource
import time

import numpy as np
import torch

TOKENS, STATE, FRAMES = 77, 768, 16


class Unet(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x, timestep, tokens):
        return self.net(x, timestep, tokens, return_dict=False)[0]


class Decoder(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net.decode(x, return_dict=False)[0]


class Turbo(torch.nn.Module):
    def __init__(self, net, decoder):
        super().__init__()
        self.net, self.decoder = net, decoder

    def forward(self, x, timestep, tokens):
        return self.decoder.decode(self.net(x, timestep, tokens, return_dict=False)[0], return_dict=False)[0]


def network(folder, part):
    import diffusers

    def read(kind, where):
        return kind.from_pretrained(folder / where, torch_dtype=torch.float32).eval()
    if part in ("decoder", "tiny"):
        return Decoder(read(*{"decoder": (diffusers.AutoencoderKL, "vae"),
                              "tiny": (diffusers.AutoencoderTiny, "tiny")}[part]))
    net = read(diffusers.UNet2DConditionModel, "unet")
    if part == "turbo":
        return Turbo(net, read(diffusers.AutoencoderTiny, "tiny"))
    if part == "film":
        net = diffusers.UNetMotionModel.from_unet2d(net, read(diffusers.MotionAdapter, "motion")).eval()
    return Unet(net)


def inputs(part, size, path=None):
    if path:
        return list(np.load(path).values())
    r = np.random.default_rng(1)
    film = part == "film"
    x = r.standard_normal((1, 4, *[FRAMES] * film, size // 8, size // 8)).astype(np.float32)
    if part in ("decoder", "tiny"):
        return [x]
    return [x, np.array([500], dtype=np.float32), r.standard_normal((1, TOKENS, STATE)).astype(np.float32)]


def pytorch(folder, part, x, precision):
    kind = {"f32": torch.float32, "bf16": torch.bfloat16}[precision]
    net = network(folder, part).to(kind)
    net = net if part == "film" else net.to(memory_format=torch.channels_last)
    x = [torch.from_numpy(a).to(kind) for a in x]

    def run():
        with torch.inference_mode():
            return net(*x).float().numpy()
    return run


def converted(folder, part, x):
    import openvino as ov
    path = folder / f"openvino-{part}-{x[0].shape[-1]}.xml"
    if not path.exists():
        with torch.inference_mode():
            model = ov.convert_model(network(folder, part), example_input=tuple(torch.from_numpy(a) for a in x),
                                     input=[a.shape for a in x])
        ov.save_model(model, path, compress_to_fp16=True)
    return path


def openvino(folder, part, x, precision, threads):
    import openvino as ov
    core = ov.Core()
    model = core.compile_model(core.read_model(converted(folder, part, x)), "CPU", {
        "INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY"})
    request = model.create_infer_request()
    return lambda: request.infer(x)[0]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("part", choices=("unet", "decoder", "tiny", "turbo", "film"))
    p.add_argument("kind")
    p.add_argument("size", type=int)
    p.add_argument("threads", type=int)
    p.add_argument("--inputs", type=pathlib.Path)
    p.add_argument("--output", type=pathlib.Path)
    p.add_argument("--convert", action="store_true", help="only make OpenVINO's model")
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    program, precision = args.kind.split("-")
    x = inputs(args.part, args.size, args.inputs)
    if args.convert:
        converted(args.folder, args.part, x)
        return
    run = pytorch(args.folder, args.part, x, precision) if program == "pytorch" else \
        openvino(args.folder, args.part, x, precision, args.threads)
    out, times = run(), []
    for _ in range(2):
        start = time.monotonic()
        out = run()
        times.append(time.monotonic() - start)
    if args.output:
        np.save(args.output, out)
    print(f"{min(times):.4f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** 20:.2f}")


main()
