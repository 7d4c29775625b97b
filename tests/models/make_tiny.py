# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the tiny models of the tests and, beside each, golden tensors computed by PyTorch (README.md here).

    python tests/models/make_tiny.py
"""
import math
import pathlib
import sys

import numpy as np
import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "models/train"))
import interp  # noqa: E402
from export import write_model  # noqa: E402
from network import TemporalConv, UdmUNet  # noqa: E402


def network(seed, **config):
    """Random weights, scaled so that the correction is of the size of the picture and the temporal taps matter."""
    torch.manual_seed(seed)
    net = UdmUNet(**config).eval()
    with torch.no_grad():
        net.conv_out.weight *= 3
        for module in net.modules():
            if isinstance(module, TemporalConv):
                module.weight.normal_(0, 0.5 / math.sqrt(3 * module.weight.shape[0]))
    return net


def level_map(count, height, width):
    """Differs at every pixel, over the whole of (0, 1)."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    phase = torch.arange(count).view(-1, 1, 1, 1) * 0.7
    return 0.5 + 0.3 * torch.sin(5 * x + 3 * y + phase) + 0.18 * torch.rand(count, 1, height, width)


def picture(count, channels, height, width):
    """Smooth shapes with an edge that moves by two pixels a frame, in [-1, 1]."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    x = x - 2 * torch.arange(count).view(-1, 1, 1, 1)
    shade = torch.linspace(0, 1, channels).view(1, -1, 1, 1)
    return 0.5 * torch.sin(x / 5 + y / 7 + 2 * shade) + 0.4 * (x + y > 20)


def at_level(x0, level):
    return (1 - level ** 2).sqrt() * x0 + level * torch.randn_like(x0)


def corners(level, *values):
    """Sets one block in each corner to an exact value."""
    level = level.clone()
    h, w = level.shape[2] // 3, level.shape[3] // 3
    blocks = [(slice(0, h), slice(0, w)), (slice(0, h), slice(-w, None)), (slice(-h, None), slice(0, w)),
              (slice(-h, None), slice(-w, None))]
    for (rows, columns), value in zip(blocks, values):
        level[:, :, rows, columns] = value
    return level


def write_case(folder, name, net, tensors, clip=False):
    """tensors: frame, level and maybe predicted, predicted_level, context, all [N, ., H, W]; a clip is stored as
    [1, ., N, H, W]."""
    with torch.no_grad():
        expected = net(**tensors, frames=len(tensors["frame"]) if clip else 1)
    for part, x in {**tensors, "expected": expected}.items():
        stored = x.transpose(0, 1)[None] if clip else x
        file = folder / f"{name}-{part.replace('predicted', 'guess')}.npy"
        np.save(file, np.ascontiguousarray(stored.numpy(), np.float32))
    change = (expected[:, :tensors["frame"].shape[1]] - tensors["frame"]).square().mean().sqrt()
    print(f"{folder.name}/{name}: {list(expected.shape)}, deviation {expected.std():.2f}, change {change:.2f}")


def write_tiny(name, net, dtype, max_sigma=75, **parts):
    """The model as files, with small networks as its other parts; its weights are then those that the files hold."""
    write_model(HERE / name, net.config, net.state_dict(), dtype, max_sigma,
                **{part: (small.config, small.state_dict()) for part, small in parts.items()})
    net.load_state_dict({k: v.to(dtype).float() for k, v in net.state_dict().items()})
    return HERE / name


def inputs(count, channels, height, width, predicted):
    x0, level = picture(count, channels, height, width), level_map(count, height, width)
    tensors = dict(frame=at_level(x0, level), level=level)
    if predicted:
        tensors["predicted_level"] = level_map(count, height, width).flip(3)
        tensors["predicted"] = at_level(x0, tensors["predicted_level"])
    return tensors


def extremes(height, width):
    """Known pixels, lost ones, and both for the prediction: every pair of 0 and 1, each in a corner."""
    x0, base = picture(1, 3, height, width), level_map(1, height, width)
    level, predicted_level = corners(base, 0, 0, 1, 1), corners(base.flip(3), 0, 1, 0, 1)
    return dict(frame=at_level(x0, level), level=level, predicted=at_level(x0, predicted_level),
                predicted_level=predicted_level)


def flat_pair(net, folder, position=0.25, seconds=1 / 12, height=24, width=32):
    """Two pictures of one colour each, moved nowhere, and the frame that is made of them; as engine/interp has
    it, whose constants these are."""
    near_variance, least_fit, contrast, least_light, most_bias = 1e-2, 1e-4, 8, 1e-4, 0.125
    first, second = (torch.tensor(c).view(1, 3, 1, 1).expand(1, 3, height, width) for c in
                     ((-0.5, 0.25, 0.125), (0.5, -0.125, 0.375)))
    variances = [near_variance * away ** 2 for away in (position, 1 - position)]
    rest, rest_of_tints = (1 / (1 + cost ** 1.5) for cost in (0.5, 0.2))  # neither explains more than the other
    weights = [(1 - rest) * variances[1] / sum(variances), (1 - rest) * variances[0] / sum(variances), rest]
    light = (second - first) * (1 - least_light / (second - first)[..., 0, 0].square().sum())  # that of each changes
    estimates = first + light * position, second - light * (1 - position), first + (second - first) * position
    moved = sum(w * e for w, e in zip(weights, estimates[:2])) / (1 - rest)
    grey = (estimates[2] - moved).mean(1, keepdim=True)
    predicted = moved + rest * grey + rest_of_tints * (estimates[2] - moved - grey)
    level = (1 + sum(1 / v for v in variances)) ** -0.5
    luma = torch.tensor((0.299, 0.587, 0.114)).view(1, 3, 1, 1)
    support = least_fit + 1  # as both are given the same light before they are compared
    planes = [torch.full((1, 1, height, width), x) for x in (*weights, *[support / (1 + support)] * 2)]
    differences = [contrast * (luma * (e - predicted)).sum(1, keepdim=True) for e in estimates]
    made = torch.cat([*estimates[:2], predicted, torch.full_like(planes[0], level), *differences, *planes], 1)
    with torch.no_grad():
        expected = interp.between(net, made, first, second, torch.tensor([[position, seconds]]))
    expected = expected.clamp(-1, 1)
    bias = (expected - predicted).mean((2, 3), keepdim=True)
    expected = expected - torch.where(bias.abs() < most_bias, bias, 0)
    np.save(folder / "pair-expected.npy", np.ascontiguousarray(expected.numpy()))
    print(f"{folder.name}/pair: change {(expected - predicted).square().mean().sqrt():.2f}")


def main():
    torch.set_num_threads(1)
    net = network(1, block_out_channels=(8, 16), layers_per_block=(1, 1))
    folder = write_tiny("tiny-denoise", net, torch.float16)
    write_case(folder, "alone", net, inputs(2, 3, 12, 20, predicted=False))
    write_case(folder, "guess", net, inputs(1, 3, 24, 32, predicted=True))
    write_case(folder, "extremes", net, extremes(16, 24))

    net = network(2, block_out_channels=(4, 8), layers_per_block=(1, 1), in_channels=1)
    folder = write_tiny("tiny-grey", net, torch.float16)
    write_case(folder, "guess", net, inputs(1, 1, 24, 32, predicted=True))

    net = network(4, block_out_channels=(4, 8), layers_per_block=(1, 1), predict_log_variance=True)
    folder = write_tiny("tiny-doubt", net, torch.float16)
    write_case(folder, "guess", net, inputs(2, 3, 12, 16, predicted=True))

    net = network(9, block_out_channels=(4, 8), layers_per_block=(1, 1), chroma_level=True)
    folder = write_tiny("tiny-chroma", net, torch.float16)
    write_case(folder, "guess", net, {**inputs(1, 3, 12, 20, predicted=True), "context": level_map(1, 12, 20)})

    net = network(8, block_out_channels=(4, 8), layers_per_block=(1, 1), context=10, mix=3)
    folder = write_tiny("tiny-interp", net, torch.float16, max_sigma=1e6)
    write_case(folder, "guess", net, {**inputs(1, 3, 12, 20, predicted=True), "context": torch.randn(1, 10, 12, 20)})
    flat_pair(net, folder)

    small = dict(block_out_channels=(4, 8), layers_per_block=(0, 0))
    write_tiny("tiny-guess", network(6, **small), torch.float16, preview=network(5, **small),
               trust=network(7, **small, predict_log_variance=True))

    net = network(3, block_out_channels=(6, 10, 12), layers_per_block=(1, 2, 1), temporal=True)
    folder = write_tiny("tiny-temporal", net, torch.float32)
    write_case(folder, "clip", net, inputs(6, 3, 16, 24, predicted=False), clip=True)


if __name__ == "__main__":
    main()
