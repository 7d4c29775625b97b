# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares a residual block and its gradients by models/train/winograd.c with PyTorch's: in float32, and, where the
processor has it, with factors in bf16.

    python3 tests/train/winograd.py

Skipped (77) where python3 has not what training needs.
"""
import os
import pathlib
import subprocess
import sys

try:
    import torch
    from torch.nn import functional as F
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "models/train"))
import winograd  # noqa: E402

SHAPES = ((2, 32, 8, 16), (3, 64, 12, 4), (5, 96, 4, 4))  # pictures, channels, height, width


def tensors(pictures, channels, height, width):
    torch.manual_seed(0)
    like = dict(memory_format=torch.channels_last)
    x = torch.randn(pictures, channels, height, width).contiguous(**like)
    weights = [(torch.randn(channels, channels, 3, 3) / (9 * channels) ** 0.5).contiguous(**like) for _ in range(2)]
    biases = [0.1 * torch.randn(channels) for _ in range(2)]
    return [t.requires_grad_() for t in (x, weights[0], biases[0], weights[1], biases[1])]


def plain(x, weight1, bias1, weight2, bias2):
    return x + F.conv2d(F.relu(F.conv2d(x, weight1, bias1, padding=1)), weight2, bias2, padding=1)


def results(block, given):
    made = block(*given)
    asked = torch.cos(torch.arange(made.numel())).view_as(made)
    return [made.detach(), *torch.autograd.grad((made * asked).sum(), given)]


def worst(shape):
    """The largest error of the block and of its gradients: its root mean square, relative to what it should be."""
    given = tensors(*shape)
    assert winograd.serves(given[0], given[1]), "there is no compiler, or the block is not served"
    pairs = zip(results(plain, given), results(winograd.residual, given))
    return max(((a - b).square().mean() / a.square().mean()).sqrt().item() for a, b in pairs)


def main():
    exact = "-mno-avx512bf16" in os.environ.get("CFLAGS", "")
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for shape in SHAPES:
            found, most = worst(shape), 3e-3 if exact else 0.25  # what relu lets through differs where it is about 0
            print(f"{shape}, {threads} threads: {found:.1e}")
            assert found < most, f"an error of {found}, where {most} is allowed"
    if not exact and os.uname().machine == "x86_64":
        subprocess.run([sys.executable, __file__], check=True, env={**os.environ, "CFLAGS": "-mno-avx512bf16"})


if __name__ == "__main__":
    main()
