# SPDX-License-Identifier: LGPL-2.1-or-later
"""Impulses ("salt and pepper") on photographs, the noise level estimated: PSNR of what comes in, of a 3x3 median and of
ours. The same of clips with hot pixels, which stay where they are while the picture moves, or does not, from the frame
on in which they can be known. And what clean pictures with single pixels that are right lose: text, and stars (allowed:
50 dB to the input).

    python tests/bench/impulses.py --only kodim1
    python tests/bench/impulses.py --only mobile
"""
import sys

import numpy as np
from PIL import Image, ImageDraw

import common
import libudm

SHARES = 0.001, 0.005, 0.01, 0.05
LEAST = 50.0
SIDE = 384
HOT = 5e-4         # of all pixels
KNOWN = 8          # frames
HOT_SIGMA = 5.0


def spoil(clean, share, of_luma):
    """Black and white for as many pixels; of_luma: with their chroma, as in YUV."""
    random = np.random.default_rng(1).random((*clean.shape[:-1], 1))
    if not of_luma:
        return np.where(random < share / 2, 0, np.where(random < share, 255, clean)).astype(np.uint8)
    luma = clean @ np.array([0.299, 0.587, 0.114])[:, None]
    shift = np.where(random < share / 2, -luma, np.where(random < share, 255 - luma, 0))
    return common.to_8_bits(clean + shift)


def median(clip):
    around = [np.roll(clip, (dy, dx), (1, 2)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return np.median(np.stack(around), 0).astype(np.uint8)


def text(paper, ink):
    page = Image.new("RGB", (SIDE, SIDE), paper)
    for line in range(28):
        words = "The quick brown fox; jumps over it... i.e. 3.14 lazy dogs: (x,y)"[line % 7:]
        ImageDraw.Draw(page).text((4, 4 + 13 * line), words, fill=ink)
    return np.asarray(page)[None]


def stars():
    random = np.random.default_rng(2)
    sky = random.normal(4, 1, (SIDE, SIDE, 1))
    grid = np.mgrid[-2:3, -2:3]
    for y, x in random.integers(3, SIDE - 3, (400, 2)):
        spot = np.exp(-(grid ** 2).sum(0) / (2 * random.uniform(0.3, 0.9) ** 2))
        sky[y - 2:y + 3, x - 2:x + 3, 0] += random.uniform(20, 250) * spot
    return common.to_8_bits(np.repeat(sky, 3, 2))[None]


def hot_rows(o, engine):
    """Of each clip, and of its first frame held: how far hot pixels are off, and all others, root mean square."""
    rows = []
    for clip in common.load_clips(o):
        for name, clean in ((clip.name, clip.frames), ("held", np.repeat(clip.frames[:1], len(clip.frames), 0))):
            random = np.random.default_rng(3)
            mask = random.random(clean.shape[1:]) < HOT  # of one colour mostly
            value = random.uniform(200, 256, clean.shape[1:])
            noisy = common.add_noise(common.Clip(clip.name, clean), HOT_SIGMA)
            spoiled = np.where(mask & (value > noisy), value, noisy).astype(np.uint8)
            made, without = (engine.restore(f, None)[0].astype(np.float32) for f in (spoiled, noisy))
            errors = [np.sqrt(np.mean(np.square((f - clean)[KNOWN:, which])))
                      for which in (mask, ~mask) for f in (spoiled.astype(np.float32), made, without)]
            rows.append([clip.name, "held" if name == "held" else "as it is", *("%.2f" % e for e in errors)])
    return rows


def main():
    o = common.options(__doc__).parse_args()
    engine, rows, kept = libudm.Engine(o), [], True
    found = hot_rows(o, engine)
    if found:
        common.print_table(["hot pixels of", "", "noisy", "ours", "ours without them", "the others, noisy", "ours",
                            "ours without"], found)
    o.frames = 1
    for clip in common.load_kodak(o):
        for share in SHARES:
            for of_luma in (False, True):
                noisy = spoil(clip.frames, share, of_luma)
                found = [common.psnr(f, clip.frames) for f in (noisy, median(noisy), engine.restore(noisy, None)[0])]
                rows.append([clip.name, "%g %%" % (100 * share), "luma" if of_luma else "RGB",
                             *("%.2f" % f for f in found)])
    if rows:
        common.print_table(["picture", "impulses", "of", "noisy", "median", "ours"], rows)
    rows = []
    for name, clean in (("text", text("white", "black")), ("on black", text("black", "white")), ("stars", stars())):
        same = common.psnr(engine.restore(clean, 1.0)[0], clean)
        kept &= same >= LEAST
        rows.append([name, "%.2f" % same])
    common.print_table(["clean, told 1", "to the input"], rows)
    return int(not kept)


if __name__ == "__main__":
    sys.exit(main())
