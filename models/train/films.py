# SPDX-License-Identifier: LGPL-2.1-or-later
"""Films of the world, without captions: what drifts, bounces, turns, grows, shrinks and crosses, and cameras that pan.

    python models/train/films.py draw WORK/films --digits FOLDER [--pictures FOLDER] [--count 20000] [--size 64]
    python models/train/films.py pack WORK/pack --digits FOLDER [--pictures FOLDER]

`draw` fills a folder that the trainings of films read: films.npy [N, frames, size, size, 3]. A film has a number, and
is always the same: its scene is that of world.py, its frame rate lies between 5 and 30, and every second, third, fourth
or fifth of its frames makes a film of a lower one, down to 1. Trainings may begin while it is being drawn. `pack` makes
one small folder of digits and photographs, which is then --digits and --pictures on another machine.
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import shutil
import sys
import time

import numpy as np
from PIL import Image

import paint
import scenes
import world

RATES = 5, 30        # frames a second
MOST_SKIPPED = 5     # every such frame is the lowest rate of a film
BEGINNINGS = 3       # seconds into a scene where films may begin, at most
TIMES = 3            # stream of random numbers, beside those of world.py
CHUNK = 4            # films that a process draws at a time
PACKED = 320, 85     # pixels of the shorter side of packed photographs, and their quality


def timing(number, stream=world.TRAINED):
    """(frame rate, seconds into the scene where it begins) of a film."""
    rng = np.random.default_rng((TIMES, stream, number))
    low, high = RATES
    return float(low * (high / low) ** rng.random()), float(rng.uniform(0, BEGINNINGS))


def paint_film(painter, number, size, frames, split=scenes.SEEN, stream=world.TRAINED):
    """uint8 [frames, size, size, 3]"""
    (rate, start), scene = timing(number, stream), world.scene(number, split, moving=True, stream=stream)
    behind = None if any(scene.pan) else painter.background(scene, size, (0, 0))
    return np.stack([painter.paint(scene, size, start + k / rate, behind) for k in range(frames)])


def held_out(painter, count, size, frames, skip=1, split=scenes.SEEN):
    """(pictures, rates, scenes) of films that no training draws; the painter's digits should be others, too."""
    numbers, stream = range(count), world.HELD_OUT
    films = [paint_film(painter, n, size, (frames - 1) * skip + 1, split, stream)[::skip] for n in numbers]
    rates = np.array([timing(n, stream)[0] / skip for n in numbers])
    return np.stack(films), rates, [world.scene(n, split, moving=True, stream=stream) for n in numbers]


def start_process(options):
    global shared
    shared = world.painter_of(options), options


def draw_chunk(first):
    painter, o = shared
    numbers = range(first, min(first + CHUNK, o.count))
    return np.stack([paint_film(painter, n, o.size, o.frames, o.split) for n in numbers])


def draw(o):
    """Fills a folder; where that was broken off, it goes on."""
    o.out.mkdir(parents=True, exist_ok=True)
    path, done_path = o.out / "films.npy", o.out / "drawn.json"
    about = dict(count=o.count, size=o.size, frames=o.frames, split=o.split, digits=str(o.digits.resolve()),
                 pictures=str(o.pictures.resolve()) if o.pictures else None)
    saved = json.loads(done_path.read_text()) if done_path.exists() else {}
    done = saved.pop("done", 0) if {k: saved.get(k) for k in about} == about else 0
    films = np.lib.format.open_memmap(path, "r+" if done else "w+", np.uint8,
                                      (o.count, o.frames, o.size, o.size, 3))
    start = written = time.monotonic()
    first = done
    with multiprocessing.Pool(o.threads, start_process, (o,)) as pool:
        for chunk in pool.imap(draw_chunk, range(done, o.count, CHUNK)):
            films[done:done + len(chunk)] = chunk
            done += len(chunk)
            now = time.monotonic()
            if done == o.count or now - written > 2:
                written = now
                new = done_path.with_suffix(".new")
                new.write_text(json.dumps({**about, "done": done}))
                new.replace(done_path)  # a training may be reading it
            rate = (done - first) * o.frames / (now - start)
            print(f"\r{done} of {o.count} films, {rate:.0f} frames a second", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def shrunk(picture):
    scale = PACKED[0] / min(picture.size)
    size = tuple(max(1, round(n * scale)) for n in picture.size)
    return picture.resize(size, Image.Resampling.LANCZOS) if scale < 1 else picture


def pack(o):
    """One folder of what worlds are drawn from, some 30 MB."""
    o.out.mkdir(parents=True, exist_ok=True)
    for part in ("train", "t10k"):
        for name in ("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz"):
            shutil.copyfile(o.digits / f"{part}-{name}", o.out / f"{part}-{name}")
    photos = paint.photographs(o.pictures) if o.pictures else {}
    for kind, pictures in photos.items():
        for i, picture in enumerate(pictures):
            shrunk(picture).save(o.out / f"{kind}-{i:04}.jpg", quality=PACKED[1])
    size = sum(path.stat().st_size for path in o.out.iterdir())
    print(f"{sum(map(len, photos.values()))} photographs and the digits, {size / 2 ** 20:.1f} MiB")


class Films:
    """What `draw` made, to which more may come meanwhile."""

    def __init__(self, folder):
        self.about = folder / "drawn.json"
        about = json.loads(self.about.read_text())
        self.frames, self.size, self.split = about["frames"], about["size"], about["split"]
        self.digits, self.photos = about["digits"], about["pictures"]
        self.films = np.load(folder / "films.npy", mmap_mode="r")

    @property
    def count(self):
        return json.loads(self.about.read_text())["done"]

    def clips(self, count, frames, skips):
        """`count` of them: (pictures uint8 [count, frames, size, size, 3], rates [count], numbers). skips: each takes
        every such frame, as far as the film is long enough."""
        numbers = np.sort(np.random.randint(self.count, size=count))
        skips = np.minimum(skips, (self.frames - 1) // max(frames - 1, 1)).clip(min=1)
        rates = np.array([timing(int(n))[0] for n in numbers]) / skips
        pictures = np.empty((count, frames, self.size, self.size, 3), np.uint8)
        for clip, number, skip in zip(pictures, numbers, skips):
            first = np.random.randint(self.frames - (frames - 1) * skip)
            clip[:] = self.films[number, first:first + (frames - 1) * skip + 1:skip]
        return pictures, rates, numbers

    def held_out(self, count, frames, skip=1):
        painter = paint.Painter(self.digits, self.photos, "t10k")
        return held_out(painter, count, self.size, frames, skip, self.split)

    def scene(self, number):
        return world.scene(int(number), self.split, moving=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = p.add_subparsers(required=True)
    for name, run in (("draw", draw), ("pack", pack)):
        c = commands.add_parser(name, help=run.__doc__)
        c.set_defaults(run=run)
        c.add_argument("out", type=pathlib.Path)
        world.add_world_options(c)
        if name == "draw":
            c.add_argument("--count", type=int, default=20000, help="of films (default: %(default)s)")
            c.add_argument("--frames", type=int, default=76, help="of each (default: %(default)s)")
            c.add_argument("--size", type=int, default=64, help="pixels to a side (default: %(default)s)")
            c.add_argument("--split", choices=(scenes.SEEN, scenes.UNSEEN, scenes.ANY), default=scenes.SEEN)
            c.add_argument("--threads", type=int, default=os.cpu_count())
    o = p.parse_args()
    o.run(o)


if __name__ == "__main__":
    main()
