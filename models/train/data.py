# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clean patches and the noise that is added to them, for training on pictures."""
import pathlib
import random

import numpy as np
import torch
from PIL import Image

import chroma
import realnoise
from network import WHITE_CHROMA

PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm"}
VIDEOS = {".mp4", ".mkv", ".avi", ".mov", ".webm", ".264", ".h264", ".y4m"}
USUAL = 5, 40  # sigmas that most noise has
LOSSLESS = {".png", ".webp", ".bmp", ".ppm"}


def halve(picture):
    """Half the size by area averaging: takes most of the compression artefacts away."""
    h, w = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    p = picture[:h, :w].astype(np.float32)
    return ((p[::2, ::2] + p[1::2, ::2] + p[::2, 1::2] + p[1::2, 1::2]) / 4).round().astype(np.uint8)


def video_frames(path, count):
    import av
    with av.open(str(path)) as container:
        frames = []
        for i, frame in enumerate(container.decode(video=0)):
            if i % 12 == 0:
                frames.append(frame.to_ndarray(format="rgb24"))
            if len(frames) == count:
                break
    return frames


def load(folders, halve_over=400, frames_per_video=8):
    """All pictures (and some frames of each video) under the folders, as a list of uint8 [H, W, 3].

    Compressed pictures whose smaller side is over `halve_over`, and all video frames, are halved first.
    """
    pictures = []
    for folder in folders:
        for path in sorted(pathlib.Path(folder).rglob("*")):
            kind = path.suffix.lower()
            if kind in PICTURES:
                picture = np.asarray(Image.open(path).convert("RGB"))
                lossy = kind not in LOSSLESS
                pictures.append(halve(picture) if lossy and min(picture.shape[:2]) > halve_over else picture)
            elif kind in VIDEOS:
                pictures += [halve(f) for f in video_frames(path, frames_per_video)]
    return pictures


def patches(pictures, count, size):
    """`count` random crops, turned and mirrored, some of them at a smaller scale, some grey: [count, 3, size, size]."""
    out = np.empty((count, size, size, 3), np.uint8)
    weights = [p.shape[0] * p.shape[1] for p in pictures]
    for k, picture in enumerate(random.choices(pictures, weights, k=count)):
        h, w = picture.shape[:2]
        scale = random.uniform(1, 2) if random.random() < 0.3 else 1
        side = min(int(size * scale), h, w)
        y, x = random.randrange(h - side + 1), random.randrange(w - side + 1)
        crop = picture[y:y + side, x:x + side]
        if side != size:
            crop = np.asarray(Image.fromarray(crop).resize((size, size), Image.BICUBIC))
        crop = np.rot90(crop, random.randrange(4))
        out[k] = crop[:, ::-1] if random.random() < 0.5 else crop
    x0 = torch.from_numpy(out).permute(0, 3, 1, 2).float() / 127.5 - 1
    grey = torch.rand(count, 1, 1, 1) < 0.1
    luma = (x0 * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    return torch.where(grey, luma.expand_as(x0), x0), grey


def sigmas(count, options):
    """Standard deviations, 0-255 scale, [count]: a share of usual ones, evenly in their logarithm, and others up to the
    largest; of those, low ones, where little is to be gained and much to be lost, come the more often the higher `low`.
    """
    usual = USUAL[0] * (USUAL[1] / USUAL[0]) ** torch.rand(count)
    return torch.where(torch.rand(count) < options.usual, usual.clamp(max=options.max_sigma),
                       torch.rand(count) ** options.low * options.max_sigma)


def noise_maps(count, size, options):
    """Standard deviations, 0-255 scale, [count, 1, size, size]: even ones, and some that vary over the patch."""
    even, other = (sigmas(count, options).view(-1, 1, 1, 1).expand(-1, 1, size, size) for _ in range(2))
    axis = torch.arange(size).view(1, 1, 1, size)
    edge = torch.randint(size, (count, 1, 1, 1))
    step = torch.where(axis < edge, even, other)
    step = torch.where(torch.rand(count, 1, 1, 1) < 0.5, step, step.transpose(2, 3))
    cells = torch.rand(count, 1, 3, 3) * options.max_sigma
    smooth = torch.nn.functional.interpolate(cells, (size, size), mode="bilinear", align_corners=True)
    kind = torch.rand(count, 1, 1, 1)
    return torch.where(kind < 0.7, even, torch.where(kind < 0.85, step, smooth))


def at_time(noisy, sigma):
    """(frame, level): x_t = sqrt(alpha_bar) (x0 + n) and sqrt(1 - alpha_bar)."""
    ratio = sigma * (2 / 255)
    signal = (1 + ratio ** 2).rsqrt()
    return noisy * signal, ratio * signal


def add_noise(x0, grey, sigma):
    """Noise of the given standard deviation; most patches are then clipped and rounded to 8 bits, as files are."""
    noise = torch.randn_like(x0)
    noisy = x0 + torch.where(grey, noise[:, :1].expand_as(noise), noise) * sigma * (2 / 255)
    stored = ((noisy.clamp(-1, 1) * 127.5).round() / 127.5)
    return torch.where(torch.rand(len(x0), 1, 1, 1) < 0.8, stored, noisy)


def level_of(ratio):
    """Of noise with this ratio to the signal."""
    return ratio * (1 + ratio ** 2).rsqrt()


def batch(pictures, options):
    """(x0, frame, level, sigma, level of chroma) of patches of pictures, of which a share has the noise of cameras,
    film and codecs."""
    x0, grey = patches(pictures, options.batch, options.patch)
    x0 = chroma.some_subsampled(x0, options.chroma_share)
    sigma = noise_maps(options.batch, options.patch, options)
    noisy = add_noise(x0, grey, sigma)
    chroma_sigma = WHITE_CHROMA * torch.where(grey, 0, sigma) * realnoise.mistaken(options.batch)
    real = torch.rand(options.batch) < options.real_share
    if real.any():
        noisy[real], x0[real], apart = realnoise.draw(x0[real], grey[real])
        told, chroma_told = realnoise.told_sigmas(noisy[real] - x0[real], apart)
        sigma[real], chroma_sigma[real] = told.clamp(0.5, options.max_sigma), chroma_told
    return x0, *at_time(noisy, sigma), sigma, level_of(chroma_sigma * (2 / 255))
