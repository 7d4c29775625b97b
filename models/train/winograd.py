# SPDX-License-Identifier: LGPL-2.1-or-later
"""Residual blocks computed, and differentiated, by the engine's Winograd transforms in float32: about twice as fast as
PyTorch's bfloat16 on a processor's core. winograd.c is compiled for this processor when training begins; without a
compiler, or for sizes that it does not serve, PyTorch does the work.
"""
import concurrent.futures
import ctypes
import functools
import os
import pathlib
import subprocess
import tempfile

import torch

HERE = pathlib.Path(__file__).parent
ENGINE = HERE.parent.parent / "engine"
FLAGS = ["-std=gnu11", "-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-shared",
         "-fPIC", "-fvisibility=hidden", f"-I{ENGINE}", f"-I{ENGINE}/include"]


class Pictures(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("count", "height", "width")]


class Finishing(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("bias", "residual", "mask")] + [("relu", ctypes.c_int)]


@functools.cache
def library():
    """winograd.c, or None where it cannot be compiled."""
    with tempfile.TemporaryDirectory() as folder:
        made = f"{folder}/winograd.so"
        try:
            subprocess.run([os.environ.get("CC", "cc"), *FLAGS, *os.environ.get("CFLAGS", "").split(),
                            str(HERE / "winograd.c"), "-o", made], check=True, capture_output=True)
            return ctypes.CDLL(made)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"training without winograd.c, about half as fast: {error}", flush=True)
            return None


@functools.cache
def workers(count):
    return concurrent.futures.ThreadPoolExecutor(count)


def serves(x, weight):
    """Whether it computes this: x [N, C, H, W], weight [O, I, 3, 3]"""
    return (x.device.type == "cpu" and x.shape[2] % 4 == 0 and x.shape[3] % 4 == 0 and weight.shape[0] % 32 == 0 and
            weight.shape[1] % 32 == 0 and library() is not None)


def at(x, picture=0):
    """Where a picture begins in memory."""
    return None if x is None else ctypes.c_void_p(x.data_ptr() + x.stride(0) * x.element_size() * picture)


def parts(x):
    """The pictures of x for each thread: (first, Pictures)"""
    n, _, h, w = x.shape
    count = min(torch.get_num_threads(), n)
    edges = [n * i // count for i in range(count + 1)]
    return [(a, Pictures(b - a, h, w)) for a, b in zip(edges, edges[1:])]


def each(task, x):
    """task(first, pictures) for the pictures of each thread."""
    jobs = parts(x)
    return [task(*jobs[0])] if len(jobs) == 1 else list(workers(len(jobs)).map(lambda job: task(*job), jobs))


def plain(x):
    return x.float().contiguous(memory_format=torch.channels_last)


def packed(taps):
    """The weights of a convolution in the domain of Winograd, from [3, 3, inputs, outputs]."""
    _, _, inputs, outputs = taps.shape
    u = torch.empty(36 * inputs * outputs)
    library().pack(at(taps), inputs, outputs, at(u))
    return u


def forwards(weight):
    return packed(weight.permute(2, 3, 1, 0).contiguous())


def backwards(weight):
    """... of the convolution that takes the gradient of the result to that of the input."""
    return packed(weight.flip(2, 3).permute(2, 3, 0, 1).contiguous())


def convolve(x, u, bias=None, residual=None, mask=None, relu=False):
    """x, residual and mask: channels last, with as many channels as the result."""
    y = torch.empty_like(x)

    def part(first, pictures):
        finishing = Finishing(at(bias), at(residual, first), at(mask, first), relu)
        if not library().convolve(ctypes.byref(pictures), at(x, first), x.shape[1], at(u), at(y, first), y.shape[1],
                                  ctypes.byref(finishing)):
            raise MemoryError
    each(part, x)
    return y


def gradients(x, dy):
    """Of the weights, [O, I, 3, 3], and of the bias."""
    def part(first, pictures):
        taps, bias = torch.empty(3, 3, x.shape[1], dy.shape[1]), torch.empty(dy.shape[1])
        if not library().gradients(ctypes.byref(pictures), at(x, first), x.shape[1], at(dy, first), dy.shape[1],
                                   at(taps), at(bias)):
            raise MemoryError
        return taps, bias
    taps, biases = zip(*each(part, x))
    return sum(taps).permute(3, 2, 0, 1), sum(biases)


class Residual(torch.autograd.Function):
    """x + conv(relu(conv(x)))"""

    @staticmethod
    def forward(ctx, x, weight1, bias1, weight2, bias2):
        x = plain(x)
        hidden = convolve(x, forwards(weight1), bias1, relu=True)
        ctx.save_for_backward(x, hidden, weight1, weight2)
        return convolve(hidden, forwards(weight2), bias2, residual=x)

    @staticmethod
    def backward(ctx, dy):
        x, hidden, weight1, weight2 = ctx.saved_tensors
        dy = plain(dy)
        d_hidden = convolve(dy, backwards(weight2), mask=hidden)
        return (convolve(d_hidden, backwards(weight1), residual=dy), *gradients(x, d_hidden), *gradients(hidden, dy))


residual = Residual.apply
