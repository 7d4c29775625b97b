#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Old films as scanned and coded, nothing told: is the level that the engine finds as good as the best one told?

    python tests/bench/old_film.py --models models/denoise-real
    python tests/bench/old_film.py --page docs --models models/auto --vapoursynth FOLDER/bin/python

There is no clean version. Each frame is compared with the median of seven around it, moved onto it, in the blocks that
stand still and have texture: what is left of grain and dirt counts there, and so does detail that is lost. Allowed: 0.3
dB less than the best level.

--page writes docs/OLD-FILM.md and its pictures instead: a crop of the middle frame of each film as it is, by the engine
with nothing told, and by MVTools' Degrain3 at the strength (of DEGRAIN) that has the most PSNR here.
"""
import pathlib
import subprocess
import sys

import numpy as np
from PIL import Image

import common
import libudm

RADIUS, SIDE = 3, 16  # frames of the median each way, pixels of a block
LEVELS = (2, 3, 4, 6, 8, 12, 16)
DEGRAIN = (100, 200, 400, 800, 1600)
CROP, TIMES, QUALITY = (128, 176), 2, 80  # pixels; enlarged; of JPEG
PAGE = """# Old films

Parts of single frames, at twice their size: as the file has it, as `udmdenoise` makes it with no property set, and by
MVTools' Degrain3 at the best of five strengths. The numbers are PSNR in dB against the median of seven frames that were
moved onto each other, where the picture stands still and has texture (`tests/bench/old_film.py --page docs`, which drew
this page): more is better, but grain that is left and detail that is lost count alike, so look.

| film | as it is | nothing told | Degrain3 |
|---|---|---|---|
"""


def smooth(x, deviation):
    """Gaussian, over the last two dimensions."""
    reach = int(3 * deviation + 0.5)
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    window /= window.sum()
    for axis in (-2, -1):
        pad = [(0, 0)] * x.ndim
        pad[axis] = (reach, reach)
        padded, size = np.pad(x, pad, mode="edge"), x.shape[axis]
        x = sum(k * np.take(padded, range(i, i + size), axis) for i, k in enumerate(window))
    return x


def shift_of(a, b):
    """(dy, dx) that moves b onto a: the peak of the phase correlation."""
    window = np.outer(*(np.hanning(side) for side in a.shape))
    product = np.fft.fft2((a - a.mean()) * window) * np.conj(np.fft.fft2((b - b.mean()) * window))
    peak = np.fft.ifft2(product / (np.abs(product) + 1e-3 * np.abs(product).max())).real
    return [(at + side // 2) % side - side // 2 for at, side in zip(np.unravel_index(peak.argmax(), a.shape), a.shape)]


def registered(luma, t):
    """[2 RADIUS + 1, H, W]: the frames around t, as bright as it and moved onto it."""
    moved = [np.roll(luma[i], shift_of(luma[t], luma[i]), (0, 1)) for i in range(t - RADIUS, t + RADIUS + 1)]
    return np.stack([frame + luma[t].mean() - frame.mean() for frame in moved])


def blocks(x):
    h, w = (side // SIDE for side in x.shape[-2:])
    return x[..., :h * SIDE, :w * SIDE].reshape(*x.shape[:-2], h, SIDE, w, SIDE)


def still_texture(around, median):
    """[H, W], bool."""
    contrast = blocks(smooth(median, 1)).std((1, 3))
    calm = smooth(around, 3)
    motion = blocks(np.abs(calm - np.median(calm, 0)).max(0)).mean((1, 3))
    chosen = (contrast > np.quantile(contrast, 0.4)) & (motion < np.quantile(motion, 0.3))
    chosen[:2] = chosen[-2:] = chosen[:, :2] = chosen[:, -2:] = False
    mask = np.zeros(median.shape, bool)
    full = np.repeat(np.repeat(chosen, SIDE, 0), SIDE, 1)
    mask[:full.shape[0], :full.shape[1]] = full
    return mask


class Score:
    def __init__(self, frames, at):
        luma = frames.astype(np.float32).mean(-1)
        self.references = []
        for t in at:
            around = registered(luma, t)
            median = np.median(around, 0)
            self.references.append((t, median, still_texture(around, median)))

    def __call__(self, frames):
        values = [np.mean((frames[t].astype(np.float32).mean(-1) - median)[mask] ** 2)
                  for t, median, mask in self.references]
        return np.mean(10 * np.log10(255 ** 2 / np.array(values)))


def films(o):
    for folder in sorted((o.data / "old_film").glob("*/")):
        if o.only in folder.name:
            paths = sorted(folder.glob("*.png"))[:o.frames]
            frames = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
            top, left = (frames.shape[1] - 224) // 2, (frames.shape[2] - 320) // 2
            yield folder.name, np.ascontiguousarray(frames[:, top:top + 224, left:left + 320])


def degrain(o, frames, strength):
    """By vsfilters.py: MVTools' Degrain3."""
    f, h, w, _ = frames.shape
    size, here = ["-s", "%dx%d" % (w, h)], pathlib.Path(__file__).parent
    to, back = (["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", a, *size, "-i", "-", "-f", "rawvideo",
                 "-pix_fmt", b, "-"] for a, b in (("rgb24", "yuv420p"), ("yuv420p", "rgb24")))
    data = subprocess.run(to, input=frames.tobytes(), check=True, stdout=subprocess.PIPE).stdout
    for command in ([o.vapoursynth, here / "vsfilters.py", str(w), str(h), "degrain3", str(strength), str(strength),
                     str(o.threads)], back):
        data = subprocess.run(command, input=data, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return np.frombuffer(data, np.uint8).reshape(frames.shape)


def draw_page(o):
    """OLD-FILM.md and a JPEG a film in the folder, and says how large they are."""
    common.need(o.vapoursynth, "--vapoursynth, a Python that has it, as vsfilters.py says")
    engine, text, pictures, total = libudm.Engine(o), PAGE, "", 0
    for name, frames in films(o):
        score = Score(frames, range(RADIUS, o.frames - RADIUS, 2))
        ours = engine.restore(frames, None, lookahead=o.lookahead)[0]
        theirs = max((degrain(o, frames, strength) for strength in DEGRAIN), key=score)
        top, left = ((side - size) // 2 for side, size in zip(frames.shape[1:3], CROP))
        middle = o.frames // 2
        row = np.concatenate([clip[middle, top:top + CROP[0], left:left + CROP[1]] for clip in (frames, ours, theirs)],
                             1)
        row = row.repeat(TIMES, 0).repeat(TIMES, 1)
        path, title = o.page / f"old-film-{name.replace('_', '-')}.jpg", name.replace("_", " ")
        Image.fromarray(row).save(path, quality=QUALITY)
        total += path.stat().st_size
        text += "| %s | %.2f | %.2f | %.2f |\n" % (title, score(frames), score(ours), score(theirs))
        pictures += f"\n## {title.capitalize()}\n\n![as it is, nothing told, Degrain3]({path.name})\n"
    (o.page / "OLD-FILM.md").write_text(text + pictures)
    print(f"{o.page}/OLD-FILM.md, and {total / 1000:.0f} kB of pictures")


def main():
    p = common.options(__doc__, models=["denoise-real"])
    p.set_defaults(frames=11)
    p.add_argument("--lookahead", type=int, default=2, help="default: %(default)s")
    p.add_argument("--page", type=pathlib.Path, metavar="FOLDER", help="write the page of crops there instead")
    p.add_argument("--vapoursynth", type=pathlib.Path, help="a Python that has VapourSynth, for the page")
    o, lost = p.parse_args(), []
    if o.page:
        o.model = o.models[0]
        return draw_page(o)
    for o.model in o.models:
        engine, rows = libudm.Engine(o), []
        for name, frames in films(o):
            score = Score(frames, range(RADIUS, o.frames - RADIUS, 2))
            told = [score(engine.restore(frames, level, lookahead=o.lookahead)[0]) for level in LEVELS]
            restored, sigmas = engine.restore(frames, None, lookahead=o.lookahead)
            blind = score(restored)
            lost.append(max(told) - blind)
            rows.append([name[:24], *("%.2f" % value for value in (score(frames), *told, blind)),
                         "%.1f to %.1f" % (min(sigmas), max(sigmas)), "%.2f" % lost[-1]])
        common.print_table([o.model.name, "as it is", *map(str, LEVELS), "nothing told", "sigma", "lost"], rows)
    return int(max(lost) > 0.3)


if __name__ == "__main__":
    sys.exit(main())
