# SPDX-License-Identifier: LGPL-2.1-or-later
"""The networks of films: they start as the decoder they are made of, see along time what they say they see, and what
prepares their batches and steps does what it says.

    python3 tests/train/films.py

Skipped (77) where python3 has not what training needs.
"""
import pathlib
import sys
import unittest

try:
    import numpy as np
    import matplotlib, PIL, safetensors, torch, tqdm  # noqa: E401, F401
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "models/train"))
import ahead  # noqa: E402
import decoder_network  # noqa: E402
import enlarge  # noqa: E402
import film_decoder  # noqa: E402
import film_network  # noqa: E402
import lion  # noqa: E402
import distill  # noqa: E402
import noising  # noqa: E402
import tempered  # noqa: E402

CHANNELS = 5
TINY = dict(sample_size=16, in_channels=CHANNELS, out_channels=CHANNELS, block_out_channels=(16, 16),
            cross_attention_dim=8, encoder_hid_dim=8, attention_head_dim=8, norm_num_groups=4, text_tokens=3)


def told(count):
    return torch.randn(count, 8), torch.randn(count, 8), torch.randn(count, 3, 8)


def shake(network):
    """Nothing stays zero."""
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    return network.eval()

torch.set_num_threads(1)


class Networks(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.x, self.time, self.told = torch.randn(6, CHANNELS, 16, 16), torch.tensor([0, 5, 9, 400, 700, 999]), told(6)
        self.rate = torch.full((6,), 12.0)

    def test_start_as_the_decoder(self):
        plain = shake(decoder_network.Decoder(**TINY))
        with torch.no_grad():
            wanted = plain(self.x, self.time, *self.told)
            for context in (0, CHANNELS + 1):
                network = film_network.FilmDecoder(**TINY, context=context)
                network.start_from(plain)
                beside = torch.randn(6, context, 16, 16) if context else None
                made = network(self.x, self.time, self.rate, *self.told, 6, beside)
                self.assertLess((made - wanted).abs().max(), 1e-5)
                shake(network)
                moved = network(self.x, self.time, self.rate, *self.told, 6, beside)
                self.assertGreater((moved - made).abs().max(), 1e-2)
                for frames, what in ((3, "films are apart"), (1, "stills have no time")):
                    parts = [network(*(v[k:k + frames] for v in (self.x, self.time, self.rate, *self.told)), frames,
                                     beside[k:k + frames] if context else None) for k in range(0, 6, frames)]
                    whole = network(self.x, self.time, self.rate, *self.told, frames, beside)
                    self.assertLess((torch.cat(parts) - whole).abs().max(), 1e-4, what)

    def test_attention_sees_its_window(self):
        for window, seen in ((0, 6), (2, 3)):
            layer = shake(film_network.TimeAttention(16, 8, 4, window))
            x = torch.randn(6, 16, 3, 3, requires_grad=True)
            layer(x, 6)[0].sum().backward()
            self.assertEqual(int((x.grad.abs().amax((1, 2, 3)) > 0).sum()), seen)

    def test_attention_knows_distances_alone(self):
        layer = shake(film_network.TimeAttention(16, 8, 4, 1))
        x = torch.randn(9, 16, 3, 3)
        with torch.no_grad():  # frames 2 to 6 of nine, of which those in the middle see neighbours alone
            self.assertLess((layer(x, 9)[3:6] - layer(x[2:7], 5)[1:4]).abs().max(), 1e-5)
            turned = layer(x.flip(0), 9).flip(0)
            self.assertGreater((layer(x, 9) - turned).abs().max(), 1e-3)  # and which way time goes


class Batches(unittest.TestCase):
    def test_ahead(self):
        for workers in (0, 2):
            made = ahead.Ahead(lambda seconds: np.full(3, seconds), workers)
            values = {float(made.next(7.0)[0]) for _ in range(40)}
            made.close()
            self.assertIn(7.0, values)
            self.assertLessEqual(values, {0.0, 7.0})

    def test_ahead_says_when_it_broke(self):
        made, ahead.PATIENCE = ahead.Ahead(lambda seconds: sys.exit(3), 1), 0.1
        with self.assertRaises(SystemExit):
            made.next(0.0)
        made.close()

    def test_rates_fall(self):
        np.random.seed(0)
        early, late = (film_decoder.skips(2000, done) for done in (0, 1))
        self.assertTrue(early.min() == late.min() == 1 and early.max() == late.max() == 5)
        self.assertGreater(late.mean(), early.mean() + 1)

    def test_blending(self):
        x = torch.arange(11.0).view(11, 1, 1, 1).expand(11, 3, 2, 2) / 10
        self.assertTrue(torch.allclose(film_decoder.blended(x, 5, 11), x, atol=1e-6))
        known = torch.arange(11) % 5 == 0
        seen = film_decoder.shown(x, known)
        self.assertEqual(seen.shape, (11, 4, 2, 2))
        self.assertEqual(seen[:, 3, 0, 0].tolist(), known.float().tolist())
        self.assertEqual(float(seen[7].abs().max()), 0)

    def test_enlarging_nothing_is_bilinear(self):
        small = torch.rand(2, 3, 8, 8)
        large = enlarge.enlarged(small)
        self.assertEqual(float(enlarge.difference(large, large).abs().max()), 0)
        say = lambda x, *_: torch.zeros_like(x)
        made = enlarge.sample(say, torch.randn_like(large), small, torch.ones(2), (), 2, 1)
        self.assertTrue(torch.equal(made, large))


class Losses(unittest.TestCase):
    def test_tempered(self):
        logits, right = torch.randn(50, 5, requires_grad=True), torch.randint(5, (50,))
        plain = torch.nn.functional.cross_entropy(logits, right)
        self.assertTrue(torch.allclose(tempered.cross_entropy(logits, right), plain))
        # With a temper of 1 the gradient is that of -p of what is right, which is the total variation.
        own, = torch.autograd.grad(tempered.cross_entropy(logits, right, 1.0), logits)
        far, = torch.autograd.grad(-logits.softmax(-1)[torch.arange(50), right].mean(), logits)
        self.assertTrue(torch.allclose(own, far, atol=1e-6))
        half = tempered.binary(torch.zeros(1), torch.ones(1), 0.5).item()
        self.assertAlmostEqual(half, 0.5 / 0.75 * np.log(2), places=5)

    def test_a_step_of_the_teacher(self):
        """From x_t to x_s, of the same noise; to the end, what was said."""
        x0, noise = torch.rand(1, 3, 4, 4) * 2 - 1, torch.randn(1, 3, 4, 4)
        at = lambda step: noising.COSINE[step].view(1, 1, 1, 1)
        x = [at(s).sqrt() * x0 + (1 - at(s)).sqrt() * noise for s in (800, 300)]
        self.assertTrue(torch.allclose(noising.step_of(x[0], x0, at(800), at(300)), x[1], atol=1e-5))
        self.assertTrue(torch.allclose(noising.step_of(x[0], x0, at(800), torch.ones(1, 1, 1, 1)), x0, atol=1e-5))


class Optimizers(unittest.TestCase):
    def test_lion(self):
        """Two steps by hand (Chen et al. 2023, algorithm 2)."""
        weight = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
        optimizer = lion.Lion([weight], 0.1, weight_decay=0.5)
        for gradient in ([3.0, -1.0], [-0.2, 5.0]):
            weight.grad = torch.tensor(gradient)
            optimizer.step()
        # Step 1: m = 0, u = sign(g) = (1, -1). Step 2: m = 0.01 g1 = (0.03, -0.01), and u = sign(0.9 m + 0.1 g2) =
        # sign(0.007, 0.491). Weights decay by 0.05 of themselves each time.
        wanted = [(1 * 0.95 - 0.1) * 0.95 - 0.1, (-2 * 0.95 + 0.1) * 0.95 - 0.1]
        self.assertTrue(torch.allclose(weight, torch.tensor(wanted)))


if __name__ == "__main__":
    unittest.main()
