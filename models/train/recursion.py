# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains a restoration network with the predictions of the recursive temporal filter: on streams of noisy clips,
along the optical flow of the engine (`udm motion`), and on pictures, which have no prediction.

    python models/train/recursion.py FOLDER [FOLDER ...] --preview models/denoise --start models/denoise \\
        --checkpoint WORK/denoise.pt --minutes 60

Each training step takes the next frame of every stream. The state of the filter is computed as in
engine/temporal/prediction.c, without gradients. A second, small network (trust/) predicts the error variance of the
prediction before the main network gets it; it learns from the loss of the main network, and from the likelihood of the
actual error. Stops and resumes at will; models/train/export.py turns the checkpoint into a model
directory.
"""
import pathlib
import random

import torch
from torch import nn
from torch.nn import functional as F

import clips
import data
import realnoise
import train
from network import LOG_VARIANCE_BIAS, UdmUNet

FADE, FADE_AT_REST = 0.15, 0.03  # of engine/temporal/prediction.c
BLOCK, FAR, SURE, LEAST = 32, 3, 4, 1e-6  # of engine/temporal/illumination.c
UNKNOWN = 1e4      # a variance of which nothing is known
OUTLIER = 25       # squared errors beyond this many variances count by their logarithm


def lanczos(distance):
    x = distance.abs().clamp(min=1e-4)
    return torch.where(x < 3, torch.sinc(x) * torch.sinc(x / 3), 0)


def tent(distance):
    return (1 - distance.abs()).clamp(min=0)


def taps(at, size, count, kernel):
    """Pixels and weights along one axis, [..., count], for coordinates inside the picture."""
    whole = at.floor()
    offset = torch.arange(count, device=at.device) - (count // 2 - 1)
    weight = kernel((at - whole)[..., None] - offset)
    pixel = (whole[..., None].long() + offset).clamp(0, size - 1)
    return pixel, weight / weight.sum(-1, keepdim=True)


def warp(planes, flow, count, kernel):
    """out(p) = planes(p + flow(p)): planes [N, C, H, W], flow [N, 2, H, W]. Returns it and where it was inside."""
    n, c, h, w = planes.shape
    x = torch.arange(w) + flow[:, 0]
    y = torch.arange(h).view(-1, 1) + flow[:, 1]
    inside = (x >= 0) & (x <= w - 1) & (y >= 0) & (y <= h - 1)
    (across, across_weight), (down, down_weight) = (taps(a.clamp(0, s - 1), s, count, kernel)
                                                    for a, s in ((x, w), (y, h)))
    base = torch.arange(n).view(-1, 1, 1, 1, 1) * (h * w)
    index = (base + down[..., :, None] * w + across[..., None, :]).flatten(3).flatten(0, 2)
    weight = (down_weight[..., :, None] * across_weight[..., None, :]).flatten(3).flatten(0, 2)
    table = planes.permute(0, 2, 3, 1).reshape(-1, c)
    moved = F.embedding_bag(index, table, per_sample_weights=weight.to(table.dtype), mode="sum")
    return moved.view(n, h, w, c).permute(0, 3, 1, 2), inside[:, None]


def in_blocks(x):
    """Sums over blocks of pixels: [N, C, rows, columns]"""
    h, w = x.shape[2:]
    return BLOCK ** 2 * F.avg_pool2d(F.pad(x, (0, -w % BLOCK, 0, -h % BLOCK)), BLOCK)


class Prediction:
    """What engine/temporal/prediction.c carries, for N crops at once: a mean [N, 3, H, W] and its variance [N, 1, H,
    W]."""

    def __init__(self, count, height, width):
        self.mean = torch.zeros(count, 3, height, width)
        self.variance = torch.full((count, 1, height, width), UNKNOWN)

    def make(self, flow):
        """Moves what is known."""
        self.moved, inside = warp(self.mean, flow, 6, lanczos)
        moved_variance, _ = warp(self.variance, flow, 2, tent)
        self.p = torch.where(inside, moved_variance, torch.tensor(float(UNKNOWN)))
        self.known = self.p < 0.99 * UNKNOWN  # the rest holds no information
        fade = torch.where((flow == 0).all(1, keepdim=True), FADE_AT_REST, FADE)
        self.p = torch.where(self.known, self.p * (1 + fade), self.p)

    def light(self, frame, noise):
        """Makes it as bright as the frame, over wide areas."""
        both = (self.p + noise).clamp(min=LEAST)
        lacks = frame - self.moved
        weight = self.known / (1 + lacks.square().mean(1, keepdim=True) / (FAR ** 2 * both)).square() / both
        total, variance, difference = (in_blocks(x) for x in (weight, weight.square() * both, weight * lacks))
        certain = (difference.square() - SURE * variance).clamp(min=0)
        offset = torch.where(certain > 0, certain / (difference * total), 0)
        offset = F.interpolate(offset, scale_factor=BLOCK, mode="bilinear")
        self.moved = self.moved + self.known * offset[..., :frame.shape[2], :frame.shape[3]]

    def show(self, added_variance=0):
        """(planes, level) as a network is shown them, `added_variance` being a variance beyond that of the noise."""
        variance = self.p + added_variance
        signal = torch.where(self.known, (1 + variance).rsqrt(), 0)
        return self.moved * signal, torch.where(self.known, variance.sqrt() * signal, 1)

    def learn(self, frame, noise, added_variance):
        """frame: not scaled by the signal; noise: its variance [N, 1, 1, 1]; added_variance: [N, 1, H, W]."""
        v = self.p + added_variance
        gain = torch.where(self.known, v / (v + noise), 1)
        self.mean = self.moved + gain * (frame - self.moved)
        self.variance = gain * noise

    def surprise(self, x0, added_variance):
        """The negative log likelihood of the error of the prediction, where there is one."""
        v = self.p + added_variance
        ratio = (self.moved - x0).square().mean(1, keepdim=True) / v
        far = OUTLIER * (1 + (ratio.clamp(min=OUTLIER) / OUTLIER).log())
        cost = 0.5 * (v.log() + torch.where(ratio > OUTLIER, far, ratio))
        return (cost * self.known).mean()


def halve(planes, variance, known=None):
    """(planes, level) at half the size as networks are shown them, of planes that are not scaled and the variance of
    their noise; as engine/temporal/halving.c."""
    h, w = planes.shape[2:]
    small = F.avg_pool2d(F.pad(planes, (0, w % 2, 0, h % 2), mode="replicate"), 2)
    variance = variance.expand(-1, 1, h, w)[..., ::2, ::2] / 4
    known = True if known is None else known[..., ::2, ::2]
    signal = torch.where(torch.as_tensor(known), (1 + variance).rsqrt(), 0)
    return small * signal, torch.where(torch.as_tensor(known), variance.sqrt() * signal, 1)


class Pair(nn.Module):
    """The network that restores, and the small one that predicts the error variance of the prediction."""

    def __init__(self, unet, trust):
        super().__init__()
        self.unet, self.trust = unet, trust
        self.config = dict(unet=unet.config, trust=trust.config)

    def forward(self, frame, level, predicted=None, predicted_level=None, context=None):
        return self.unet(frame, level, predicted, predicted_level, context=context)

    def added_variance(self, frame, level, predicted):
        """The variance that a Prediction has beyond that of its noise, [N, 1, H, W]."""
        shown = frame, level, *predicted.show()
        halved = self.trust.config.get("halved")
        if halved:
            noise = level.square() / (1 - level.square())
            shown = *halve(frame * (1 + noise).sqrt(), noise), *halve(predicted.moved, predicted.p, predicted.known)
        log = self.trust(*shown)[:, 3:].float()
        if halved:
            log = F.interpolate(log, scale_factor=2, mode="bilinear")[..., :frame.shape[2], :frame.shape[3]]
        return (log + LOG_VARIANCE_BIAS).clamp(-16, 4).exp()


def first_trust(config, weights):
    """A network that predicts the same variance everywhere, from one that restores."""
    network = UdmUNet(**{**config, "predict_log_variance": True})
    rows = network.config["patch_size"] ** 2
    grown = {k: torch.cat([v, torch.zeros(rows, *v.shape[1:])]) for k, v in weights.items() if k.startswith("conv_out")}
    network.load_state_dict({**weights, **grown})
    return network


class Streams:
    """Crops of renditions that go on by a frame a step; each begins anew, elsewhere, when its clip ends."""

    def __init__(self, library, count, size):
        self.library, self.size = library, size
        self.at = [None] * count
        self.predicted = Prediction(count, size, size)

    def place(self):
        r = random.choice(self.library.renditions)
        h, w = r.clean.shape[1:3]
        y, x = (random.randrange(0, n - self.size + 1, 2) for n in (h, w))  # where squares of chroma begin
        return dict(r=r, f=random.randrange(max(len(r.clean) - 10, 1)), rows=slice(y, y + self.size),
                    columns=slice(x, x + self.size))

    def pixels(self, kind):
        crops = [torch.from_numpy(getattr(s["r"], kind)[s["f"], s["rows"], s["columns"]]) for s in self.at]
        return torch.stack(crops).permute(0, 3, 1, 2).float() / clips.LEVELS - 1

    def next(self):
        """(x0, the frame with noise, its sigma and that of chroma, [N, 1, 1, 1]) of the next frame of each stream;
        moves the prediction to it."""
        flow = torch.zeros(len(self.at), 2, self.size, self.size)
        for k, s in enumerate(self.at):
            if s and s["f"] + 1 < len(s["r"].clean):
                s["f"] += 1
                flow[k] = torch.from_numpy(s["r"].flow[s["f"] - 1][:, s["rows"], s["columns"]]).float()
            else:
                self.at[k] = self.place()
                self.predicted.variance[k] = UNKNOWN
        self.predicted.make(flow)
        self.flow = flow
        sigma, chroma = (torch.tensor([float(getattr(s["r"], kind)) for s in self.at]).view(-1, 1, 1, 1)
                         for kind in ("sigma", "chroma"))
        return self.pixels("clean"), self.pixels("noisy"), sigma, chroma


def restore(pair, frames, flow, sigma, chroma):
    """A whole clip as the engine restores it: frames [F, 3, H, W] in [-1, 1], flow [F - 1, 2, H, W]; the same shape."""
    told = data.level_of(torch.full_like(frames[:1, :1], 2 * chroma / 255)) if train.tells_chroma(pair) else None
    noise = torch.tensor((2 * sigma / 255) ** 2)
    signal, level = (1 + noise).rsqrt(), (noise / (1 + noise)).sqrt().expand(1, 1, *frames.shape[2:])
    predicted, out = Prediction(1, *frames.shape[2:]), []
    for k, frame in enumerate(frames[:, None]):
        predicted.make(flow[k - 1:k] if k else torch.zeros_like(flow[:1]))
        predicted.light(frame, noise)
        added_variance = pair.added_variance(frame * signal, level, predicted)
        out.append(pair(frame * signal, level, *predicted.show(added_variance), told))
        predicted.learn(frame, noise, added_variance)
    return torch.cat(out)


def pixels(frames):
    """uint8 [F, H, W, 3] as [F, 3, H, W] in [-1, 1]"""
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float() / clips.LEVELS - 1


class Recursion(train.Denoising):
    def __init__(self, options, pictures, library):
        super().__init__(options, pictures)
        self.library = library
        while len(library.renditions) < min(24, options.renditions):
            library.renew(options.renditions)
        self.streams = Streams(library, options.streams, options.patch)
        self.wrong = torch.zeros(options.streams, 3, options.patch, options.patch)

    def first_network(self):
        o = self.options
        if o.start and (o.start / "trust").is_dir():
            config, weights = train.trained(o.start, "trust")
            trust = UdmUNet(**config)
            trust.load_state_dict(weights)
        else:
            trust = first_trust(*train.trained(o.preview, "preview"))
        return Pair(super().first_network(), trust)

    def validate(self, network):
        streams, luma = [], []
        for r in self.library.held:
            clean, noisy = (pixels(x[:, :160, :160]) for x in (r.clean, r.noisy))
            flow = torch.from_numpy(r.flow[:, :, :160, :160]).float()
            made = restore(network, noisy, flow, r.sigma, r.chroma)
            streams.append(train.psnr(made[6:], clean[6:]))
            luma.append(train.psnr(*(realnoise.luma(x[6:]) for x in (made, clean))))
        half = len(streams) // 2  # white noise, then noise of video
        means = {"streams": streams[:half], "video": streams[half:], "its luma": luma[half:]}
        return {**super().validate(network), **{k: sum(v) / max(len(v), 1) for k, v in means.items()}}

    def step(self):
        o = self.options
        if self.steps % (4 if len(self.library.renditions) < o.renditions else 40) == 0:
            self.library.renew(o.renditions)
        x0, noisy, sigma, chroma = self.streams.next()
        predicted, noise = self.streams.predicted, (sigma * 2 / 255).square()
        signal = (1 + noise).rsqrt()
        level = (noise.sqrt() * signal).expand_as(predicted.p)
        predicted.light(noisy, noise)
        picture, frame, picture_level, picture_sigma, picture_chroma = data.batch(self.pictures, o)
        told = torch.cat([data.level_of(chroma * (2 / 255)).expand_as(level), picture_chroma])
        none = torch.zeros_like(frame), torch.ones_like(picture_level)
        with train.mixed():
            added_variance = self.network.added_variance(noisy * signal, level, predicted)
            shown, shown_level = predicted.show(added_variance)
            made = self.network(*(torch.cat(both).contiguous(memory_format=torch.channels_last) for both in (
                (noisy * signal, frame), (level, picture_level), (shown, none[0]), (shown_level, none[1]))),
                                context=told if train.tells_chroma(self.network) else None)
        error = train.errors(made, torch.cat([x0, picture]), torch.cat([sigma.expand_as(level), picture_sigma]), o)
        loss = error.mean() + o.likelihood * predicted.surprise(x0, added_variance)
        if o.steady:
            loss = loss + o.steady * self.flicker(made[:len(x0)].float() - x0, sigma)
        predicted.learn(noisy, noise, added_variance.detach())
        self.learn(loss)
        return error.detach().mean().item()

    def flicker(self, wrong, sigma):
        """How much what is wrong differs from what was wrong in the frame before, where nothing moves; keeps it."""
        rest = (self.streams.flow == 0).all(1, keepdim=True) & self.streams.predicted.known
        change = (train.errors(wrong, self.wrong, sigma, self.options) * rest).mean()
        self.wrong = wrong.detach()
        return change


def main():
    p = train.parser(__doc__, minutes=60, batch=6, patch=96, rate=4e-4)
    p.add_argument("--udm", default="build/engine/cli/udm", help="the engine's program (default: %(default)s)")
    p.add_argument("--preview", required=True, type=pathlib.Path,
                   help="a model directory with a preview, between which motion is found")
    p.add_argument("--videos", nargs="+", default=[], metavar="FOLDER",
                   help="more videos, whose frames do not count as pictures: many of one scene teach little")
    p.add_argument("--streams", type=int, default=10, help="crops of video in a batch, beside --batch pictures")
    p.add_argument("--renditions", type=int, default=160, help="noisy clips that are drawn from")
    p.add_argument("--video-share", type=float, default=0.6, help="... of which this share is video, not a picture")
    p.add_argument("--steady", type=float, default=0, help="weight of the flicker of what is wrong in the loss, "
                   "where nothing moves (default: %(default)s)")
    p.add_argument("--likelihood", type=float, default=0.0003, help="its weight in the loss; with more the "
                   "prediction is trusted as if its error were white noise (default: %(default)s)")
    train.add_noise_options(p)
    options = p.parse_args()
    torch.set_num_threads(options.threads)
    pictures = [p for p in data.load(options.folders) if min(p.shape[:2]) >= options.patch]
    library = clips.Library(options, pictures, clips.videos(options.folders + options.videos))
    print(f"{len(pictures)} pictures, {len(library.clips)} clips", flush=True)
    Recursion(options, pictures, library).run()


if __name__ == "__main__":
    main()
