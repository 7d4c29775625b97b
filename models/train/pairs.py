# SPDX-License-Identifier: LGPL-2.1-or-later
"""Packs a folder of pictures with captions, so that the stages from text to pictures learn from it as from the world.

    python models/train/pairs.py FOLDER WORK/mine [--size 64]
    python models/train/bpe.py models/mine/tokenizer --pairs WORK/mine
    python models/train/clip.py WORK/mine --tokenizer models/mine/tokenizer --facts 0 --checkpoint WORK/clip.pt ...

Beside NAME.jpg (or .png, .webp) lies NAME.txt with a caption a line, any of which may be taken. The middle square of a
picture is used. Every twentieth picture is held out.
"""
import argparse
import json
import pathlib

import numpy as np
from PIL import Image

import world

HELD_EVERY = 20


def square(path, size):
    picture = Image.open(path).convert("RGB")
    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = left, top, left + side, top + side
    return np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC, box))


def captions_of(path):
    lines = path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip()]


def pairs_in(folder):
    """(path of a picture, its captions), in the order of names."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp") and path.with_suffix(".txt").exists():
            if captions := captions_of(path):
                yield path, captions


class Packed:
    """As world.Drawn, of pictures of which nothing is known but captions."""

    def __init__(self, folder):
        self.captions = json.loads((folder / "captions.json").read_text(encoding="utf-8"))
        self.pictures = np.load(folder / "pictures.npy", mmap_mode="r")
        self.count = len(self.captions) - len(self.captions) // HELD_EVERY  # those that are held out come last

    def scenes(self, numbers):
        raise SystemExit("what is in these pictures is not known: train with --facts 0")

    def said(self, numbers, scenes=None):
        texts = [str(np.random.choice(self.captions[int(number)])) for number in numbers]
        told = np.array(texts)
        return texts, told[:, None] == told

    def held_out(self, count):
        numbers = np.arange(self.count, len(self.captions))[:count]
        texts = [self.captions[number][0] for number in numbers]
        told = np.array(texts)
        return self.pictures[numbers], texts, told[:, None] == told


def opened(folder):
    """What `world.py draw` or this program put into a folder."""
    return Packed(folder) if (folder / "captions.json").exists() else world.Drawn(folder)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=pathlib.Path, help="of pictures with captions, searched recursively")
    p.add_argument("out", type=pathlib.Path)
    p.add_argument("--size", type=int, default=64, help="pixels to a side (default: %(default)s)")
    o = p.parse_args()
    found = list(pairs_in(o.folder))
    if len(found) < HELD_EVERY:
        raise SystemExit(f"{o.folder}: {len(found)} pictures with captions are too few")
    held = found[HELD_EVERY - 1::HELD_EVERY]
    found = [pair for i, pair in enumerate(found) if i % HELD_EVERY != HELD_EVERY - 1] + held
    o.out.mkdir(parents=True, exist_ok=True)
    pictures = np.lib.format.open_memmap(o.out / "pictures.npy", "w+", np.uint8, (len(found), o.size, o.size, 3))
    for picture, (path, _) in zip(pictures, found):
        picture[:] = square(path, o.size)
    (o.out / "captions.json").write_text(json.dumps([captions for _, captions in found]), encoding="utf-8")
    print(f"{len(found)} pictures, {len(held)} of them held out")


if __name__ == "__main__":
    main()
