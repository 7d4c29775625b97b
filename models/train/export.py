# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns a checkpoint of train.py or generate.py into a model directory in the layout of Hugging Face diffusers.

    python models/train/export.py WORK/denoise.pt models/denoise
"""
import argparse
import json
import pathlib

import safetensors.torch
import torch

INDEX = {"_class_name": "UdmRestorationPipeline", "unet": ["udm", "UdmUNet"],
         "scheduler": ["diffusers", "DDIMScheduler"]}
SCHEDULER = {"_class_name": "DDIMScheduler", "beta_schedule": "squaredcos_cap_v2", "num_train_timesteps": 1000,
             "prediction_type": "sample", "continuous_time": True, "clip_sample": False,
             "timestep_spacing": "trailing"}
VIDEO_INDEX = {"_class_name": "UdmVideoPipeline", "unet": ["udm", "UdmPseudo3D"],
               "scheduler": ["diffusers", "DDIMScheduler"]}
VIDEO_SCHEDULER = {**SCHEDULER, "beta_schedule": "linear", "prediction_type": "v_prediction", "clip_sample": True}


def write(path, data):
    """A reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_bytes(data)
    new.replace(path)


def write_json(path, value):
    write(path, (json.dumps(value, indent=2) + "\n").encode())


def write_network(directory, config, weights, dtype):
    stored = {name: w.to(dtype).contiguous() for name, w in weights.items()}  # training keeps them channels last
    for name, w in stored.items():
        if not w.isfinite().all():
            raise SystemExit(f"{name} has values that are not finite in {dtype}: nothing was written")
    write(directory / "diffusion_pytorch_model.safetensors", safetensors.torch.save(stored, {"format": "pt"}))
    write_json(directory / "config.json", config)


def write_model(directory, config, weights, dtype=torch.float16, max_sigma=75, preview=None):
    """config and weights: UdmUNet.config and a state dict of it; preview: the same two of a small network, or None."""
    directory = pathlib.Path(directory)
    write_network(directory / "unet", {**config, "max_sigma": max_sigma}, weights, dtype)
    if preview:
        write_network(directory / "preview", {**preview[0], "max_sigma": max_sigma}, preview[1], dtype)
    write_json(directory / "scheduler/scheduler_config.json", SCHEDULER)
    write_json(directory / "model_index.json", {**INDEX, "preview": ["udm", "UdmUNet"]} if preview else INDEX)


def write_video_model(directory, config, weights, dtype=torch.float16):
    """config and weights: UdmPseudo3D.config and a state dict of it."""
    directory = pathlib.Path(directory)
    write_network(directory / "unet", config, weights, dtype)
    write_json(directory / "scheduler/scheduler_config.json", VIDEO_SCHEDULER)
    write_json(directory / "model_index.json", VIDEO_INDEX)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("checkpoint", type=pathlib.Path)
    p.add_argument("directory", type=pathlib.Path)
    p.add_argument("--dtype", choices=["float16", "float32"], default="float16")
    p.add_argument("--max-sigma", type=float, default=75, help="the largest noise that train.py was given")
    o = p.parse_args()
    saved = torch.load(o.checkpoint, weights_only=True, map_location="cpu")
    if saved["config"]["_class_name"] == "UdmPseudo3D":
        write_video_model(o.directory, saved["config"], saved["average"], getattr(torch, o.dtype))
    else:
        write_model(o.directory, saved["config"], saved["average"], getattr(torch, o.dtype), o.max_sigma)
    print(f"{o.directory}: step {saved['steps']}, {saved['seconds'] / 60:.0f} minutes of training, "
          f"{sum(w.numel() for w in saved['average'].values())} weights in {o.dtype}")


if __name__ == "__main__":
    main()
