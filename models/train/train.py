# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains models/denoise on a folder of pictures and videos, on the CPU, in bfloat16; stops and resumes at will.

    python models/train/train.py FOLDER [FOLDER ...] --checkpoint WORK/denoise.pt --minutes 120

The learning rate falls over --minutes of training time, which the checkpoint counts across restarts.
models/train/export.py turns the checkpoint into a model directory.
"""
import argparse
import inspect
import json
import math
import os
import pathlib
import signal
import time

import safetensors.torch
import torch

import data
from network import UdmUNet


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
    p.add_argument("--save-every", type=float, default=120, help="seconds")
    return p


def trained(path):
    """(arguments of UdmUNet, weights) of a model directory or of a checkpoint."""
    if path.is_dir():
        config = json.loads((path / "unet/config.json").read_text())
        weights = safetensors.torch.load_file(path / "unet/diffusion_pytorch_model.safetensors")
    else:
        saved = torch.load(path, weights_only=True)
        config, weights = saved["config"], saved["average"]
    known = inspect.signature(UdmUNet).parameters
    return {k: v for k, v in config.items() if k in known}, weights


class Training:
    memory = 0.999  # of the average of the weights, a step

    def __init__(self, options):
        self.options = options
        self.network = self.first_network().to(memory_format=torch.channels_last)
        self.average = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.optimizer = torch.optim.AdamW(self.network.parameters(), options.rate, betas=(0.9, 0.99),
                                           weight_decay=0, fused=True)
        self.steps, self.seconds, self.curve = 0, 0.0, []
        if options.checkpoint.exists():
            self.resume()

    def first_network(self):
        if not self.options.start:
            network = UdmUNet(**self.options.config)
            network.ignore_innovation()  # pictures come without a guess
            return network
        config, weights = trained(self.options.start)
        network = UdmUNet(**{**config, **self.options.config})
        network.load_state_dict(weights)
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
        for k, v in self.network.state_dict().items():
            self.average[k].lerp_(v, 1 - decay)
        return loss.item()

    def run(self):
        """Until the time is up, or a signal asks to stop."""
        print(f"{sum(p.numel() for p in self.network.parameters())} weights", flush=True)
        stop, losses, saved = [], [], time.monotonic()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.append(True))
        while not stop and self.seconds < 60 * self.options.minutes:
            start = time.monotonic()
            losses.append(self.step())
            self.seconds += min(time.monotonic() - start, 5)  # a stopped process is not training
            if self.steps % 200 == 0:
                self.curve.append([self.steps, self.seconds, sum(losses) / len(losses)])
                print("step %d  %.1f min  loss %.5f" % (self.steps, self.seconds / 60, self.curve[-1][2]), flush=True)
                losses = []
            if time.monotonic() - saved > self.options.save_every:
                self.save()
                saved = time.monotonic()
        self.save()


class Denoising(Training):
    def __init__(self, options, pictures):
        super().__init__(options)
        self.pictures = pictures

    def step(self):
        o = self.options
        x0, grey = data.patches(self.pictures, o.batch, o.patch)
        sigma = data.noise_maps(o.batch, o.patch, o.max_sigma)
        frame, level = data.observe(x0, grey, sigma)
        with torch.autocast("cpu", torch.bfloat16):
            made = self.network(frame.to(memory_format=torch.channels_last), level)
        weight = (20 / (sigma + 4)).sqrt()  # the error that is left grows like this, so each sigma counts alike
        return self.learn(((made.float() - x0).abs() * weight).mean())


def main():
    p = parser(__doc__, minutes=120, batch=32, patch=64, rate=1e-3)
    p.add_argument("--max-sigma", type=float, default=75)
    options = p.parse_args()
    torch.set_num_threads(options.threads)
    pictures = [p for p in data.load(options.folders) if min(p.shape[:2]) >= options.patch]
    print(f"{len(pictures)} pictures", flush=True)
    Denoising(options, pictures).run()


if __name__ == "__main__":
    main()
