# SPDX-License-Identifier: LGPL-2.1-or-later
"""What clips training finds, and that what it sees of a stream is what the engine computes.

    python3 tests/train/streams.py BUILD

Skipped (77) where python3 has not what training needs.
"""
import pathlib
import sys
import tempfile
import types
import unittest

try:
    import av, cv2, matplotlib, numpy as np, safetensors, torch, tqdm  # noqa: E401, F401
    from PIL import Image
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
sys.path[:0] = [str(ROOT / "models/train"), str(ROOT / "tests/bench")]
import clips  # noqa: E402
import libudm  # noqa: E402
import ours  # noqa: E402
import recursion  # noqa: E402

MODEL = ROOT / "models/denoise"
SIGMA = 20


class Clips(unittest.TestCase):
    def found(self, *names):
        with tempfile.TemporaryDirectory() as folder:
            for name in names:
                Image.new("RGB", (8, 8)).save(f"{folder}/{name}")
            return [p.name for p in clips.frames_of(pathlib.Path(folder))]

    def test_frames_are_numbered(self):
        self.assertEqual(self.found("f09.png", "f10.png", "f11.png"), ["f09.png", "f10.png", "f11.png"])
        self.assertEqual(self.found("1.png", "2.png", "4.png"), [])
        self.assertEqual(self.found("cat.png", "dog.png"), [])

    def test_large_clips_count_twice(self):
        small, large = (np.random.randint(0, 256, (2, h, w, 3), np.uint8) for h, w in ((240, 320), (602, 804)))
        self.assertEqual(len(clips.both_sizes(small)), 1)
        halved, middle = clips.both_sizes(large)
        self.assertEqual(halved.shape, (2, 301, 402, 3))
        self.assertTrue(np.array_equal(middle, large[:, 60:540, 82:722]))


class Streams(unittest.TestCase):
    def test_light(self):
        """A prediction that is darker, and has a third of the noise."""
        torch.manual_seed(1)
        clean, noise = 0.3 * torch.randn(1, 3, 64, 96), torch.tensor((2 * SIGMA / 255) ** 2)
        predicted = recursion.Prediction(1, 64, 96)
        predicted.moved = clean - 0.1 + noise.sqrt() / 3 * torch.randn(clean.shape)
        predicted.p = (noise / 9).expand(1, 1, 64, 96)
        predicted.known = torch.ones_like(predicted.p, dtype=torch.bool)
        predicted.light(clean + noise.sqrt() * torch.randn(clean.shape), noise)
        self.assertLess((predicted.moved - clean).mean((2, 3)).abs().max(), 0.02)

    def test_engine(self):
        """A picture that moves by a pixel and a half a frame, ever darker."""
        random = np.random.default_rng(1)
        picture = cv2.resize(random.integers(0, 256, (40, 60, 3), np.uint8), (160, 112), interpolation=cv2.INTER_CUBIC)
        moves = [np.float32([[1, 0, -1.5 * k], [0, 1, -0.5 * k]]) for k in range(6)]
        clean = np.stack([(1 - 0.06 * k) * cv2.warpAffine(picture, m, (96, 64)) for k, m in enumerate(moves)])
        noisy = (clean + random.normal(0, SIGMA, clean.shape)).clip(0, 255).round().astype(np.uint8)
        flow = clips.motion(noisy, SIGMA, BUILD / "examples/udm", MODEL, 1)
        pair = recursion.Pair(*(ours.load_network(MODEL, part) for part in ("unet", "trust")))
        with torch.no_grad():
            there = recursion.restore(pair, recursion.pixels(noisy), torch.from_numpy(flow).float(), SIGMA)
        there = ((there + 1) * clips.LEVELS).clamp(0, 255).round().byte().permute(0, 2, 3, 1).numpy()
        engine = libudm.Engine(types.SimpleNamespace(build=BUILD, threads=1, model=MODEL))
        here, _ = engine.restore(noisy, SIGMA)
        self.assertLess(np.abs(here.astype(int) - there).max(), 2)


if __name__ == "__main__":
    unittest.main()
