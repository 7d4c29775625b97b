# SPDX-License-Identifier: LGPL-2.1-or-later
"""Adds noise to a clip and takes it off again: python example.py [FRAMES]"""
import sys

import numpy as np

import udm

count = int(sys.argv[1]) if len(sys.argv) > 1 else 10
y, x = np.mgrid[:96, :128]
clean = [np.stack([128 + 80 * np.sin((x + 2 * n) / 9), 2 * y, 255 - 2 * y], 2).round() for n in range(count)]
noise = np.random.default_rng(1).normal(0, 25, (count, 96, 128, 3))
noisy = [np.clip(frame + grain, 0, 255).round().astype(np.uint8) for frame, grain in zip(clean, noise)]

with udm.restore(noisy, threads=2) as frames:
    for n, frame in enumerate(frames):
        psnr = [10 * np.log10(255**2 / np.mean((f - clean[n])**2)) for f in (noisy[n].astype(float), frame)]
        print(f"frame {n}: sigma {frames.stats.sigma:.1f} found, {psnr[0]:.1f} dB before, {psnr[1]:.1f} dB after")
