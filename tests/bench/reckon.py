#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a frame would take on GPUs that are not at hand, reckoned, not measured: the operations and bytes of a frame as
`udm bench --profile` counts them on the processor, over what such a GPU can do, by the roofline. GPUs do no Winograd
products, but four times as many direct ones.

    reckon.py [--size WxH] [--threads N of the host]
"""
import argparse
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^(.{44}) +([\d.]+) +([\d.]+) +[\d.]+ % +([\d.]+) +([\d.]+)")

# Data sheets: GFLOP/s of f32 outside matrix units, GB/s of its memory, GB/s to and from the host.
GPUS = {"integrated (96 units of Xe)": (2200, 60, 20), "card of 8 GB (RTX 4060)": (15100, 272, 12),
        "H100 SXM": (67000, 3350, 50)}
PRODUCTS, MEMORY = 0.4, 0.7  # shares of those that kernels are taken to reach
LAUNCH_MS = 0.005            # of a kernel,
KERNELS = 250                # of which a frame has about so many, motion included
HOST_NS = 19                 # of one core for a pixel: update and correlation of the prediction, conversion
PLANES = 26                  # of floats that travel for a pixel: networks, flow, warps


def operations(size):
    width, height = map(int, size.split("x"))
    done = subprocess.run([ROOT / "build/engine/cli/udm", "bench", ROOT / "models/denoise", "--size", size, "--frames",
                           "2", "--repeat", "1", "--threads", "1", "--device", "cpu", "--profile"], check=True,
                          capture_output=True, text=True)
    rows = []
    for line in done.stdout.splitlines():
        if at := ROW.match(line):
            name, ms, flops, moved = at[1].strip(), float(at[3]), float(at[4]), float(at[5])
            rows.append((flops * ms * 1e6 * (4 if "Winograd" in name else 1), moved * ms * 1e6))
    return width * height, rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--threads", type=int, default=8)
    o = parser.parse_args()
    pixels, rows = operations(o.size)
    print(f"{o.size}: {sum(f for f, _ in rows) / 1e9:.0f} GFLOP and {sum(b for _, b in rows) / 1e9:.1f} GB a frame\n")
    print("| reckoned | precision | operations, ms | transfers | launches | host | frames/s |")
    print("|---|---|---|---|---|---|---|")
    for gpu, (flops, memory, link) in GPUS.items():
        for precision, size in ("f32", 1), ("f16", 0.5):
            work = sum(max(f / (flops * 1e9 * PRODUCTS), b * size / (memory * 1e9 * MEMORY)) for f, b in rows) * 1e3
            travel, host = PLANES * 4 * pixels / (link * 1e6), HOST_NS * pixels * 1e-6 / o.threads
            launches = KERNELS * LAUNCH_MS
            print(f"| {gpu} | {precision} | {work:.1f} | {travel:.1f} | {launches:.1f} | {host:.1f} | "
                  f"{1e3 / (work + travel + launches + host):.0f} |")


if __name__ == "__main__":
    main()
