# SPDX-License-Identifier: LGPL-2.1-or-later
"""Teaches a copy of the decoder to say at once what the decoder, guided, comes to in many steps (consistency
distillation: Song et al. 2023, algorithm 2; of a guided teacher: Luo et al. 2023). It draws in 1 to 8 steps, with
guidance 1.

    python models/train/distill.py WORK/world --start models/world --clip WORK/clip.pt \\
        --autoencoder WORK/autoencoder.pt \\
        --tokenizer models/world/tokenizer --checkpoint WORK/fast.pt --minutes 30
    python models/train/distill.py WORK/world ... --checkpoint WORK/fast.pt --export models/world-fast

--start names the teacher: a model folder, or a checkpoint of decoder.py.
"""
import copy

import torch

import autoencoder
import decoder
import decoder_network
import noising
import stage

HUBER = 0.1  # errors that are much smaller count by their squares
LIMIT = noising.LATENT_LIMIT


def teacher_of(path):
    return stage.part(path / "decoder", decoder_network.Decoder) if path.is_dir() else decoder.load(path)


class Distilling(decoder.Training):
    def make_network(self):
        o = self.options
        if not o.start:
            raise SystemExit("--start must name the decoder that is distilled: a model folder, or a checkpoint")
        teacher = teacher_of(o.start)
        network = decoder_network.Decoder(**teacher.config)
        network.load_state_dict(teacher.state_dict())
        return network

    def __init__(self, *parts):
        super().__init__(*parts)
        o = self.options
        self.teacher = teacher_of(o.start).to(stage.device()).eval().requires_grad_(False)
        self.target = copy.deepcopy(self.teacher)  # which follows the averaged weights
        self.target.load_state_dict(self.average, assign=True)
        self.times = torch.tensor([*noising.trailing(o.intervals), -1], device=stage.device())
        self.untold = self.read([""])

    def alpha_bars(self, steps):
        known = torch.cat([noising.COSINE, torch.ones(1)]).to(steps.device)  # the last is that of step -1: no noise
        return known[steps].view(-1, 1, 1, 1)

    def taught(self, x, steps, told):
        nothing = torch.zeros_like(told[0]), *(v.expand(len(x), *v.shape[1:]) for v in self.untold)
        with_it, without = self.teacher(x, steps, *told), self.teacher(x, steps, *nothing)
        return (without + self.options.guidance * (with_it - without)).clamp(-LIMIT, LIMIT)

    def learn_from(self, batch):
        x0, _, *told = batch
        x0, told = x0.to(stage.device()), self.told(*told)
        at = torch.randint(len(self.times) - 1, (len(x0),), device=x0.device)
        steps, after = self.times[at], self.times[at + 1]
        x = noising.noisy(x0, steps).contiguous(memory_format=torch.channels_last)
        with stage.mixed():
            with torch.no_grad():
                taught = self.taught(x, steps, told)
                further = noising.step_of(x, taught, self.alpha_bars(steps), self.alpha_bars(after))
                said = self.target(further, after.clamp(min=0), *told).clamp(-LIMIT, LIMIT)
                said = torch.where(after.view(-1, 1, 1, 1) < 0, further, said)
            made = self.network(x, steps, *told)
        error = ((made - said).square().mean((1, 2, 3)) + HUBER ** 2).sqrt() - HUBER
        return self.learn(error.mean())

    def measure(self, network):
        """PSNR of what it draws in few steps to what the teacher draws in all of its from the same noise."""
        pictures, texts, embeddings = self.held
        count = decoder.SHOWN
        told = embeddings[:count], *self.read(texts[:count])
        untold = torch.zeros_like(told[0]), *self.read([""] * count)
        draw = lambda net, guidance, steps: autoencoder.developed(self.autoencoder, decoder.sample(
            net, told, untold, guidance, steps, torch.Generator().manual_seed(0)))
        slow = draw(self.teacher, self.options.guidance, self.options.intervals)
        made = {steps: draw(network, 1, steps) for steps in (4, 8)}
        stage.wall([pictures[:count], *map(stage.picture_of, (slow, *made.values()))]).save(
            self.options.checkpoint.with_name(self.options.checkpoint.stem + "-samples.png"))
        near = lambda x: (-10 * ((x - slow).square().mean() / 4).log10()).item()
        plain = draw(self.teacher, self.options.guidance, 4)
        return {"PSNR to the teacher, its own 4 steps": near(plain),
                **{f"{steps} steps": near(x) for steps, x in made.items()}}


def main():
    p = decoder.options(__doc__, minutes=30, batch=16, rate=2e-4)
    p.add_argument("--guidance", type=float, default=3, help="of the teacher (default: %(default)s)")
    p.add_argument("--intervals", type=int, default=20, help="its steps (default: %(default)s)")
    o = p.parse_args()
    if o.export:
        return decoder.write_model(o.export, decoder.load(o.checkpoint))
    o.easy = 0
    Distilling(o, *decoder.opened(o)).run()


if __name__ == "__main__":
    main()
