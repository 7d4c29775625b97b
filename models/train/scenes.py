# SPDX-License-Identifier: LGPL-2.1-or-later
"""What there is in the world of models/world: things in colours, sizes and fills, before backgrounds, in motion.

A scene is drawn from a random generator and nothing else, so a number names a scene. Half of all pairs of a thing and a
colour, and of a digit and a motion, are never learnt from, and show what a model makes of words that it knows in
combinations that it has not seen (the protocol of Sync-DRAW, Mittal et al. 2017).
"""
import dataclasses
import math

import numpy as np

DIGITS = "zero one two three four five six seven eight nine".split()
SHAPES = "circle square triangle star ring cross heart diamond hexagon crescent".split()
KINDS = DIGITS + SHAPES
COLOURS = {"red": (215, 35, 40), "orange": (245, 140, 25), "yellow": (245, 220, 40), "green": (45, 165, 55),
           "turquoise": (60, 205, 200), "blue": (35, 75, 220), "purple": (135, 50, 185), "pink": (248, 130, 190),
           "white": (245, 245, 245), "black": (18, 18, 18)}
GROUNDS = {**COLOURS, "grey": (128, 128, 128), "brown": (115, 75, 45)}
SIZES = {"small": (0.1, 0.13), "medium": (0.16, 0.2), "big": (0.25, 0.29)}  # the radius, in sides of the picture
FILLS = "plain outlined striped hollow dotted chequered".split()
DIGIT_FILLS = 2  # digits have the first of them, and one more where they are big
BACKGROUNDS = "plain gradient sand water grass sky photo flowers".split()
BACKGROUND_SHARES = 0.45, 0.15, 0.05, 0.05, 0.05, 0.05, 0.1, 0.1
FLOWERS = "daisy dandelion roses sunflowers tulips".split()
MOTIONS = "still drift bounce turn grow shrink".split()
DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
PLACES = [(v, h) for v in ("top", "middle", "bottom") for h in ("left", "middle", "right")]
THIRDS = 0.24, 0.5, 0.76
COUNT_SHARES = 0.45, 0.4, 0.15
CONTRAST = 125     # at least, between the colour of a thing and a plain background
APART = 0.15       # sides of the picture, from which on one thing is left of or above another
SEEN, UNSEEN, ANY = "seen", "unseen", "any"


def colour_seen(kind, colour):
    """Each thing is learnt in five of the ten colours, and each colour with ten of the twenty things."""
    return (colour + 3 * kind) % 10 < 5


def motion_seen(digit, motion):
    """Each digit is learnt in three of the six motions, and each motion with five of the ten digits."""
    return (motion + 3 * digit) % 6 < 3


@dataclasses.dataclass
class Thing:
    kind: int
    colour: int
    size: int
    fill: int
    x: float
    y: float
    radius: float
    angle: float
    tone: tuple             # its colour, which varies a little
    border: int             # 0 or 255, of outlines and patterns
    handwriting: float      # of a digit, in [0, 1): which of MNIST's
    motion: int = 0
    direction: str = "left"
    speed: float = 0.0      # sides, radians or octaves a second
    swap: tuple = ()        # where a thing goes that crosses another's way, or nothing

    def at(self, seconds):
        """(x, y, radius, angle) of it."""
        x, y, radius, angle = self.x, self.y, self.radius, self.angle
        motion = MOTIONS[self.motion]
        if self.swap:
            share = 0.5 - 0.5 * math.cos(math.pi * self.speed * seconds)
            return x + share * (self.swap[0] - x), y + share * (self.swap[1] - y), radius, angle
        if motion == "drift":
            dx, dy = DIRECTIONS[self.direction]
            x, y = (wrap(v + d * self.speed * seconds, radius) for v, d in ((x, dx), (y, dy)))
        elif motion == "bounce":
            dx, dy = math.cos(7 * self.angle), math.sin(7 * self.angle)
            x, y = (fold(v + d * self.speed * seconds, radius, 1 - radius) for v, d in ((x, dx), (y, dy)))
        elif motion == "turn":
            angle += self.speed * seconds
        elif motion in ("grow", "shrink"):
            octaves = min(self.speed * seconds, 1)
            radius *= 2 ** (octaves if motion == "grow" else -octaves)
        return x, y, radius, angle


@dataclasses.dataclass
class Scene:
    things: list            # from the back to the front
    background: int
    grounds: tuple          # names of its colours, or of a kind of flowers
    tones: tuple            # those colours, which vary a little
    seed: int               # of its texture or its crop
    across: bool            # of a gradient: from left to right, not from top to bottom
    pan: tuple = (0.0, 0.0)  # sides a second


def wrap(x, radius):
    """A place that leaves the picture and comes in on the other side."""
    span = 1 + 2 * radius
    return (x + radius) % span - radius


def fold(x, low, high):
    """A place that runs on without end, folded between two walls."""
    span = high - low
    x = (x - low) % (2 * span)
    return low + min(x, 2 * span - x)


def varied(rng, rgb):
    return tuple(np.clip(np.array(rgb) + rng.normal(0, 7, 3), 0, 255))


def choose_colour(rng, kind, split, free):
    """A colour of a thing that may be learnt, may not, or either, out of those that are free."""
    allowed = [c for c in free if split == ANY or colour_seen(kind, c) == (split == SEEN)]
    return int(rng.choice(allowed)) if allowed else None


def choose_background(rng):
    """(index, names, tones)"""
    background = int(rng.choice(len(BACKGROUNDS), p=BACKGROUND_SHARES))
    kind, names = BACKGROUNDS[background], ()
    if kind == "plain":
        names = (str(rng.choice(list(GROUNDS))),)
    elif kind == "gradient":
        names = tuple(str(n) for n in rng.choice(list(GROUNDS), 2, replace=False))
    elif kind == "flowers":
        return background, (str(rng.choice(FLOWERS)),), ()
    return background, names, tuple(varied(rng, GROUNDS[n]) for n in names)


def stands_out(colour, names):
    rgb = np.array(list(COLOURS.values())[colour], float)
    return all(np.linalg.norm(rgb - GROUNDS[n]) > CONTRAST for n in names if n in GROUNDS)


def sizes_of(rng, count):
    if count == 1:
        return [int(rng.integers(3))]
    most = 3 if count == 2 else 2
    sizes = [int(rng.integers(most)) for _ in range(count)]
    return [1 if size == 2 and i else size for i, size in enumerate(sizes)]


def places_of(rng, radii):
    """[(x, y)] in the picture, so that no thing hides another; None where that does not succeed."""
    if len(radii) == 1:
        row, column = rng.integers(3, size=2)
        wander = rng.uniform(-0.05, 0.05, 2)
        spot = np.clip((THIRDS[column] + wander[0], THIRDS[row] + wander[1]), radii[0], 1 - radii[0])
        return [tuple(spot)]
    for _ in range(30):
        spots = [rng.uniform(r, 1 - r, 2) for r in radii]
        if all(np.linalg.norm(spots[i] - spots[j]) > 0.95 * (radii[i] + radii[j])
               for i in range(len(radii)) for j in range(i)):
            return [tuple(s) for s in spots]
    return None


def choose_fill(rng, kind, size):
    if size == 0 or rng.random() < 0.6:
        return 0
    return int(rng.integers(1, DIGIT_FILLS + (size == 2) if kind < len(DIGITS) else len(FILLS)))


def choose_thing(rng, kind, colour, size, radius, spot):
    tone = varied(rng, list(COLOURS.values())[colour])
    light = np.dot(tone, (0.299, 0.587, 0.114)) > 140
    return Thing(kind, colour, size, choose_fill(rng, kind, size), *spot, radius, rng.uniform(-0.25, 0.25), tone,
                 0 if light else 255, rng.random())


def set_in_motion(rng, scene, split):
    """Gives each thing a motion, and the camera one in a fifth of the scenes."""
    for thing in scene.things:
        digit = thing.kind if thing.kind < len(DIGITS) else None
        allowed = [m for m in range(len(MOTIONS))
                   if split == ANY or digit is None or motion_seen(digit, m) == (split == SEEN)]
        thing.motion = int(rng.choice(allowed))
        thing.direction = str(rng.choice(list(DIRECTIONS)))
        low, high = {"drift": (0.08, 0.2), "bounce": (0.3, 0.7), "turn": (0.6, 1.8)}.get(MOTIONS[thing.motion],
                                                                                         (0.2, 0.4))
        thing.speed = rng.uniform(low, high) * (rng.choice((-1, 1)) if MOTIONS[thing.motion] == "turn" else 1)
    if len(scene.things) == 2 and rng.random() < 0.25:
        a, b = scene.things
        for thing, other in ((a, b), (b, a)):
            thing.motion, thing.swap, thing.speed = 0, (other.x, other.y), 0.4
    if rng.random() < 0.2:
        scene.pan = tuple(rng.uniform(0.05, 0.2) * d for d in DIRECTIONS[str(rng.choice(list(DIRECTIONS)))])


def try_scene(rng, split, moving):
    background, names, tones = choose_background(rng)
    free = [c for c in range(len(COLOURS)) if stands_out(c, names)]
    count = int(rng.choice((1, 2, 3), p=COUNT_SHARES))
    kinds = rng.choice(len(KINDS), count, replace=False)
    sizes = sizes_of(rng, count)
    radii = [rng.uniform(*list(SIZES.values())[s]) for s in sizes]
    spots = places_of(rng, radii)
    colours = [choose_colour(rng, int(k), split, free) for k in kinds]
    if spots is None or None in colours:
        return None
    things = [choose_thing(rng, int(k), c, s, r, p) for k, c, s, r, p in zip(kinds, colours, sizes, radii, spots)]
    scene = Scene(things, background, names, tones, int(rng.integers(2 ** 31)), bool(rng.random() < 0.5))
    if moving:
        set_in_motion(rng, scene, split)
    return scene


def draw_scene(rng, split=SEEN, moving=False):
    """A scene whose pairs of things and colours (and, of films, digits and motions) are all of that split."""
    while (scene := try_scene(rng, split, moving)) is None:
        pass
    return scene
