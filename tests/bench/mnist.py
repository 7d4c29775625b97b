# SPDX-License-Identifier: LGPL-2.1-or-later
"""The experiments of the papers on MNIST, run by the engine: tables, and the pictures docs/mnist-*.png.

    python tests/bench/mnist.py FOLDER [--work DIRECTORY] [--count 500] [--parts distance,guidance,restore,pictures]

FOLDER holds MNIST. Needs models/mnist-*, a build, a compiler, and Python with torch, scipy, OpenCV, matplotlib and
Pillow. What was made is kept in --work, so that it can be stopped and goes on. A Frechet distance is that between what
the reader (models/mnist-reader) sees in --count pictures, as many of each class, and in the train part, as many of
each; all samplers begin with the same noise.
"""
import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import safetensors.torch
import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "models/train"))
import digits  # noqa: E402
import processes  # noqa: E402
from classifier import UdmClassifier  # noqa: E402

CLASSES = 10
TOOL = ["tests/bench/process_tool.c", "engine/cli/npy.c", "engine/base/error.c", "engine/base/random.c"]
SAMPLERS = {"ddpm": "DDPM, variance small", "ddpm_large": "DDPM, large", "ddpm_learned": "DDPM, learned",
            "ddpm_analytic": "DDPM, analytic", "ddim": "DDIM", "s_pndm": "S-PNDM", "f_pndm": "F-PNDM",
            "dpmpp_2m": "DPM-Solver++ 2M", "unipc": "UniPC"}
STEPS = 10, 20, 50
LONG = {"ddim": 1000}  # what the claim of PNDM is about
PROCESSES = {"noise": ("ddpm", 50), "soft-blur": ("ddpm", 50), "symbols": ("ddpm", 50), "mask": ("ddim", 50)}


class Bench:
    def __init__(self, o):
        self.o = o
        self.work = pathlib.Path(o.work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.pool = concurrent.futures.ThreadPoolExecutor(o.jobs)
        config = json.loads((o.models / "mnist-reader/config.json").read_text())
        self.reader = UdmClassifier(config["channels"], config["widths"], config["classes"]).eval()
        self.reader.load_state_dict(safetensors.torch.load_file(
            o.models / "mnist-reader/diffusion_pytorch_model.safetensors"))
        self.reader.float()
        self.train, self.labels = digits.load(o.folder)
        self.test, self.test_labels = digits.load(o.folder, "t10k")
        self.truth = self.statistics(self.balanced(self.train * 2 - 1, self.labels))

    def balanced(self, pictures, labels, each=None):
        each = each or min((labels == c).sum().item() for c in range(CLASSES))
        return torch.cat([pictures[labels == c][:each] for c in range(CLASSES)])

    @torch.no_grad()
    def features(self, pictures):
        return torch.cat([self.reader.features(p, torch.zeros(len(p))) for p in pictures.split(500)])

    @torch.no_grad()
    def accuracy(self, pictures, labels):
        seen = torch.cat([self.reader(p, torch.zeros(len(p))).argmax(1) for p in pictures.split(500)])
        return 100 * (seen == labels).double().mean().item()

    def statistics(self, pictures):
        seen = self.features(pictures).double().numpy()
        return seen.mean(0), np.cov(seen, rowvar=False)

    def distance(self, pictures):
        """Heusel et al. 2017, equation 6, of the reader's features."""
        (m1, c1), (m2, c2) = self.truth, self.statistics(pictures)
        values, vectors = np.linalg.eigh(c1)
        root = vectors * np.sqrt(values.clip(0)) @ vectors.T
        cross = np.sqrt(np.linalg.eigvalsh(root @ c2 @ root).clip(0)).sum()
        return float(((m1 - m2) ** 2).sum() + np.trace(c1) + np.trace(c2) - 2 * cross)

    def udm(self, *arguments):
        subprocess.run([str(a) for a in (self.o.build / "examples/udm", "sample", *arguments, "--threads", 1)],
                       check=True)

    def sample(self, model, sampler, steps, count=None, **others):
        """Pictures [count, 1, 28, 28], class after class."""
        each = (count or self.o.count) // CLASSES
        name = "-".join([model, sampler, str(steps), str(each), *(f"{k}{v}" for k, v in others.items())])
        path = self.work / f"{name}.npy"

        def one(label):
            part = self.work / f"{name}-class{label}.npy"
            if not part.exists():
                new = part.with_suffix(".new")
                self.udm(self.o.models / f"mnist-{model}", new, "--count", each, "--class", label, "--seed", label,
                         "--steps", steps, "--sampler", sampler,
                         *(x for k, v in others.items() for x in (f"--{k}", v)))
                new.rename(part)
            return part

        if not path.exists():
            parts = list(self.pool.map(one, range(CLASSES)))
            np.save(path, np.concatenate([np.load(part) for part in parts]))
            for part in parts:
                part.unlink()
        return torch.from_numpy(np.load(path))

    def labels_of(self, pictures):
        return torch.arange(CLASSES).repeat_interleave(len(pictures) // CLASSES)

    def evaluations(self, model, sampler, steps):
        """What the network sees on the way of one picture."""
        with tempfile.TemporaryDirectory() as folder:
            self.udm(self.o.models / f"mnist-{model}", f"{folder}/out.npy", "--class", 0, "--steps", steps,
                     "--sampler", sampler, "--path", f"{folder}/path.npy")
            return np.load(f"{folder}/path.npy").shape[2] - 1


def distances(bench):
    o = bench.o
    real = bench.balanced(bench.test * 2 - 1, bench.test_labels, o.count // CLASSES)
    print(f"reader: {bench.accuracy(bench.test * 2 - 1, bench.test_labels):.2f} % of the t10k part")
    print(f"{len(real)} pictures of the t10k part themselves: distance {bench.distance(real):.2f}; in four greys: "
          f"{bench.distance(processes.greys(processes.symbols(real))):.2f}\n")
    print("| sampler | " + " | ".join(f"{s} steps" for s in STEPS) + " | 1000 steps |")
    print("|---|" + "---|" * (len(STEPS) + 1))
    curves = {}
    for sampler, title in sorted(SAMPLERS.items(), key=lambda item: item[0] in LONG):  # what takes long comes last
        points = []
        for steps in [*STEPS, *([LONG[sampler]] if sampler in LONG else [])]:
            d = bench.distance(bench.sample("noise", sampler, steps))
            points.append((bench.evaluations("noise", sampler, steps), d))
        curves[title] = points
        cells = [f"{d:.2f} ({n})" for n, d in points] + ["-"] * (len(STEPS) + 1 - len(points))
        print(f"| {title} | " + " | ".join(cells) + " |", flush=True)
    for sampler in ("ddpm", "ddim", "f_pndm"):
        cells = [f"{bench.distance(bench.sample('noise', sampler, steps, schedule='cosine')):.2f}" for steps in STEPS]
        print(f"| {SAMPLERS[sampler]}, cosine | " + " | ".join(cells) + " | - |", flush=True)
    print("\n(in brackets: evaluations of the network)\n")
    claims(curves)
    draw_curves(curves, ROOT / "docs/mnist-distance.png")


def claims(curves):
    at = {title: dict(zip([*STEPS, 1000], (d for _, d in points))) for title, points in curves.items()}
    ours, theirs = at["F-PNDM"][50], at["DDIM"][1000]
    print(f"PNDM's claim: F-PNDM in 50 steps {ours:.2f}, DDIM in 1000 {theirs:.2f}, and 5 % more is "
          f"{1.05 * theirs:.2f}: {'holds' if ours <= 1.05 * theirs else 'does not hold'}")
    for steps in STEPS:
        best = min(at[SAMPLERS[s]][steps] for s in ("ddpm", "ddpm_large"))
        ours = at[SAMPLERS["ddpm_analytic"]][steps]
        print(f"Analytic-DPM's claim, {steps} steps: analytic {ours:.2f}, the better of small and large {best:.2f}: "
              f"{'holds' if ours <= best else 'does not hold'}")


def draw_curves(curves, path):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for title, points in curves.items():
        axes.loglog(*zip(*points), ".-", label=title)
    axes.set_xlabel("evaluations of the network")
    axes.set_ylabel("Fréchet distance")
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=90)


def guidance(bench):
    print("\n| guidance, DDPM, 20 steps | read as the class | distance |\n|---|---|---|")
    rows = [("none, conditional", {})]
    rows += [(f"classifier-free, {g}", dict(guidance=g)) for g in (1.5, 2, 3)]
    rows += [(f"classifier, {g}, conditional", dict(classifier=g)) for g in (2, 4)]
    rows += [("none, unconditional", dict(guidance=0, classifier=0))]
    rows += [(f"classifier, {g}, unconditional", dict(guidance=0, classifier=g)) for g in (4, 10)]
    for title, others in rows:
        made = bench.sample("noise", "ddpm", 20, **others)
        print(f"| {title} | {bench.accuracy(made, bench.labels_of(made)):.1f} % | {bench.distance(made):.2f} |",
              flush=True)


def of_processes(bench):
    print("\n| process | steps | distance | read as the class |\n|---|---|---|---|")
    for model, (sampler, steps) in PROCESSES.items():
        made = bench.sample(model, sampler, steps)
        print(f"| {model} | {steps}, `{sampler}` | {bench.distance(made):.2f} | "
              f"{bench.accuracy(made, bench.labels_of(made)):.1f} % |", flush=True)


# Restorations.

def build_tool(folder):
    files = [ROOT / f for f in TOOL] + sorted((ROOT / "engine/process").glob("*.c"))
    tool = pathlib.Path(folder) / "process_tool"
    subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-I", ROOT / "engine", "-I", ROOT / "examples", *files,
                    "-lm", "-o", tool], check=True)
    return tool


def psnr(made, clean):
    return float((-10 * np.log10(((made.clip(-1, 1) - clean) / 2).__pow__(2).mean((1, 2, 3)))).mean())


def as_bytes(x):
    """Rounded to 8 bits, where it is a picture."""
    return np.round((x + 1) * 127.5) / 127.5 - 1


def wiener(x, clean_train, blur_sigma, signal, noise):
    """The best linear estimate, coefficient by coefficient of the DCT, with the spectrum of the train part."""
    from scipy.fft import dctn, idctn
    k = np.arange(x.shape[-1])
    fall = np.exp(-(np.pi * k / x.shape[-1] * blur_sigma) ** 2 / 2)
    transfer = signal * fall[:, None] * fall
    coefficients = dctn(clean_train, axes=(2, 3), norm="ortho")
    mean, power = coefficients.mean(0), coefficients.var(0)
    seen = dctn(x, axes=(2, 3), norm="ortho")
    gain = power * transfer / (power * transfer ** 2 + noise ** 2)
    return idctn(mean + gain * (seen - transfer * mean), axes=(2, 3), norm="ortho")


def bicubic(x):
    import cv2
    side = x.shape[-1]
    return np.stack([cv2.resize(p[0, ::4, ::4], (side, side), interpolation=cv2.INTER_CUBIC)[None] for p in x])


def telea(x, gone):
    import cv2
    holes = gone.astype(np.uint8)
    return np.stack([cv2.inpaint(np.round((p[0].clip(-1, 1) + 1) * 127.5).astype(np.uint8), holes, 3,
                                 cv2.INPAINT_TELEA)[None] / 127.5 - 1 for p in x])


def restore(bench):
    """The degradations are the engine's own; one unconditional step gives the posterior mean."""
    clean = (bench.test[:200] * 2 - 1).numpy()
    train = (bench.train[:5000] * 2 - 1).numpy()
    bars = 1 - processes.alpha_bars("cosine").numpy()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        tool = build_tool(folder)

        def run(model, share):
            process, step = model.replace("-", "_"), int(np.abs(bars - share).argmin())
            extent = processes.EXTENT.get(process, 0)
            np.save(f"{folder}/clean.npy", clean)
            subprocess.run([tool, process, str(extent), repr(float(bars[step])), f"{folder}/clean.npy",
                            f"{folder}/seen.npy"], check=True)
            seen = np.load(f"{folder}/seen.npy")
            check_process(process, clean, seen, float(bars[step]))
            if process in ("blur", "pixelate"):
                seen = as_bytes(seen).astype(np.float32)
                np.save(f"{folder}/seen.npy", seen)
            bench.udm(bench.o.models / f"mnist-{model}", f"{folder}/out.npy", "--from", f"{folder}/seen.npy", "--time",
                      (step + 1) / len(bars), "--steps", 1, "--sampler", "ddim")
            rows.append(dict(model=model, time=(step + 1) / len(bars), clean=clean, seen=seen,
                             made=np.load(f"{folder}/out.npy")))
            return bars[step], seen

        def report(title, shown, baseline, other):
            rows[-1].update(shown=shown, other=other)
            print(f"| {title} | {psnr(shown, clean):.2f} | {baseline} {psnr(other, clean):.2f} | "
                  f"{psnr(rows[-1]['made'], clean):.2f} |", flush=True)

        print("\n| 200 test pictures, PSNR in dB | degraded | baseline | engine |\n|---|---|---|---|")
        rounding = 2 / 255 / np.sqrt(12)
        for sigma in (1.5, 3):
            share, seen = run("blur", sigma / processes.EXTENT["blur"])
            sigma = share * processes.EXTENT["blur"]
            report(f"blur, sigma {sigma:.2f}, 8 bits", seen, "Wiener", wiener(seen, train, sigma, 1, rounding))
        share, seen = run("soft-blur", 1 / processes.EXTENT["soft_blur"])
        sigma, signal = share * processes.EXTENT["soft_blur"], np.sqrt(1 - share)
        report(f"blur, sigma {sigma:.2f}, noise {255 / 2 * np.sqrt(share / (1 - share)):.0f} of 255", seen / signal,
               "Wiener", wiener(seen, train, sigma, signal, np.sqrt(share)))
        share, seen = run("pixelate", 0.5)
        report("blocks of 4x4, 8 bits", seen, "bicubic", bicubic(seen))
        for lost in (0.5, 0.8):
            share, seen = run("mask", lost)
            gone = (share >= processes.turns(28 * 28).numpy()).reshape(28, 28)
            report(f"{100 * gone.mean():.0f} % of the pixels lost", np.where(gone, -1, seen), "Telea",
                   telea(seen, gone))
    return rows


def check_process(process, clean, seen, share):
    """models/train/processes.py, which the networks learned from, does the same."""
    if process == "mask":
        kept = (share < processes.turns(28 * 28).numpy()).reshape(28, 28)
        assert np.array_equal(seen[..., kept], clean[..., kept]) and not np.array_equal(seen[..., ~kept],
                                                                                        clean[..., ~kept])
        return
    shares = torch.full((len(clean),), share)
    ours = processes.forward(process, torch.from_numpy(clean), shares, torch.zeros(clean.shape)).numpy()
    residual = seen - ours
    if process == "soft_blur":
        assert abs(residual.std() / np.sqrt(share) - 1) < 0.02, "soft_blur is not what processes.py does"
    else:
        assert np.abs(residual).max() < 1e-4, f"{process} is not what processes.py does"


# Pictures.

def grid(rows, path, zoom=2):
    """rows: of pictures [K, 28, 28] in [-1, 1]."""
    from PIL import Image
    width = max(len(row) for row in rows)
    sheet = -np.ones((len(rows) * 30, width * 30), np.float32)
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            sheet[30 * y + 1:30 * y + 29, 30 * x + 1:30 * x + 29] = picture.clip(-1, 1)
    image = Image.fromarray(np.round((sheet + 1) * 127.5).astype(np.uint8))
    image.resize((image.width * zoom, image.height * zoom), Image.NEAREST).save(path, optimize=True)


def pictures(bench, restored):
    rows = []
    for model, (sampler, steps) in PROCESSES.items():
        made = bench.sample(model, sampler, steps).numpy()[:, 0]
        each = len(made) // CLASSES
        rows += [np.concatenate([made[k::each] for k in (0, 1)])]
    grid(rows, ROOT / "docs/mnist-samples.png")
    grid(paths(bench, restored), ROOT / "docs/mnist-paths.png")
    grid([row[kind][:20, 0] for row in restored for kind in ("shown", "other", "made", "clean")],
         ROOT / "docs/mnist-restored.png")


def paths(bench, restored, shown=11):
    """The reverse path of each process, from noise, or from a degraded test picture."""
    begins = {row["model"]: row for row in restored if row["model"] not in PROCESSES or row["model"] == "mask"}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for model in ("noise", "soft-blur", "symbols", "blur", "pixelate", "mask"):
            arguments = ["--class", 3, "--seed", 5]
            if model in begins:
                np.save(f"{folder}/seen.npy", begins[model]["seen"][18:19])
                arguments = ["--from", f"{folder}/seen.npy", "--time", begins[model]["time"]]
            sampler = PROCESSES[model][0] if model not in begins else "ddim"
            bench.udm(bench.o.models / f"mnist-{model}", f"{folder}/out.npy", *arguments, "--steps", 50, "--sampler",
                      sampler, "--path", f"{folder}/path.npy")
            states = np.load(f"{folder}/path.npy")[0, 0]
            rows.append(states[np.linspace(0, len(states) - 1, shown).round().astype(int)])
    return rows


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder")
    p.add_argument("--models", type=pathlib.Path, default=ROOT / "models")
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    p.add_argument("--work", default=pathlib.Path(tempfile.gettempdir()) / "udm-mnist")
    p.add_argument("--count", type=int, default=500, help="pictures for a distance (default: %(default)s)")
    p.add_argument("--jobs", type=int, default=2, help="processes, of one thread each (default: %(default)s)")
    p.add_argument("--parts", default="distance,guidance,processes,restore,pictures")
    o = p.parse_args()
    torch.set_num_threads(1)
    bench, parts = Bench(o), o.parts.split(",")
    if "distance" in parts:
        distances(bench)
    if "guidance" in parts:
        guidance(bench)
    if "processes" in parts:
        of_processes(bench)
    restored = restore(bench) if "restore" in parts or "pictures" in parts else []
    if "pictures" in parts:
        pictures(bench, restored)


if __name__ == "__main__":
    main()
