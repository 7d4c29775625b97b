# SPDX-License-Identifier: LGPL-2.1-or-later
"""A world to learn: pictures and films of MNIST's digits and of shapes, drawn without limit, and captions of them.

    python models/train/world.py sheet OUT.png --digits FOLDER [--pictures FOLDER] [--size 128] [--split unseen]
    python models/train/world.py film OUT.png --digits FOLDER [--pictures FOLDER] [--rate 10] [--frames 12]
    python models/train/world.py draw WORK/world --digits FOLDER [--pictures FOLDER] [--count 100000] [--size 64]

`sheet` shows pictures with their captions, `film` films as rows of frames, and `draw` fills a folder that the trainings
read: pictures.npy [N, size, size, 3]. FOLDER of digits holds MNIST, that of pictures photographs for backgrounds. A
picture has a number, and is always the same. What there is is in scenes.py, how it is painted in paint.py, how it is
said in wording.py.
"""
import argparse
import functools
import json
import multiprocessing
import os
import pathlib
import sys
import textwrap
import time

import numpy as np
from PIL import Image, ImageDraw

import paint
import scenes
import wording

TRAINED, HELD_OUT, SAID = 0, 1, 2  # streams of random numbers
CHUNK = 250  # pictures that a process draws at a time


def scene(number, split=scenes.SEEN, moving=False, stream=TRAINED):
    return scenes.draw_scene(np.random.default_rng((stream, number)), split, moving)


def caption(number, scene):
    """(text, claims) of a scene; another number words it anew."""
    return wording.caption(np.random.default_rng((SAID, number)), scene)


def film_caption(number, scene):
    """As caption(), and of how things move."""
    return wording.caption(np.random.default_rng((SAID, number)), scene, motion=True)


def held_out(painter, count, size, split=scenes.SEEN, first=0):
    """(pictures [count, size, size, 3], texts, claims, facts) that no training draws."""
    drawn = held_out_scenes(count, split, first)
    said = [caption(first + i, s) for i, s in enumerate(drawn)]
    pictures = np.stack([painter.paint(s, size) for s in drawn])
    return (pictures, [text for text, _ in said], np.stack([claims for _, claims in said]),
            np.stack([wording.facts(s) for s in drawn]))


def held_out_scenes(count, split=scenes.SEEN, first=0):
    return [scene(first + i, split, stream=HELD_OUT) for i in range(count)]


def painter_of(options, part="train"):
    return paint.Painter(options.digits, options.pictures, part)


def start_process(options):
    global shared
    shared = painter_of(options), options


def draw_chunk(first):
    painter, o = shared
    return np.stack([painter.paint(scene(n, o.split), o.size) for n in range(first, min(first + CHUNK, o.count))])


def draw(o):
    """Fills a folder; where that was broken off, it goes on."""
    o.out.mkdir(parents=True, exist_ok=True)
    path, done_path = o.out / "pictures.npy", o.out / "drawn.json"
    shape = (o.count, o.size, o.size, 3)
    about = dict(count=o.count, size=o.size, split=o.split, digits=str(o.digits.resolve()),
                 pictures=str(o.pictures.resolve()) if o.pictures else None)
    saved = json.loads(done_path.read_text()) if done_path.exists() else {}
    done = saved.pop("done", 0) if {k: saved.get(k) for k in about} == about else 0
    pictures = np.lib.format.open_memmap(path, "r+" if done else "w+", np.uint8, shape)
    start, first = time.monotonic(), done
    with multiprocessing.Pool(o.threads, start_process, (o,)) as pool:
        for chunk in pool.imap(draw_chunk, range(done, o.count, CHUNK)):
            pictures[done:done + len(chunk)] = chunk
            done += len(chunk)
            if done % (20 * CHUNK) == 0 or done == o.count:
                pictures.flush()
                done_path.write_text(json.dumps({**about, "done": done}))
            rate = (done - first) / (time.monotonic() - start)
            print(f"\r{done} of {o.count} pictures, {rate:.0f} a second", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


class Drawn:
    """What `draw` made: pictures, and the scenes and captions that belong to them."""

    def __init__(self, folder):
        about = json.loads((folder / "drawn.json").read_text())
        self.count, self.split = about["done"], about["split"]
        self.digits, self.photos = about["digits"], about["pictures"]
        self.pictures = np.load(folder / "pictures.npy", mmap_mode="r")

    @functools.cached_property
    def known(self):
        return functools.lru_cache(maxsize=None)(lambda number: scene(number, self.split))

    def scenes(self, numbers):
        return [self.known(int(number)) for number in numbers]

    def said(self, numbers, scenes=None):
        """(a caption of each picture, in other words each time; of which pictures each is true [captions, pictures])"""
        drawn = scenes or self.scenes(numbers)
        said = [wording.caption(np.random.default_rng(), s) for s in drawn]
        claims, facts = np.stack([c for _, c in said]), np.stack([wording.facts(s) for s in drawn])
        return [text for text, _ in said], wording.true_of(claims, facts)

    def held_out(self, count):
        """(pictures, captions, truth as said() gives it) with digits that were never drawn."""
        painter = paint.Painter(self.digits, self.photos, "t10k")
        pictures, texts, claims, facts = held_out(painter, count, self.pictures.shape[1], self.split)
        return pictures, texts, wording.true_of(claims, facts)


def sheet(o):
    """Pictures with their captions."""
    painter, columns = painter_of(o), 6
    shown = max(o.size, 128)
    rows = -(-o.count // columns)
    page = Image.new("RGB", (columns * (shown + 8), rows * (shown + 52)), "white")
    pen = ImageDraw.Draw(page)
    for i in range(o.count):
        s = scene(o.first + i, o.split)
        picture = Image.fromarray(painter.paint(s, o.size)).resize((shown, shown), Image.Resampling.NEAREST)
        x, y = i % columns * (shown + 8), i // columns * (shown + 52)
        page.paste(picture, (x, y))
        text = "\n".join(textwrap.wrap(caption(o.first + i, s)[0], shown // 5))
        pen.multiline_text((x, y + shown + 2), text, "black", font_size=9, spacing=1)
    page.save(o.out)


def film(o):
    """Films, one below the other, with what they show."""
    painter, rows = painter_of(o), []
    for i in range(o.first, o.first + o.count):
        s = scene(i, o.split, moving=True)
        print(film_caption(i, s)[0])
        rows.append(np.concatenate([painter.paint(s, o.size, k / o.rate) for k in range(o.frames)], 1))
    Image.fromarray(np.concatenate(rows)).save(o.out)


def add_world_options(p):
    p.add_argument("--digits", required=True, type=pathlib.Path, help="folder with MNIST's four idx files")
    p.add_argument("--pictures", type=pathlib.Path, help="folder of photographs for backgrounds, searched recursively "
                   "(without: something smooth)")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = p.add_subparsers(required=True)
    counts = {"sheet": (36, sheet), "film": (8, film), "draw": (100000, draw)}
    for name, (count, run) in counts.items():
        c = commands.add_parser(name, help=run.__doc__)
        c.set_defaults(run=run)
        c.add_argument("out", type=pathlib.Path)
        add_world_options(c)
        c.add_argument("--count", type=int, default=count, help="of pictures or films (default: %(default)s)")
        c.add_argument("--size", type=int, default=64, help="pixels to a side (default: %(default)s)")
        c.add_argument("--split", choices=(scenes.SEEN, scenes.UNSEEN, scenes.ANY), default=scenes.SEEN)
        if name == "draw":
            c.add_argument("--threads", type=int, default=os.cpu_count())
        else:
            c.add_argument("--first", type=int, default=0, help="number of the first one (default: %(default)s)")
        if name == "film":
            c.add_argument("--rate", type=float, default=10, help="frames a second (default: %(default)s)")
            c.add_argument("--frames", type=int, default=12, help="of each film (default: %(default)s)")
    o = p.parse_args()
    o.run(o)


if __name__ == "__main__":
    main()
