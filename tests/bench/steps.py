# SPDX-License-Identifier: LGPL-2.1-or-later
"""More steps than one: what they cost in PSNR, what they give in detail, and whether it flickers.

    python tests/bench/steps.py --steps 1,4,10 --samplers ddim,ddpm

One step ends at the posterior mean, which has the best PSNR and too little detail. Two figures say how much is like in
clean pictures (Kodak24), both smaller the better or nearer to zero the better:

distance: the Frechet distance (Heusel et al. 2017, https://arxiv.org/abs/1706.08500) between features of the restored
and of the clean pictures. LPIPS and DISTS would be better known, but no package that can be installed here brings the
weights of their networks. The features are those of the sixth layer of FFDNet given sigma 5, which looks at textures of
some 26 pixels; on clean pictures with a blur or with noise the distance is printed for comparison.
detail: power of the restored over that of the clean pictures in the highest octave of frequencies, in dB.

flicker: the deviation in time where the clip --flicker does not move, as in video_compare.py; the first row has that of
the clean clip.
"""
import pathlib

import cv2
import numpy as np
import torch
from torch.nn import functional as F

import common
import libudm
import video_compare

LAYERS = 6
TOLD = 5  # sigma


def arguments():
    p = common.options(__doc__)
    p.set_defaults(frames=8)
    p.add_argument("--sigma", type=float, default=25, help="on the 0-255 scale (default: %(default)s)")
    p.add_argument("--steps", default="1,4,10", help="separated by commas (default: %(default)s)")
    p.add_argument("--samplers", default="ddim,ddpm", help="separated by commas (default: %(default)s)")
    p.add_argument("--pictures", type=int, default=24, help="of Kodak24 (default: %(default)s)")
    p.add_argument("--flicker", default="foreman", help="a clip (default: %(default)s)")
    p.add_argument("--ffdnet", type=pathlib.Path, default=common.ROOT.parent / "shared/peers/ffdnet_color.pth")
    return p.parse_args()


class Features:
    def __init__(self, path):
        common.need(path.is_file(), f"FFDNet's weights {path}; name them with --ffdnet")
        weights = torch.load(path, weights_only=True)
        names = [name for name in weights if name.endswith("weight")][:LAYERS]
        self.layers = [(weights[name], weights[name.replace("weight", "bias")]) for name in names]

    @torch.inference_mode()
    def of(self, picture):
        """[positions, channels] of a picture, uint8 [H, W, 3] of even size; every second position each way."""
        x = F.pixel_unshuffle(torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None] / 255, 2)
        x = torch.cat([x, x.new_full((1, 1, *x.shape[2:]), TOLD / 255)], 1)
        for weight, bias in self.layers:
            x = F.relu(F.conv2d(x, weight, bias, padding=1))
        return x[0, :, ::2, ::2].flatten(1).T.double().numpy()

    def gaussian(self, pictures):
        found = np.concatenate([self.of(picture) for picture in pictures])
        return found.mean(0), np.cov(found, rowvar=False)


def frechet(a, b):
    """Between two Gaussians, (mean, covariance): |m - n|^2 + tr(A + B - 2 (A B)^1/2)."""
    values, vectors = np.linalg.eigh(a[1])
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T  # A^1/2 B A^1/2 has the eigenvalues of A B, and is symmetric
    shared = np.sqrt(np.linalg.eigvalsh(root @ b[1] @ root).clip(0)).sum()
    return max(float(np.sum((a[0] - b[0]) ** 2) + np.trace(a[1] + b[1]) - 2 * shared), 0)


class Judge:
    """Compares with clean pictures."""

    def __init__(self, o, clean):
        self.features, self.clean = Features(o.ffdnet), clean
        self.gaussian, self.power = self.features.gaussian(clean), common.octave_power(clean)

    def row(self, name, pictures, flicker=""):
        psnr = np.mean([common.psnr(p[None], c[None]) for p, c in zip(pictures, self.clean)])
        distance = frechet(self.features.gaussian(pictures), self.gaussian)
        detail = 10 * np.log10(common.octave_power(pictures) / self.power)
        return [name, "%.2f" % psnr, "%.4f" % distance, "%+.2f" % detail, flicker]


def flicker(clip, frames):
    return "%.2f" % video_compare.deviation(frames, video_compare.still(clip.frames))


def main():
    o = arguments()
    clips = common.load_kodak(o)[:o.pictures]
    moving, = common.load_clips(o, [o.flicker])
    common.need(clips and len(moving.frames) > 1, f"pictures and at least two frames of {o.flicker} in {o.data}")
    judge, engine = Judge(o, [clip.frames[0] for clip in clips]), libudm.Engine(o)
    noisy, noisy_clip = [common.add_noise(clip, o.sigma) for clip in clips], common.add_noise(moving, o.sigma)
    rows = [judge.row("clean", judge.clean, flicker(moving, moving.frames)),
            judge.row("clean, blurred by 0.7", [cv2.GaussianBlur(p, (0, 0), 0.7) for p in judge.clean]),
            judge.row("clean, noise of 5", [common.add_noise(clip, 5)[0] for clip in clips])]
    for sampler in o.samplers.split(","):
        for steps in map(int, o.steps.split(",")):
            how = {"steps": steps, "sampler": sampler.encode()}
            pictures = [engine.restore(n, o.sigma, **how)[0][0] for n in noisy]
            moved = engine.restore(noisy_clip, o.sigma, **how)[0]
            rows.append(judge.row(f"{sampler}, {steps}", pictures, flicker(moving, moved)))
    print(f"{o.model.name}, sigma {o.sigma:g}, {len(clips)} pictures, {o.frames} frames")
    common.print_table(["", "PSNR", "distance", "detail", "flicker"], rows)


if __name__ == "__main__":
    main()
