# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains a network that undoes blur, pixelation or holes, on the CPU, in mixed precision; resumes as train.py does.

    python models/train/restore.py FOLDER [FOLDER ...] --process blur --start models/denoise --checkpoint WORK/deblur.pt
    python models/train/export.py WORK/deblur.pt models/deblur

blur: heat blur of 0.5 to 3 pixels and noise of up to 3 of 255, rounded to 8 bits. pixelate: blocks of 4 pixels, and
some of 2 and 8. mask: lost blocks, strokes and single pixels, with a prediction from their surroundings, or, for some
of the patches, a better one, as from the frames before. The network is that of train.py, and its weights are a good
start. """
import random

import torch

import data
import degrade
import train

PROCESSES = {  # what scheduler_config.json says of each, and the sampler that ends as the training did
    "blur": dict(process_extent=degrade.EXTENT, process_amount=1.6, process_max_amount=3, sampler="trivial"),
    "pixelate": dict(process_extent=degrade.EXTENT, process_amount=4, process_max_amount=8, sampler="ddim"),
    "mask": dict(sampler="trivial"),
}


def rounded(x):
    return (x.clamp(-1, 1) * 127.5).round() / 127.5


class Blur:
    def __init__(self, x0, sigma=None):
        sigma = torch.rand(len(x0)) * 2.5 + 0.5 if sigma is None else torch.full([len(x0)], sigma)
        noise = torch.randn_like(x0) * torch.rand(len(x0), 1, 1, 1) * 3 / 127.5
        self.frame, self.level = degrade.shown(rounded(degrade.blur(x0, sigma) + noise),
                                               (sigma / degrade.EXTENT).view(-1, 1, 1, 1))
        self.predicted = None, None

    def finish(self, made):
        return made

    def loss(self, made, x0):
        return (made - x0).abs().mean()


class Pixelate:
    def __init__(self, x0, block=None):
        self.block = block or random.choice((2, 4, 4, 4, 4, 8))
        self.xt = rounded(degrade.pixelate(x0, self.block))
        share = torch.tensor(float(self.block)).log2() / torch.tensor(float(degrade.EXTENT)).log2()
        self.frame, self.level = degrade.shown(self.xt, share.view(1, 1, 1, 1))
        self.predicted = None, None

    def finish(self, made):
        return degrade.agree(made, self.xt, self.block)

    def loss(self, made, x0):
        return (made - x0).abs().mean()


class Mask:
    def __init__(self, x0, predictions=0.15):
        n, _, h, w = x0.shape
        self.share = torch.stack([torch.from_numpy(degrade.mask(w, h)) for _ in range(n)])[:, None].float()
        self.frame, self.level = degrade.shown(x0, self.share)
        level = torch.where(torch.rand(n, 1, 1, 1) < predictions, torch.rand(n, 1, 1, 1) * 0.2, degrade.SURROUNDED)
        filled = degrade.surround(x0, 1 - self.share)
        signal = (1 - level ** 2).sqrt()
        predicted = torch.where(level < degrade.SURROUNDED, signal * x0 + level * torch.randn_like(x0), signal * filled)
        self.predicted = predicted * self.share, torch.where(self.share > 0, level, 1)

    def finish(self, made):
        return made

    def loss(self, made, x0):
        """Where many pictures are possible, their mean is asked for, not their median."""
        return ((made - x0) ** 2 * self.share).sum() / (3 * self.share.sum() + 1)


KINDS = {"blur": Blur, "pixelate": Pixelate, "mask": Mask}
ALWAYS_SAME = {"blur": dict(sigma=1.6), "pixelate": dict(block=4), "mask": dict(predictions=0)}


class Restoring(train.Training):
    memory = 0.995

    def __init__(self, options, pictures):
        super().__init__(options)
        self.pictures, held = train.hold_out(pictures)
        side = options.patch // 8 * 8
        crops = [p[:side, :side] for p in (held or pictures)[:32]]
        self.held = torch.stack([torch.from_numpy(p.copy()) for p in crops]).permute(0, 3, 1, 2).float() / 127.5 - 1

    def undo(self, network, kind):
        made = network(kind.frame.contiguous(memory_format=torch.channels_last), kind.level, *kind.predicted)
        return kind.finish(made.float()[:, :3])

    def validate(self, network):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            before = random.getstate()
            random.seed(1)
            kind = KINDS[self.options.process](self.held, **ALWAYS_SAME[self.options.process])
            random.setstate(before)
        made = self.undo(network, kind)
        return {"given": train.psnr(kind.frame / (1 - kind.level ** 2).clamp(min=1e-6).sqrt(), self.held),
                "restored": train.psnr(made, self.held)}

    def step(self):
        x0, _ = data.patches(self.pictures, self.options.batch, self.options.patch)
        kind = KINDS[self.options.process](x0)
        with train.mixed():
            made = self.undo(self.network, kind)
        return self.learn(kind.loss(made, x0))

    def save(self):
        """With what the scheduler of the model says."""
        self.network.config["scheduler"] = dict(process=self.options.process, **PROCESSES[self.options.process])
        super().save()


def main():
    p = train.parser(__doc__, minutes=8, batch=16, patch=96, rate=4e-4)
    p.add_argument("--process", required=True, choices=KINDS)
    options = p.parse_args()
    torch.set_num_threads(options.threads)
    pictures = [p for p in data.load(options.folders) if min(p.shape[:2]) >= options.patch]
    print(f"{len(pictures)} pictures", flush=True)
    Restoring(options, pictures).run()


if __name__ == "__main__":
    main()
