# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains a restoration network on a folder of pictures and videos, on the CPU, in mixed precision; it resumes at will.

    python models/train/train.py FOLDER [FOLDER ...] --checkpoint WORK/denoise.pt --minutes 120

The learning rate falls over --minutes of training time, which the checkpoint counts across restarts. Some pictures are
held out; how well they are restored is drawn beside the checkpoint, as WORK/denoise.png. models/train/export.py turns
the checkpoint into a model directory.
"""
import argparse
import copy
import inspect
import json
import math
import os
import pathlib
import signal
import sys
import time

import safetensors.torch
import torch
from tqdm import tqdm

import curve
import data
import realnoise
from network import WHITE_CHROMA, UdmUNet, with_context

HELD = 128    # at most, the side of the crops of pictures that are held out
SQUARED = 12  # times squared errors are about as large as absolute ones


def parser(doc, minutes, batch, patch, rate):
    """What every training takes; the figures are defaults."""
    p = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folders", nargs="+", help="pictures and videos, searched recursively")
    p.add_argument("--checkpoint", required=True, type=pathlib.Path)
    p.add_argument("--start", type=pathlib.Path, help="a model directory or checkpoint to go on from, if none is at "
                   "--checkpoint")
    p.add_argument("--minutes", type=float, default=minutes, help="training time in all (default: %(default)s)")
    p.add_argument("--batch", type=int, default=batch)
    p.add_argument("--patch", type=int, default=patch)
    p.add_argument("--rate", type=float, default=rate, help="peak learning rate (default: %(default)s)")
    p.add_argument("--config", type=json.loads, default={}, help="JSON with the arguments of UdmUNet")
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--save-every", type=float, default=2, help="minutes (default: %(default)s)")
    p.add_argument("--validate-every", type=float, default=5, help="minutes (default: %(default)s)")
    return p


def add_noise_options(p):
    p.add_argument("--max-sigma", type=float, default=75)
    p.add_argument("--low", type=float, default=1.5, help="the higher, the more pictures and clips have little noise "
                   "(default: %(default)s)")
    p.add_argument("--usual", type=float, default=0, help="of the pictures and clips, with sigma 5 to 40, evenly in "
                   "its logarithm (default: %(default)s)")
    p.add_argument("--squared", action="store_true", help="learn from squared errors: the mean of what it might have "
                   "been, and the best PSNR, where absolute ones teach the median, which outliers trouble less")
    p.add_argument("--luma", type=float, default=0, help="weight of what is wrong in luma beside what is in red, green "
                   "and blue, where noise of chroma is most of it (default: %(default)s)")
    p.add_argument("--chroma-share", type=float, default=0.5, help="of the pictures and clips, with chroma at half the "
                   "resolution, as video has it (default: %(default)s)")
    p.add_argument("--real-share", type=float, default=0, help="of the pictures and clips, with the noise of cameras, "
                   "film and codecs instead of white noise (default: %(default)s)")


def trained(path, part="unet", network=UdmUNet):
    """(arguments of the network, weights) of a part of a model directory, or of a checkpoint."""
    if path.is_dir():
        config = json.loads((path / part / "config.json").read_text())
        weights = safetensors.torch.load_file(path / part / "diffusion_pytorch_model.safetensors")
    else:
        saved = torch.load(path, weights_only=True)
        config, weights = saved["config"], saved["average"]
    known = inspect.signature(network).parameters
    return {k: v for k, v in config.items() if k in known}, weights


class Training:
    memory = 0.999  # of the average of the weights, a step

    def __init__(self, options):
        self.options = options
        self.network = self.first_network().to(memory_format=torch.channels_last)
        self.average = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.optimizer = self.make_optimizer()
        self.steps, self.seconds, self.curve = 0, 0.0, []  # curve: dicts of minutes, steps, loss, and PSNR by name
        self.losses = []
        if options.checkpoint.exists():
            self.resume()

    def make_optimizer(self):
        return torch.optim.AdamW(self.network.parameters(), self.options.rate, betas=(0.9, 0.99), weight_decay=0,
                                 fused=True)

    def first_network(self):
        if not self.options.start:
            network = UdmUNet(**self.options.config)
            network.ignore_innovation()  # pictures come without a prediction
            return network
        config, weights = trained(self.options.start)
        network = UdmUNet(**{**config, **self.options.config})
        network.load_state_dict(with_context(network, weights))
        return network

    def resume(self):
        saved = torch.load(self.options.checkpoint, weights_only=True)
        self.network.load_state_dict(saved["network"])
        self.average = saved["average"]
        self.optimizer.load_state_dict(saved["optimizer"])
        self.steps, self.seconds, self.curve = saved["steps"], saved["seconds"], saved["curve"]
        print(f"resumed at step {self.steps}, {self.seconds / 60:.1f} minutes", flush=True)

    def save(self):
        new = self.options.checkpoint.with_suffix(".new")
        torch.save(dict(config=self.network.config, network=self.network.state_dict(), average=self.average,
                        optimizer=self.optimizer.state_dict(), steps=self.steps, seconds=self.seconds,
                        curve=self.curve), new)
        new.replace(self.options.checkpoint)  # a kill in the middle of it leaves the old one

    def rate(self):
        done = min(self.seconds / (60 * self.options.minutes), 1)
        warm = min(1, (self.steps + 1) / 200)
        return self.options.rate * warm * max(0.5 + 0.5 * math.cos(math.pi * done), 1e-3)

    def learn(self, loss):
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.steps += 1
        decay = min(self.memory, self.steps / (self.steps + 10))
        now = self.network.state_dict()
        torch._foreach_lerp_([self.average[k] for k in now], list(now.values()), 1 - decay)
        return loss.item()

    def validate(self, network):
        """PSNR in dB, by name, of what training does not see; nothing, unless a training knows better."""
        return {}

    def look(self):
        """Measures the averaged weights, and draws how it goes."""
        network = copy.deepcopy(self.network).eval()
        network.load_state_dict(self.average)
        with torch.no_grad():
            found = self.validate(network)
        self.curve.append(dict(minutes=self.seconds / 60, steps=self.steps,
                               loss=sum(self.losses) / max(len(self.losses), 1), **found))
        self.losses = []
        tqdm.write("step %d  loss %.5f  " % (self.steps, self.curve[-1]["loss"]) +
                   "  ".join(f"{name} {value:.2f} dB" for name, value in found.items()))
        curve.draw(self.curve, self.options.checkpoint.with_suffix(".png"))

    def run(self):
        """Until the time is up, or a signal asks to stop."""
        o, stop = self.options, []
        print(f"{sum(p.numel() for p in self.network.parameters())} weights", flush=True)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.append(True))
        bar = tqdm(total=o.minutes, initial=min(self.seconds / 60, o.minutes), unit="min",
                   mininterval=0.5 if sys.stderr.isatty() else 60,
                   bar_format="{percentage:3.0f}% |{bar}| {n:.1f} of {total:.0f} min{postfix}")
        looked = saved = self.seconds
        while not stop and self.seconds < 60 * o.minutes:
            start = time.monotonic()
            self.losses.append(self.step())
            spent = min(time.monotonic() - start, 5)  # a stopped process is not training
            self.seconds += spent
            bar.set_postfix_str(f"step {self.steps}, loss {self.losses[-1]:.4f}", refresh=False)
            bar.update(spent / 60)
            if self.seconds - looked > 60 * o.validate_every:
                self.look()
                looked = self.seconds
            if self.seconds - saved > 60 * o.save_every:
                self.save()
                saved = self.seconds
        bar.close()
        self.look()
        self.save()


def mixed(enabled=True):
    """Products in bfloat16 where the processor has them: elsewhere they are many times slower than in float32."""
    return torch.autocast("cpu", torch.bfloat16, enabled and torch.cpu._is_avx512_bf16_supported())


def hold_out(things, every=25):
    """(the ones to train on, every 25th)"""
    return [x for i, x in enumerate(things) if i % every != every - 1], things[every - 1::every]


def psnr(made, x0):
    return (-10 * ((made.clamp(-1, 1) - x0) / 2).square().flatten(1).mean(1).log10()).mean().item()


def errors(made, x0, sigma, options):
    """Of each value, weighted so that each level of noise counts alike: what is left of an error grows as its root."""
    weight, wrong = (20 / (sigma + 4)).sqrt(), made.float() - x0
    error = wrong.abs() * weight
    if options.luma:
        error = error + options.luma * realnoise.luma(wrong).abs() * weight
    return SQUARED * error.square() if options.squared else error


def tells_chroma(network):
    return getattr(network, "unet", network).config.get("chroma_level", False)


class Denoising(Training):
    def __init__(self, options, pictures):
        super().__init__(options)
        self.pictures, held = hold_out(pictures)
        side = min(HELD, *(n for p in held or pictures for n in p.shape[:2])) // 8 * 8
        crops = [p[:side, :side] for p in (held or pictures)[:32]]
        self.held = torch.stack([torch.from_numpy(p.copy()) for p in crops]).permute(0, 3, 1, 2).float() / 127.5 - 1

    def validate(self, network):
        found = {}
        for sigma in (15, 25, 50):
            ratio = torch.full_like(self.held[:, :1], sigma * 2 / 255)
            noise = torch.randn(self.held.shape, generator=torch.Generator().manual_seed(sigma))
            signal = (1 + ratio ** 2).rsqrt()
            chroma = data.level_of(ratio * WHITE_CHROMA) if tells_chroma(network) else None
            made = network((self.held + ratio * noise) * signal, ratio * signal, context=chroma)[:, :3]
            found[f"sigma {sigma}"] = psnr(made, self.held)
        return found

    def step(self):
        x0, frame, level, sigma, chroma = data.batch(self.pictures, self.options)
        with mixed():
            made = self.network(frame.to(memory_format=torch.channels_last), level,
                                context=chroma if tells_chroma(self.network) else None)
        return self.learn(errors(made, x0, sigma, self.options).mean())


def main():
    p = parser(__doc__, minutes=120, batch=32, patch=64, rate=1e-3)
    add_noise_options(p)
    options = p.parse_args()
    torch.set_num_threads(options.threads)
    pictures = [p for p in data.load(options.folders) if min(p.shape[:2]) >= options.patch]
    print(f"{len(pictures)} pictures", flush=True)
    Denoising(options, pictures).run()


if __name__ == "__main__":
    main()
