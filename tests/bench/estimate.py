#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""True against estimated sigma over the public clips and Kodak24, and the scenes found in each clip.

Builds estimate_tool.c from the engine's sources, feeds it noisy 8-bit frames, and prints the error of the mean estimate
of each clip in percent (for sigma 0: the estimate), the worst single frame, and the time of an estimate on one thread.
"""
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

import numpy as np

import common

SIGMAS = (0, 5, 10, 15, 25, 35, 50)
SOURCES = ("tests/bench/estimate_tool.c", "engine/analysis/noise_estimation.c",
           "engine/analysis/scene.c", "engine/base/error.c")


def build_tool(folder):
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "openblas"], check=True, stdout=subprocess.PIPE,
                           text=True).stdout
    tool = pathlib.Path(folder) / "estimate_tool"
    subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-I", common.ROOT / "engine",
                    *(common.ROOT / s for s in SOURCES), *shlex.split(flags), "-lm", "-o", tool], check=True)
    return tool


def measure(tool, frames):
    """[F, 3]: sigma, milliseconds, begins a scene. frames: uint8 [F, H, W, C]"""
    _, height, width, channels = frames.shape
    out = subprocess.run([tool, str(width), str(height), str(channels)], input=frames.tobytes(), check=True,
                         stdout=subprocess.PIPE, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}).stdout
    return np.array([line.split() for line in out.decode().splitlines()], np.float64)


def percent(estimate, sigma):
    return f"{100 * (estimate / sigma - 1):+.1f}" if sigma else f"{estimate:.2f}"


def row(tool, clip, form):
    errors, cells, worst, ms, scenes = [], [], 0, [], set()
    for sigma in SIGMAS:
        found = measure(tool, form(common.add_noise(clip, sigma)))
        cells.append(percent(found[:, 0].mean(), sigma))
        ms.append(np.median(found[:, 1]))
        scenes.add(int(found[:, 2].sum()))
        if sigma:
            errors.append(abs(found[:, 0].mean() / sigma - 1))
            worst = max(worst, np.abs(found[:, 0] / sigma - 1).max())
    print(".", end="", flush=True, file=sys.stderr)
    return [clip.name, *cells, f"{100 * worst:.1f}", f"{max(ms):.1f}", "/".join(map(str, sorted(scenes)))], max(errors)


# Grey noise is that of one channel; as RGB it is the same in all three.
FORMS = {
    "rgb": lambda frames: frames,
    "grey": lambda frames: np.ascontiguousarray(frames[..., 1:2]),
    "grey as rgb": lambda frames: np.repeat(frames[..., 1:2], 3, axis=3),
}


def main():
    o = common.options(__doc__).parse_args()
    clips, pictures = common.load_clips(o), common.load_kodak(o)
    worst = 0
    with tempfile.TemporaryDirectory() as folder:
        tool = build_tool(folder)
        for name, form in FORMS.items():
            rows = [row(tool, clip, form) for clip in clips + pictures]
            worst = max([worst] + [error for _, error in rows[:len(clips)]])
            print("", file=sys.stderr)
            common.print_table([name, *SIGMAS, "worst frame", "ms", "scenes"], [cells for cells, _ in rows])
            print()
    print(f"the worst clip is {100 * worst:.1f} % off")
    return int(worst > 0.1)


if __name__ == "__main__":
    sys.exit(main())
