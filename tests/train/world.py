# SPDX-License-Identifier: LGPL-2.1-or-later
"""The world that models/world learns from: it is always the same, captions are true, and what is held out is.

    python3 tests/train/world.py

Skipped (77) where python3 has not what training needs.
"""
import gzip
import pathlib
import sys
import tempfile
import types
import unittest

try:
    import numpy as np
    import PIL.Image, torch  # noqa: E401, F401
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "models/train"))
import films  # noqa: E402
import paint  # noqa: E402
import scenes  # noqa: E402
import wording  # noqa: E402
import world  # noqa: E402

COUNT = 300


def write_idx(path, values):
    header = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    path.write_bytes(gzip.compress(header + values.tobytes()))


def write_digits(folder):
    """Bars, ever longer."""
    pictures = np.zeros((20, 28, 28), np.uint8)
    for i, picture in enumerate(pictures):
        picture[4:8 + 16 * (i % 10) // 9, 12:16] = 255
    for part in ("train", "t10k"):
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", pictures)
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", (np.arange(20) % 10).astype(np.uint8))


def painter():
    with tempfile.TemporaryDirectory() as name:
        write_digits(pathlib.Path(name))
        return paint.Painter(name)


class Splits(unittest.TestCase):
    def test_halves(self):
        seen = np.array([[scenes.colour_seen(k, c) for c in range(10)] for k in range(20)])
        self.assertTrue((seen.sum(0) == 10).all() and (seen.sum(1) == 5).all())
        seen = np.array([[scenes.motion_seen(d, m) for m in range(6)] for d in range(10)])
        self.assertTrue((seen.sum(0) == 5).all() and (seen.sum(1) == 3).all())

    def test_scenes_keep_to_them(self):
        for split, wanted in ((scenes.SEEN, True), (scenes.UNSEEN, False)):
            for number in range(COUNT):
                for thing in world.scene(number, split, moving=True).things:
                    self.assertEqual(scenes.colour_seen(thing.kind, thing.colour), wanted)
                    if thing.kind < 10 and not thing.swap:
                        self.assertEqual(scenes.motion_seen(thing.kind, thing.motion), wanted)


class Captions(unittest.TestCase):
    def test_are_true_of_their_pictures(self):
        drawn = [world.scene(number) for number in range(COUNT)]
        rows = np.stack([wording.facts(s) for s in drawn])
        claims = np.stack([world.caption(i, s)[1] for i, s in enumerate(drawn)])
        truth = wording.true_of(claims, rows)
        self.assertTrue(truth.diagonal().all())
        self.assertLess(truth.mean(), 0.02)

    def test_say_what_they_claim(self):
        """Every claimed colour and count is in the words, and a claimed side is where things are."""
        for number in range(COUNT):
            scene = world.scene(number)
            text, claims = world.caption(number, scene)
            said = text.replace(",", "").split()
            for slot, thing in enumerate(wording.in_order(scene)):
                name = list(scenes.COLOURS)[thing.colour]
                if claims[wording.AT[f"colour{slot}"]] != wording.OPEN:
                    self.assertTrue(set(wording.COLOUR_WORDS.get(name, (name,))) & set(said), text)
                if thing.kind < 10:
                    self.assertTrue({str(thing.kind), scenes.DIGITS[thing.kind]} & set(said), text)
            if claims[wording.AT["beside"]] != wording.OPEN:
                first, second = wording.in_order(scene)
                left = (first, second)[claims[wording.AT["beside"]]]
                self.assertEqual(left.x, min(first.x, second.x))

    def test_words_differ(self):
        scene = world.scene(7)
        self.assertGreater(len({world.caption(number, scene)[0] for number in range(40)}), 10)


class Pictures(unittest.TestCase):
    def setUp(self):
        self.painter = painter()

    def test_are_always_the_same(self):
        for number in range(20):
            first, second = (self.painter.paint(world.scene(number), 64) for _ in range(2))
            self.assertTrue(np.array_equal(first, second))

    def test_are_the_same_at_any_size(self):
        for number in range(20):
            scene = world.scene(number)
            if scenes.BACKGROUNDS[scene.background] in ("plain", "gradient"):
                large = self.painter.paint(scene, 256).reshape(64, 4, 64, 4, 3).mean((1, 3))
                self.assertLess(np.abs(large - self.painter.paint(scene, 64)).mean(), 4)

    def test_things_have_their_colours(self):
        seen = 0
        for number in range(COUNT):
            scene = world.scene(number)
            thing = scene.things[-1]
            if thing.kind in (scenes.KINDS.index("circle"), scenes.KINDS.index("square")) and not thing.fill:
                picture = self.painter.paint(scene, 64)
                self.assertLess(np.abs(picture[int(64 * thing.y), int(64 * thing.x)] - np.array(thing.tone)).max(), 2)
                seen += 1
        self.assertGreater(seen, 5)

    def test_move(self):
        moved = 0
        for number in range(20):
            scene = world.scene(number, moving=True)
            first, later = (self.painter.paint(scene, 64, seconds) for seconds in (0, 0.5))
            moved += not np.array_equal(first, later)
        self.assertGreater(moved, 10)


class Films(unittest.TestCase):
    def test_backgrounds_at_rest_are_painted_once(self):
        own = painter()
        for number in range(10):
            (rate, start), scene = films.timing(number), world.scene(number, moving=True)
            self.assertTrue(5 <= rate <= 30)
            film = films.paint_film(own, number, 32, 3)
            for k in range(3):
                self.assertTrue(np.array_equal(film[k], own.paint(scene, 32, start + k / rate)), (number, k))

    def test_are_drawn_resumed_and_read(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            write_digits(folder)
            o = types.SimpleNamespace(out=folder / "films", digits=folder, pictures=None, count=6, frames=9, size=16,
                                      split=scenes.SEEN, threads=1)
            films.draw(o)
            whole = films.Films(o.out)
            first = np.array(whole.films)
            self.assertTrue(np.array_equal(first[4], films.paint_film(paint.Painter(folder), 4, 16, 9)))
            whole.about.write_text(whole.about.read_text().replace('"done": 6', '"done": 4'))
            self.assertEqual(whole.count, 4)
            np.load(o.out / "films.npy", mmap_mode="r+")[3:] = 0
            films.draw(o)
            self.assertTrue(np.array_equal(whole.films[4:], first[4:]))  # what was missing, and that alone
            self.assertFalse(whole.films[3].any())
            pictures, rates, numbers = whole.clips(5, 3, np.full(5, 9))
            for clip, rate, number in zip(pictures, rates, numbers):  # 9 is more than the films are long enough for
                self.assertAlmostEqual(rate, films.timing(number)[0] / 4)
                self.assertTrue(np.array_equal(clip, whole.films[number, ::4]))
            held, rates, drawn = whole.held_out(2, 3, skip=2)
            self.assertEqual((held.shape, len(drawn)), ((2, 3, 16, 16, 3), 2))

    def test_pack(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            write_digits(folder)
            PIL.Image.new("RGB", (900, 640), (9, 99, 199)).save(folder / "roses-of-june.png")
            films.pack(types.SimpleNamespace(out=folder / "pack", digits=folder, pictures=folder))
            own, packed = paint.Painter(folder, folder), paint.Painter(folder / "pack", folder / "pack")
            self.assertEqual([photo.size for photo in packed.photos["roses"]], [(450, 320)])
            self.assertTrue(all(np.array_equal(a, b) for a, b in zip(own.glyphs, packed.glyphs)))


if __name__ == "__main__":
    unittest.main()
