# SPDX-License-Identifier: LGPL-2.1-or-later
"""What training makes of clean pictures: each source and codec of realnoise.py by itself, on smooth patches, and the
ways of chroma.py.

    python3 tests/train/noise.py

Skipped (77) where python3 has not what training needs.
"""
import pathlib
import random
import sys
import unittest

try:
    import av, torch  # noqa: E401, F401
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "models/train"))
import chroma  # noqa: E402
import wear  # noqa: E402
import network  # noqa: E402
import realnoise  # noqa: E402

SIDE = 64
NO_GREY = torch.zeros(8, 1, 1, 1, dtype=torch.bool)


def ramps():
    """[8, 3, SIDE, SIDE]: one from dark to bright in each patch, of another colour."""
    along = torch.linspace(-0.8, 0.6, SIDE).expand(8, 3, SIDE, SIDE)
    return (along + torch.linspace(-0.1, 0.1, 24).view(8, 3, 1, 1)).contiguous()


def deviations(residual):
    """Of single pixels, and of 2x2 of them, times 2: the same for white noise."""
    half = torch.nn.functional.avg_pool2d(residual, 2)
    return residual.std().item(), 2 * half.std().item()


class RealNoise(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(1)
        random.seed(1)

    def draw(self, source, codec, grey=NO_GREY):
        return realnoise.draw(ramps(), grey, {source: 1}, {codec: 1})[:2]

    def test_every_pair(self):
        for source in realnoise.SOURCES:
            for codec in realnoise.CODECS | realnoise.VIDEO_CODECS:
                noisy, clean = self.draw(source, codec)
                with self.subTest(source=source.__name__, codec=codec.__name__):
                    self.assertEqual(noisy.shape, (8, 3, SIDE, SIDE))
                    self.assertLessEqual(noisy.abs().max(), 2 if codec is realnoise.kept else 1)
                    self.assertGreater((noisy - clean).std(), 2 / 255)
                    self.assertLess(abs((noisy - clean).mean()), 4 / 255)  # it moves no colour
                    self.assertLess((clean - ramps()).abs().mean(), 4 / 255)

    def test_correlation(self):
        white = deviations(torch.sub(*self.draw(realnoise.white, realnoise.stored)))
        self.assertAlmostEqual(white[1] / white[0], 1, delta=0.1)
        for source, codec in ((realnoise.camera, realnoise.stored), (realnoise.grain, realnoise.stored),
                              (realnoise.camera, realnoise.jpeg)):
            single, double = deviations(torch.sub(*self.draw(source, codec)))
            self.assertGreater(double, 1.2 * single)

    def test_demosaic(self):
        """Exact where colours are linear in the place."""
        x = ramps()
        again = realnoise.demosaic(realnoise.mosaic(x))
        self.assertLess((again - x)[..., 4:-4, 4:-4].abs().max(), 1e-5)

    def test_linear_light(self):
        x = torch.linspace(-1, 1, 256)
        self.assertLess((realnoise.from_linear(realnoise.to_linear(x)) - x).abs().max(), 1e-4)

    def test_grey(self):
        noisy, clean = self.draw(realnoise.camera, realnoise.jpeg, grey=~NO_GREY)
        self.assertTrue(torch.equal(noisy[:, 0], noisy[:, 2]) and torch.equal(clean[:, 0], clean[:, 1]))

    def test_sheet(self):
        """Patches come back from the video in their order; 7 do not fill the sheet."""
        x = ramps()[:7]
        self.assertLess((realnoise.h264(x) - x).abs().mean(), 0.02)

    def test_levels_apart(self):
        """Luma by itself is told as it is, chroma as it is at half the size; other noise is not told apart."""
        _, _, apart = realnoise.draw(ramps(), NO_GREY, {realnoise.video: 1}, {realnoise.kept: 1})
        self.assertTrue(apart.all())
        self.assertFalse(realnoise.draw(ramps(), NO_GREY, {realnoise.camera: 1})[2].any())
        noise = torch.randn(4, 1, 256, 256) * (2 * 10 / 255)
        of_luma = noise.expand(4, 3, 256, 256)
        self.assertLess((realnoise.luma_sigma(of_luma) - 10 * realnoise.REAL_LUMA).abs().max(), 0.2)
        self.assertLess(realnoise.chroma_sigma(of_luma).max(), 0.01)
        blocks = torch.randn(4, 2, 128, 128).repeat_interleave(2, 2).repeat_interleave(2, 3) * (2 * 10 / 255)
        cb, cr = blocks[:, :1], blocks[:, 1:]
        of_chroma = torch.cat([1.402 * cr, -(0.344136 * cb + 0.714136 * cr), 1.772 * cb], 1)
        self.assertLess((realnoise.chroma_sigma(of_chroma) - 10).abs().max(), 0.2)
        self.assertLess(realnoise.luma_sigma(of_chroma).max(), 0.1)
        white = torch.randn(4, 3, 256, 256) * (2 * 20 / 255)
        self.assertLess((realnoise.chroma_sigma(white) - 20 * network.WHITE_CHROMA).abs().max(), 0.4)

    def test_white_sigma(self):
        sigma = realnoise.white_sigma(torch.randn(4, 3, 256, 256) * (2 * 20 / 255))
        self.assertLess((sigma - 20).abs().max(), 0.4)
        grains = torch.randn(4, 3, 128, 128).repeat_interleave(2, 2).repeat_interleave(2, 3) * (2 * 20 / 255)
        self.assertLess((realnoise.white_sigma(grains) - 40).abs().max(), 0.8)


class OldFilmAndTape(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(1)
        random.seed(1)
        self.random = np.random.default_rng(1)

    def test_every_pair(self):
        for source in realnoise.OLD_SOURCES:
            for codec in realnoise.OLD_CODECS:
                noisy, clean = realnoise.draw(ramps(), NO_GREY, {source: 1}, {codec: 1})[:2]
                with self.subTest(source=source.__name__, codec=codec.__name__):
                    self.assertEqual(noisy.shape, (8, 3, SIDE, SIDE))
                    self.assertTrue(torch.isfinite(noisy).all() and noisy.abs().max() <= 1)
                    self.assertGreater((noisy - clean).std(), 2 / 255)
                    self.assertLess((noisy - clean).mean().abs(), 6 / 255)

    def test_codecs_return_patches_in_their_order(self):
        x = ramps()[:7]
        for codec in (realnoise.mpeg2, realnoise.dv, realnoise.inter):
            with self.subTest(codec=codec.__name__):
                self.assertLess((codec(x) - x).abs().mean(), 0.03)

    def test_inter_coded_noise_is_less(self):
        """What is coded from frame to frame keeps little of noise that changes."""
        noisy = (ramps() + 0.02 * torch.randn(8, 3, SIDE, SIDE)).clamp(-1, 1)
        self.assertLess((realnoise.inter(noisy) - ramps()).std(), 0.9 * (noisy - ramps()).std())

    def test_band(self):
        """A wave below the limit stays, one above it goes."""
        x = torch.arange(128.0)
        for megahertz, stays in ((1.5, 1), (4.5, 0)):
            wave = torch.cos(np.pi * x * megahertz / realnoise.NYQUIST).expand(1, 1, 4, 128)
            left = realnoise.band(wave, torch.full((1, 1, 1, 1), 3.0))[..., 16:-16]
            self.assertAlmostEqual((left.std() / wave.std()).item(), stays, delta=0.05)

    def test_vhs(self):
        """Chroma has a sixth of the detail of luma."""
        x = 0.4 * torch.randn(8, 3, SIDE, SIDE).clamp(-2, 2)
        _, clean = realnoise.vhs(x)
        y, blue, _ = (p.diff(dim=-1).square().mean() / p.square().mean() for p in planes(clean))
        self.assertLess(blue, y / 6)

    def test_dirt_is_where_the_mask_says(self):
        clip = np.full((4, 96, 128, 3), 120, np.uint8)
        for draw in (wear.dirt, wear.dropouts, wear.scratches):
            with self.subTest(draw=draw.__name__):
                made, mask = draw(clip, self.random)
                self.assertTrue(mask.any() and not mask.all())
                self.assertLessEqual(np.abs(made.astype(int) - clip)[~mask].max(), 5)
                self.assertGreater(np.abs(made.astype(int) - clip)[mask].mean(), 10)

    def test_flicker_and_weave(self):
        clip = np.full((50, 32, 48, 3), 100, np.uint8)
        made, gains = wear.flicker(clip, self.random)
        self.assertTrue(np.allclose(made.mean((1, 2, 3)) / 100, gains, atol=0.01))
        self.assertTrue(0.04 < gains.std() < 0.07)
        clip[:] = np.arange(48, dtype=np.uint8)[:, None] * 4
        made, way = wear.weave(clip, self.random)
        moved = (clip.astype(float) - made)[:, 8:-8, 8:-8].mean((1, 2, 3)) / 4
        self.assertTrue(np.allclose(moved, way[:, 0], atol=0.15))


def planes(x):
    """Luma of BT.601 and the two differences from it that chroma is made of."""
    y = realnoise.luma(x)
    return y, x[:, :1] - y, x[:, 2:] - y


class Chroma(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(1)
        random.seed(1)
        noise = torch.nn.functional.avg_pool2d(torch.randn(4, 3, 2 * SIDE, 2 * SIDE), 2)
        self.x = ((0.5 * noise).clamp(-1, 1) * 127.5).round() / 127.5

    def test_luma_stays(self):
        for _ in range(20):
            y, *_ = planes(chroma.subsampled(0.5 * self.x))
            self.assertLess((y - planes(0.5 * self.x)[0]).abs().mean(), 0.03)  # either matrix, in 8 bits

    def test_chroma_is_halved(self):
        """Along rows always: what lies between is repeated, or is a mean."""
        for _ in range(20):
            _, r, b = planes(chroma.subsampled(0.3 * self.x))
            for plane in (r, b):
                pairs = plane.view(4, 1, SIDE, SIDE // 2, 2)
                within = (pairs[..., 0] - pairs[..., 1]).square().mean()
                self.assertLess(within, 0.5 * (0.3 * self.x).square().mean())

    def test_share(self):
        self.assertTrue(torch.equal(chroma.some_subsampled(self.x, 0), self.x))
        changed = (chroma.some_subsampled(self.x, 1) != self.x).flatten(1).any(1)
        self.assertTrue(changed.all())

    def test_grey_stays(self):
        grey = self.x[:, :1].expand_as(self.x)
        self.assertLess((chroma.subsampled(grey) - grey).abs().max(), 1e-5)


if __name__ == "__main__":
    unittest.main()
