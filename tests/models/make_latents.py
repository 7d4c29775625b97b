# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes tiny-latents, autoencoders and pipelines of latent diffusion with random weights (README.md here).

    python tests/models/make_latents.py
"""
import json
import pathlib
import shutil

import numpy as np
import torch
from diffusers import AutoencoderKL, AutoencoderTiny

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE / "tiny-latents"
NOTES = ("_diffusers_version", "transformers_version", "_name_or_path")


def loud(net, seed):
    """Random weights that are exact in float16, so that each matters."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if weight.dim() == 1:
                weight.normal_(1 if "norm" in name and name.endswith("weight") else 0, 0.2)
            else:
                weight.normal_(0, (weight[0].numel()) ** -0.5)
            weight.copy_(weight.half().float())
    return net.eval().requires_grad_(False)


def keep(name, x):
    np.save(FOLDER / f"{name}.npy", np.ascontiguousarray(x, dtype=np.float32))


def write(folder, net, rename=None):
    """As diffusers saves it, in float16, less what changes with its version."""
    net.half().save_pretrained(folder, safe_serialization=True)
    net.float()
    path = folder / "config.json"
    config = {k: v for k, v in json.loads(path.read_text()).items() if k not in NOTES}
    path.write_text(json.dumps(config, indent=2) + "\n")
    if rename:
        from safetensors.torch import load_file, save_file
        file = folder / "diffusion_pytorch_model.safetensors"
        save_file({rename(k): v for k, v in load_file(file).items()}, file)


def old_names(key):
    """Those of the attention in the middle, as in files of before 2023."""
    for new, old in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")):
        key = key.replace(f"attentions.0.{new}.", f"attentions.0.{old}.")
    return key


KL = dict(block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, latent_channels=4, sample_size=16,
          down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2)


def make_kl(name, seed, old=False, **more):
    net = loud(AutoencoderKL(**{**KL, **more}), seed)
    write(FOLDER / name, net, old_names if old else None)
    x = torch.rand(1, 3, 16, 24) * 2 - 1
    shift = net.config.shift_factor or 0
    z = (net.encode(x).latent_dist.mode() - shift) * net.config.scaling_factor
    keep(f"{name}-picture", x)
    keep(f"{name}-latents", z)
    keep(f"{name}-decoded", net.decode(z / net.config.scaling_factor + shift).sample)
    return net


def make_tiny(name, seed):
    net = loud(AutoencoderTiny(encoder_block_out_channels=(12,) * 3, decoder_block_out_channels=(12,) * 3,
                               num_encoder_blocks=(1, 1, 2), num_decoder_blocks=(2, 1, 1)), seed)
    write(FOLDER / name, net)
    x = torch.rand(1, 3, 16, 24) * 2 - 1
    z = net.encode(x).latents
    keep(f"{name}-picture", x)
    keep(f"{name}-latents", z)
    keep(f"{name}-decoded", net.decode(z).sample)
    wide = torch.randn(1, 4, 12, 60) * 2  # of which tiles are cut
    keep(f"{name}-wide", wide)
    keep(f"{name}-wide-decoded", net.decode(wide).sample)


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    make_kl("kl", 1, old=True)
    make_kl("kl-bare", 2, mid_block_add_attention=False, use_quant_conv=False, use_post_quant_conv=False,
            shift_factor=0.1, scaling_factor=0.4)
    make_tiny("tiny", 3)


main()
