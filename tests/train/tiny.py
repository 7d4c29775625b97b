# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains tiny models for some seconds, stops and resumes one, exports them, and runs them in the engine.

    python3 tests/train/tiny.py BUILD

Skipped (77) where python3 has not what training needs.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import av, matplotlib, safetensors, torch, tqdm  # noqa: E401, F401
    from PIL import Image
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

TRAIN = pathlib.Path(__file__).resolve().parent.parent.parent / "models/train"
TINY = '{"block_out_channels": [4, 8], "layers_per_block": [1, 1]}'


def run(*command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{command[0]} {command[1]}: {result.stdout}{result.stderr}")
    return result.stdout


def make_footage(folder):
    """A few pictures, and a film that pans over one of them, as a folder of frames."""
    random = np.random.default_rng(1)
    (folder / "film").mkdir(parents=True)
    for k in range(4):
        coarse = Image.fromarray(random.integers(0, 255, (40, 40, 3), np.uint8))
        coarse.resize((280, 280), Image.BICUBIC).save(folder / f"{k}.png")
    for k in range(10):
        coarse.resize((280, 280), Image.BICUBIC).crop((k, k, k + 128, k + 128)).save(folder / f"film/{k:02}.png")


def check_mix(work, one):
    """3 a - 2 b of all weights but those of the trust."""
    a = torch.load(one, weights_only=True)
    b = {**a, "average": {k: v + 1 for k, v in a["average"].items()}}
    torch.save(b, work / "other.pt")
    run(sys.executable, TRAIN / "mix.py", "--trust", work / "other.pt", "--", work / "mixed.pt", f"3*{one}",
        f"-2*{work / 'other.pt'}", f"0*{work / 'guess'}")
    for k, v in torch.load(work / "mixed.pt", weights_only=True)["average"].items():
        added = 1 if k.startswith("trust.") else -2
        assert torch.allclose(v, a["average"][k] + added, atol=1e-5), k


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    udm = build / "examples/udm"
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        make_footage(work / "footage")
        train = [sys.executable, TRAIN / "train.py", work / "footage", "--checkpoint", work / "small.pt", "--config",
                 TINY, "--patch", 32, "--batch", 2, "--threads", 1]
        run(*train, "--minutes", 0.03)
        assert "resumed" in run(*train, "--minutes", 0.05)
        run(sys.executable, TRAIN / "export.py", work / "small.pt", work / "small")
        run(sys.executable, TRAIN / "export.py", work / "small.pt", work / "seed", "--preview", work / "small.pt")
        run(sys.executable, TRAIN / "recursion.py", work / "footage", "--checkpoint", work / "guess.pt", "--start",
            work / "small", "--preview", work / "seed", "--udm", udm, "--patch", 32, "--batch", 1, "--streams", 2,
            "--renditions", 2, "--minutes", 0.05, "--threads", 1)
        run(sys.executable, TRAIN / "export.py", work / "guess.pt", work / "guess", "--preview", work / "seed")
        check_mix(work, work / "guess.pt")
        for picture in ("small.png", "guess.png"):
            assert Image.open(work / picture).width > 100, picture
        for model in ("small", "guess"):
            timed = json.loads(run(udm, "bench", work / model, "--size", "64x48", "--frames", 3, "--repeat", 1))
            assert timed["median_ms"] > 0
            x = np.zeros((1, 3, 48, 64), np.float32)
            np.save(work / "x.npy", x)
            run(udm, "forward", work / model, work / "x.npy", work / "y.npy", "--time", 0.2)
            assert np.isfinite(np.load(work / "y.npy")).all()


if __name__ == "__main__":
    main()
