# SPDX-License-Identifier: LGPL-2.1-or-later
"""One pass of a network on the same weights: PyTorch, ONNX Runtime, OpenVINO and ours, in turn.

    python tests/bench/compare.py --threads 2 --turns 5
    python tests/bench/compare.py --case denoise-272p,denoise-1080p
    python tests/bench/compare.py --isa avx2

unet2d is a UNet2DModel of diffusers (18.2 M random weights, attention at the lowest level, 3x128x128), made at a
fixed seed; denoise-* is the network of the shipped model, at some size, without motion and prediction. Both are kept
in --work. Each contestant is a process of its own, so that its peak memory can be measured; that of Python programs has
what they had before they loaded the model beside it. Ours is `udm bench`, with the conversion of a frame. CPU ms is
the least time of all processors together, which other work on the machine changes little. The error is the largest
difference to PyTorch float32, relative to its largest output.

--isa avx2 keeps everybody from using AVX-512: ours is opened as cpu:avx2, and oneDNN, which computes the convolutions
of OpenVINO and PyTorch, is limited by ONEDNN_MAX_CPU_ISA (some of OpenVINO's elementwise kernels ignore it). ONNX
Runtime cannot be limited and is left out.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

import common
import compare_cases as cases

PEERS = ["pytorch", "onnxruntime", "openvino-f32", "openvino-bf16"]
DEEP = ("onnxruntime", "openvino-bf16")  # need what --isa takes away, or cannot do without it
CAPS = {"avx2": dict(ONEDNN_MAX_CPU_ISA="AVX2", DNNL_MAX_CPU_ISA="AVX2", ATEN_CPU_CAPABILITY="avx2",
                     MKL_ENABLE_INSTRUCTIONS="AVX2")}


def inputs(folder):
    return dict(np.load(folder / "inputs.npz"))


def pytorch(folder, threads):
    import torch
    torch.set_num_threads(threads)
    yield
    net = cases.load(folder, cases.facts_of(folder)).to(memory_format=torch.channels_last)
    x = [torch.from_numpy(a).contiguous(memory_format=torch.channels_last) for a in inputs(folder).values()]

    def run():
        with torch.inference_mode():
            return net(*x).numpy()
    yield run


def onnxruntime(folder, threads):
    import onnxruntime as ort
    yield
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    x = inputs(folder)
    yield lambda: session.run(None, x)[0]


def openvino(folder, threads, precision):
    import openvino as ov
    yield
    core = ov.Core()
    model = core.compile_model(core.read_model(folder / "model.onnx"), "CPU", {
        "INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY"})
    request, x = model.create_infer_request(), inputs(folder)
    yield lambda: request.infer(x)[0]


def peak_mib():
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def serve(name, folder, threads):
    """In a peer's process: loads it and saves its output; then, for each number read, times so many passes."""
    kind, _, precision = name.partition("-")
    steps = globals()[kind](folder, threads, *[precision] * bool(precision))
    next(steps)
    before = peak_mib()
    run = next(steps)
    np.save(folder / f"{name}.npy", run())
    print("ready", flush=True)
    for line in sys.stdin:
        times, cpu = [], []
        for _ in range(int(line)):
            start, cpu_start = time.perf_counter(), time.process_time()
            run()
            times.append(1e3 * (time.perf_counter() - start))
            cpu.append(1e3 * (time.process_time() - cpu_start))
        print(json.dumps({"times": times, "cpu": min(cpu), "peak": peak_mib(), "before": before}), flush=True)


class Peer:
    def __init__(self, name, folder, o):
        self.name, self.peak, self.before, self.times, self.cpu = name, 0, 0, [], np.inf
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", name, "--work", folder, "--threads", str(o.threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=dict(os.environ, **CAPS.get(o.isa, {})))
        common.need(self.process.stdout.readline() == "ready\n", f"the Python packages for {name}")

    def turn(self, repeat):
        self.process.stdin.write(f"{repeat}\n")
        self.process.stdin.flush()
        said = json.loads(self.process.stdout.readline())
        self.times += said["times"]
        self.cpu = min(self.cpu, said["cpu"])
        self.peak, self.before = said["peak"], said["before"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Ours:
    """device: as `udm` has it, with a precision after a slash."""

    def __init__(self, device, folder, o):
        self.name, self.folder, self.peak, self.before, self.times = f"udm {device}", folder, 0, 0, []
        self.cpu = np.inf
        self.output, self.facts = folder / f"udm-{device.replace('/', '-')}.npy", cases.facts_of(folder)
        self.program = o.build / "examples/udm"
        device, _, precision = device.partition("/")
        self.options = ["--device", device, "--threads", str(o.threads), "--precision", precision or "f32"]
        common.need(self.program.exists(), f"{self.program}; meson setup {o.build}, then ninja")
        self.run("forward", folder / "model", folder / "x.npy", self.output, "--time", str(self.facts["time"]))

    def run(self, *arguments):
        return subprocess.run([self.program, *arguments, *self.options], check=True, stdout=subprocess.PIPE).stdout

    def turn(self, repeat):
        said = json.loads(self.run("bench", self.folder / "model", "--size", "%dx%d" % tuple(self.facts["size"]),
                                   "--repeat", str(repeat)))
        self.times += said["ms"]
        self.cpu = min(self.cpu, said["cpu_ms"])
        self.peak = max(self.peak, said["peak_rss_mib"])

    def close(self):
        pass


def output_of(contestant, folder):
    return np.load(getattr(contestant, "output", folder / f"{contestant.name}.npy"))


def report(o, folder, contestants):
    facts = cases.facts_of(folder)
    want = np.load(folder / "pytorch.npy")
    ms = {c.name: statistics.median(c.times) for c in contestants}
    best = min(ms[c.name] for c in contestants if isinstance(c, Peer))
    rows = []
    for c in contestants:
        error = np.abs(output_of(c, folder) - want).max() / np.abs(want).max()
        memory = f"{c.peak:.0f}" + (f" ({c.before:.0f})" if c.before else "")
        against = [ms.get("openvino-f32", np.nan) / ms[c.name], best / ms[c.name]]
        rows.append([c.name, "%.1f" % ms[c.name], "%.1f" % min(c.times), "%.1f" % c.cpu,
                     "%.0f" % (facts["flops"] / ms[c.name] / 1e6),
                     "%.0e" % error, memory, *("%.2f" % x for x in against)])
    print(f"{facts['title']}, {facts['weights'] / 1e6:.1f} M weights, {facts['flops'] / 1e9:.1f} GFLOP, "
          f"{'x'.join(map(str, facts['size']))}, {o.threads} threads, {o.turns} turns of {o.repeat}" +
          (f", at most {o.isa}" if o.isa else ""))
    common.print_table(["", "median ms", "least ms", "CPU ms", "GFLOP/s", "error", "peak MiB", "speed / OpenVINO f32",
                        "/ best peer"], rows)


def default_devices(o):
    return [f"cpu:{o.isa}"] if o.isa else ["cpu", "cpu/bf16", "opencl"]


def compare(name, o):
    folder = o.work / name
    if not (folder / "facts.json").exists():
        subprocess.run([sys.executable, "-W", "ignore", __file__, "--serve", "make", "--case", name, "--work", folder],
                       check=True, stdout=subprocess.DEVNULL)
    contestants = [Peer(n, folder, o) for n in PEERS if not (o.isa and n in DEEP)]
    contestants += [Ours(d, folder, o) for d in o.device or default_devices(o)]
    for _ in range(o.turns):
        for c in contestants:
            c.turn(o.repeat)
    for c in contestants:
        c.close()
    report(o, folder, contestants)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", type=pathlib.Path, default=common.ROOT / "build")
    p.add_argument("--work", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "udm-compare")
    p.add_argument("--case", default="unet2d", help=f"of {', '.join(cases.CASES)} (default: %(default)s)")
    p.add_argument("--isa", choices=list(CAPS), help="the most that anybody may use (default: what there is)")
    p.add_argument("--threads", type=int, default=2, help="for every contestant (default: %(default)s)")
    p.add_argument("--turns", type=int, default=5)
    p.add_argument("--repeat", type=int, default=5, help="passes in a turn (default: %(default)s)")
    p.add_argument("--device", action="append", help="of ours, DEVICE or DEVICE/PRECISION; may be repeated (default: "
                   "cpu, cpu/bf16 and opencl)")
    p.add_argument("--serve", help=argparse.SUPPRESS)
    o = p.parse_args()
    if o.serve == "make":
        return cases.make(o.case, o.work)
    if o.serve:
        return serve(o.serve, o.work, o.threads)
    for name in o.case.split(","):
        common.need(name in cases.CASES, f"a case {name}; there are: {', '.join(cases.CASES)}")
        compare(name, o)
    return 0


if __name__ == "__main__":
    sys.exit(main())
