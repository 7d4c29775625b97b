# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains models/digits on MNIST's digits in motion, in mixed precision: stills first, then windows of video.

    python models/train/generate.py FOLDER --checkpoint WORK/digits.pt --minutes 80

It can be stopped at any time and goes on from its checkpoint. models/train/export.py makes a model of it.

    python models/train/generate.py FOLDER --checkpoint WORK/fast.pt --distill models/digits --guidance 7

teaches a copy of a model to say at once what the model, guided, comes to in many steps (consistency distillation). It
is for `udmsrc sampler=consistency guidance-scale=1`, with 1 to 5 steps.
"""
import copy
import math
import pathlib

import torch

import digits
import train
from pseudo3d import UdmPseudo3D

NO_CLASS = 0.12         # share of clips whose class is dropped, for guidance (Ho and Salimans 2022)
NO_ANCHOR = 0.1         # ... that have no anchor
BEGINNINGS = 0.4        # ... in which the video begins
LONG_CONTEXT = 0.2      # ... in which more frames are known: a clip is continued, or there are few steps
INDEPENDENT = 0.2       # ... whose frames have times that know nothing of each other (Chen et al. 2024)
MORPHS = 0.1            # ... in which one digit becomes another
LEAST_NOISE = 0.1       # errors are divided by the square of the noise, or by this where it is less
HUBER = 0.03            # below which errors of a distilled network count by their square (Song and Dhariwal 2023)
FADE = 4                # frames that this takes
CONTEXT_TIME = 0.08     # known frames may be this noisy, so that small faults of frames do not grow
RATES = 15, 50          # frames a second
ANCHOR_SECONDS = 10     # an anchor is at most so much older than the window


def level_of(time):
    """sqrt(1 - alpha_bar) of the linear schedule (Ho et al. 2020) in continuous time (Song et al. 2021, eq. 33).

    A frame of few, wide strokes is seen through much noise, so that less of the time than in the cosine schedule may go
    to little noise.
    """
    return (-torch.expm1(-0.1 * time - 9.95 * time ** 2)).sqrt()


def some(count, share):
    return torch.rand(count, 1) < share


def rolling_times(count, frames, context):
    """Times [count, frames] as engine/diffusion/rolling_window.c has them: anchor, context, and a ramp from known to
    unknown.

    context: [count, 1], how many frames after the anchor are known.
    """
    place = torch.arange(frames - 1) - context + 1
    times = ((place - torch.rand(count, 1)) / (frames - 1 - context)).clamp(0, 1)
    noisy = CONTEXT_TIME * torch.rand(count, frames - 1) * some(count, 0.5)
    times = torch.where(place < 1, torch.maximum(times, noisy), times)
    anchor = CONTEXT_TIME * torch.rand(count, 1) * some(count, 0.5)
    return torch.cat([anchor, times], 1)


def window_times(count, frames, context):
    """Those, and the place [count, 1] of the first frame of the video among the frames after the anchor."""
    long = torch.randint(context, frames - 1, (count, 1))
    context = torch.where(some(count, LONG_CONTEXT), long, context)
    times = rolling_times(count, frames, context)
    begin = torch.where(some(count, BEGINNINGS), torch.randint(1, frames - 1, (count, 1)), 0)
    place = torch.arange(frames - 1)
    times[:, 1:][place < begin] = 1
    unknown = some(count, NO_ANCHOR) | (begin >= context)
    times[:, :1] = torch.where(unknown, 1.0, times[:, :1])
    return torch.where(some(count, INDEPENDENT), torch.rand(count, frames), times), begin


def window_seconds(count, frames, begin, rate):
    """When each frame is: the anchor is the first frame of the video, or else any frame before the window's end."""
    place = torch.arange(frames - 1) / rate
    age = place[:, -1:] - (ANCHOR_SECONDS + place[:, -1:]) * torch.rand(count, 1)
    anchor = torch.where(begin > 0, begin / rate, age)
    return torch.cat([anchor, place], 1)


def morph(clip, other, classes, others):
    """One digit becomes another somewhere in the window; the anchor is the first one's. Classes [count, frames]."""
    count, frames = clip.shape[:2]
    place = torch.cat([torch.tensor([-FADE * frames]), torch.arange(frames - 1)])
    turn = torch.where(some(count, MORPHS), torch.randint(-FADE, frames + FADE, (count, 1)), 4 * frames)
    share = ((place - turn + FADE / 2) / FADE).clamp(0, 1)[..., None, None, None]
    return torch.lerp(clip, other, share), torch.where(place < turn, classes[:, None], others[:, None])


def windows(pictures, labels, count, frames, context):
    """x0 [count, frames, 1, H, W], times, classes and rates, each [count, frames]."""
    low, high = (math.log(r) for r in RATES)
    rate = digits.uniform(count, low, high).exp()
    times, begin = window_times(count, frames, context)
    seconds = window_seconds(count, frames, begin, rate)
    x0, classes = morph(*digits.pairs(pictures, labels, count, seconds))
    return x0, times, classes, rate.expand(count, frames)


def made_here(times):
    """Frames [clips * frames] that are made: not the anchor, known ones, and those before the beginning."""
    made = (times > 0) & (times < 1)
    if times.shape[1] > 1:
        made[:, 0] = False
    return made.flatten()


class Generating(train.Training):
    memory = 0.998

    def __init__(self, options, pictures, labels):
        super().__init__(options)
        self.pictures, self.labels = pictures, labels

    def first_network(self):
        if not self.options.start:
            return UdmPseudo3D(**self.options.config)
        config, weights = train.trained(self.options.start, network=UdmPseudo3D)
        network = UdmPseudo3D(**{**config, **self.options.config})
        network.load_state_dict(weights)
        return network

    def batch(self):
        o, net = self.options, self.network
        if self.seconds < 60 * o.minutes * o.stills:
            x0, classes = digits.clips(self.pictures, self.labels, o.batch * net.frames, torch.zeros(1, 1))
            return x0, torch.rand(len(x0), 1), classes[:, None], torch.ones(len(x0), 1)
        return windows(self.pictures, self.labels, o.batch, net.frames, net.config["context"])

    def batch_as_network_sees_it(self):
        """x0 and what is seen of it [N, 1, H, W], its noise level and class and rate [N], times [clips, frames]."""
        x0, times, classes, rates = self.batch()
        classes = torch.where(some(len(classes), NO_CLASS), self.network.config["num_class_embeds"], classes)
        x0, level = x0.flatten(0, 1), level_of(times).flatten()
        s = level.view(-1, 1, 1, 1)
        seen = (1 - s * s).sqrt() * x0 + s * torch.randn_like(x0)
        return x0, seen.contiguous(memory_format=torch.channels_last), level, classes.flatten(), rates.flatten(), times

    def step(self):
        x0, seen, level, classes, rates, times = self.batch_as_network_sees_it()
        with train.mixed():
            made = self.network(seen, level, classes, rates, times.shape[1])
        # The network says x0, which is little to say, and not the noise, which its narrow features would have to carry
        # through (Li and He, "Back to Basics", 2025). The weight makes it the error of v.
        error = (made - x0).square().mean((1, 2, 3)) / level.square().clamp(min=LEAST_NOISE)
        return self.learn(error[made_here(times)].mean())


class Distilling(Generating):
    """Consistency distillation (Song et al. 2023, algorithm 2) of a guided teacher (Luo et al. 2023): what is said at a
    time is what the average of the weights says one step of the teacher further on."""

    def first_network(self):
        config, weights = train.trained(self.options.distill, network=UdmPseudo3D)
        network = UdmPseudo3D(**config)
        network.load_state_dict(weights)
        self.teacher = copy.deepcopy(network).to(memory_format=torch.channels_last)
        return network

    def __init__(self, options, pictures, labels):
        super().__init__(options, pictures, labels)
        self.target = copy.deepcopy(self.teacher)
        self.target.load_state_dict(self.average, assign=True)  # the same tensors, so it follows

    def teach(self, seen, level, classes, rates, frames):
        conditional = self.teacher(seen, level, classes, rates, frames)
        nothing = torch.full_like(classes, self.network.config["num_class_embeds"])
        unconditional = self.teacher(seen, level, nothing, rates, frames)
        return (unconditional + self.options.guidance * (conditional - unconditional)).clamp(-1, 1)

    def step(self):
        _, seen, level, classes, rates, times = self.batch_as_network_sees_it()
        frames = times.shape[1]
        moves = made_here(times)
        further_on = level_of((times - 1 / self.options.intervals).clamp(min=0)).flatten()
        next_level = torch.where(moves, further_on, level)
        with train.mixed():
            with torch.no_grad():
                x0 = self.teach(seen, level, classes, rates, frames)
                s, s2 = (v.view(-1, 1, 1, 1) for v in (level.clamp(min=1e-3), next_level))
                noise = (seen - (1 - s * s).sqrt() * x0) / s
                further = torch.where(moves.view(-1, 1, 1, 1), (1 - s2 * s2).sqrt() * x0 + s2 * noise, seen)
                said = self.target(further.contiguous(memory_format=torch.channels_last), next_level, classes, rates,
                                   frames)
                said = torch.where(s2 > 0, said, further)  # at time 0 it is what is seen
            made = self.network(seen, level, classes, rates, frames)
        error = ((made - said).square().mean((1, 2, 3)) + HUBER ** 2).sqrt() - HUBER
        return self.learn(error[moves].mean())


def main():
    p = train.parser(__doc__, minutes=80, batch=16, patch=digits.SIZE, rate=1e-3)
    p.add_argument("--typical", type=float, default=1,
                   help="share of the digits of each class that it learns from: the most typical are learnt sooner")
    p.add_argument("--stills", type=float, default=0.25, help="share of the time that goes to stills")
    p.add_argument("--distill", type=pathlib.Path, help="the model that a faster one is made of")
    p.add_argument("--guidance", type=float, default=7, help="of that model (default: %(default)s)")
    p.add_argument("--intervals", type=int, default=20, help="its steps (default: %(default)s)")
    options = p.parse_args()
    torch.set_num_threads(options.threads)
    training = Distilling if options.distill else Generating
    training(options, *digits.typical(*digits.load(options.folders[0]), options.typical)).run()


if __name__ == "__main__":
    main()
