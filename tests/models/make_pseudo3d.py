# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes tiny-pseudo3d, networks of films of embeddings with random weights, and what PyTorch makes of golden frames
with them (README.md here).

    python tests/models/make_pseudo3d.py
"""
import pathlib
import sys

import numpy as np
import torch

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE / "tiny-pseudo3d"
sys.path.insert(0, str(HERE.parent.parent / "models/train"))
from export import write_network  # noqa: E402
from film_network import CLASS, FilmDecoder  # noqa: E402

COMMON = dict(sample_size=4, block_out_channels=(8, 8, 16), cross_attention_dim=6, encoder_hid_dim=5,
              attention_head_dim=4, norm_num_groups=4, text_tokens=3, patch_size=2)
FRAMES, RATE = 5, 12.5
MODELS = {"film": dict(frames=5), "between": dict(frames=6, context=4, time_window=2),
          "still": dict(frames=1, context=3)}


def network(**config):
    """Random weights, with none at zero, so that every layer matters."""
    net = FilmDecoder(**COMMON, **config).eval()
    with torch.no_grad():
        for name, w in net.named_parameters():
            if w.ndim > 1:
                w.normal_(0, w[0].numel() ** -0.5)
            elif "norm" not in name:
                w.normal_(0, 0.3)
            w.copy_(w.half())  # as it is stored
    return net


def write(folder, net):
    """Its files, and frames with what is told of each."""
    count, context = min(FRAMES, net.config["frames"]), net.config["context"]
    write_network(folder, {"_class_name": CLASS, **net.config}, net.state_dict(), torch.float16)
    frames, beside = torch.randn(count, 3, 8, 8), torch.randn(count, max(context, 1), 8, 8)
    times = torch.tensor([0, 20, 400, 700, 999])[:count]
    picture, text, tokens = torch.randn(count, 6), torch.randn(count, 6), torch.randn(count, 3, 5)
    with torch.no_grad():
        expected = net(frames, times, torch.full((count,), RATE), picture, text, tokens, count,
                       beside if context else None)
    embeddings = torch.cat([picture, text, tokens.transpose(1, 2).flatten(1)], 1)  # as the engine has them
    for name, x in dict(frames=frames, beside=beside, times=times.float(), embeddings=embeddings,
                        expected=expected).items():
        np.save(folder / f"{name}.npy", x.numpy())
    print(f"{folder.name}: {expected.std():.2f}")


def main():
    torch.set_num_threads(1)
    for i, (name, config) in enumerate(MODELS.items()):
        torch.manual_seed(20 + i)
        write(FOLDER / name, network(**config))


if __name__ == "__main__":
    main()
