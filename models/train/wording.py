# SPDX-License-Identifier: LGPL-2.1-or-later
"""Says in plain English what a scene of scenes.py shows, and which of it a caption claims.

A scene is a row of numbers (FIELDS), its things in the order of their kinds; a caption claims some of them and leaves
the others open. So it can be said of which pictures a caption is true, whatever picture it was made for.
"""
import numpy as np

import scenes

SLOTS = 3
SLOT_FIELDS = "kind", "colour", "size", "fill"
FIELDS = ["count", *(f"{name}{slot}" for slot in range(SLOTS) for name in SLOT_FIELDS), "place", "beside", "above",
          "background", "ground0", "ground1"]
AT = {name: i for i, name in enumerate(FIELDS)}
OPEN = -1
GROUND_NAMES = [*scenes.GROUNDS, *scenes.FLOWERS]
FIRST, SECOND, NEITHER = 0, 1, 2  # which of two things is on the left, or above

SIZE_WORDS = (("small", "little", "tiny"), ("medium-sized",), ("big", "large", "huge"))
FILL_WORDS = ((), ("outlined",), ("striped",), ("hollow", "empty"), ("dotted", "spotted"), ("chequered", "checkered"))
COLOUR_WORDS = {"turquoise": ("turquoise", "cyan"), "purple": ("purple", "violet"), "grey": ("grey", "gray")}
SHAPE_WORDS = {"circle": ("circle", "disc"), "cross": ("cross", "plus"), "diamond": ("diamond", "rhombus"),
               "crescent": ("crescent", "moon"), "ring": ("ring", "hoop")}
PLACE_WORDS = {("top", "left"): ("in the top left corner", "at the top left", "in the upper left"),
               ("top", "middle"): ("at the top", "near the top"),
               ("top", "right"): ("in the top right corner", "at the top right", "in the upper right"),
               ("middle", "left"): ("on the left", "at the left", "on the left side"),
               ("middle", "middle"): ("in the middle", "in the centre", "at the centre"),
               ("middle", "right"): ("on the right", "at the right", "on the right side"),
               ("bottom", "left"): ("in the bottom left corner", "at the bottom left", "in the lower left"),
               ("bottom", "middle"): ("at the bottom", "near the bottom"),
               ("bottom", "right"): ("in the bottom right corner", "at the bottom right", "in the lower right")}
BACKGROUND_WORDS = {"sand": ("over sand", "on sand", "on a beach"), "water": ("over water", "on the water", "at sea"),
                    "grass": ("over grass", "on grass", "in a meadow"),
                    "sky": ("in the sky", "among clouds", "before a cloudy sky"),
                    "photo": ("over a photo", "on a photograph", "in front of a photo")}
BESIDE_WORDS = (("left of", "to the left of"), ("right of", "to the right of"))
ABOVE_WORDS = (("above", "over"), ("below", "under", "beneath"))
OPENINGS = ("", "", "", "", "", "a picture of ", "an image of ", "a drawing of ", "there is ", "this is ")
MOTION_WORDS = {"bounce": ("bouncing", "bouncing around", "that bounces"), "turn": ("turning", "spinning", "rotating"),
                "grow": ("growing", "getting bigger"), "shrink": ("shrinking", "getting smaller"),
                "still": ("standing still", "at rest", "that does not move")}


def in_order(scene):
    """Its things by their kinds, which all differ."""
    return sorted(scene.things, key=lambda thing: thing.kind)


def side_of(difference):
    return NEITHER if abs(difference) < scenes.APART else FIRST if difference > 0 else SECOND


def place_of(thing):
    row, column = (min(int(3 * v), 2) for v in (thing.y, thing.x))
    return 3 * row + column


def facts(scene):
    """The scene as a row of numbers, int16 [len(FIELDS)]; OPEN where there is nothing to say."""
    row = np.full(len(FIELDS), OPEN, np.int16)
    things = in_order(scene)
    row[AT["count"]] = len(things)
    for slot, thing in enumerate(things):
        for name in SLOT_FIELDS:
            row[AT[f"{name}{slot}"]] = getattr(thing, name)
    if len(things) == 1:
        row[AT["place"]] = place_of(things[0])
    if len(things) == 2:
        row[AT["beside"]] = side_of(things[1].x - things[0].x)
        row[AT["above"]] = side_of(things[1].y - things[0].y)
    row[AT["background"]] = scene.background
    for i, name in enumerate(scene.grounds):
        row[AT[f"ground{i}"]] = GROUND_NAMES.index(name)
    return row


def true_of(claims, rows):
    """[captions, scenes]: whether each caption is true of each scene."""
    same = (claims[:, None] == OPEN) | (claims[:, None] == rows[None])
    return same.all(-1)


def article(phrase):
    vowel = phrase[0] in "aeio8" and not phrase.startswith("one")
    return ("an " if vowel else "a ") + phrase


class Caption:
    """Puts a scene into words; what it says goes into `claims`."""

    def __init__(self, rng, scene, motion=False):
        self.rng, self.scene, self.motion = rng, scene, motion
        self.facts = facts(scene)
        self.claims = np.full(len(FIELDS), OPEN, np.int16)
        self.things = in_order(scene)
        self.text = self.whole()

    def claim(self, name):
        self.claims[AT[name]] = self.facts[AT[name]]

    def pick(self, words):
        return words[int(self.rng.integers(len(words)))]

    def colour_word(self, name):
        return self.pick(COLOUR_WORDS.get(name, (name,)))

    def whole(self):
        order = [int(slot) for slot in self.rng.permutation(len(self.things))]
        self.claim("count")
        text = self.related(order) if len(order) == 2 and self.rng.random() < 0.6 else self.listed(order)
        where = self.where()
        if where and self.rng.random() < 0.12:
            return f"{where}, {text}"
        text = self.pick(OPENINGS) + text
        return f"{text} {where}" if where else text

    def listed(self, order):
        phrases = [self.phrase(slot) for slot in order]
        if len(phrases) == 1:
            return phrases[0] + self.place()
        joint = self.pick((" and ", " and ", " with ", " next to ")) if len(phrases) == 2 else " and "
        return ", ".join(phrases[:-1]) + joint + phrases[-1]

    def related(self, order):
        """One thing beside, or above, another."""
        first, second = self.phrase(order[0]), self.phrase(order[1])
        ways = [name for name in ("beside", "above") if self.facts[AT[name]] != NEITHER]
        if not ways:
            return f"{first} and {second}"
        way = self.pick(ways)
        self.claim(way)
        words = BESIDE_WORDS if way == "beside" else ABOVE_WORDS
        return f"{first} {self.pick(words[0 if self.facts[AT[way]] == order[0] else 1])} {second}"

    def place(self):
        if self.rng.random() > 0.6:
            return ""
        self.claim("place")
        return " " + self.pick(PLACE_WORDS[scenes.PLACES[self.facts[AT["place"]]]])

    def where(self):
        """What is behind the things, or nothing."""
        if self.rng.random() > 0.7:
            return ""
        kind = scenes.BACKGROUNDS[self.scene.background]
        self.claim("background")
        self.claim("ground0")
        self.claim("ground1")
        names = [self.colour_word(name) for name in self.scene.grounds]
        if kind == "plain":
            return self.pick(("on {}", "on {}", "on a {} background", "in front of a {} wall", "before {}")).format(
                names[0]).replace("a orange", "an orange")
        if kind == "gradient":
            return self.pick(("on a gradient from {} to {}", "on a background from {} to {}", "on {} that turns {}",
                              "where {} fades to {}")).format(*names)
        if kind == "flowers":
            name = names[0] if names[0] != "daisy" else "daisies"
            name = "dandelions" if name == "dandelion" else name
            return self.pick(("over {}", "among {}", "on a photo of {}")).format(name)
        return self.pick(BACKGROUND_WORDS[kind])

    def phrase(self, slot):
        """One thing: always its kind, mostly its colour, sometimes its size and what it is filled with."""
        thing, before, after = self.things[slot], [], []
        self.claim(f"kind{slot}")
        if self.rng.random() < (0.35 if thing.size == 1 else 0.7) and (thing.size != 1 or self.rng.random() < 0.2):
            self.claim(f"size{slot}")
            before.append(self.pick(SIZE_WORDS[thing.size]))
        if FILL_WORDS[thing.fill] and self.rng.random() < 0.75:
            self.claim(f"fill{slot}")
            before.append(self.pick(FILL_WORDS[thing.fill]))
        if self.rng.random() < 0.92:
            self.claim(f"colour{slot}")
            before.append(self.colour_word(list(scenes.COLOURS)[thing.colour]))
        after, before = (before, []) if before and self.rng.random() < 0.1 else (after, before)
        noun, fixed = self.noun(thing.kind, bool(before))
        said = " ".join([*before, noun])
        said = said if fixed else article(said)
        if after:
            said += ", " + " and ".join(after) + ","
        return said + self.moving(thing)

    def noun(self, kind, described):
        """(the word, whether it takes no article)"""
        if kind >= len(scenes.DIGITS):
            name = scenes.KINDS[kind]
            return self.pick(SHAPE_WORDS.get(name, (name,))), False
        name = self.pick((str(kind), scenes.DIGITS[kind]))
        ways = [(name, False), (name, False), (f"digit {name}", False), (f"handwritten {name}", False)]
        if not described:
            ways += [(f"the number {name}", True), (f"the digit {name}", True)]
        else:
            ways += [(f"number {name}", False)]
        return self.pick(ways)

    def moving(self, thing):
        """Of films whose captions speak of motion."""
        if not self.motion:
            return ""
        if thing.swap:
            return self.pick((" crossing over", " passing by"))
        motion = scenes.MOTIONS[thing.motion]
        if motion != "drift":
            return " " + self.pick(MOTION_WORDS[motion])
        way = {"left": "to the left", "right": "to the right"}.get(thing.direction, thing.direction)
        return " " + self.pick((f"drifting {way}", f"moving {way}", f"floating {way}"))


def caption(rng, scene, motion=False):
    """(text, claims [len(FIELDS)]) of a scene."""
    said = Caption(rng, scene, motion)
    return said.text.replace(",,", ",").rstrip(","), said.claims
