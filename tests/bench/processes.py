# SPDX-License-Identifier: LGPL-2.1-or-later
"""Deblurring, 4x super-resolution and inpainting of photographs: the engine's models against what everybody has.

    python tests/bench/processes.py
    python tests/bench/processes.py --tasks blur --only kodim23 --picture WORK/processes.jpg

PSNR in dB, the mean over the pictures (Kodak24, 500x500), of 8-bit output to 8-bit input; for inpainting also of the
missing pixels alone. Deblurring: heat blur of 1.6 (and 3) pixels and noise of 2 of 255, against Wiener deconvolution
with the same kernel, at that of five balances which is best for the whole set. Super-resolution: the means of blocks of
4x4 pixels, against bicubic and Lanczos enlargement. Inpainting: lost blocks of 16x16 pixels (15 %), and strokes,
against OpenCV's two methods. --picture puts what was given, the best of the others, ours and the clean picture side by
side.
"""
import pathlib
import sys

import cv2
import numpy as np
import torch
from PIL import Image
from scipy import fft
from skimage.restoration import uft

import common
import libudm

sys.path.insert(0, str(common.ROOT / "models/train"))
import degrade  # noqa: E402: what the models were trained to undo

MODELS = {"blur": "deblur", "pixelate": "super4", "mask": "inpaint"}
NOISE = 2         # of 255, on blurred pictures
BALANCES = 0.003, 0.01, 0.03, 0.1, 0.3
MARGIN = 32       # that is mirrored round a picture before it is deconvolved


def floats(frame):
    return torch.from_numpy(frame.astype(np.float32)).permute(2, 0, 1)[None]


def bytes_of(x):
    return common.to_8_bits(x[0].permute(1, 2, 0).numpy())


class Blur:
    def __init__(self, sigma):
        self.sigma, self.name = sigma, f"blur {sigma:g}, noise {NOISE}"

    def degrade(self, clip):
        blurred = degrade.blur(floats(clip.frames[0]), torch.tensor([self.sigma]))[0].permute(1, 2, 0).numpy()
        return bytes_of(floats(common.float_noise(common.Clip(clip.name, blurred[None]), NOISE)[0]))

    def wiener(self, given):
        """One result for each of the balances: skimage.restoration.wiener, its transforms done once."""
        wide = np.pad(given, [(MARGIN, MARGIN)] * 2 + [(0, 0)], "symmetric").astype(np.float32)
        r = int(4 * self.sigma + 1)
        line = np.exp(-0.5 * (np.arange(-r, r + 1) / self.sigma) ** 2)
        blurs = uft.ir2tf(np.outer(line, line) / line.sum() ** 2, wide.shape[:2])
        rough = uft.laplacian(2, wide.shape[:2])[0]
        seen = fft.rfft2(wide, axes=(0, 1))
        found = []
        for balance in BALANCES:
            undo = np.conj(blurs) / (np.abs(blurs) ** 2 + balance * np.abs(rough) ** 2)
            found.append(fft.irfft2(undo[..., None] * seen, wide.shape[:2], axes=(0, 1)))
        return [common.to_8_bits(x[MARGIN:-MARGIN, MARGIN:-MARGIN]) for x in found]

    def others(self, pictures, given):
        """name -> results; of the balances the best for all."""
        tried = zip(*(self.wiener(g) for g in given))
        return {"Wiener": max(tried, key=lambda results: mean_psnr(results, pictures))}

    def restore(self, engine, given):
        return engine.restore(given[None], self.sigma)[0][0]


class Pixelate:
    name = "pixelated by 4"

    def degrade(self, clip):
        return bytes_of(degrade.pixelate(floats(clip.frames[0]), 4))

    def others(self, pictures, given):
        def enlarge(method):
            return [cv2.resize(g[::4, ::4], (g.shape[1], g.shape[0]), interpolation=method) for g in given]
        return {"bicubic": enlarge(cv2.INTER_CUBIC), "Lanczos": enlarge(cv2.INTER_LANCZOS4)}

    def restore(self, engine, given):
        return engine.restore(given[None], 4.0)[0][0]


class Holes:
    def __init__(self, kind):
        self.kind, self.name = kind, f"lost {kind}"

    def mask(self, clip):
        random = np.random.default_rng([7, len(clip.name), *map(ord, clip.name)])
        h, w = clip.frames.shape[1:3]
        if self.kind == "blocks":
            lost = random.random((-(-h // 16), -(-w // 16))) < 0.15
            return lost.repeat(16, 0).repeat(16, 1)[:h, :w]
        drawn = np.zeros((h, w), np.uint8)
        for _ in range(40):
            turns = random.uniform(-0.7, 0.7, 6).cumsum() + random.uniform(0, 2 * np.pi)
            steps = 30 * np.stack([np.cos(turns), np.sin(turns)], 1)
            points = (random.uniform(0, (w, h)) + steps.cumsum(0)).round().astype(np.int32)
            cv2.polylines(drawn, [points], False, 1, int(random.integers(3, 9)))
        return drawn > 0

    def degrade(self, clip):
        self.masks = getattr(self, "masks", {})
        self.masks[clip.name] = lost = self.mask(clip)
        return np.where(lost[..., None], np.uint8(128), clip.frames[0])

    def others(self, pictures, given):
        def fill(method):
            return [cv2.inpaint(g, self.masks[p.name].astype(np.uint8), 3, method) for g, p in zip(given, pictures)]
        return {"Telea": fill(cv2.INPAINT_TELEA), "Navier-Stokes": fill(cv2.INPAINT_NS)}

    def restore(self, engine, given, name):
        known = np.where(self.masks[name], np.uint8(0), np.uint8(255))
        return engine.restore(given[None], 0.0, known=known)[0][0]


TASKS = {"blur": (Blur(1.6), Blur(3.0)), "pixelate": (Pixelate(),), "mask": (Holes("blocks"), Holes("strokes"))}


def mean_psnr(results, pictures, masks=None):
    found = []
    for result, picture in zip(results, pictures):
        wrong = (result.astype(np.float32) - picture.frames[0]) ** 2
        wrong = wrong[masks[picture.name]] if masks else wrong
        found.append(10 * np.log10(255 ** 2 / max(wrong.mean(dtype=np.float64), 1e-9)))
    return float(np.mean(found))


def measure(o, process, task, pictures):
    """[(name, PSNR), ...] of one task, and the pictures of the first clip side by side."""
    o.model = o.folder / MODELS[process]
    engine = libudm.Engine(o)
    given = [task.degrade(p) for p in pictures]
    more = ([p.name] for p in pictures) if process == "mask" else ([] for _ in pictures)
    results = {"given": given, **task.others(pictures, given),
               MODELS[process]: [task.restore(engine, g, *extra) for g, extra in zip(given, more)]}
    masks = getattr(task, "masks", None)
    rows = []
    for name, result in results.items():
        inside = "%.2f" % mean_psnr(result, pictures, masks) if masks else ""
        rows.append([task.name, name, "%.2f" % mean_psnr(result, pictures), inside])
    best = max(list(results)[1:-1], key=lambda name: mean_psnr(results[name], pictures))
    shown = [given[0], results[best][0], results[MODELS[process]][0], pictures[0].frames[0]]
    return rows, shown


def main():
    p = common.options(__doc__)
    p.add_argument("--folder", type=pathlib.Path, default=common.ROOT / "models", help="of the models")
    p.add_argument("--tasks", default=",".join(TASKS), help="separated by commas (default: %(default)s)")
    p.add_argument("--picture", type=pathlib.Path, help="where to put a picture of the first clip")
    o = p.parse_args()
    pictures = common.load_kodak(o)
    common.need(pictures, f"pictures whose name contains '{o.only}' in {o.data}")
    torch.set_num_threads(o.threads)
    rows, shown = [], []
    for process in o.tasks.split(","):
        for task in TASKS[process]:
            found, sides = measure(o, process, task, pictures)
            rows += found
            shown.append(np.concatenate([s[120:340, 140:360] for s in sides], 1))
    print(f"kodak24, {len(pictures)} pictures")
    common.print_table(["", "", "PSNR", "in the holes"], rows)
    if o.picture:
        Image.fromarray(np.concatenate(shown)).save(o.picture, quality=90)


if __name__ == "__main__":
    main()
