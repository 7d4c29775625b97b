# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes tiny-motion: networks of films with random weights, as diffusers saves them, and what diffusers makes with
them (README.md here).

    python tests/models/make_motion.py

Each folder holds frames.npy [F, C, H, W], texts.npy [1 or F, width, 1, tokens], times.npy [F] and expected.npy.
"""
import json
import pathlib
import shutil

import numpy as np
import torch
from diffusers import MotionAdapter, UNet2DConditionModel, UNet3DConditionModel, UNetMotionModel
from diffusers.models.resnet import ResnetBlock2D

from make_text import loud

FOLDER = pathlib.Path(__file__).resolve().parent / "tiny-motion"
TOKENS = 5
SHAPE = dict(sample_size=8, block_out_channels=(8, 16), layers_per_block=1, cross_attention_dim=12, norm_num_groups=4)
MOTION = dict(SHAPE, down_block_types=("CrossAttnDownBlockMotion", "DownBlockMotion"),
              up_block_types=("UpBlockMotion", "CrossAttnUpBlockMotion"))


def write_config(folder):
    config = json.loads((folder / "config.json").read_text())
    dropped = ("_diffusers_version", "_name_or_path")
    text = json.dumps({k: v for k, v in config.items() if k not in dropped}, indent=2) + "\n"
    (folder / "config.json").write_text(text)


def save(net, folder):
    net.half().save_pretrained(folder, safe_serialization=True)
    net.float()
    write_config(folder)


def tell_times(net, times):
    """Every frame at a time of its own, which diffusers has no argument for."""
    embedded = net.time_embedding(net.time_proj(torch.tensor(times)))

    def change(module, args, kwargs):
        return ((args[0], embedded) if len(args) > 1 else args), {**kwargs, **({"temb": embedded} if kwargs else {})}

    for module in net.modules():
        if isinstance(module, ResnetBlock2D):
            module.register_forward_pre_hook(change, with_kwargs=True)


def expect(name, net, times, width=8, height=8, texts=1):
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    frames = len(times)
    x = torch.randn(1, net.config.in_channels, frames, height, width)
    tokens = torch.randn(texts, TOKENS, 12)
    repeated = not isinstance(net, UNet3DConditionModel) and texts == 1
    if len(set(times)) > 1:
        tell_times(net, times)
    made = net(x, torch.tensor(times[:1]), tokens.repeat(frames, 1, 1) if repeated else tokens).sample
    np.save(folder / "frames.npy", x[0].transpose(0, 1).numpy().copy())
    np.save(folder / "texts.npy", tokens.transpose(1, 2)[:, :, None].numpy().copy())
    np.save(folder / "times.npy", np.array(times, np.float32))
    np.save(folder / "expected.npy", made[0].transpose(0, 1).numpy().copy())
    print(f"{name}: deviation {made.std():.3g}, {sum(p.numel() for p in net.parameters())} weights")


def make_motion():
    """As AnimateDiff v2: motion in the middle, and in blocks without attention; 24 frames."""
    torch.manual_seed(1)
    net = loud(UNetMotionModel(**MOTION, num_attention_heads=2, motion_num_attention_heads=(2, 4),
                               motion_max_seq_length=24))
    save(net, FOLDER / "motion")
    expect("motion", net, [417] * 24, width=4, height=4)


def make_linear():
    """Two layers along time, no motion in the middle, as v1 and v3, linear projections; every frame its text."""
    torch.manual_seed(2)
    net = loud(UNetMotionModel(**MOTION, num_attention_heads=(1, 2), use_linear_projection=True,
                               motion_num_attention_heads=2, temporal_transformer_layers_per_block=2,
                               use_motion_mid_block=False, motion_max_seq_length=32))
    save(net, FOLDER / "linear")
    expect("linear", net, [999, 250, 31], texts=3)


def make_adapter():
    """A U-Net of Stable Diffusion, and a MotionAdapter beside it."""
    torch.manual_seed(3)
    unet = loud(UNet2DConditionModel(**SHAPE, attention_head_dim=2,
                                     down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
                                     up_block_types=("UpBlock2D", "CrossAttnUpBlock2D")))
    adapter = loud(MotionAdapter(block_out_channels=(8, 16), motion_layers_per_block=1, motion_num_attention_heads=2,
                                 motion_norm_num_groups=4, motion_max_seq_length=16))
    save(unet, FOLDER / "adapted/unet")
    save(adapter, FOLDER / "adapted/motion_adapter")
    net = UNetMotionModel.from_unet2d(unet, adapter).eval()
    expect("adapted", net, [417] * 4)
    save(net, FOLDER / "merged")
    for path in FOLDER.glob("adapted/*.npy"):
        shutil.copy(path, FOLDER / "merged")


def make_3d():
    """As ModelScope's text-to-video."""
    torch.manual_seed(4)
    net = loud(UNet3DConditionModel(**SHAPE, attention_head_dim=4,
                                    down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
                                    up_block_types=("UpBlock3D", "CrossAttnUpBlock3D")))
    save(net, FOLDER / "three")
    expect("three", net, [41.5] * 5, width=16)
    expect("ramp", net, [0, 200, 400, 600, 800])


def main():
    torch.set_num_threads(1)
    shutil.rmtree(FOLDER, ignore_errors=True)
    make_motion()
    make_linear()
    make_adapter()
    make_3d()


if __name__ == "__main__":
    with torch.no_grad():
        main()
