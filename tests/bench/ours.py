# SPDX-License-Identifier: LGPL-2.1-or-later
"""This project's denoiser, each way to run it: the element in a pipeline, and its network in PyTorch."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np

import common

sys.path.insert(0, str(common.ROOT / "models/train"))


def element(o, **properties):
    """clip -> restored clip, by gst-launch-1.0 with udmdenoise between files of raw RGB."""
    need = common.need
    need(shutil.which("gst-launch-1.0"), "gst-launch-1.0 (Debian package gstreamer1.0-tools)")
    need((o.build / "elements").is_dir(), f"the plugin in {o.build}/elements; meson setup {o.build}, then ninja")
    environment = dict(os.environ, GST_PLUGIN_PATH=str(o.build / "elements"),
                       GST_REGISTRY=str(o.build / "bench-registry.bin"))
    settings = [f"{k.replace('_', '-')}={v}" for k, v in properties.items()]

    def restore(frames):
        f, h, w, _ = frames.shape
        rows = frames.reshape(f, h, 3 * w)
        rows = np.pad(rows, ((0, 0), (0, 0), (0, -3 * w % 4)))  # GStreamer's rows end at multiples of four bytes
        with tempfile.TemporaryDirectory() as folder:
            there, back = pathlib.Path(folder, "in"), pathlib.Path(folder, "out")
            rows.tofile(there)
            subprocess.run(
                ["gst-launch-1.0", "-q", "filesrc", f"location={there}", f"blocksize={rows[0].size}", "!",
                 "rawvideoparse", "format=rgb", f"width={w}", f"height={h}", "!", "udmdenoise", f"model={o.model}",
                 f"n-threads={o.threads}", *settings, "!", "video/x-raw,format=RGB", "!",
                 "filesink", f"location={back}"],
                check=True, env=environment, stdin=subprocess.DEVNULL)
            return np.fromfile(back, np.uint8).reshape(rows.shape)[..., :3 * w].reshape(frames.shape)
    return restore


def load_network(directory, part="unet"):
    """A network of a model directory, in PyTorch, float32."""
    import safetensors.torch
    from network import UdmUNet
    config = json.loads((directory / part / "config.json").read_text())
    names = ("in_channels", "block_out_channels", "layers_per_block", "patch_size", "temporal", "predict_log_variance",
             "chroma_level")
    net = UdmUNet(**{k: config[k] for k in names if k in config}).eval()
    weights = safetensors.torch.load_file(directory / part / "diffusion_pytorch_model.safetensors")
    net.load_state_dict({k: w.float() for k, w in weights.items()})
    net.stride = config["patch_size"] << len(config["block_out_channels"]) - 1
    return net


def multiply_adds(net, side=128):
    """Of one pixel, counted on a pass over a small picture."""
    import torch
    total = []

    def count(layer, _, out):
        total.append(out.numel() * layer.weight[0].numel())

    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, torch.nn.Conv2d)]
    with torch.inference_mode():
        net(torch.zeros(1, net.config["in_channels"], side, side), torch.ones(1, 1, side, side))
    for hook in hooks:
        hook.remove()
    return sum(total) / side ** 2


def pytorch(o, sigma):
    """clip -> restored clip by the network in PyTorch, one step, padded as the engine does. sigma: a number or
    [H, W, 1]."""
    import torch
    from torch.nn import functional as F
    torch.set_num_threads(o.threads)
    net = load_network(o.model).to(memory_format=torch.channels_last)

    def restore(frames):
        h, w = frames.shape[1:3]
        pad = (0, -w % net.stride, 0, -h % net.stride)
        ratio = torch.from_numpy(np.broadcast_to(np.float32(sigma), (h, w, 1)).copy()).permute(2, 0, 1)[None] * 2 / 255
        signal = (1 + ratio ** 2).rsqrt()
        out = np.empty(frames.shape, np.uint8)
        with torch.inference_mode():
            for i, frame in enumerate(frames):
                x = torch.from_numpy(frame.astype(np.float32)).permute(2, 0, 1)[None] / 127.5 - 1
                x, level = (F.pad(p, pad, mode="reflect") for p in (x * signal, ratio * signal))
                x = net(x.contiguous(memory_format=torch.channels_last), level)[0, :, :h, :w]
                out[i] = ((x + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
        return out
    return restore
