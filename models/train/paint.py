# SPDX-License-Identifier: LGPL-2.1-or-later
"""Paints the scenes of scenes.py at any size and time, with smooth edges.

Shapes are signed distances in pixels from their outline, negative inside; digits are MNIST's, enlarged.
"""
import functools
import math
import pathlib

import numpy as np
from PIL import Image, ImageFilter

import digits
import scenes

SLOPE = 1.6     # MNIST's edges take this many of its pixels from black to white
GLYPH = 10.5    # half the height of a digit, in MNIST's pixels
BORDER = 0.13   # the width of outlines, in radii
FIFTH = 2 * math.pi / 5
SKY, CLOUD = (95, 160, 225), (250, 250, 252)
SAND, WATER, GRASS = (222, 196, 148), (45, 110, 150), (70, 125, 45)


def regular(corners, apothem):
    """The distance of a regular polygon, one of whose corners points up."""
    turns = 2 * math.pi * (np.arange(corners) + 0.5) / corners - math.pi / 2

    def distance(x, y):
        return np.max([x * math.cos(t) + y * math.sin(t) for t in turns], 0) - apothem
    return distance


def star(x, y, valley=0.44):
    angle = np.arctan2(x, -y)
    angle = np.abs((angle + FIFTH / 2) % FIFTH - FIFTH / 2)
    far = np.hypot(x, y)
    px, py = far * np.cos(angle), far * np.sin(angle)
    vx, vy = valley * math.cos(FIFTH / 2) - 1, valley * math.sin(FIFTH / 2)
    return ((px - 1) * -vy + py * vx) / -math.hypot(vx, vy)


def heart(x, y, side=0.56):
    y = y - 0.12
    lower = np.maximum(np.abs(x + y), np.abs(x - y)) / math.sqrt(2) - side
    middle = side / math.sqrt(2)
    return np.minimum(lower, np.hypot(np.abs(x) - middle, y + middle) - side)


def cross(x, y):
    x, y = np.abs(x), np.abs(y)
    return np.minimum(np.maximum(x - 0.92, y - 0.3), np.maximum(x - 0.3, y - 0.92))


DISTANCES = {
    "circle": lambda x, y: np.hypot(x, y) - 0.9,
    "square": lambda x, y: np.maximum(np.abs(x), np.abs(y)) - 0.77,
    "triangle": regular(3, 0.52),
    "star": star,
    "ring": lambda x, y: np.abs(np.hypot(x, y) - 0.7) - 0.22,
    "cross": cross,
    "heart": heart,
    "diamond": lambda x, y: (np.abs(x) / 0.62 + np.abs(y) - 1) / math.hypot(1 / 0.62, 1),
    "hexagon": regular(6, 0.82),
    "crescent": lambda x, y: np.maximum(np.hypot(x, y) - 0.92, 0.78 - np.hypot(x - 0.42, y + 0.1)),
}


def noise(seed, size, cells, offset=(0, 0), stretch=1):
    """Smooth noise [size, size] in [0, 1], `cells` to a side, periodic; offset in sides, stretched along x."""
    rng = np.random.default_rng(seed)
    grid = np.tile(rng.random((cells, cells), np.float32), (3, 3))
    u, v = (np.arange(size) + 0.5) / size, (np.arange(size) + 0.5) / size
    u, v = ((u - offset[0]) % 1) * cells / stretch + cells, ((v - offset[1]) % 1) * cells + cells
    iu, iv = u.astype(int), v.astype(int)
    fu, fv = smooth(u - iu)[None], smooth(v - iv)[:, None]
    near, far = grid[iv[:, None], iu[None]], grid[iv[:, None] + 1, iu[None]]
    near = near + fu * (grid[iv[:, None], iu[None] + 1] - near)
    far = far + fu * (grid[iv[:, None] + 1, iu[None] + 1] - far)
    return near + fv * (far - near)


def smooth(x):
    return (x * x * (3 - 2 * x)).astype(np.float32)


def octaves(seed, size, cells, offset, stretch=1):
    return sum(share * noise(seed + i, size, cells * 2 ** i, offset, stretch)
               for i, share in enumerate((0.55, 0.3, 0.15)))


def between(first, second, share):
    """[size, size, 3]: from one colour to another."""
    a, b = np.asarray(first, np.float32), np.asarray(second, np.float32)
    return a + share[..., None] * (b - a)


def shade(rgb, light):
    return np.clip(np.asarray(rgb, np.float32) * light[..., None], 0, 255)


class Painter:
    """Holds MNIST's digits of one part and the photographs. folders: of digits (idx files), of pictures or None."""

    def __init__(self, digit_folder, picture_folder=None, part="train"):
        pictures, labels = (digits.read_idx(f"{digit_folder}/{part}-{name}.gz")
                            for name in ("images-idx3-ubyte", "labels-idx1-ubyte"))
        self.glyphs = [pictures[labels == k] for k in range(10)]
        self.photos = photographs(picture_folder) if picture_folder else {}

    def paint(self, scene, size, seconds=0.0, behind=None):
        """uint8 [size, size, 3]; behind: what background() gave for a camera at rest."""
        canvas = self.background(scene, size, (scene.pan[0] * seconds, scene.pan[1] * seconds)) \
            if behind is None else behind.copy()
        for thing in scene.things:
            self.paint_thing(canvas, thing, seconds)
        return np.clip(canvas + 0.5, 0, 255).astype(np.uint8)

    def background(self, scene, size, offset):
        kind = scenes.BACKGROUNDS[scene.background]
        if kind == "plain":
            return np.full((size, size, 3), scene.tones[0], np.float32)
        if kind == "gradient":
            share = (np.arange(size, dtype=np.float32) + 0.5) / size - offset[0 if scene.across else 1]
            share = np.broadcast_to(np.clip(share, 0, 1), (size, size))
            return between(*scene.tones, share if scene.across else share.T)
        if kind in ("photo", "flowers"):
            name = scene.grounds[0] if scene.grounds else "photo"
            if self.photos.get(name):
                return crop(self.photos[name], scene.seed, size, offset)
            return between((90, 90, 90), (200, 190, 170), octaves(scene.seed, size, 4, offset))
        return {"sand": sand, "water": water, "grass": grass, "sky": sky}[kind](scene.seed, size, offset)

    def paint_thing(self, canvas, thing, seconds):
        size = len(canvas)
        x, y, radius, angle = thing.at(seconds)
        pixels, reach = radius * size, 1.35 * radius * size + 2
        box = [int(np.clip(v, 0, size)) for v in (x * size - reach, x * size + reach + 1,
                                                  y * size - reach, y * size + reach + 1)]
        if box[0] >= box[1] or box[2] >= box[3]:
            return
        u = (np.arange(box[0], box[1], dtype=np.float32) + 0.5 - x * size)[None] / pixels
        v = (np.arange(box[2], box[3], dtype=np.float32) + 0.5 - y * size)[:, None] / pixels
        c, s = math.cos(angle), math.sin(angle)
        u, v = c * u + s * v, c * v - s * u
        inside, around = self.coverage(thing, u, v, pixels)
        part = canvas[box[2]:box[3], box[0]:box[1]]
        if around is not None:
            part += around[..., None] * (np.float32(thing.border) - part)
        part += inside[..., None] * (pattern(thing, u, v) - part)

    def coverage(self, thing, u, v, pixels):
        """(what of each pixel the thing covers, what it covers with its outline, or None)"""
        fill = scenes.FILLS[thing.fill]
        if thing.kind < len(scenes.DIGITS):
            glyphs = self.glyphs[thing.kind]
            glyph = int(thing.handwriting * len(glyphs))
            inside = written(glyphs[glyph], u, v, pixels)
            return inside, written(thickened(glyphs[glyph]), u, v, pixels) if fill == "outlined" else None
        distance = DISTANCES[scenes.KINDS[thing.kind]](u, v)
        if fill == "hollow":
            half = max(BORDER / 2, 0.8 / pixels)
            return covered((np.abs(distance + half) - half) * pixels), None
        around = covered((distance - BORDER) * pixels) if fill == "outlined" else None
        return covered(distance * pixels), around


def covered(distance):
    return np.clip(0.5 - distance, 0, 1).astype(np.float32)


def written(glyph, u, v, pixels):
    """What each pixel shares with a stroke of one of MNIST's digits."""
    x, y = (np.clip(GLYPH * w + 14 - 0.5, 0, 26.999) for w in (u, v))
    ix, iy = x.astype(np.intp), y.astype(np.intp)
    fx, fy = x - ix, y - iy
    g = glyph.astype(np.float32) / 255
    top = g[iy, ix] * (1 - fx) + g[iy, ix + 1] * fx
    low = g[iy + 1, ix] * (1 - fx) + g[iy + 1, ix + 1] * fx
    value = top + fy * (low - top)
    return np.clip((value - 0.5) * max(1.0, SLOPE * pixels / GLYPH) + 0.5, 0, 1)


def thickened(glyph):
    return np.asarray(Image.fromarray(glyph).filter(ImageFilter.MaxFilter(5)))


def pattern(thing, u, v):
    """The colour of a thing, or where stripes, dots and squares of another tone are."""
    tone, fill = np.float32(thing.tone), scenes.FILLS[thing.fill]
    if fill == "striped":
        second = np.clip(2.5 * np.sin((u + v) * 9) + 0.5, 0, 1)
    elif fill == "dotted":
        second = np.clip(4 * (np.cos(u * 9) * np.cos(v * 9) - 0.4) + 0.5, 0, 1)
    elif fill == "chequered":
        second = np.clip(4 * np.sin(u * 7) * np.sin(v * 7) + 0.5, 0, 1)
    else:
        return tone
    return between(tone, tone + 0.75 * (thing.border - tone), second.astype(np.float32))


def sand(seed, size, offset):
    grains = noise(seed + 9, size, max(16, size // 2), offset)
    return shade(SAND, 0.85 + 0.15 * octaves(seed, size, 5, offset) + 0.25 * (grains - 0.5))


def water(seed, size, offset):
    waves = octaves(seed, size, 12, offset, stretch=4)
    return between(WATER, (170, 215, 230), np.clip(2.2 * waves - 0.9, 0, 1) ** 2)


def grass(seed, size, offset):
    blades = noise(seed, size, max(16, size // 3), offset) * 0.6 + octaves(seed + 5, size, 6, offset) * 0.7
    return shade(GRASS, 0.4 + 0.9 * blades)


def sky(seed, size, offset):
    return between(SKY, CLOUD, np.clip(2.4 * octaves(seed, size, 3, offset) - 0.95, 0, 1))


def photographs(folder):
    """{"photo" or a kind of flowers: pictures, uint8}"""
    found = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.suffix.lower() in (".jpg", ".png", ".webp"):
            kind = next((k for k in scenes.FLOWERS if path.name.startswith(k)), "photo")
            found.setdefault(kind, []).append(Image.open(path).convert("RGB"))
    return found


@functools.lru_cache(4096)
def place_of_crop(seed, width, height):
    """(left, top, side) of a square in a picture, with room around it where the camera may pan."""
    rng = np.random.default_rng(seed)
    side = rng.uniform(0.45, 0.85) * min(width, height)
    return rng.uniform(0, width - side), rng.uniform(0, height - side), side


def crop(pictures, seed, size, offset):
    """A part of one of them; the camera turns back at its edges."""
    picture = pictures[seed % len(pictures)]
    left, top, side = place_of_crop(seed, *picture.size)
    left, top = (scenes.fold(a - o * side, 0, n - side) for a, o, n in zip((left, top), offset, picture.size))
    part = picture.resize((size, size), Image.Resampling.BILINEAR, (left, top, left + side, top + side))
    return np.asarray(part, np.float32)
