# SPDX-License-Identifier: LGPL-2.1-or-later
"""Is the recursion that training sees (models/train/recursion.py) the one that the engine runs?

    python tests/bench/recursion_parity.py --only foreman --model models/denoise

Restores a clip with both, PyTorch along the motion that `udm motion` finds; exits with 1 if they are apart.
"""
import sys

import numpy as np
import torch

import common
import libudm
import ours

sys.path.insert(0, str(common.ROOT / "models/train"))
import clips  # noqa: E402
import recursion  # noqa: E402

SIGMA = 20
APART = 52  # dB; rounding to 8 bits alone is 59


def restore(o, noisy):
    flow = torch.from_numpy(clips.motion(noisy, SIGMA, o.build / "examples/udm", o.model, o.threads)).float()
    pair = recursion.Pair(*(ours.load_network(o.model, part) for part in ("unet", "trust")))
    made = recursion.restore(pair, recursion.pixels(noisy), flow, SIGMA)
    return ((made + 1) * clips.LEVELS).clamp(0, 255).round().byte().permute(0, 2, 3, 1).numpy()


def main():
    o = common.options(__doc__).parse_args()
    torch.set_num_threads(o.threads)
    worst = np.inf
    for clip in common.load_clips(o):
        size = [n // 8 * 8 for n in clip.frames.shape[1:3]]  # the engine pads others
        noisy = common.add_noise(common.Clip(clip.name, clip.frames[:, :size[0], :size[1]]), SIGMA)
        with torch.no_grad():
            there = restore(o, noisy)
        here, _ = libudm.Engine(o).restore(noisy, SIGMA)
        apart = common.psnr(here, there)
        print(f"{clip}: {apart:.1f} dB", flush=True)
        worst = min(worst, apart)
    return worst < APART


if __name__ == "__main__":
    sys.exit(main())
