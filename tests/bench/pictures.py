# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kodak24 at several noise levels: FFDNet and models of this project, all of them in PyTorch.

    python tests/bench/pictures.py --models models/denoise,models/denoise-quality --sigmas 15,25,50

PSNR in dB, the mean over the pictures, of 8-bit RGB. Everybody gets the same noise, which is Gaussian, clipped and
rounded to 8 bits (papers leave it unclipped, which gives other figures). kFLOP: two for each multiply-add, per pixel.
"""
import pathlib

import numpy as np

import common
import ours
import peers


def arguments():
    p = common.options(__doc__, models=["denoise"])
    p.add_argument("--sigmas", default="15,25,50", help="separated by commas (default: %(default)s)")
    p.add_argument("--ffdnet", type=pathlib.Path, default=common.ROOT.parent / "shared/peers/ffdnet_color.pth")
    return p.parse_args()


def ffdnet_flops(path):
    """Its convolutions run on a quarter of the pixels."""
    import torch
    return 2 * sum(w.numel() for name, w in torch.load(path, weights_only=True).items() if name.endswith("weight")) / 4


def main():
    o = arguments()
    pictures, sigmas = common.load_kodak(o), [float(s) for s in o.sigmas.split(",")]
    common.need(pictures, f"pictures whose name contains '{o.only}' in {o.data}")
    common.need(o.ffdnet.is_file(), f"FFDNet's weights {o.ffdnet}; name them with --ffdnet")
    noisy = {s: [common.add_noise(p, s) for p in pictures] for s in sigmas}

    def row(name, flops, contestant):
        scores = []
        for s in sigmas:
            restore = contestant(s)
            scores.append(np.mean([common.psnr(restore(n), p.frames) for n, p in zip(noisy[s], pictures)]))
        return [name, "%.0f" % (flops / 1000), *("%.2f" % x for x in scores)]

    rows = [row("FFDNet", ffdnet_flops(o.ffdnet), lambda s: peers.ffdnet(o.ffdnet, s, o.threads))]
    for o.model in o.models:
        flops = 2 * ours.multiply_adds(ours.load_network(o.model))
        rows.append(row(o.model.name, flops, lambda s: ours.pytorch(o, s)))
    print(f"Kodak24, {len(pictures)} pictures")
    common.print_table(["", "kFLOP", *("sigma %g" % s for s in sigmas)], rows)


if __name__ == "__main__":
    main()
