# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the networks of models/train/mnist.py for some steps on digits that are noise, one from the other, exports
them, and lets the engine make pictures with them.

    python3 tests/train/digits.py BUILD

Skipped (77) where python3 has not what training needs.
"""
import gzip
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import diffusers, matplotlib, safetensors, torch, tqdm  # noqa: E401, F401
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

TRAIN = pathlib.Path(__file__).resolve().parent.parent.parent / "models/train"
sys.path.insert(0, str(TRAIN))
import channels  # noqa: E402


def run(*command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{command[0]} {command[1]}: {result.stdout}{result.stderr}")
    return result.stdout


def write_idx(path, values):
    header = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    path.write_bytes(gzip.compress(header + values.tobytes()))


def make_digits(folder):
    random = np.random.default_rng(1)
    for part in ("train", "t10k"):
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", random.integers(0, 256, (60, 28, 28), np.uint8))
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", (np.arange(60) % 10).astype(np.uint8))


def check_normalisation():
    torch.manual_seed(0)
    x, weights = torch.randn(3, 12, 5, 6), torch.randn(3, 12, 5, 6)
    results = []
    for module in (torch.nn.GroupNorm(4, 12), channels.GroupNorm(4, 12)):
        with torch.no_grad():
            module.weight.copy_(torch.linspace(-1, 2, 12))
            module.bias.copy_(torch.linspace(1, -1, 12))
        given = x.clone().contiguous(memory_format=torch.channels_last).requires_grad_()
        made = module(given)
        (made * weights).sum().backward()
        results.append((made, given.grad, module.weight.grad, module.bias.grad))
    for theirs, ours in zip(*results):
        assert (theirs - ours).abs().max() < 2e-5, "channels.GroupNorm is not GroupNorm"


def main():
    udm = pathlib.Path(sys.argv[1]).resolve() / "examples/udm"
    check_normalisation()
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        make_digits(work)
        train = [sys.executable, TRAIN / "mnist.py", work, "--threads", 1, "--batch", 4, "--minutes", 0.02]
        models = {"noise": ["gaussian"], "spread": ["gaussian", "--variance"], "symbols": ["absorbing"]}
        for model, process in models.items():
            start = [] if model == "noise" else ["--start", work / "noise.pt"]
            named = ["--process", *process, "--checkpoint", work / f"{model}.pt"]
            run(*train, *named, *start)
            run(*train, *named, "--export", work / model)
            run(udm, "sample", work / model, work / "out.npy", "--count", 2, "--class", 7, "--steps", 3,
                "--guidance", 2)
            made = np.load(work / "out.npy")
            assert made.shape == (2, 1, 28, 28) and np.isfinite(made).all()
        run(sys.executable, TRAIN / "classifier.py", work, work / "reader", "--minutes", 0.01, "--widths", 4, 6)
        assert (work / "reader/config.json").exists()


if __name__ == "__main__":
    main()
