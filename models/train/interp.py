# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains models/interp: the network that is shown what the engine makes of the neighbours of a frame.

    python models/train/interp.py FOLDER [FOLDER ...] --udm build/examples/udm --checkpoint WORK/interp.pt --minutes 60

Crops of short clips go through `udm between`: gaps of 1 to 7 missing frames, and up to three frames beyond two known
ones. With --pictures some are made of those (layers.py). A pool of them is renewed as training goes on. Stops and
resumes at will; models/train/export.py turns the checkpoint into a model directory. engine/stream/evidence.c shows a
network the same.
"""
import math
import pathlib
import random
import subprocess
import tempfile

import numpy as np
import torch

import data
import layers
import train
from network import add_others, fuse

MOST_MISSING = 7     # frames between two known ones: as in GAPS
MOST_BEYOND = 3      # frames beyond them
MARGIN = 32          # of pixels around a crop: shows the motion search what comes in from outside
MOST_LEVEL = 0.7     # of a guess, which is worth something even where both pictures end
CONTRAST = 8         # by which differences are shown
NOMINAL_RATE = 24
GAPS = (2, 2, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8)  # between known frames, as often as they are drawn
MADE = 0.4           # share of the clips that are made of pictures, if there are any
TOLD = 0.8           # share of the clips whose frame rate is told
CONFIG = dict(block_out_channels=(16, 32, 64), layers_per_block=(1, 1, 2), context=7, mix=3)
LUMA = (0.299, 0.587, 0.114)


class Clip:
    def __init__(self, frames, rate):
        self.frames, self.rate = frames, rate  # uint8 [F, H, W, 3]; a second
        small = self.frames[:, ::4, ::4].astype(np.float32)
        self.motion = float(np.clip(np.abs(np.diff(small, axis=0)).mean(), 0.5, 8))


def read_video(path, most):
    import av
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
        frames = [f.to_ndarray(format="rgb24") for f, _ in zip(container.decode(video=0), range(most))]
    return frames, float(rate or NOMINAL_RATE)


def clips_of(folders, most):
    """One of each video or folder of pictures, of `most` consecutive frames; large ones at half their size, and at a
    quarter, where compression leaves no traces."""
    found = []
    for path in sorted(p for folder in folders for p in pathlib.Path(folder).rglob("*")):
        frames, rate = [], NOMINAL_RATE
        if path.suffix.lower() in data.VIDEOS:
            frames, rate = read_video(path, most)
        elif path.is_dir():
            stills = [q for q in sorted(path.iterdir()) if q.suffix.lower() in data.PICTURES][:most]
            frames = [np.asarray(data.Image.open(q).convert("RGB")) for q in stills]
        if len(frames) <= MOST_MISSING + 1 or len({f.shape for f in frames}) > 1:
            continue
        if min(frames[0].shape[:2]) > 400:
            frames = [data.halve(f) for f in frames]
        if min(frames[0].shape[:2]) < 330:
            found.append(Clip(np.stack(frames), rate))
        if min(frames[0].shape[:2]) >= 320:
            found.append(Clip(np.stack([data.halve(f) for f in frames]), rate))
    return found


def crop(clip, frames, size):
    """[3, frames, H, W] in [-1, 1], turned and mirrored, forwards or backwards; None where nothing moves, or the scene
    changes, or a frame repeats the one before."""
    side, (h, w) = size + 2 * MARGIN, clip.frames.shape[1:3]
    at, y, x = (random.randrange(n) for n in (len(clip.frames) - frames + 1, h - side + 1, w - side + 1))
    part = clip.frames[at:at + frames, y:y + side, x:x + side].astype(np.float32)
    change = np.abs(np.diff(part, axis=0)).mean((1, 2, 3))
    if change.max() > 60 or change.max() < 0.5 or change.min() < 0.1 * change.max():
        return None
    part = np.rot90(part[::random.choice((-1, 1))], random.randrange(4), (1, 2))[:, :, ::random.choice((-1, 1))]
    return part.transpose(3, 0, 1, 2) / 127.5 - 1


def crops(clips, pictures, count, frames, size):
    """Of clips in which more moves, more: ([count, 3, frames, H, W], the rates)."""
    usable = [c for c in clips if min(c.frames.shape[1:3]) >= size + 2 * MARGIN and len(c.frames) >= frames]
    parts, rates = [], []
    while len(parts) < count:
        if pictures and random.random() < MADE:
            parts.append(layers.clip(pictures, frames, size + 2 * MARGIN))
            rates.append(random.choice((12, 24, 30)))
            continue
        clip = random.choices(usable, [c.motion for c in usable])[0]
        part = crop(clip, frames, size)
        if part is not None:
            parts.append(part)
            rates.append(clip.rate)
    return np.ascontiguousarray(np.stack(parts), np.float32), rates


def move(options, clips, gap):
    """What the engine makes of frames 0 and `gap` of clips: [N, 11, frames - 2, H, W], as `udm between` writes it."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = f"{folder}/clips.npy", f"{folder}/made.npy"
        np.save(given, clips)
        subprocess.run([options.udm, "between", given, made, "--known", f"0,{gap}", "--threads", str(options.threads)],
                       check=True)
        return np.load(made)


def examples(options, clips, pictures, count, beyond):
    """Up to three frames of each of `count` crops: (truth, what the engine made, the first and the second neighbour,
    (position, seconds between the neighbours))."""
    gap = random.randint(1, 3) if beyond else random.choice(GAPS)
    frames = gap + 1 + (MOST_BEYOND if beyond else 0)
    truth, rates = crops(clips, pictures, count, frames, options.patch)
    made = move(options, truth, gap)
    missing = [i for i in range(frames) if i not in (0, gap)]
    wanted = [i for i in missing if i > gap] if beyond else missing
    inner = (slice(None), slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    out = []
    for k in range(count):
        for i in random.sample(wanted, min(3, len(wanted))):
            planes = truth[k, :, i], made[k, :, missing.index(i)], truth[k, :, 0], truth[k, :, gap]
            seconds = gap / rates[k] if random.random() < TOLD else 1 / NOMINAL_RATE
            numbers = np.array([i / gap, seconds], np.float32)
            out.append((*(p[inner].astype(np.float16) for p in planes), numbers))
    return out


def luma(planes):
    return (planes * planes.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def at_level(picture, level):
    """As much of it as its level leaves."""
    return picture * (1 - level ** 2).sqrt()


def level_of(a_level, b_level):
    """Of a guess that two pictures make."""
    precision = sum((1 - v ** 2) / v.clamp(min=1e-3) ** 2 for v in (a_level, b_level))
    return (1 + precision).rsqrt().clamp(max=MOST_LEVEL)


def show(made, first, second, numbers):
    """(guess, its level, the other estimates, context) of what `examples` holds."""
    a, a_level, b, b_level, guess = made.split([3, 1, 3, 1, 3], 1)
    position, seconds = numbers.view(-1, 2, 1, 1).split(1, 1)
    still = first + position.clamp(0, 1) * (second - first)
    others = [a, b, still]
    rate = (seconds * NOMINAL_RATE).log2().clamp(-6, 6) / 3
    constants = [x.expand_as(a_level) for x in (position - 0.5, rate)]
    context = torch.cat([CONTRAST * luma(x - guess) for x in others] + [a_level, b_level, *constants], 1)
    return guess, level_of(a_level, b_level), others, context


def between(network, made, first, second, numbers, frame=None, level=None):
    """x0 of a frame of which nothing is known, or that stands at a level."""
    guess, guess_level, others, context = show(made, first, second, numbers)
    if frame is None:
        frame, level = torch.zeros_like(guess), torch.ones_like(guess_level)
    seen = frame, level, at_level(guess, guess_level), guess_level
    with torch.autocast("cpu", torch.bfloat16, enabled=network.training):
        output = network(*(x.to(memory_format=torch.channels_last) for x in seen), context=context)
    return add_others(output.float(), fuse(*seen)[1], guess, others)


def decibels(made, x0):
    """PSNR of each, [N]; what is better than 46 dB counts little."""
    return -10 * (((made - x0) / 2).square().flatten(1).mean(1) + 2.5e-5).log10()


class Interpolation(train.Training):
    def __init__(self, options, clips, pictures):
        options.config = {**CONFIG, **options.config}
        super().__init__(options)
        self.clips, held = train.hold_out(clips, 8)
        self.pictures = pictures
        random.seed(1)
        np.random.seed(1)
        self.held = {name: sum((examples(options, held or clips, pictures, 8, beyond) for _ in range(5)), [])
                     for name, beyond in (("between", False), ("beyond", True))}
        random.seed()
        self.pool = []

    def first_network(self):
        network = super().first_network()
        if not self.options.start:
            torch.nn.init.zeros_(network.conv_out.weight)  # which leaves the guess as it is
            torch.nn.init.zeros_(network.conv_out.bias)
        return network

    def more(self):
        known = self.options, self.clips, self.pictures
        return examples(*known, 16, False) + examples(*known, 8, True)

    def draw(self):
        """A batch, after the oldest of the pool made way for new ones."""
        while len(self.pool) < min(self.options.pool, 96 + 32 * self.steps):
            self.pool += self.more()
        if self.steps % 16 == 0:
            self.pool = self.pool[64:] + self.more()
        return batch_of(random.sample(self.pool, self.options.batch))

    def validate(self, network):
        found = {}
        for name, held in self.held.items():
            made, guessed = [], []
            for i in range(0, len(held), 16):
                x0, *given = batch_of(held[i:i + 16])
                made.append(decibels(between(network, *given).clamp(-1, 1), x0))
                guessed.append(decibels(given[0][:, 8:].clamp(-1, 1), x0))
            found[name], found[name + " guess"] = (torch.cat(x).mean().item() for x in (made, guessed))
        return found

    def step(self):
        x0, *given = self.draw()
        level = torch.rand(len(x0), 1, 1, 1).mul(1.3).clamp(1e-2, 1)
        noisy = torch.rand_like(level) < self.options.noisy
        level = torch.where(noisy, level, 1.0).expand_as(x0[:, :1])
        frame = torch.where(noisy, at_level(x0, level) + level * torch.randn_like(x0), 0.0)
        return self.learn(-decibels(between(self.network, *given, frame, level), x0).mean() / 10)


def batch_of(chosen):
    return [torch.from_numpy(np.stack(part)).float() for part in zip(*chosen)]


def main():
    p = train.parser(__doc__, minutes=60, batch=12, patch=96, rate=1e-3)
    p.add_argument("--udm", default="build/examples/udm", help="the engine's program (default: %(default)s)")
    p.add_argument("--pictures", nargs="*", default=[], help="folders of sharp pictures, which clips are made of")
    p.add_argument("--pool", type=int, default=768, help="frames that are drawn from")
    p.add_argument("--most", type=int, default=90, help="frames of a video")
    p.add_argument("--noisy", type=float, default=0.25, help="share of frames of which something is known, under "
                   "noise, as when more steps are made")
    options = p.parse_args()
    torch.set_num_threads(options.threads)
    clips = clips_of(options.folders, options.most)
    pictures = data.load(options.pictures)
    print(f"{len(clips)} clips, {len(pictures)} pictures", flush=True)
    Interpolation(options, clips, pictures).run()


if __name__ == "__main__":
    main()
