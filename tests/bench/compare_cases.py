# SPDX-License-Identifier: LGPL-2.1-or-later
"""The networks that compare.py runs: each makes a folder with the model as we read it, the same as ONNX, its inputs and
what a pass of it costs.

facts.json: title, flops, weights; size and time, for `udm`; module, where PyTorch finds it.
"""
import json
import math
import shutil

import numpy as np

import common
import ours

SIDE, STEP, SEED = 128, 500, 0
UNET2D = dict(sample_size=SIDE, block_out_channels=(64, 128, 128, 256), layers_per_block=2,
              down_block_types=("DownBlock2D",) * 3 + ("AttnDownBlock2D",),
              up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * 3)
NOISE_TIME = 0.1279  # of the cosine schedule: sigma 25
SIZES = {"denoise-cif": (352, 288), "denoise-272p": (640, 272), "denoise-1080p": (1920, 1080)}
INDEX = json.dumps({"_class_name": "UdmRestorationPipeline", "unet": ["udm", "UdmUNet"],
                    "scheduler": ["diffusers", "DDIMScheduler"]})
CASES = ["unet2d", *SIZES]


def level_of(time):
    """sqrt(1 - alpha_bar), as engine/schedule/cosine.c has it."""
    root = [math.cos((t + 0.008) / 1.008 * math.pi / 2) for t in (time, 0)]
    return math.sqrt(1 - (root[0] / root[1]) ** 2)


def count_flops(net, inputs):
    """Two for each multiplication of a weight."""
    import torch
    total = []

    def count(layer, seen, out):
        if isinstance(layer, torch.nn.Conv2d):
            total.append(2 * out.numel() * layer.weight[0].numel())
        else:
            total.append(2 * out.numel() * layer.in_features)

    layers = [m for m in net.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear))]
    hooks = [m.register_forward_hook(count) for m in layers]
    with torch.inference_mode():
        net(*inputs)
    for hook in hooks:
        hook.remove()
    return sum(total)


class Plain:
    """Makes a module of PyTorch whose output is one tensor."""

    @staticmethod
    def unet2d(model):
        import diffusers
        import torch

        class Told(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.net = diffusers.UNet2DModel.from_pretrained(model)

            def forward(self, x):
                return self.net(x, torch.tensor([STEP])).sample
        return Told().eval()

    @staticmethod
    def denoise(model):
        return ours.load_network(model)


def unet2d(folder):
    import diffusers
    import torch
    torch.manual_seed(SEED)
    diffusers.UNet2DModel(**UNET2D).save_pretrained(folder / "model")
    return [torch.randn(1, 3, SIDE, SIDE)], {"title": "UNet2DModel", "module": "unet2d", "size": [SIDE, SIDE],
                                             "time": STEP}


def denoise(folder, size, part="unet", predicted=False):
    """A network of the shipped denoiser alone; predicted: it is shown a prediction, too, as in a stream."""
    import torch
    for name, source in (("unet", part), ("scheduler", "scheduler")):
        shutil.copytree(common.ROOT / "models/denoise" / source, folder / "model" / name, dirs_exist_ok=True)
    (folder / "model/model_index.json").write_text(INDEX)
    torch.manual_seed(SEED)
    width, height = size
    level = torch.full((1, 1, height, width), level_of(NOISE_TIME))
    smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 9, 16), (height, width), mode="bicubic") * 2 - 1
    frame = (1 - level ** 2).sqrt() * smooth + level * torch.randn_like(smooth)
    half = level / 2
    known = [(1 - half ** 2).sqrt() * smooth + half * torch.randn_like(smooth), half] if predicted else []
    return [frame, level, *known], {"title": "denoise", "module": "denoise", "size": list(size), "time": NOISE_TIME}


def make(name, folder, **more):
    """In a process of its own, as others inherit its peak memory."""
    import torch
    folder.mkdir(parents=True, exist_ok=True)
    inputs, facts = unet2d(folder) if name == "unet2d" else denoise(folder, SIZES[name], **more)
    net = load(folder, facts)
    facts.update(flops=count_flops(net, inputs), weights=sum(p.numel() for p in net.parameters()))
    names = [f"x{i}" for i in range(len(inputs))]
    np.savez(folder / "inputs.npz", **{n: x.numpy() for n, x in zip(names, inputs)})
    np.save(folder / "x.npy", inputs[0].numpy())
    with torch.no_grad():
        torch.onnx.export(net, tuple(inputs), str(folder / "model.onnx"), input_names=names, output_names=["y"],
                          opset_version=17, dynamo=False)
    (folder / "facts.json").write_text(json.dumps(facts))


def load(folder, facts):
    return getattr(Plain, facts["module"])(folder / "model")


def facts_of(folder):
    return json.loads((folder / "facts.json").read_text())


