# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long the first frame takes after a cold start, on cpu and on opencl with and without a cache of kernels; and how
far the two are apart.

    python tests/bench/first_frame.py --threads 2 --repeat 3

Each time is that of a whole process, from its start to its end: `udm forward` on one frame (a window of frames, for a
model that makes video), and gst-launch-1.0 with one frame through the element. Without a cache, the folder of caches is
a new one, also for what the driver keeps there itself; with it, it is as the process before left it. "ours alone" is
with the driver's taken away. The difference is the largest one between the outputs of `udm forward`.
"""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import numpy as np

import common

LIMITS = {"cpu": 1.0, "opencl, no cache": 10.0, "opencl, cache": 1.5}  # seconds
CLOSE = 1e-4


def make_input(o, about, path):
    """One frame, or one window of frames that stand at rising times. Their times, as --time takes them."""
    w, h = map(int, o.size.split("x"))
    shape, times = (1, about["in_channels"], h, w), "0.2"
    if "frames" in about:
        shape = (1, about["in_channels"], about["frames"], about["sample_size"], about["sample_size"])
        times = ",".join("%.3f" % t for t in np.linspace(0, 1, about["frames"]))
    np.save(path, np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32))
    return times


def seconds(command, caches, env=()):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, **dict(env), "XDG_CACHE_HOME": str(caches)})
    return time.perf_counter() - start


def element(o, model, about, device):
    settings = f"model={model} device={device} n-threads={o.threads}"
    size = "width=%s,height=%s" % tuple(o.size.split("x"))
    line = f"videotestsrc num-buffers=1 ! video/x-raw,format=RGB,{size} ! udmdenoise noise-level=25 {settings}"
    if "frames" in about:
        line = f"udmsrc num-frames=1 {settings}"
    return ["gst-launch-1.0", "-q", *f"{line} ! fakesink".split()]


def measure(o, model, work):
    """Rows of what, device and caches, least and most seconds; and the difference."""
    about, rows, out = json.loads((model / "unet/config.json").read_text()), [], {}
    times = make_input(o, about, work / "in.npy")
    env = {"GST_PLUGIN_PATH": str(o.build / "elements"), "GST_REGISTRY": str(work / "registry")}
    for what in "forward", "element":
        found = {}
        for device in "cpu", "opencl":
            out[device] = work / f"{device}.npy"
            command = [o.build / "examples/udm", "forward", model, work / "in.npy", out[device], "--time", times,
                       "--device", device, "--threads", str(o.threads)]
            if what == "element":
                command = element(o, model, about, device)
                seconds(["gst-inspect-1.0", "udmdenoise"], work, env.items())  # finds the plugins
            for _ in range(o.repeat):
                caches = pathlib.Path(tempfile.mkdtemp(dir=work))
                first = seconds(command, caches, env.items())
                if device == "cpu":
                    found.setdefault("cpu", []).append(first)
                    continue
                found.setdefault("opencl, no cache", []).append(first)
                found.setdefault("opencl, cache", []).append(seconds(command, caches, env.items()))
                for path in caches.iterdir():
                    if path.name != "udm":
                        shutil.rmtree(path)
                found.setdefault("opencl, ours alone", []).append(seconds(command, caches, env.items()))
        rows += [[model.name, what, name, min(s), max(s)] for name, s in found.items()]
    a, b = np.load(out["cpu"]), np.load(out["opencl"])
    return rows, np.abs(a - b).max()


def main():
    p = common.options(__doc__, ["denoise", "denoise-quality", "digits"])
    p.add_argument("--size", default="352x288", metavar="WxH", help="of the frames that are restored")
    p.add_argument("--repeat", type=int, default=3)
    o = p.parse_args()
    common.need((o.build / "examples/udm").exists(), f"{o.build}/examples/udm; meson setup {o.build}, then ninja")
    common.need(shutil.which("gst-launch-1.0"), "gst-launch-1.0 (Debian package gstreamer1.0-tools)")
    failed, rows = False, []
    for model in o.models:
        with tempfile.TemporaryDirectory() as work:
            more, difference = measure(o, model, pathlib.Path(work))
        print(f"{model.name}: opencl and cpu differ by {difference:.1e} at most", flush=True)
        failed |= not difference < CLOSE
        rows += more
    failed |= any(least > LIMITS.get(name, 1e9) for _, _, name, least, _ in rows)
    common.print_table(["model", "what", "device", "least s", "most s"],
                       [row[:3] + ["%.2f" % s for s in row[3:]] for row in rows])
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
