# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes tiny UNet2DModels of diffusers with golden tensors (README.md here), each for some keys of its config.

    python tests/models/make_unet2d.py

Beside the weights lie input.npy [N, C, H, W], and for each time T of TIMES, in steps, expected-T.npy.
"""
import json
import pathlib

import diffusers
import numpy as np
import torch

HERE = pathlib.Path(__file__).resolve().parent
STEPS = 1000
SMALL = dict(block_out_channels=(8, 12), layers_per_block=1, norm_num_groups=4, attention_head_dim=4,
             down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"))

# name: (config, times in steps, class or None)
MODELS = {
    # as google/ddpm-*: one head, padding on two sides, the frequencies of DDPM; concatenations that straddle groups
    "unet2d-ddpm": (dict(SMALL, attention_head_dim=None, downsample_padding=0, flip_sin_to_cos=False, freq_shift=1,
                         norm_eps=1e-6), (999, 417.25), None),
    # as the consistency models: scale and shift, resolutions changed by residual blocks, classes
    "unet2d-adm": (dict(SMALL, resnet_time_scale_shift="scale_shift", num_class_embeds=3,
                        down_block_types=("ResnetDownsampleBlock2D", "AttnDownBlock2D"),
                        up_block_types=("AttnUpBlock2D", "ResnetUpsampleBlock2D"), downsample_type="resnet",
                        upsample_type="resnet"), (500,), 2),
    # a logarithm of the time, an output that is divided by it, heads that leave channels over, grey frames
    "unet2d-fourier": (dict(SMALL, in_channels=1, out_channels=1, time_embedding_type="fourier",
                            attention_head_dim=5, time_embedding_dim=20), (3.5,), None),
}


def loud(net):
    """Random weights in every layer, also those that start at zero, so that each matters in the result."""
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if weight.dim() == 1 and "norm" in name:
                weight.normal_(1 if name.endswith("weight") else 0, 0.3)
            elif weight.dim() == 1 and not name.startswith("time_proj"):
                weight.normal_(0, 0.2)
    return net


def write(name, config, times, label):
    torch.manual_seed(len(name))
    net = loud(diffusers.UNet2DModel(**config).eval())
    folder = HERE / name
    net.save_pretrained(folder, safe_serialization=True)
    written = {k: v for k, v in json.loads((folder / "config.json").read_text()).items() if not k.startswith("_diff")}
    (folder / "config.json").write_text(json.dumps(written, indent=2) + "\n")
    x = torch.randn(2, net.config.in_channels, 10, 14)
    np.save(folder / "input.npy", x.numpy())
    for time in times:
        labels = None if label is None else torch.full((len(x),), label)
        with torch.no_grad():
            y = net(x, torch.tensor(float(time)), class_labels=labels).sample
        np.save(folder / f"expected-{time:g}.npy", y.numpy())
        print(f"{name} at {time:g}: deviation {y.std():.3g}")


def main():
    torch.set_num_threads(1)
    for name, (config, times, label) in MODELS.items():
        write(name, config, times, label)


if __name__ == "__main__":
    main()
