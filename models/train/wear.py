# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is wrong with old film and tape, beside noise, drawn on clips: dirt, scratches, dropouts, flicker and weave.

    spoiled, mask = wear.dirt(frames, random)

Clips are uint8 [F, H, W, 3]; random is a numpy.random.Generator; mask is bool [F, H, W], what was drawn on.
"""
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SCALE = 4  # lines are drawn so many times as large, for their edges


def softened(mask, sigma):
    """bool or float [H, W] to float, blurred."""
    picture = Image.fromarray((np.asarray(mask, np.float32) * 255).astype(np.uint8))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(sigma)), np.float32) / 255


def blob(shape, random, radius):
    """A ragged spot: noise, smoothed, above a level that rises with the distance from its middle."""
    h, w = shape
    cy, cx = random.uniform(0, h), random.uniform(0, w)
    reach = int(2 * radius) + 3
    y0, x0 = max(int(cy) - reach, 0), max(int(cx) - reach, 0)
    y, x = np.mgrid[y0:min(int(cy) + reach, h), x0:min(int(cx) + reach, w)]
    made = np.zeros(shape, np.float32)
    if y.size == 0:
        return made
    stretch, angle = random.uniform(0.5, 1), random.uniform(0, np.pi)
    dy, dx = y - cy, x - cx
    along, across = dx * np.cos(angle) + dy * np.sin(angle), (dy * np.cos(angle) - dx * np.sin(angle)) / stretch
    ragged = softened(random.random(y.shape), max(radius / 4, 0.6)) - 0.5
    spot = np.hypot(along, across) / radius + 4 * ragged * (radius > 1.5) < 1
    made[y0:y0 + y.shape[0], x0:x0 + y.shape[1]] = softened(spot, random.uniform(0.3, 0.9))
    return made


def hair(shape, random):
    """A thin line that bends."""
    h, w = shape
    length, width = random.uniform(20, 0.4 * min(h, w)), random.uniform(0.8, 2)
    at, angle, bend = np.array([random.uniform(0, w), random.uniform(0, h)]), random.uniform(0, 2 * np.pi), 0
    points = [at]
    for _ in range(int(length / 2)):
        bend = 0.9 * bend + random.normal(0, 0.03)
        angle += bend
        points.append(points[-1] + 2 * np.array([np.cos(angle), np.sin(angle)]))
    large = Image.new("L", (SCALE * w, SCALE * h))
    ImageDraw.Draw(large).line([tuple(SCALE * p) for p in points], fill=255, width=max(int(SCALE * width), 2))
    return np.asarray(large.resize((w, h), Image.BOX), np.float32) / 255


def opaque(frame, share, value):
    return frame + share[..., None] * (value - frame)


def dirt(frames, random, amount=1.0):
    """Specks, blotches and hairs, dark on positives and bright on negatives, each in one frame."""
    made, mask = frames.astype(np.float32), np.zeros(frames.shape[:3], bool)
    shape, area = frames.shape[1:3], frames.shape[1] * frames.shape[2] / (352 * 288)
    for n in range(len(made)):
        drawn = [blob(shape, random, random.uniform(0.8, 3)) for _ in range(random.poisson(6 * amount * area))]
        drawn += [blob(shape, random, random.uniform(3, 12)) for _ in range(random.poisson(1.5 * amount * area))]
        drawn += [hair(shape, random) for _ in range(random.poisson(0.7 * amount))]
        for share in drawn:
            value = random.uniform(0, 40) if random.random() < 0.5 else random.uniform(215, 255)
            made[n] = opaque(made[n], share * random.uniform(0.7, 1), value)
            mask[n] |= share > 0.02
    return made.round().clip(0, 255).astype(np.uint8), mask


def dropouts(frames, random, amount=1.0):
    """Of tape: part of a row, or of two, turned white, black or into noise."""
    made, mask = frames.astype(np.float32), np.zeros(frames.shape[:3], bool)
    _, h, w, _ = frames.shape
    for n in range(len(made)):
        for _ in range(random.poisson(3 * amount * h / 288)):
            y, rows, length = random.integers(h), random.integers(1, 3), int(random.uniform(0.03, 0.5) * w)
            x = random.integers(-length // 2, w - length // 2)
            part = np.s_[n, y:y + rows, max(x, 0):x + length]
            value = random.choice([random.uniform(0, 20), random.uniform(225, 255)])
            noise = random.normal(0, random.choice([2, 40]), made[part].shape[:2])[..., None]
            made[part] = value + noise
            mask[part] = True
    return made.round().clip(0, 255).astype(np.uint8), mask


def scratches(frames, random, count=2):
    """Lines from top to bottom that stay for the whole clip, and sway a little."""
    made, mask = frames.astype(np.float32), np.zeros(frames.shape[:3], bool)
    f, h, w, _ = frames.shape
    for _ in range(count):
        place, lean, width = random.uniform(0.05, 0.95) * w, random.normal(0, 0.004), random.uniform(0.7, 1.6)
        strength = random.choice([-1, 1]) * random.uniform(25, 90)
        sway = np.cumsum(random.normal(0, 0.15, f))
        for n in range(f):
            x = place + sway[n] + lean * np.arange(h)[:, None] + 0.3 * np.sin(np.arange(h)[:, None] / 40 + n)
            share = np.exp(-0.5 * ((np.arange(w) - x) / (width / 1.5)) ** 2)
            share *= 0.85 + 0.15 * softened(random.random((h, 1)), 2)
            made[n] += strength * share[..., None]
            mask[n] |= share > 0.05
    return made.round().clip(0, 255).astype(np.uint8), mask


# ---- what looks like dirt, and is none

def rain(frames, random, amount=1.0):
    """Streaks of one direction, somewhat brighter than what is behind them, nowhere near those of the frame before."""
    made = frames.astype(np.float32)
    h, w = frames.shape[1:3]
    lean, length, width = random.normal(0, 0.25), random.uniform(0.03, 0.2) * h, random.uniform(0.7, 1.6)
    strength, count = random.uniform(0.15, 0.6), random.uniform(60, 500) * amount * h * w / (352 * 288)
    for n in range(len(made)):
        large = Image.new("L", (2 * w, 2 * h))
        draw = ImageDraw.Draw(large)
        for _ in range(random.poisson(count)):
            x, y, reach = random.uniform(0, 2 * w), random.uniform(-length, 2 * h), 2 * length * random.uniform(0.5, 1)
            draw.line([(x, y), (x + lean * reach, y + reach)], fill=int(random.uniform(80, 255)),
                      width=max(round(2 * width), 1))
        share = strength * np.asarray(large.resize((w, h), Image.BOX), np.float32) / 255
        made[n] = opaque(made[n], share, 220)
    return made.round().clip(0, 255).astype(np.uint8)


def things(frames, random, count, radius, speed, value=None, jitter=0.3):
    """Small discs that move, each on its way: snow, balls, birds far away."""
    made = frames.astype(np.float32)
    f, h, w, _ = frames.shape
    at, way = random.uniform(0, 1, (count, 2)) * (h, w), random.normal(0, 1, (count, 2)) * 0.4 + random.normal(0, 1, 2)
    way *= (random.uniform(*speed, count) / np.hypot(*way.T))[:, None]
    sizes = random.uniform(*radius, count)
    values = random.uniform(0, 255, count) if value is None else np.full(count, value)
    for n in range(f):
        places = (at + n * way + random.normal(0, jitter, at.shape)) % (h, w)
        for (y, x), size, level in zip(places, sizes, values):
            y0, x0, reach = int(y), int(x), int(size + 2)
            part = np.s_[n, max(y0 - reach, 0):y0 + reach + 1, max(x0 - reach, 0):x0 + reach + 1]
            rows, columns = np.mgrid[part[1].start:min(part[1].stop, h), part[2].start:min(part[2].stop, w)]
            share = np.clip(size + 0.5 - np.hypot(rows - y, columns - x), 0, 1) * 0.9
            made[part] = opaque(made[part], share, level)
    return made.round().clip(0, 255).astype(np.uint8)


def snow(frames, random):
    area = frames.shape[1] * frames.shape[2] / (352 * 288)
    return things(frames, random, int(random.uniform(50, 400) * area), (0.6, 2.5), (1, 14), 240, 1)


def balls(frames, random):
    return things(frames, random, random.integers(1, 8), (1.5, 9), (2, 30))


# ---- light and place

def flicker(frames, random, amount=0.1, period=None):
    """Light that goes up and down by this share: at random, or in a sinusoid of so many frames; (clip, gains)."""
    n = np.arange(len(frames))
    gains = 1 + amount * (random.uniform(-1, 1, len(n)) if period is None else np.sin(2 * np.pi * n / period))
    made = frames * gains[:, None, None, None]
    return made.round().clip(0, 255).astype(np.uint8), gains


def shifted(picture, x, y):
    """What was at p is at p + (x, y), by Lanczos' filter; what comes into view is what is at the border."""
    pad = 8
    wide = Image.fromarray(np.pad(picture, ((pad, pad), (pad, pad), (0, 0)), "edge"))
    h, w = picture.shape[:2]
    box = pad - x, pad - y, pad - x + w, pad - y + h
    return np.asarray(wide.resize((w, h), Image.LANCZOS, box=box))


def weave(frames, random, amount=2.0):
    """Each frame somewhere else, by up to so many pixels; (clip, [F, 2] of x and y)."""
    way = random.uniform(-amount, amount, (len(frames), 2))
    return np.stack([shifted(f, *w) for f, w in zip(frames, way)]), way
