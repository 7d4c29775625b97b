# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns a checkpoint of train.py, recursion.py, restore.py, interp.py or generate.py into a model directory as
diffusers has them.

    python models/train/export.py WORK/denoise.pt models/denoise [--preview WORK/preview.pt]
"""
import argparse
import json
import pathlib

import safetensors.torch
import torch

from train import trained

INDEX = {"_class_name": "UdmRestorationPipeline", "unet": ["udm", "UdmUNet"],
         "scheduler": ["diffusers", "DDIMScheduler"]}
SCHEDULER = {"_class_name": "DDIMScheduler", "beta_schedule": "squaredcos_cap_v2", "num_train_timesteps": 1000,
             "prediction_type": "sample", "continuous_time": True, "clip_sample": False,
             "timestep_spacing": "trailing"}
PROCESS_SCHEDULER = {**SCHEDULER, "_class_name": "UdmScheduler", "clip_sample": True}  # and what restore.py noted
VIDEO_INDEX = {"_class_name": "UdmVideoPipeline", "unet": ["udm", "UdmPseudo3D"],
               "scheduler": ["diffusers", "DDIMScheduler"]}
VIDEO_SCHEDULER = {**SCHEDULER, "beta_schedule": "linear", "clip_sample": True}


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


def power_of(directory):
    """Keys of ours that are kept: what models/train/power.py found of the weights in a directory, and their noise."""
    path = directory / "scheduler/scheduler_config.json"
    config = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {key: config[key] for key in ("noise_power", "real_noise") if key in config}


def write_model(directory, config, weights, dtype=torch.float16, max_sigma=75, **parts):
    """config and weights: UdmUNet.config and a state dict of it; parts: the same two of small networks, `preview` and
    `trust`, or none."""
    directory = pathlib.Path(directory)
    config = dict(config)
    process = config.pop("scheduler", None)
    schedule = {**PROCESS_SCHEDULER, **process} if process else SCHEDULER
    power = power_of(directory)
    if "noise_power" in power:
        print("noise_power is that of the weights that were there before: models/train/power.py finds it anew")
    for name, (part, values) in {"unet": (config, weights), **parts}.items():
        write_network(directory / name, part if process else {**part, "max_sigma": max_sigma}, values, dtype)
    write_json(directory / "scheduler/scheduler_config.json", {**schedule, **power})
    index = {**INDEX, **{name: ["udm", "UdmUNet"] for name in parts}}
    write_json(directory / "model_index.json", {**index, "scheduler": ["udm", "UdmScheduler"]} if process else index)


def named(config, weights):
    return {"_class_name": "UdmUNet", **config}, weights


def part_of(saved, name):
    start = name + "."
    weights = {k[len(start):]: v for k, v in saved["average"].items() if k.startswith(start)}
    return saved["config"][name], weights


def write_video_model(directory, config, weights, dtype=torch.float16):
    """config and weights: UdmPseudo3D.config and a state dict of it."""
    directory = pathlib.Path(directory)
    write_network(directory / "unet", config, weights, dtype)
    write_json(directory / "scheduler/scheduler_config.json", VIDEO_SCHEDULER)
    write_json(directory / "model_index.json", VIDEO_INDEX)


def shrink_correction(config, weights, share):
    """Of a UdmUNet, which corrects by that share of what it would."""
    rows = config["in_channels"] * config["patch_size"] ** 2  # mixing weights and log-variance come after them
    for name in ("conv_out.weight", "conv_out.bias"):
        weights[name][:rows] *= share


def write_saved(directory, saved, dtype, options):
    config, weights = saved["config"], saved["average"]
    if options.correction != 1:
        shrink_correction(config, weights, options.correction)
    if "trust" in config:  # of recursion.py
        if not options.preview:
            raise SystemExit("a model with a temporal filter needs a preview: name it with --preview")
        parts = dict(preview=named(*trained(options.preview, "preview")), trust=part_of(saved, "trust"))
        write_model(directory, *part_of(saved, "unet"), dtype, options.max_sigma, **parts)
    elif config["_class_name"] == "UdmPseudo3D":
        write_video_model(directory, config, weights, dtype)
    else:
        parts = dict(preview=named(*trained(options.preview, "preview"))) if options.preview else {}
        write_model(directory, config, weights, dtype, options.max_sigma, **parts)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("checkpoint", type=pathlib.Path)
    p.add_argument("directory", type=pathlib.Path)
    p.add_argument("--dtype", choices=["float16", "float32"], default="float16")
    p.add_argument("--max-sigma", type=float, default=75, help="the largest noise that train.py was given")
    p.add_argument("--preview", type=pathlib.Path, help="a checkpoint, or a model directory with a preview")
    p.add_argument("--correction", type=float, default=1, help="share of the correction that is kept, of interp.py "
                   "(default: %(default)s)")
    o = p.parse_args()
    saved = torch.load(o.checkpoint, weights_only=True, map_location="cpu")
    write_saved(o.directory, saved, getattr(torch, o.dtype), o)
    print(f"{o.directory}: step {saved['steps']}, {saved['seconds'] / 60:.0f} minutes of training, "
          f"{sum(w.numel() for w in saved['average'].values())} weights in {o.dtype}")


if __name__ == "__main__":
    main()
