# SPDX-License-Identifier: LGPL-2.1-or-later
"""Noisy clips and the optical flow of the engine in them, for training with the temporal filter."""
import math
import pathlib
import random
import re
import subprocess
import tempfile

import numpy as np
import torch
from PIL import Image

import chroma
import data
import realnoise
from network import WHITE_CHROMA
from train import hold_out

LEVELS = 127.5  # grey levels per unit: pixels are in [-1, 1]
JPEG = 0.3      # the share of clips whose clean frames were compressed, each by itself
LARGE = 300     # lines: videos that have more are taken twice, once halved
PART = 480, 640  # and once, at most so much, from their middle


def both_sizes(clip):
    """A clip; a large one twice: halved, which takes most of its compression artefacts away, and its middle as it is,
    for what is to be restored has such artefacts too, and they do not move along."""
    h, w = clip.shape[1:3]
    if min(h, w) <= LARGE:
        return [clip]
    y, x = (max(n - part, 0) // 4 * 2 for n, part in zip((h, w), PART))  # even: where squares of chroma begin
    return [np.stack([data.halve(f) for f in clip]), clip[:, y:y + PART[0], x:x + PART[1]].copy()]


def frames_of(folder):
    """The pictures in it, if they are numbered without gaps."""
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in data.PICTURES)
    ends = [re.search(r"\d+$", p.stem) for p in found]
    follow = None not in ends and all(int(b[0]) == int(a[0]) + 1 for a, b in zip(ends, ends[1:]))
    return found if follow else []


def videos(folders, most=48):
    """Consecutive frames: uint8 [F, H, W, 3] of each video and each folder of frames; at most `most` of each."""
    import av
    found = []
    for folder in folders:
        for path in sorted(pathlib.Path(folder).rglob("*")):
            if path.suffix.lower() in data.VIDEOS:
                with av.open(str(path)) as container:
                    frames = [f.to_ndarray(format="rgb24") for f, _ in zip(container.decode(video=0), range(most))]
            elif path.is_dir():
                frames = [np.asarray(Image.open(q).convert("RGB")) for q in frames_of(path)[:most]]
            else:
                continue
            if len({f.shape for f in frames}) == 1 and len(frames) >= 8:
                found += both_sizes(np.stack(frames))
    return found


def camera(picture, frames, width, height):
    """A camera that looks at a picture: it stands still, or pans, turns and zooms, ever more or less: [F, H, W, 3]."""
    still = random.random() < 0.3
    speed = 0 if still else random.choice((0.3, 1, 3, 6))
    step = np.random.randn(4) * speed * np.array([1, 1, 2e-3, 2e-3])  # x, y, angle, log of the scale; a frame
    sway = np.random.randn(4) * speed * np.array([2, 2, 4e-3, 4e-3])
    period = random.uniform(6, 40)
    h, w = picture.shape[:2]
    image, out = Image.fromarray(picture), []
    start = random.uniform(0, 2 * math.pi)
    for k in range(frames):
        x, y, angle, zoom = step * (k - frames / 2) + sway * math.sin(start + 2 * math.pi * k / period)
        scale = math.exp(zoom)
        a, b = scale * math.cos(angle), scale * math.sin(angle)
        out.append(np.asarray(image.transform((width, height), Image.AFFINE, (
            a, -b, w / 2 + x - a * width / 2 + b * height / 2, b, a, h / 2 + y - b * width / 2 - a * height / 2),
            Image.BICUBIC)))
    return np.stack(out)


def crop(clip, frames, width, height):
    """A part in space and time, at one or two frames a step, forwards or backwards."""
    stride = 2 if random.random() < 0.25 and len(clip) >= 24 else 1
    clip = clip[::stride]
    at = random.randrange(max(len(clip) - frames, 0) + 1)
    clip = clip[at:at + frames][::random.choice((-1, 1))]
    h, w = (min(a, b) // 2 * 2 for a, b in zip((height, width), clip.shape[1:3]))
    y, x = random.randrange(clip.shape[1] - h + 1), random.randrange(clip.shape[2] - w + 1)
    return clip[:, y:y + h, x:x + w]


def turn(clip):
    """One of the eight ways to turn and mirror it; some have their colours exchanged."""
    clip = np.rot90(clip, random.randrange(4), (1, 2))
    clip = clip[:, :, ::-1] if random.random() < 0.5 else clip
    return np.ascontiguousarray(clip[..., np.random.permutation(3)] if random.random() < 0.3 else clip)


def compressed(clip):
    """Its frames with the artefacts of one quality, which differ from frame to frame: not all that time would average
    away is noise."""
    settings = random.randint(75, 97), random.choice((0, 2))
    return np.stack([realnoise.as_jpeg(frame, *settings) for frame in clip])


def with_white_noise(clean, sigma):
    """As an 8-bit file has it."""
    noise = np.random.randn(*clean.shape).astype(np.float32) * sigma
    return (clean + noise).clip(0, 255).round().astype(np.uint8)


def to_levels(x):
    """As bytes, but with what lies beyond black and white."""
    return ((x + 1) * LEVELS).round().short().permute(0, 2, 3, 1).contiguous().numpy()


def with_real_noise(clean, sources=realnoise.SOURCES, codecs=None):
    """(noisy, clean, sigma, sigma of chroma) of one camera, film or codec for all frames, which it sees one below the
    other. The first two are int16."""
    tall = realnoise.from_bytes(clean.reshape(1, -1, *clean.shape[2:]))
    noisy, made, apart = realnoise.draw(tall, torch.zeros(1, 1, 1, 1, dtype=torch.bool), sources, codecs)
    sigmas = (x.item() for x in realnoise.told_sigmas(noisy - made, apart))
    return *(to_levels(x).reshape(clean.shape) for x in (noisy, made)), *sigmas


class Rendition:
    """A clip, the same with noise of one sigma, as a file has it, and the motion that the engine finds there.

    clean, noisy: uint8 or int16 [F, H, W, 3]; flow: float16 [F - 1, 2, H, W].
    """

    def __init__(self, clean, noisy, sigma, options, chroma=None):
        self.clean, self.noisy, self.sigma = clean, noisy, sigma
        self.chroma = WHITE_CHROMA * sigma if chroma is None else chroma
        self.flow = motion(noisy, sigma, options.udm, options.preview, options.threads)


def motion(noisy, sigma, udm, model, threads):
    with tempfile.TemporaryDirectory() as folder:
        given, found = f"{folder}/clip.npy", f"{folder}/flow.npy"
        np.save(given, np.ascontiguousarray(noisy.transpose(3, 0, 1, 2)[None], np.float32) / LEVELS - 1)
        subprocess.run([udm, "motion", model, given, found, "--sigma", str(sigma), "--threads", str(threads)],
                       check=True)
        return np.load(found)[0].transpose(1, 0, 2, 3).astype(np.float16)


def video_rendition(clean, options):
    noisy, clean, sigma, of_chroma = with_real_noise(clean, {realnoise.video: 1}, {realnoise.kept: 1})
    return Rendition(clean, noisy, sigma, options, of_chroma)


class Library:
    """Renditions to draw from, of which `renew` replaces the oldest, and some of clips that are held out."""

    def __init__(self, options, pictures, clips):
        self.options, self.renditions = options, []
        usable = [c for c in clips if min(c.shape[1:3]) >= options.patch]
        self.clips, held = hold_out(usable, 10)
        self.held = [Rendition(c[:12], with_white_noise(c[:12], 20), 20, options) for c in held]
        self.held += [video_rendition(c[:12, :160, :160], options) for c in held]
        self.pictures = [p for p in pictures if min(p.shape[:2]) >= 240]

    def render(self):
        o = self.options
        frames, width, height = random.randint(12, 32), 320, 240
        if random.random() < o.video_share and self.clips:
            clean = crop(random.choice(self.clips), frames, width, height)
        else:
            clean = camera(random.choice(self.pictures), frames, width, height)
        clean = turn(clean)
        if random.random() < JPEG:
            clean = compressed(clean)
        if random.random() < o.chroma_share:
            clean = realnoise.to_bytes(chroma.subsampled(realnoise.from_bytes(clean)))
        if random.random() < o.real_share:
            noisy, clean, sigma, of_chroma = with_real_noise(clean)
            return Rendition(clean, noisy, min(max(sigma, 0.5), o.max_sigma), o, of_chroma)
        sigma = max(2, data.sigmas(1, o).item())
        return Rendition(clean, with_white_noise(clean, sigma), sigma, o)

    def renew(self, size):
        self.renditions = self.renditions[-size + 1:] + [self.render()]
