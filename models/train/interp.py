# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains models/interp: the network that is shown both neighbours of a frame, moved to its instant by the engine.

    python models/train/interp.py FOLDER [FOLDER ...] --udm build/examples/udm --checkpoint WORK/interp.pt \\
        --start models/denoise --minutes 60

Crops of short clips go through `udm between`, gaps of 1 to 7 missing frames; a pool of them is renewed as training
goes on. Stops and resumes at will; models/train/export.py turns the checkpoint into a model directory.
"""
import pathlib
import random
import subprocess
import tempfile

import numpy as np
import torch

import data
import train

LONGEST = 9  # frames of a clip: 7 missing and both neighbours


def runs(folders, most=60):
    """Consecutive frames: lists of uint8 [H, W, 3], one a video or folder of pictures; at most `most` of each."""
    import av
    found = []
    for folder in folders:
        paths = sorted(pathlib.Path(folder).rglob("*"))
        for path in paths:
            if path.suffix.lower() in data.VIDEOS:
                with av.open(str(path)) as container:
                    frames = [f.to_ndarray(format="rgb24") for f, _ in zip(container.decode(video=0), range(most))]
                found.append([data.halve(f) if min(f.shape[:2]) > 400 else f for f in frames])
            elif path.is_dir():
                stills = [q for q in sorted(path.iterdir()) if q.suffix.lower() in data.PICTURES][:most]
                found.append([np.asarray(data.Image.open(q).convert("RGB")) for q in stills])
    return [f for f in found if len(f) >= LONGEST and len({x.shape for x in f}) == 1]


def crops(clips, count, frames, size, margin=32):
    """[count, 3, frames, H, W] in [-1, 1]; the margin shows the motion search what comes in from outside."""
    side, out = size + 2 * margin, []
    usable = [c for c in clips if min(c[0].shape[:2]) >= side]
    while len(out) < count:
        clip = random.choice(usable)
        at = random.randrange(len(clip) - frames + 1)
        y, x = (random.randrange(n - side + 1) for n in clip[0].shape[:2])
        part = np.stack(clip[at:at + frames])[:, y:y + side, x:x + side].astype(np.float32)
        difference = np.abs(np.diff(part, axis=0)).mean((1, 2, 3))
        if difference.max() < 60 and difference.max() > 0.5:  # neither a cut nor a still
            out.append(part[::random.choice((-1, 1))].transpose(3, 0, 1, 2) / 127.5 - 1)
    return np.ascontiguousarray(np.stack(out), np.float32)


def examples(options, clips, count):
    """(truth, what the engine makes of the neighbours) of up to three frames of each of `count` crops."""
    frames, margin = random.randint(3, LONGEST), 32
    truth = crops(clips, count, frames, options.patch, margin)
    with tempfile.TemporaryDirectory() as folder:
        given, moved = f"{folder}/clips.npy", f"{folder}/moved.npy"
        np.save(given, truth)
        subprocess.run([options.udm, "between", given, moved, "--threads", str(options.threads)], check=True)
        moved = np.load(moved)
    inner = slice(margin, -margin)
    return [(truth[k, :, i + 1, inner, inner].copy(), moved[k, :, i, inner, inner].copy()) for k in range(count)
            for i in random.sample(range(frames - 2), min(3, frames - 2))]


def at_level(picture, level):
    """As much of it as its level leaves."""
    return (picture * (1 - level ** 2).sqrt()).to(memory_format=torch.channels_last)


def between(network, moved):
    """moved: [N, 8, H, W], the neighbours, each with its level, as `udm between` makes them."""
    (a, a_level), (b, b_level) = (m.split([3, 1], 1) for m in moved.split(4, 1))
    return network(at_level(a, a_level), a_level, at_level(b, b_level), b_level)


class Interpolation(train.Training):
    def __init__(self, options, clips):
        super().__init__(options)
        self.clips, held = train.hold_out(clips, 10)
        self.pool, self.held = [], examples(options, held or clips, 16)

    def draw(self):
        """A batch, after the oldest of the pool made way for new ones."""
        while len(self.pool) < min(self.options.pool, 64 + 32 * self.steps):
            self.pool += examples(self.options, self.clips, 32)
        if self.steps % 16 == 0:
            self.pool = self.pool[96:] + examples(self.options, self.clips, 32)
        chosen = random.sample(self.pool, self.options.batch)
        return (torch.from_numpy(np.stack(part)) for part in zip(*chosen))

    def validate(self, network):
        x0, made = (torch.from_numpy(np.stack(part)) for part in zip(*self.held))
        return {"frames between": train.psnr(between(network, made)[:, :3], x0)}

    def step(self):
        x0, moved = self.draw()
        with torch.autocast("cpu", torch.bfloat16):
            made = between(self.network, moved)[:, :3]
        return self.learn((made.float() - x0).abs().mean())


def main():
    p = train.parser(__doc__, minutes=60, batch=16, patch=96, rate=3e-4)
    p.add_argument("--udm", default="build/examples/udm", help="the engine's program (default: %(default)s)")
    p.add_argument("--pool", type=int, default=512, help="crops that are drawn from")
    options = p.parse_args()
    torch.set_num_threads(options.threads)
    clips = runs(options.folders)
    print(f"{len(clips)} clips", flush=True)
    Interpolation(options, clips).run()


if __name__ == "__main__":
    main()
