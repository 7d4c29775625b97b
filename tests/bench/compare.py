# SPDX-License-Identifier: LGPL-2.1-or-later
"""One pass of a UNet2DModel of diffusers on the same weights: PyTorch, ONNX Runtime, OpenVINO and ours, in turn.

    python tests/bench/compare.py --threads 2 --turns 5

The model (18.2 M random weights, attention at the lowest level, 3x128x128) is made with diffusers at a fixed seed and
kept in --work. Each contestant is a process of its own, so that its peak memory can be told; that of Python programs
has what they had before they loaded the model beside it. Ours is `udm bench`, with the conversion of a frame.
The error is the largest difference to PyTorch float32, relative to its largest output.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

import common

SIDE, STEP, SEED = 128, 500, 0
CONFIG = dict(sample_size=SIDE, block_out_channels=(64, 128, 128, 256), layers_per_block=2,
              down_block_types=("DownBlock2D",) * 3 + ("AttnDownBlock2D",),
              up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * 3)
PEERS = ["pytorch", "onnxruntime", "openvino-f32", "openvino-bf16"]


def make(work):
    """The model, its input, and as ONNX for those that read it, and how many operations a pass has. In a process of its
    own, as others inherit its peak memory."""
    import diffusers
    import torch
    torch.manual_seed(SEED)
    net = diffusers.UNet2DModel(**CONFIG).eval()
    net.save_pretrained(work / "model")
    x = torch.randn(1, 3, SIDE, SIDE)
    np.save(work / "x.npy", x.numpy())
    total = []

    def count(layer, seen, out):
        if isinstance(layer, torch.nn.Conv2d):
            total.append(2 * out.numel() * layer.weight[0].numel())
        elif isinstance(layer, torch.nn.Linear):
            total.append(2 * out.numel() * layer.in_features)

    hooks = [m.register_forward_hook(count) for m in net.modules()]
    with torch.inference_mode():
        net(x, STEP)
    for hook in hooks:
        hook.remove()

    class Plain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, sample):
            return self.net(sample, torch.tensor([STEP])).sample

    with torch.no_grad():
        torch.onnx.export(Plain().eval(), (x,), str(work / "model.onnx"), input_names=["x"], output_names=["y"],
                          opset_version=17, dynamo=False)
    (work / "flops.json").write_text(json.dumps({"flops": sum(total), "weights": sum(p.numel() for p in
                                                                                     net.parameters())}))


def pytorch(work, threads):
    import diffusers
    import torch
    torch.set_num_threads(threads)
    yield
    net = diffusers.UNet2DModel.from_pretrained(work / "model").eval()
    x = torch.from_numpy(np.load(work / "x.npy"))

    def run():
        with torch.inference_mode():
            return net(x, STEP).sample.numpy()
    yield run


def onnxruntime(work, threads):
    import onnxruntime as ort
    yield
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(work / "model.onnx", options, providers=["CPUExecutionProvider"])
    x = np.load(work / "x.npy")
    yield lambda: session.run(None, {"x": x})[0]


def openvino(work, threads, precision):
    import openvino as ov
    yield
    core = ov.Core()
    model = core.compile_model(core.read_model(work / "model.onnx"), "CPU", {
        "INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY"})
    request, x = model.create_infer_request(), np.load(work / "x.npy")
    yield lambda: request.infer({0: x})[0]


def peak_mib():
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def serve(name, work, threads):
    """In a peer's process: loads it and saves its output; then, for each number read, times so many passes."""
    kind, _, precision = name.partition("-")
    steps = globals()[kind](work, threads, *[precision] * bool(precision))
    next(steps)
    before = peak_mib()
    run = next(steps)
    np.save(work / f"{name}.npy", run())
    print("ready", flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start = time.perf_counter()
            run()
            times.append(1e3 * (time.perf_counter() - start))
        print(json.dumps({"times": times, "peak": peak_mib(), "before": before}), flush=True)


class Peer:
    def __init__(self, name, o):
        self.name, self.peak, self.before, self.times = name, 0, 0, []
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", name, "--work", o.work, "--threads", str(o.threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        common.need(self.process.stdout.readline() == "ready\n", f"the Python packages for {name}")

    def turn(self, repeat):
        self.process.stdin.write(f"{repeat}\n")
        self.process.stdin.flush()
        said = json.loads(self.process.stdout.readline())
        self.times += said["times"]
        self.peak, self.before = said["peak"], said["before"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Ours:
    def __init__(self, device, o):
        self.name, self.device, self.o, self.peak, self.before, self.times = f"udm {device}", device, o, 0, 0, []
        self.program = o.build / "examples/udm"
        common.need(self.program.exists(), f"{self.program}; meson setup {o.build}, then ninja")
        self.run("forward", o.work / "model", o.work / "x.npy", o.work / f"{self.name}.npy", "--time", str(STEP))

    def run(self, *arguments):
        return subprocess.run([self.program, *arguments, "--device", self.device, "--threads", str(self.o.threads)],
                              check=True, stdout=subprocess.PIPE).stdout

    def turn(self, repeat):
        said = json.loads(self.run("bench", self.o.work / "model", "--size", f"{SIDE}x{SIDE}", "--repeat", str(repeat)))
        self.times.append(said["median_ms"])
        self.peak = max(self.peak, said["peak_rss_mib"])

    def close(self):
        pass


def report(o, contestants):
    counted = json.loads((o.work / "flops.json").read_text())
    want = np.load(o.work / "pytorch.npy")
    ms = {c.name: statistics.median(c.times) for c in contestants}
    best = min(ms[c.name] for c in contestants if isinstance(c, Peer))
    rows = []
    for c in contestants:
        error = np.abs(np.load(o.work / f"{c.name}.npy") - want).max() / np.abs(want).max()
        memory = f"{c.peak:.0f}" + (f" ({c.before:.0f})" if c.before else "")
        rows.append([c.name, "%.1f" % ms[c.name], "%.1f" % min(c.times), "%.0f" % (counted["flops"] / ms[c.name] / 1e6),
                     "%.0e" % error, memory, "%.2f" % (best / ms[c.name])])
    print(f"UNet2DModel, {counted['weights'] / 1e6:.1f} M weights, {counted['flops'] / 1e9:.1f} GFLOP, "
          f"3x{SIDE}x{SIDE}, {o.threads} threads, {o.turns} turns of {o.repeat}")
    common.print_table(["", "median ms", "least ms", "GFLOP/s", "error", "peak MiB", "speed / best peer"], rows)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", type=pathlib.Path, default=common.ROOT / "build")
    p.add_argument("--work", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "udm-compare")
    p.add_argument("--threads", type=int, default=2, help="for every contestant (default: %(default)s)")
    p.add_argument("--turns", type=int, default=5)
    p.add_argument("--repeat", type=int, default=5, help="passes in a turn (default: %(default)s)")
    p.add_argument("--device", action="append", help="of ours; may be repeated (default: cpu and opencl)")
    p.add_argument("--serve", help=argparse.SUPPRESS)
    o = p.parse_args()
    if o.serve == "make":
        return make(o.work)
    if o.serve:
        return serve(o.serve, o.work, o.threads)
    o.work.mkdir(parents=True, exist_ok=True)
    if not (o.work / "flops.json").exists():
        subprocess.run([sys.executable, "-W", "ignore", __file__, "--serve", "make", "--work", o.work], check=True)
    contestants = [Peer(name, o) for name in PEERS] + [Ours(d, o) for d in o.device or ["cpu", "opencl"]]
    for _ in range(o.turns):
        for c in contestants:
            c.turn(o.repeat)
    for c in contestants:
        c.close()
    report(o, contestants)
    return 0


if __name__ == "__main__":
    sys.exit(main())
