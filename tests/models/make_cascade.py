# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes tiny-cascade: tiny-text, by links, with random networks of films, and frames that PyTorch makes with them,
noise of the engine included (README.md here).

    python tests/models/make_cascade.py
"""
import contextlib
import json
import os
import pathlib
import sys

import numpy as np
import torch

HERE = pathlib.Path(__file__).resolve().parent
FOLDER, TEXT = HERE / "tiny-cascade", HERE / "tiny-text"
sys.path.insert(0, str(HERE.parent.parent / "models/train"))
sys.path.insert(0, str(HERE))
import chain as chains  # noqa: E402
import enlarge  # noqa: E402
import export  # noqa: E402
import film_decoder  # noqa: E402
import film_network  # noqa: E402
import index  # noqa: E402
import noising  # noqa: E402
import stage  # noqa: E402
from make_video import normal  # noqa: E402  # of seed 7

LIMIT = noising.LATENT_LIMIT
LATENTS, SIDE, KEYS, SHARED, STEPS = 6, 8, 5, 1, 3  # SIDE: of latents
SPACING, BETWEEN_STEPS, LARGER_STEPS = 5, 4, 2  # as engine/diffusion/cascade.c has them
NOISE_BETWEEN, NOISE_LARGER, NOISE_LAST = 1 << 28, 2 << 28, 3 << 28
COMMON = dict(cross_attention_dim=24, encoder_hid_dim=24, attention_head_dim=8, norm_num_groups=4, text_tokens=16,
              block_out_channels=(8, 16),
              down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
              up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"))
DRAWN = dict(sample_size=4, patch_size=2, out_channels=4 * LATENTS)
LARGER = dict(patch_size=4, out_channels=48, context=3)
PARTS = {"film_decoder": dict(**DRAWN, frames=KEYS), "interpolator": dict(**DRAWN, frames=6, context=LATENTS + 1),
         "super_res_first": dict(**LARGER, sample_size=8, frames=3),
         "super_res_last": dict(**LARGER, sample_size=16, frames=1)}


def network(config):
    net = film_network.FilmDecoder(**COMMON, **config).eval()
    with torch.no_grad():
        for name, w in net.named_parameters():
            if w.ndim > 1:
                w.normal_(0, 0.7 * w[0].numel() ** -0.5)
            elif "norm" not in name:
                w.normal_(0, 0.2)
            w.copy_(w.half())
    return net


def write_parts():
    FOLDER.mkdir(exist_ok=True)
    for name in [*index.PARTS, *index.CODER]:
        link = FOLDER / name
        if not link.is_symlink():
            os.symlink(pathlib.Path("..") / TEXT.name / name, link)
    parts = {}
    for i, (name, config) in enumerate(PARTS.items()):
        torch.manual_seed(40 + i)
        parts[name] = network(config)
        export.write_network(FOLDER / name, {"_class_name": film_network.CLASS, **parts[name].config},
                             parts[name].state_dict(), torch.float16)
    own = {name: ["udm", film_network.CLASS] for name in PARTS}
    text = json.loads((TEXT / "model_index.json").read_text())
    export.write_json(FOLDER / "model_index.json", {**text, **own})
    return parts


def drawn(net, x, known, told, rate, steps, beside=None):
    """x [N, C, H, W] to x0, but for the frames that are known, which are at time 0."""
    times = noising.trailing(steps)
    for step, after in zip(times, [*times[1:], -1]):
        at = torch.where(known, 0, step)
        with torch.no_grad():
            x0 = net(x, at, torch.full((len(x),), rate), *told, len(x), beside).clamp(-LIMIT, LIMIT)
        now, then = noising.COSINE[step], noising.COSINE[after] if after >= 0 else torch.tensor(1.0)
        moved = then.sqrt() * x0 + (1 - then).sqrt() * (x - now.sqrt() * x0) / (1 - now).sqrt()
        x = torch.where(known.view(-1, 1, 1, 1), x, moved)
    return x


class Film:
    """engine/diffusion/cascade.c, of the empty prompt."""

    def __init__(self, parts, rate):
        self.chain = chains.Chain(FOLDER)
        text, tokens = self.chain.told([""])
        self.parts, self.rate = parts, rate
        self.told = torch.zeros(1, 24), text, tokens

    def of(self, frames):
        return tuple(v.expand(frames, *v.shape[1:]) for v in self.told)

    def windows(self, count, rate, first=None):
        """[count, KEYS, LATENTS, SIDE, SIDE]: windows of the first network, each beginning with the end of the last;
        first: what is known before them, [SHARED, ...]."""
        made = []
        for w in range(count):
            x = normal(w, 0, (KEYS, LATENTS, SIDE, SIDE)).clone()
            before = made[-1][-SHARED:] if w else first
            known = torch.arange(KEYS) < (0 if before is None else SHARED)
            if before is not None:
                x[:SHARED] = before
            made.append(drawn(self.parts["film_decoder"], x, known, self.of(KEYS), rate, STEPS))
        return torch.stack(made)

    def filled(self, keys, window):
        """Six frames from one of two keys to the other."""
        known = torch.arange(6) % SPACING == 0
        x0 = keys[torch.arange(6) // SPACING]
        x = normal(window, NOISE_BETWEEN, (6, LATENTS, SIDE, SIDE))
        nothing = torch.zeros(6, dtype=torch.bool)
        made = drawn(self.parts["interpolator"], x, nothing, self.of(6), self.rate, BETWEEN_STEPS,
                     film_decoder.shown(x0, known))
        return torch.where(known.view(-1, 1, 1, 1), x0, made)

    def larger(self, name, frames, noise):
        large = enlarge.enlarged(frames)
        x = normal(0, noise, (1, *large.shape[1:])).expand_as(large)
        nothing = torch.zeros(len(frames), dtype=torch.bool)
        made = drawn(self.parts[name], x, nothing, self.of(len(frames)), self.rate, LARGER_STEPS, large)
        return (large + made / enlarge.GAIN).clamp(-1, 1)


def main():
    torch.set_num_threads(1)
    stage.mixed = contextlib.nullcontext
    parts = write_parts()
    slow, fast = Film(parts, 2).windows(2, 2), Film(parts, 25)
    keys = fast.windows(2, 25 / SPACING)
    filled = [fast.filled(keys[0][i:i + 2], i) for i in range(4)] + [fast.filled(keys[1][:2], 4)]
    large = fast.larger("super_res_first", fast.chain.developed(filled[4][:3]), NOISE_LARGER)
    largest = torch.cat([fast.larger("super_res_last", frame[None], NOISE_LAST) for frame in large[:1]])
    pictures = fast.chain.developed(slow[0][:2])  # a clip from which another film goes on
    with torch.no_grad():
        more = Film(parts, 2).windows(2, 2, fast.chain.coder.encode(pictures[-1:]))
    golden = FOLDER / "golden"
    golden.mkdir(exist_ok=True)
    made = dict(slow=torch.cat([slow[0], slow[1][SHARED:]]), fast=torch.cat([part[:5] for part in filled]),
                more=torch.cat([window[SHARED:] for window in more]))
    made = {name: fast.chain.developed(x) for name, x in made.items()}
    for name, x in {**made, "large": large, "largest": largest}.items():
        np.save(golden / f"{name}.npy", x.numpy())
        print(f"{name}: {tuple(x.shape)}, {x.std():.2f}")


if __name__ == "__main__":
    main()
