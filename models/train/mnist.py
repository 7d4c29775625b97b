# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains a U-Net on MNIST for one process, on the CPU, in mixed precision, conditioned on time and class.

    python models/train/mnist.py FOLDER --process gaussian --checkpoint WORK/noise.pt --minutes 15
    python models/train/mnist.py FOLDER --process soft_blur --start WORK/noise.pt --checkpoint WORK/blur.pt --minutes 6
    python models/train/mnist.py FOLDER --process gaussian --variance --start WORK/noise.pt --checkpoint WORK/both.pt

The network of the Gaussian process predicts v and learns the levels of the linear and of the cosine schedule, given as
time steps of the linear one; those of the others predict x0 (or the symbol, by cross-entropy) and are given the time
steps of the cosine one. --variance trains what the last layer says of the variance and nothing else (Nichol and
Dhariwal 2021, section 3.1). It can be stopped at any time and goes on from its checkpoint. --export DIRECTORY makes a
model directory of the checkpoint.
"""
import pathlib
import shutil

import torch
from diffusers import UNet2DModel
from torch import nn
from torch.nn import functional as F

import channels
import digits
import export
import processes
import train

NO_CLASS = 0.1  # share of pictures whose class is dropped (Ho and Salimans 2022)
CLASSES = 10    # ... the one after them stands for none
MOST_WEIGHT = 20
CONFIG = dict(sample_size=28, block_out_channels=(16, 32, 64), layers_per_block=1, norm_num_groups=8,
              down_block_types=("DownBlock2D",) * 3, up_block_types=("UpBlock2D",) * 3, attention_head_dim=32,
              num_class_embeds=CLASSES + 1)


class Network(nn.Module):
    """UNet2DModel, with a config that torch.load() reads back."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.unet = channels.use(UNet2DModel(**config))

    def forward(self, x, steps, classes):
        return self.unet(x, steps, classes).sample


def scheduler(process, spreads):
    """scheduler_config.json"""
    common = dict(num_train_timesteps=processes.STEPS, clip_sample=True, timestep_spacing="trailing")
    if process == "gaussian":
        return dict(_class_name="DDPMScheduler", beta_schedule="linear", prediction_type="v_prediction",
                    variance_type="learned_range" if spreads else "fixed_small", **common)
    extent = {"process_extent": processes.EXTENT[process]} if process in processes.EXTENT else {}
    cold = process in ("blur", "pixelate", "mask")
    return dict(_class_name="UdmScheduler", process=process, **extent, beta_schedule="squaredcos_cap_v2",
                prediction_type="sample", sampler="ddim" if cold else "ddpm", **common)


def write_model(directory, process, checkpoint, classifier):
    saved = torch.load(checkpoint, weights_only=True)
    weights = {name.removeprefix("unet."): w for name, w in saved["average"].items()}
    config = {"_class_name": "UNet2DModel", **saved["config"], "null_class": CLASSES}
    export.write_network(directory / "unet", config, weights, torch.float16)
    made = scheduler(process, config["out_channels"] > config["in_channels"])
    export.write_json(directory / "scheduler/scheduler_config.json", made)
    library = "udm" if made["_class_name"] == "UdmScheduler" else "diffusers"
    parts = {}
    if classifier:
        parts["classifier"] = ["udm", "UdmClassifier"]
        shutil.copytree(classifier, directory / "classifier", dirs_exist_ok=True)
    export.write_json(directory / "model_index.json", {
        "_class_name": "UdmPicturePipeline", "unet": ["diffusers", "UNet2DModel"],
        "scheduler": [library, made["_class_name"]], **parts})
    print(f"{directory}: step {saved['steps']}, {saved['seconds'] / 60:.1f} minutes of training, "
          f"{sum(w.numel() for w in weights.values())} weights")


class Digits(train.Training):
    memory = 0.998

    def __init__(self, options, pictures, labels):
        self.process = options.process
        self.symbols = options.process == "absorbing"
        super().__init__(options)
        self.x0 = processes.symbols(pictures * 2 - 1) if self.symbols else pictures * 2 - 1
        self.labels = labels
        linear, cosine = (processes.alpha_bars(name) for name in ("linear", "cosine"))
        # Timesteps that are given, and the share of each: of linear time for both schedules, or of cosine time.
        if self.process == "gaussian":
            nearest = (linear.log() - cosine.log()[:, None]).abs().argmin(1)
            self.steps_told, self.share = torch.cat([torch.arange(len(linear)), nearest]), 1 - linear
            self.alpha_bars = linear
        else:
            self.steps_told, self.share = torch.arange(len(cosine)), 1 - cosine

    def first_network(self):
        planes = processes.LEVELS + 1 if self.symbols else 1
        outputs = planes * (2 if self.options.variance else 1)
        network = Network({**CONFIG, "in_channels": planes, "out_channels": outputs})
        if self.options.start:
            self.begin(network, torch.load(self.options.start, weights_only=True)["average"])
        if self.options.variance:
            for name, weights in network.named_parameters():
                weights.requires_grad_("conv_out" in name)
        return network

    def begin(self, network, weights):
        """From those of another process; the first or last layer may have other channels."""
        own = network.state_dict()
        for name, w in weights.items():
            if own[name].shape == w.shape:
                own[name] = w
            elif self.options.variance:
                own[name] = torch.cat([w, torch.zeros_like(w)])
        network.load_state_dict(own)

    def batch(self):
        which = torch.randint(len(self.x0), (self.options.batch,))
        x0 = self.x0[which]
        classes = torch.where(torch.rand(len(which)) < NO_CLASS, CLASSES, self.labels[which])
        steps = self.steps_told[torch.randint(len(self.steps_told), (len(which),))]
        share = self.share[steps].float()
        noise = torch.randn_like(x0)
        return x0, classes, steps, share, noise, processes.forward(self.process, x0, share, noise)

    def step(self):
        x0, classes, steps, share, noise, x = self.batch()
        with train.mixed():
            made = self.network(x.contiguous(memory_format=torch.channels_last), steps, classes).float()
        if self.options.variance:
            loss = self.bound(made, x0, x, steps)
        elif self.symbols:
            loss = (F.cross_entropy(made, x0.argmax(1), reduction="none") * x[:, -1]).sum((1, 2)) / \
                (784 * share).clamp(min=1)
        elif self.process == "gaussian":
            a, s = (1 - processes.column(share)).sqrt(), processes.column(share).sqrt()
            loss = (made - (a * noise - s * x0)).square().mean((1, 2, 3))
        else:
            loss = (made - x0).square().mean((1, 2, 3)) / share.clamp(min=1 / MOST_WEIGHT)
        return self.learn(loss.mean())

    def bound(self, made, x0, x, steps):
        """The variational bound, in bits, of the variance alone: KL between the true step back and the one taken."""
        bar = self.alpha_bars.float()[steps].view(-1, 1, 1, 1)
        before = torch.where(steps > 0, self.alpha_bars.float()[steps - 1], 1.0).view(-1, 1, 1, 1)
        beta = 1 - bar / before
        small = beta * (1 - before).clamp(min=1e-5) / (1 - bar)
        v = (made[:, 1:] + 1) / 2
        log_variance = v * beta.log() + (1 - v) * small.log()
        wrong = (bar.sqrt() * x - (1 - bar).sqrt() * made[:, :1].detach()).clamp(-1, 1) - x0
        distance = (before.sqrt() * beta / (1 - bar) * wrong).square()
        return 0.5 * (log_variance - small.log() + (small + distance) / log_variance.exp() - 1).mean((1, 2, 3))

    def learn(self, loss):
        if not self.options.variance:
            return super().learn(loss)
        kept = [w.detach()[:1].clone() for w in self.network.unet.conv_out.parameters()]
        value = super().learn(loss)
        with torch.no_grad():  # what it says of the mean stays as it is
            for w, k in zip(self.network.unet.conv_out.parameters(), kept):
                w[:1] = k
        return value


def main():
    p = train.parser(__doc__, minutes=15, batch=64, patch=28, rate=2e-3)
    p.add_argument("--process", default="gaussian", choices=["gaussian", "absorbing", "mask", *processes.EXTENT])
    p.add_argument("--variance", action="store_true")
    p.add_argument("--export", type=pathlib.Path, metavar="DIRECTORY",
                   help="make a model directory of the checkpoint, and train nothing")
    p.add_argument("--classifier", type=pathlib.Path, metavar="DIRECTORY",
                   help="a part that models/train/classifier.py wrote, to be exported with it")
    options = p.parse_args()
    if options.export:
        return write_model(options.export, options.process, options.checkpoint, options.classifier)
    torch.set_num_threads(options.threads)
    Digits(options, *digits.load(options.folders[0])).run()


if __name__ == "__main__":
    main()
