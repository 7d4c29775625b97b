# SPDX-License-Identifier: LGPL-2.1-or-later
"""One pass of the network: the engine against PyTorch float32 with the same weights and as many threads, in turn.

    python tests/bench/forward_time.py --size 640x480 --threads 2

PyTorch has the better of its two memory layouts. Ours is `udm bench`; each turn is the median of --repeat passes, and
the table has the best turn of each.
"""
import json
import statistics
import subprocess
import sys
import time

import common
import ours


def torch_ms(net, size, layout, repeat):
    import torch
    w, h = (-(-n // net.stride) * net.stride for n in size)
    frame = torch.randn(1, net.config["in_channels"], h, w).contiguous(memory_format=layout)
    level = torch.full((1, 1, h, w), 0.2)
    times = []
    with torch.inference_mode():
        for _ in range(repeat + 1):  # the first one warms up
            start = time.perf_counter()
            net(frame, level)
            times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times[1:])


def udm_ms(o, size):
    program = o.build / "examples/udm"
    common.need(program.exists(), f"{program}; meson setup {o.build}, then ninja")
    run = subprocess.run([program, "bench", o.model, "--size", "%dx%d" % size, "--threads", str(o.threads), "--device",
                          "cpu", "--repeat", str(o.repeat)], check=True, stdout=subprocess.PIPE)
    return json.loads(run.stdout)["median_ms"]


def main():
    p = common.options(__doc__)
    p.add_argument("--size", action="append", metavar="WxH", help="may be repeated (default: 320x240 and 640x480)")
    p.add_argument("--repeat", type=int, default=5)
    p.add_argument("--turns", type=int, default=3)
    o = p.parse_args()
    try:
        import torch
    except ImportError:
        common.need(False, "the Python package torch")
    torch.set_num_threads(o.threads)
    net = ours.load_network(o.model)
    flops = 2 * ours.multiply_adds(net)
    print(f"{o.model.name}: {flops / 1e3:.0f} kFLOP per pixel, {o.threads} threads")
    rows, slower = [], False
    for text in o.size or ["320x240", "640x480"]:
        size = tuple(map(int, text.split("x")))
        turns = []
        for _ in range(o.turns):
            plain = torch_ms(net.to(memory_format=torch.contiguous_format), size, torch.contiguous_format, o.repeat)
            last = torch_ms(net.to(memory_format=torch.channels_last), size, torch.channels_last, o.repeat)
            turns.append([plain, last, udm_ms(o, size)])
        plain, last, udm = map(min, zip(*turns))
        ratio = udm / min(plain, last)
        slower |= ratio > 1
        rows.append([text] + ["%.1f" % x for x in (plain, last, udm)] + ["%.2f" % ratio,
                    "%.0f" % (flops * size[0] * size[1] / udm / 1e6)])
    common.print_table(["ms", "torch", "torch channels_last", "udm", "udm / best torch", "udm GFLOP/s"], rows)
    return slower


if __name__ == "__main__":
    sys.exit(main())
