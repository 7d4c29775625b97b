# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes tiny models that make pictures, with golden tensors (README.md here).

    python tests/models/make_sample.py

tiny-sample: classes, one of which stands for none, a learned variance and a classifier. `made` is what diffusers
makes with it, guided both ways, of the engine's noise. tiny-symbols: a network whose pixels do not know of each other.
"""
import json
import pathlib
import sys

import diffusers
import numpy as np
import torch
from diffusers.schedulers import scheduling_ddpm

import make_unet2d
import make_video

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "models/train"))
from classifier import UdmClassifier  # noqa: E402
from export import write_json, write_network  # noqa: E402

SIZE, COUNT, STEPS, LABEL, NULL = (8, 12), 2, 5, 1, 3
GUIDANCE, RESCALE, CLASSIFIER = 2.5, 0.4, 1.5
SCHEDULER = dict(_class_name="DDPMScheduler", beta_schedule="linear", num_train_timesteps=1000,
                 variance_type="learned_range", prediction_type="epsilon", timestep_spacing="linspace",
                 clip_sample=True)
# What the network says of every pixel: how likely each grey is. The last one stands for "gone".
LOGITS = 0.0, 1.0, -1.0, 0.5, -30.0


def stored(net):
    """With its weights as they are stored."""
    return net.half().float().eval()


def write_model(folder, net, config, scheduler, library, **parts):
    write_network(folder / "unet", {"_class_name": "UNet2DModel", **config}, net.state_dict(), torch.float16)
    write_json(folder / "scheduler/scheduler_config.json", scheduler)
    for name, part in parts.items():
        write_network(folder / name, part.config, part.state_dict(), torch.float16)
    write_json(folder / "model_index.json", {
        "_class_name": "UdmPicturePipeline", "unet": ["diffusers", "UNet2DModel"],
        "scheduler": [library, scheduler["_class_name"]], **{name: ["udm", "UdmClassifier"] for name in parts}})


def outputs(net, x, time, label):
    with torch.no_grad():
        return net(x, time, class_labels=torch.tensor([label])).sample.split(1, 1)


def towards(classifier, x, level):
    """The gradient of log p(class | x)."""
    x = x.clone().requires_grad_()
    classifier(x, torch.tensor([level])).log_softmax(1)[0, LABEL].backward()
    return x.grad


def guided(net, classifier, x, time, noise):
    """epsilon and the variance's share, as Ho and Salimans 2022, Lin et al. 2023, and Dhariwal and Nichol 2021 say."""
    (e, v), (without, _) = outputs(net, x, time, LABEL), outputs(net, x, time, NULL)
    mixed = without + GUIDANCE * (e - without)
    mixed = RESCALE * mixed * e.std(correction=0) / mixed.std(correction=0) + (1 - RESCALE) * mixed
    return torch.cat([mixed - CLASSIFIER * noise * towards(classifier, x, noise), v], 1)


def make(net, classifier, picture):
    scheduler = diffusers.DDPMScheduler(**{k: v for k, v in SCHEDULER.items() if k != "_class_name"})
    scheduler.set_timesteps(STEPS)
    drawn = iter(range(1, STEPS + 1))
    scheduling_ddpm.randn_tensor = lambda *_, **__: make_video.normal(picture, next(drawn), (1, 1, *SIZE))
    x = make_video.normal(picture, 0, (1, 1, *SIZE))
    for i, time in enumerate(scheduler.timesteps):
        noise = (1 - scheduler.alphas_cumprod[time]).sqrt().item()
        x = x * noise if i == 0 else x  # F(0, e)
        x = scheduler.step(guided(net, classifier, x, time, noise), time, x).prev_sample
    return x[0]


def write_sample(folder):
    config = dict(make_unet2d.SMALL, in_channels=1, out_channels=2, num_class_embeds=4, sample_size=list(SIZE))
    net = stored(make_unet2d.loud(diffusers.UNet2DModel(**config)))
    classifier = stored(make_unet2d.loud(UdmClassifier(1, (6, 5, 7), 3)))
    write_model(folder, net, {**config, "null_class": NULL}, SCHEDULER, "diffusers", classifier=classifier)
    np.save(folder / "made.npy", torch.stack([make(net, classifier, k) for k in range(COUNT)]).numpy())
    x = torch.randn(1, 1, *SIZE)
    np.save(folder / "seen.npy", x.numpy())
    np.save(folder / "scores.npy", classifier(x, torch.tensor([0.7])).log_softmax(1).detach().numpy())
    np.save(folder / "gradient.npy", towards(classifier, x, 0.7).numpy())


def write_symbols(folder):
    config = dict(make_unet2d.SMALL, in_channels=len(LOGITS), out_channels=len(LOGITS), sample_size=list(SIZE))
    net = diffusers.UNet2DModel(**config)
    with torch.no_grad():
        net.conv_out.weight.zero_()
        net.conv_out.bias.copy_(torch.tensor(LOGITS))
    scheduler = dict(_class_name="UdmScheduler", process="absorbing", beta_schedule="squaredcos_cap_v2",
                     num_train_timesteps=1000, prediction_type="sample", timestep_spacing="trailing", sampler="ddpm")
    write_model(folder, net, config, scheduler, "udm")


def main():
    torch.set_num_threads(1)
    torch.manual_seed(3)
    write_sample(HERE / "tiny-sample")
    write_symbols(HERE / "tiny-symbols")
    print(json.dumps({f.name: f.stat().st_size for f in (HERE / "tiny-sample").rglob("*") if f.is_file()}))


if __name__ == "__main__":
    main()
