# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the networks that enlarge films to twice their size: of 64x64 to 128x128, along time as well; of that to
256x256, each frame by itself.

    python models/train/enlarge.py WORK/films-128 --clip WORK/clip.pt --tokenizer models/world/tokenizer \\
        --checkpoint WORK/larger.pt --minutes 60
    python models/train/enlarge.py WORK/films-256 --last --widths 32 48 64 ... --checkpoint WORK/largest.pt
    python models/train/enlarge.py ... --checkpoint WORK/larger.pt --export models/world

WORK/films-128: of `films.py draw --size 128 --frames 8`. What is drawn is the difference to the frame as bilinear
interpolation enlarges it, so that one or two steps will do; that frame is shown beside it (SR3, Saharia et al. 2021;
residuals: SRDiff, Li et al. 2021). It is made a little soft and noisy, as what another network drew is (conditioning
augmentation, Ho et al. 2022). As in Make-A-Video the last network knows nothing of time, and flickers less if all
frames of a film begin with the same noise.
"""
import numpy as np
import torch
from torch.nn import functional as F

import film_decoder
import film_network
import film_training
import films
import noising
import stage

GAIN = 2.0      # of differences, which are small
WORN = 0.06     # deviation of the noise on what is enlarged, at most
SOFT = 0.5      # share of the clips of which that is made soft as well
STEPS = 2       # of samples that are measured
WIDTHS, HEAD = (32, 64, 96), 32  # channels, and those of an attention head


def enlarged(small):
    return F.interpolate(small, scale_factor=2.0, mode="bilinear", align_corners=False)


def difference(x0, large):
    return (GAIN * (x0 - large)).clamp(-1, 1)


def worn(small):
    """Some of it soft, all of it noisy; the same for all frames of a clip [clips, frames, 3, H, W]."""
    flat = small.flatten(0, 1)
    soft = F.avg_pool2d(F.pad(flat, (1, 1, 1, 1), mode="replicate"), 3, 1).view_as(small)
    share = torch.rand(len(small), 1, 1, 1, 1, device=small.device)
    share = torch.where(share < SOFT, share, 0)
    amount = WORN * torch.rand(len(small), 1, 1, 1, 1, device=small.device) ** 2
    return (torch.lerp(small, soft, share) + amount * torch.randn_like(small)).clamp(-1, 1)


def sample(network, noise, small, rates, told, steps, frames):
    """Frames of twice the size."""
    large = enlarged(small)
    made = film_decoder.sample(network, noise, rates, told, told, 1, steps, large, frames)
    return (large + made / GAIN).clamp(-1, 1)


class Enlarging(film_training.FilmStage):
    """64 to 128, along time."""
    part, frames, context = "super_res_first", 8, 3

    def make_network(self):
        o, embedding = self.options, self.towers.vision.config["projection_dim"]
        if o.start:
            return stage.part(o.start / self.part, film_network.FilmDecoder)
        side = self.clips.size // o.patch
        return film_network.FilmDecoder(**self.config(), sample_size=side, patch_size=o.patch,
                                        out_channels=3 * o.patch ** 2,  # told a picture alone
                                        block_out_channels=tuple(o.widths), cross_attention_dim=embedding,
                                        encoder_hid_dim=self.towers.text.config["hidden_size"],
                                        attention_head_dim=min(HEAD, o.widths[-1]),
                                        **of_blocks(o.widths))

    def batch(self, seconds):
        count = self.options.batch
        return self.clips.clips(count, self.frames, np.random.randint(1, films.MOST_SKIPPED + 1, count))

    def learn_from(self, batch):
        pictures, rates, _ = batch
        count, frames = len(pictures), self.frames
        x0 = film_training.film_pixels(pictures)
        small = worn(F.avg_pool2d(x0, 2).view(count, frames, 3, *(n // 2 for n in x0.shape[-2:]))).flatten(0, 1)
        large = enlarged(small)
        steps = torch.randint(noising.STEPS, (count,), device=x0.device).repeat_interleave(frames)
        aim = difference(x0, large)
        x = noising.noisy(aim, steps).contiguous(memory_format=torch.channels_last)
        with stage.mixed():
            made = self.network(x, steps, self.rates(rates, frames), *self.told(x0, frames), frames, large)
        error = noising.weights(steps) * (made - aim).square().mean((1, 2, 3))
        return self.learn(error.mean())

    def measure(self, network):
        """PSNR of frames that are enlarged from exact ones, and of bicubic and bilinear interpolation."""
        x0, rates = self.held
        rates = rates.repeat_interleave(self.frames)
        first = self.seen(x0.view(-1, self.frames, *x0.shape[1:])[:, 0])
        told = film_training.each((first, *self.read([""] * len(first))), self.frames)
        small = F.avg_pool2d(x0, 2)
        noise = torch.randn((1, *x0.shape[1:]), generator=torch.Generator().manual_seed(0))
        noise = noise.to(x0.device).expand_as(x0)
        made = sample(network, noise, small, rates, told, STEPS, self.frames)
        cubic = F.interpolate(small, scale_factor=2.0, mode="bicubic", align_corners=False).clamp(-1, 1)
        rows = [film[::self.frames] for film in (enlarged(small), made, x0)]
        film_training.strip(rows).save(
            self.options.checkpoint.with_name(self.options.checkpoint.stem + "-samples.png"))
        ways = {"PSNR": made, "bicubic": cubic, "bilinear": enlarged(small)}
        return {f"{name}, dB": film_decoder.psnr(film, x0) for name, film in ways.items()}


class Last(Enlarging):
    """128 to 256, each frame by itself."""
    part, frames = "super_res_last", 1


def of_blocks(widths):
    """Attention at the lowest resolution alone: places are many."""
    plain = len(widths) - 1
    return dict(down_block_types=("ResnetDownsampleBlock2D",) * plain + ("SimpleCrossAttnDownBlock2D",),
                up_block_types=("SimpleCrossAttnUpBlock2D",) + ("ResnetUpsampleBlock2D",) * plain)


def main():
    p = film_training.options(__doc__, minutes=60, batch=4, rate=1e-3)
    p.add_argument("--last", action="store_true", help="the network that enlarges frames by themselves")
    p.add_argument("--patch", type=int, default=4, help="pixels to a side of a place (default: %(default)s)")
    p.add_argument("--widths", type=int, nargs=3, default=WIDTHS, help="channels of each resolution (default: "
                   "32 64 96)")
    o = p.parse_args()
    training = Last if o.last else Enlarging
    if o.export:
        return film_training.write_model(o.export, training.part, film_training.load(o.checkpoint))
    training(o, *film_training.opened(o)).run()


if __name__ == "__main__":
    main()
