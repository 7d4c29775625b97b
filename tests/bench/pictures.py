# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pictures at several noise levels: FFDNet and models of this project, all of them in PyTorch.

    python tests/bench/pictures.py --models models/denoise,models/denoise-quality --sigmas 15,25,50
    python tests/bench/pictures.py --set set12 --unclipped
    python tests/bench/pictures.py --ensemble 8
    python tests/bench/pictures.py --low

PSNR in dB, the mean over the pictures, of 8-bit output. Everybody gets the same noise, which is Gaussian, clipped and
rounded to 8 bits, or with --unclipped left as it is, as in papers. Set12 is grey, for which this FFDNet was not made:
its weights for grey pictures are published with 32.75, 30.43 and 27.32 dB at sigma 15, 25 and 50, unclipped. kFLOP: two
for each multiply-add, per pixel.

--ensemble has every model see the pictures in that many views, too, in the engine.

--low asks whether any picture gets worse at sigma 0, 0.5, 1 and 2 (allowed: 0.01 dB, 60 dB are good enough), and
prints the least gain.
"""
import pathlib
import sys

import numpy as np
from PIL import Image

import common
import libudm
import ours
import peers

LOW = 0, 0.5, 1, 2
SLACK = 0.01  # dB
SAME = 60     # dB and more: one pixel in sixteen differs by one


def arguments():
    p = common.options(__doc__, models=["denoise"])
    p.add_argument("--set", default="kodak24", choices=("kodak24", "set12"), help="default: %(default)s")
    p.add_argument("--sigmas", default="15,25,50", help="separated by commas (default: %(default)s)")
    p.add_argument("--unclipped", action="store_true", help="noise in float, as papers have it")
    p.add_argument("--low", action="store_true", help="is a picture with little noise ever made worse?")
    p.add_argument("--ensemble", type=int, default=1, help="views (default: %(default)s)")
    p.add_argument("--ffdnet", type=pathlib.Path, default=common.ROOT.parent / "shared/peers/ffdnet_color.pth")
    o = p.parse_args()
    if o.unclipped and o.ensemble > 1:
        p.error("--ensemble is for 8-bit pictures, which the engine takes, and not for --unclipped")
    return o


def load(o):
    if o.set == "kodak24":
        return common.load_kodak(o)
    grey = [(path.stem, np.asarray(Image.open(path).convert("L"))) for path in sorted((o.data / "set12").glob("*"))]
    return [common.Clip(name, np.repeat(p[None, ..., None], 3, 3)) for name, p in grey if o.only in name]


def noise(o, clip, sigma):
    """Grey pictures get grey noise."""
    noisy = common.float_noise(clip, sigma)
    if o.set == "set12":
        noisy = clip.frames + (noisy - clip.frames)[..., :1]
    return noisy if o.unclipped else common.to_8_bits(noisy)


def ffdnet_flops(path):
    """Its convolutions run on a quarter of the pixels."""
    import torch
    return 2 * sum(w.numel() for name, w in torch.load(path, weights_only=True).items() if name.endswith("weight")) / 4


def contestants(o):
    """(name, FLOPs per pixel, sigma -> (clip -> restored clip))"""
    if o.set == "kodak24" and not o.low:
        common.need(o.ffdnet.is_file(), f"FFDNet's weights {o.ffdnet}; name them with --ffdnet")
        yield "FFDNet", ffdnet_flops(o.ffdnet), lambda s: peers.ffdnet(o.ffdnet, s, o.threads)
    for o.model in o.models:
        flops = 2 * ours.multiply_adds(ours.load_network(o.model))
        yield o.model.name, flops, lambda s: ours.pytorch(o, s)
        if o.ensemble > 1:
            yield f"... {o.ensemble} views", o.ensemble * flops, lambda s: ensemble(o, s)


def ensemble(o, sigma):
    engine = libudm.Engine(o)
    return lambda frames: engine.restore(frames, sigma, ensemble=o.ensemble)[0]


def scores(o, pictures, sigma, restore):
    """[(PSNR before, PSNR after)]"""
    noisy = [noise(o, p, sigma) for p in pictures]
    return [(common.psnr(n, p.frames), common.psnr(restore(n), p.frames)) for n, p in zip(noisy, pictures)]


def main():
    o = arguments()
    pictures, sigmas = load(o), LOW if o.low else [float(s) for s in o.sigmas.split(",")]
    common.need(pictures, f"pictures whose name contains '{o.only}' in {o.data}")
    rows, least = [], np.inf
    for name, flops, contestant in contestants(o):
        found = [scores(o, pictures, s, contestant(s)) for s in sigmas]
        gains = [min(after - min(before, SAME) for before, after in one) for one in found]
        least = min(least, *gains)
        means = [np.mean([after for _, after in one]) for one in found]
        rows.append([name, "%.0f" % (flops / 1000), *("%.2f" % x for x in (gains if o.low else means))])
    print(f"{o.set}, {len(pictures)} pictures" + (", least gain, dB" if o.low else ""))
    common.print_table(["", "kFLOP", *("sigma %g" % s for s in sigmas)], rows)
    return int(o.low and least < -SLACK)


if __name__ == "__main__":
    sys.exit(main())
