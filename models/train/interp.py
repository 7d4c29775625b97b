# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains models/interp: the network that refines the frames that the engine interpolates.

    python models/train/interp.py FOLDER [FOLDER ...] --udm build/engine/cli/udm --checkpoint WORK/interp.pt --minutes
    60

Crops of short clips go through `udm between`: gaps of 1 to 7 missing frames, and up to three frames beyond two known
ones. With --pictures some are made of those (layers.py). Some have noise, as what cameras film has, which what is
learned from has not. A pool of them is renewed as training goes on. Stops and
resumes at will; models/train/export.py turns the checkpoint into a model directory. engine/interp/blending.c shows a
network the same.
"""
import pathlib
import random
import subprocess
import tempfile

import numpy as np
import torch

import data
import layers
import train
from network import mend, part_of_predicted

MOST_BEYOND = 3      # frames beyond two known ones
MARGIN = 32          # of pixels around a crop: shows the motion search what comes in from outside
NOMINAL_RATE = 24
GAPS = (2, 2, 2, 2, 2, 3, 3, 4, 4, 4, 5, 6, 7, 8)  # between known frames, as often as they are drawn
ALIKE = 4            # crops of a clip that are drawn together
RATE_GIVEN = 0.8     # share of the clips whose frame rate is given
CONTEXT_PLANES = 8   # UDM_INTERPOLATOR_CONTEXT
HELD = (("every other", 24, 2, 0, 0), ("three of four", 8, 4, 0, 0), ("beyond", 8, 1, 1, 0), ("made", 8, 2, 0, 1))
NOISY = 0.5          # share of the clips
MOST_NOISE = 5       # its standard deviation, 0-255 scale
FLOOR = 2.5e-5       # of a mean squared error: 46 dB, over which nothing more is to be gained
CONFIG = dict(block_out_channels=(16, 32, 64), layers_per_block=(1, 1, 2), context=CONTEXT_PLANES + 2, mix=3)


class Clip:
    def __init__(self, frames, rate):
        self.frames, self.rate = np.stack(frames), rate  # uint8 [F, H, W, 3]; a second
        small = self.frames[:, ::4, ::4].astype(np.float32)
        motion = np.abs(np.diff(small, axis=0)).mean()
        detail = np.abs(np.diff(self.frames[::8].astype(np.float32), axis=2)).mean()
        self.weight = float(np.clip(motion, 0.5, 8) * np.clip(detail, 0.5, 8))


def read_video(path, most):
    import av
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
        frames = [f.to_ndarray(format="rgb24") for f, _ in zip(container.decode(video=0), range(most))]
    return frames, float(rate or NOMINAL_RATE)


def videos_of(folders, most):
    """Of each video or folder of pictures a list of clips, of `most` consecutive frames: large ones at half their size,
    and at a quarter, where compression leaves no traces; and every other pixel of large ones, which is sharp, and
    where fine detail becomes false coarse detail."""
    found = []
    for path in sorted(p for folder in folders for p in pathlib.Path(folder).rglob("*")):
        frames, rate = [], NOMINAL_RATE
        if path.suffix.lower() in data.VIDEOS:
            frames, rate = read_video(path, most)
        elif path.is_dir():
            stills = [q for q in sorted(path.iterdir()) if q.suffix.lower() in data.PICTURES][:most]
            frames = [np.asarray(data.Image.open(q).convert("RGB")) for q in stills]
        if len(frames) <= max(GAPS) or len({f.shape for f in frames}) > 1:
            continue
        sizes = []
        if min(frames[0].shape[:2]) > 320:
            sizes.append([f[::2, ::2] for f in frames])
            frames = [data.halve(f) for f in frames]
        sizes.append(frames)
        if min(frames[0].shape[:2]) > 340:
            sizes.append([data.halve(f) for f in frames])
        found.append([Clip(f, rate) for f in sizes])
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


def crops(clips, pictures, groups, frames, size, made):
    """Groups of crops, each of one clip, or made of pictures: (a list of [ALIKE, 3, frames, H, W], the rates)."""
    usable = [c for c in clips if min(c.frames.shape[1:3]) >= size + 2 * MARGIN and len(c.frames) >= frames]
    parts, rates = [], []
    while len(parts) < groups:
        if pictures and random.random() < made:
            moves = layers.drawn_moves(frames)
            parts.append([layers.clip(pictures, frames, size + 2 * MARGIN, moves) for _ in range(ALIKE)])
            rates.append(random.choice((12, 24, 30)))
            continue
        clip = random.choices(usable, [c.weight for c in usable])[0]
        drawn = [c for c in (crop(clip, frames, size) for _ in range(4 * ALIKE)) if c is not None][:ALIKE]
        if len(drawn) == ALIKE:
            parts.append(drawn)
            rates.append(clip.rate)
    return np.ascontiguousarray(parts, np.float32), rates


def add_noise(clip):
    """[3, F, H, W] in [-1, 1], rounded to 8 bits: noise of one deviation, of single pixels or a little wider."""
    sigma = MOST_NOISE * random.random() ** 2
    noise = np.random.randn(*clip.shape).astype(np.float32)
    if random.random() < 0.5:  # what a camera made of every other pixel of a colour, or a codec left
        noise = (noise + np.roll(noise, 1, 3)) / 2 ** 0.5
        noise = (noise + np.roll(noise, 1, 2)) / 2 ** 0.5
    return ((clip * 127.5 + sigma * noise).clip(-127.5, 127.5) + 127.5).round() / 127.5 - 1


def move(options, clips, gap):
    """What the engine makes of frames 0 and `gap` of clips, [N, planes, frames - 2, H, W], as `udm between` has it."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = f"{folder}/clips.npy", f"{folder}/made.npy"
        np.save(given, clips)
        subprocess.run([options.udm, "between", given, made, "--known", f"0,{gap}", "--threads", str(options.threads)],
                       check=True)
        return np.load(made)


def examples(options, clips, pictures, groups, gap, beyond=0, made=None):
    """Up to three frames of each crop: (truth, what the engine made, the first and the second neighbour, (position,
    seconds between the neighbours), the squared error of the prediction in the mean of the group)."""
    frames, size = gap + 1 + beyond, options.patch
    truth, rates = crops(clips, pictures, groups, frames, size, options.made if made is None else made)
    known = np.stack([[add_noise(c) for c in g] if random.random() < NOISY else g for g in truth]).astype(np.float32)
    engine = move(options, known.reshape(-1, *truth.shape[2:]), gap)
    engine = engine.reshape(*truth.shape[:2], *engine.shape[1:])
    missing = [i for i in range(frames) if i not in (0, gap)]
    wanted = [i for i in missing if i > gap] if beyond else missing
    inner = (slice(None), slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    out = []
    for group, rate in enumerate(rates):
        chosen = []
        for k in range(ALIKE):
            for i in random.sample(wanted, min(3, len(wanted))):
                whole = known[group, k]
                planes = truth[group, k, :, i], engine[group, k, :, missing.index(i)], whole[:, 0], whole[:, gap]
                seconds = gap / rate if random.random() < RATE_GIVEN else 1 / NOMINAL_RATE
                chosen.append((*(p[inner].astype(np.float16) for p in planes), np.float32([i / gap, seconds])))
        error = np.mean([np.square(c[0].astype(np.float32) - c[1][6:9]).mean() for c in chosen]) / 4
        out += [(*c, np.float32(error)) for c in chosen]
    return out


def at_level(picture, level):
    """As much of it as its level leaves."""
    return picture * (1 - level ** 2).sqrt()


def show(made, first, second, numbers):
    """(prediction, its level, what it is the mean of, their weights, context) of what `examples` holds."""
    a, b, predicted, level, given = made.split([3, 3, 3, 1, CONTEXT_PLANES], 1)
    position, seconds = numbers.view(-1, 2, 1, 1).split(1, 1)
    still = first + position.clamp(0, 1) * (second - first)
    rate = (seconds * NOMINAL_RATE).log2().clamp(-6, 6) / 3
    context = torch.cat([given, *(x.expand_as(level) for x in (position - 0.5, rate))], 1)
    return predicted, level, [a, b, still], given[:, 3:6], context


def between(network, made, first, second, numbers, frame=None, level=None):
    """x0 of a frame of which nothing is known, or that stands at a level."""
    predicted, predicted_level, estimates, weights, context = show(made, first, second, numbers)
    if frame is None:
        frame, level = torch.zeros_like(predicted), torch.ones_like(predicted_level)
    seen = frame, level, at_level(predicted, predicted_level), predicted_level
    with train.mixed(network.training):
        output = network(*(x.to(memory_format=torch.channels_last) for x in seen), context=context).float()
    return mend(output, part_of_predicted(level, predicted_level), estimates, weights)


def error_of(made, x0):
    """Mean squared, of each, [N], where black to white is 1."""
    return ((made - x0) / 2).square().flatten(1).mean(1)


class Interpolation(train.Training):
    def __init__(self, options, videos, pictures):
        options.config = {**CONFIG, **options.config}
        super().__init__(options)
        videos, held = train.hold_out(videos, 6)
        self.clips, held = (sum(v, []) for v in (videos, held or videos))
        self.pictures, held_pictures = train.hold_out(pictures, 10)
        random.seed(1)
        np.random.seed(1)
        self.held = {name: (groups, examples(options, held, held_pictures, groups, gap, beyond, made))
                     for name, groups, gap, beyond, made in HELD if held_pictures or not made}
        random.seed()
        self.pool = []

    def first_network(self):
        network = super().first_network()
        if not self.options.start:
            torch.nn.init.zeros_(network.conv_out.weight)  # which leaves the prediction as it is
            torch.nn.init.zeros_(network.conv_out.bias)
        return network

    def more(self):
        known = self.options, self.clips, self.pictures
        return examples(*known, 5, random.choice(GAPS)) + examples(*known, 1, random.randint(1, 3), MOST_BEYOND)

    def draw(self):
        """A batch, after the oldest of the pool made way for new ones."""
        while len(self.pool) < min(self.options.pool, 96 + 32 * self.steps):
            self.pool += self.more()
        if self.steps % 16 == 0:
            self.pool = self.pool[48:] + self.more()
        return batch_of(random.sample(self.pool, self.options.batch))

    def validate(self, network):
        """PSNR over each group of crops, in the mean, and that of the prediction."""
        found = {}
        for name, (groups, held) in self.held.items():
            errors, predicted = [], []
            for i in range(0, len(held), 16):
                x0, *given, _ = batch_of(held[i:i + 16])
                errors.append(error_of(between(network, *given).clamp(-1, 1), x0))
                predicted.append(error_of(given[0][:, 6:9].clamp(-1, 1), x0))
            found[name], found[name + " prediction"] = (
                -10 * torch.cat(e).view(groups, -1).mean(1).log10().mean().item() for e in (errors, predicted))
        return found

    def step(self):
        x0, *given, predicted = self.draw()
        level = torch.rand(len(x0), 1, 1, 1).mul(1.3).clamp(1e-2, 1)
        noisy = torch.rand_like(level) < self.options.noisy
        level = torch.where(noisy, level, 1.0).expand_as(x0[:, :1])
        frame = torch.where(noisy, at_level(x0, level) + level * torch.randn_like(x0), 0.0)
        error = error_of(between(self.network, *given, frame, level), x0)
        return self.learn(((error + FLOOR) / (predicted + FLOOR)).mean())


def batch_of(chosen):
    return [torch.from_numpy(np.stack(part)).float() for part in zip(*chosen)]


def main():
    p = train.parser(__doc__, minutes=60, batch=12, patch=96, rate=1e-3)
    p.add_argument("--udm", default="build/engine/cli/udm", help="the engine's program (default: %(default)s)")
    p.add_argument("--pictures", nargs="*", default=[], help="folders of sharp pictures, which clips are made of")
    p.add_argument("--made", type=float, default=0.35, help="share of the clips that are made of pictures, if there "
                   "are any (default: %(default)s)")
    p.add_argument("--pool", type=int, default=768, help="frames that are drawn from")
    p.add_argument("--most", type=int, default=90, help="frames of a video")
    p.add_argument("--noisy", type=float, default=0.15, help="share of frames of which something is known, under "
                   "noise, as when more steps are made")
    options = p.parse_args()
    torch.set_num_threads(options.threads)
    videos = videos_of(options.folders, options.most)
    pictures = data.load(options.pictures)
    print(f"{sum(map(len, videos))} clips of {len(videos)} videos, {len(pictures)} pictures", flush=True)
    Interpolation(options, videos, pictures).run()


if __name__ == "__main__":
    main()
