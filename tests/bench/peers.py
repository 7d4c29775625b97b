# SPDX-License-Identifier: LGPL-2.1-or-later
"""The denoisers to compare with, each clip in, clip out: ffmpeg's filters at their best settings, FFDNet, V-BM3D."""
import pathlib
import re
import subprocess

import numpy as np

import common

# A filter graph with named settings, where the search starts, and the values to try for each, in order. In YUV the
# noise of the three planes differs, so luma and chroma have settings of their own where the filter has them.
FILTERS = {
    "hqdn3d": dict(
        graph="format={format},hqdn3d={ls}:{cs}:{lt}:{ct}",
        start=dict(format="yuv444p16le", ls=8, cs=24, lt=12, ct=12),
        ls=[0, 1, 2, 4, 6, 8, 12, 16, 24, 32, 48], lt=[0, 1, 2, 4, 8, 12, 16, 24, 32, 48],
        cs=[0, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96], ct=[0, 2, 4, 8, 12, 16, 24, 32, 48, 64]),
    "nlmeans": dict(
        graph="format={format},nlmeans=s={s}:p={p}:r={r}",
        start=dict(format="yuv444p", s=8, p=5, r=11),
        s=[1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 30], p=[1, 3, 5, 7, 9], r=[5, 7, 9, 11, 15, 21],
        format=["yuv444p", "gbrp"]),
    # ffmpeg 5.1's: its sigma is not ours; matching blocks (group > 1) loses two decibels and more at any sigma; its
    # second stage is right for 8 bits alone.
    "bm3d": dict(
        graph="format={format},split[n][m];[m]bm3d=sigma={s}:bstep=2:estim=basic[b];"
              "[n][b]bm3d=sigma={f}:bstep=2:estim=final:ref=1",
        start=dict(format="yuv444p", s=60, f=80),
        s=[5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 100, 120, 140, 170, 200],
        f=[5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 100, 120, 140, 170, 200, 250], format=["yuv444p", "gbrp"]),
    "vaguedenoiser": dict(
        graph="format={format},vaguedenoiser=threshold={luma}:method={method}:percent={percent}:nsteps={n}:planes={p0},"
              "vaguedenoiser=threshold={chroma}:method={method}:percent={percent}:nsteps={n}:planes=6",
        start=dict(format="yuv444p16le", luma=12, chroma=12, method="garrote", percent=100, n=6, p0=1),
        luma=[1, 2, 3, 5, 7, 9, 12, 15, 20, 25, 30, 40, 60], chroma=[1, 2, 3, 5, 7, 9, 12, 15, 20, 25, 30, 40, 60],
        method=["hard", "soft", "garrote"], percent=[70, 85, 100], n=[3, 4, 6]),
}


def ffmpeg(graph, threads):
    """RGB frames through a filter graph; its format filter may leave RGB, and the way back is accurate."""
    def restore(frames):
        f, h, w, _ = frames.shape
        flags = "flags=accurate_rnd+full_chroma_int+full_chroma_inp:sws_dither=none"
        chain = f"scale={flags},{graph},scale={flags},format=rgb24"
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24"]
        command = ["ffmpeg", "-v", "error", "-filter_complex_threads", str(threads), *raw, "-s", f"{w}x{h}", "-i", "-",
                   "-filter_complex", chain, *raw, "-"]
        run = subprocess.run(command, input=frames.tobytes(), stdout=subprocess.PIPE, check=True)
        return np.frombuffer(run.stdout, np.uint8).reshape(f, h, w, 3)
    return restore


def crop(frames, side):
    h, w = frames.shape[1:3]
    y, x = max(h - side, 0) // 2, max(w - side, 0) // 2
    return frames[:, y:y + side, x:x + side]


def best_settings(name, pairs, threads, evaluations=40):
    """Hill climbing over the grid from the start, by the mean PSNR over (noisy, clean) pairs. Returns (graph, dB)."""
    grid = FILTERS[name]
    seen = {}

    def score(settings):
        graph = grid["graph"].format(**settings)
        if graph not in seen:
            if len(seen) >= evaluations:
                return -1
            seen[graph] = np.mean([common.psnr(ffmpeg(graph, threads)(noisy), clean) for noisy, clean in pairs])
        return seen[graph]

    settings, before = dict(grid["start"]), None
    while before != settings:
        before = dict(settings)
        for key, values in grid.items():
            if key in ("graph", "start"):
                continue
            near = [settings[key]]
            while near[-1] is not None:  # walk while it gets better, either way
                i = values.index(near[-1])
                options = [dict(settings, **{key: v}) for v in values[max(i - 1, 0):i + 2]]
                best = max(options, key=score)
                near.append(best[key] if score(best) > score(settings) else None)
                settings = best if near[-1] is not None else settings
    return grid["graph"].format(**settings), score(settings)


def short(graph):
    """The settings alone, for the table."""
    return " ".join(re.findall(r"(?:format|hqdn3d|nlmeans|bm3d|vaguedenoiser)=[^,;\[]*", graph))


def searched_ffmpeg(name, pairs, threads):
    """Searched on parts: all frames of a 128x128 part for the temporal one, three of 192x192 for the others."""
    if name == "hqdn3d":
        parts = [(crop(n, 128), crop(c, 128)) for n, c in pairs]
    else:
        parts = [(crop(n[::max(len(n) // 3, 1)][:3], 192), crop(c[::max(len(c) // 3, 1)][:3], 192)) for n, c in pairs]
    graph, _ = best_settings(name, parts, threads)
    return ffmpeg(graph, threads), short(graph)


def ffdnet(path, sigma, threads):
    """Zhang et al. 2018, https://arxiv.org/abs/1710.04026: 12 convolutions at half resolution beside a noise plane."""
    import torch
    from torch.nn import functional as F
    torch.set_num_threads(threads)
    weights = torch.load(path, weights_only=True)
    layers = [(weights[k], weights[k.replace("weight", "bias")]) for k in weights if k.endswith("weight")]

    def restore(frames):
        h, w = frames.shape[1:3]
        out = np.empty(frames.shape, np.uint8)
        with torch.inference_mode():
            for i, frame in enumerate(frames):
                x = torch.from_numpy(frame.astype(np.float32)).permute(2, 0, 1)[None] / 255
                x = F.pixel_unshuffle(F.pad(x, (0, w % 2, 0, h % 2), mode="replicate"), 2)
                x = torch.cat([x, x.new_full((1, 1, *x.shape[2:]), sigma / 255)], 1)
                for k, (weight, bias) in enumerate(layers):
                    x = F.conv2d(x if k == 0 else F.relu(x), weight, bias, padding=1)
                x = F.pixel_shuffle(x, 2)[0, :, :h, :w]
                out[i] = (x * 255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
        return out
    return restore


def vbm3d(python, sigma, radius, profile, threads):
    """See vbm3d.py, which that Python runs."""
    common.need(python.exists(), f"{python}, a Python with V-BM3D; vbm3d.py says how to make one")
    program = pathlib.Path(__file__).with_name("vbm3d.py")

    def restore(frames):
        f, h, w, _ = frames.shape
        command = [python, program, *map(str, (w, h, sigma, radius, profile, threads))]
        run = subprocess.run(command, input=frames.tobytes(), stdout=subprocess.PIPE, check=True)
        return np.frombuffer(run.stdout, np.uint8).reshape(f, h, w, 3)
    return restore
