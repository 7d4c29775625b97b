#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How much video flickers that a model of latent diffusion draws anew, frame by frame, and held still by udmdenoise.

    python tests/bench/redraw.py [--model tests/models/tiny-latents/turbo] [--strength 0.4] [--frames 12]

Pictures of Kodak24 at rest, panned by whole pixels a frame, and by whole pixels with noise of sigma 3, so that what a
pixel was in the frame before is known. Prints how much it differs from that where it is not at the border, RMS in
levels: of the clip, of each frame drawn alone with new noise, alone with the same noise, and by the stream; and by how
much the stream's frames differ from those drawn alone with the same noise, in the mean of squares of 16x16
pixels, which is what holding them still costs. Needs numpy, pillow.
"""
import argparse
import ctypes as c
import pathlib

import numpy as np
from PIL import Image

import common
import libudm

BORDER, FIRST = 24, 4  # pixels that are left out; the first frame that counts
CLIPS = (("at rest", (0, 0), 0), ("panned by 1, 0", (1, 0), 0), ("panned by 3, 2", (3, 2), 0),
         ("the same, noisy", (3, 2), 3))


def clip(path, motion, sigma, o):
    """[F, H, W, 3]: a window that moves over the picture."""
    picture = np.asarray(Image.open(path).convert("RGB"))
    r = np.random.default_rng(5)
    frames = []
    for n in range(o.frames):
        y, x = 64 + n * motion[1], 64 + n * motion[0]
        frame = picture[y:y + o.height, x:x + o.width].astype(np.float32)
        frames.append(np.clip(np.round(frame + sigma * r.standard_normal(frame.shape)), 0, 255).astype(np.uint8))
    return np.stack(frames)


def flicker(frames, motion):
    """RMS of what each pixel is less than what it was, from FIRST on."""
    dx, dy = motion
    b, (h, w) = BORDER, frames.shape[1:3]
    return float(np.sqrt(np.mean([
        np.square(frames[n, b:h - b, b:w - b].astype(np.float32)
                  - frames[n - 1, b + dy:h - b + dy, b + dx:w - b + dx]) for n in range(FIRST, len(frames))])))


class Redraw(libudm.Library):
    def __init__(self, o):
        super().__init__(o)
        self.model, self.o = self.open_model(o.model), o
        for name in ("udm_restorer_tell",):
            getattr(self.lib, name).restype = c.c_bool

    def run(self, frames, numbers, alone):
        """numbers: that name the noise of each frame; alone: whether each begins a scene."""
        h, w = frames.shape[1:3]
        settings = self.settings(w, h, steps=self.o.steps, lookahead=0)
        stream = self.check(self.lib.udm_restorer_open(self.model, c.byref(settings), c.byref(self.error)))
        self.check(self.lib.udm_restorer_tell(stream, self.o.prompt.encode(), None, c.c_double(-1),
                                              c.byref(self.error)))
        out = np.empty_like(frames)
        for n, pixels in enumerate(frames):
            pixels = np.ascontiguousarray(pixels)
            view = libudm.image(pixels)
            frame = libudm.Frame(image=c.pointer(view), time=0, strength=self.o.strength, number=numbers[n],
                                 discontinuity=alone)
            self.check(self.lib.udm_restorer_push(stream, c.byref(frame), c.byref(self.error)))
            if self.lib.udm_restorer_pull(stream, c.byref(libudm.image(out[n])), c.byref(self.error)):
                raise SystemExit(f"libudm: {self.error.message.decode()}")
        self.lib.udm_restorer_free(stream)
        return out


def coarse(a, b):
    """RMS of the difference of squares of 16x16 pixels."""
    h, w = (side // 16 for side in a.shape[1:3])
    d = (a.astype(np.float32) - b)[:, :16 * h, :16 * w].reshape(-1, h, 16, w, 16, 3).mean((2, 4))
    return float(np.sqrt(np.mean(np.square(d))))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", type=pathlib.Path, default=common.ROOT / "tests/models/tiny-latents/turbo")
    p.add_argument("--prompt", default="a small red seven")
    p.add_argument("--strength", type=float, default=0.4)
    p.add_argument("--steps", type=int, default=1)
    p.add_argument("--frames", type=int, default=12)
    p.add_argument("--width", type=int, default=256)
    p.add_argument("--height", type=int, default=192)
    p.add_argument("--pictures", type=int, default=2)
    p.add_argument("--data", type=pathlib.Path, default=common.DATA)
    p.add_argument("--build", type=pathlib.Path, default=common.ROOT / "build")
    p.add_argument("--threads", type=int, default=2)
    o = p.parse_args()
    paths = sorted((o.data / "kodak24_500x500").glob("*.webp"))[:o.pictures]
    common.need(paths, o.data / "kodak24_500x500")
    engine, rows = Redraw(o), []
    counted = list(range(o.frames))
    for name, motion, sigma in CLIPS:
        found = []
        for path in paths:
            frames = clip(path, motion, sigma, o)
            same = engine.run(frames, [0] * o.frames, True)
            stream = engine.run(frames, counted, False)
            found.append([flicker(x, motion) for x in (frames, engine.run(frames, counted, True), same, stream)]
                         + [coarse(same, stream)])
        found = np.mean(found, 0)
        rows.append([name, *(f"{x:.2f}" for x in found)])
    print(f"{o.model.name}, strength {o.strength}, {o.steps} steps, {len(paths)} pictures")
    common.print_table(["flicker, levels", "clip", "alone, new noise", "alone, same noise", "stream", "off by"], rows)


main()
