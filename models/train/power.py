# SPDX-License-Identifier: LGPL-2.1-or-later
"""What Analytic-DPM needs of a model: the mean square of the noise that it estimates, at 32 times. Written into
its scheduler_config.json as "noise_power", so that the sampler "ddpm_analytic" can be used.

    python models/train/power.py MODEL PICTURE [PICTURE ...] [--udm build/engine/cli/udm]
    python models/train/power.py MODEL --digits FOLDER

The pictures should be of the kind the model was trained on, and not those it is measured with; FOLDER holds MNIST, of
on which a model with classes is conditioned. Bao et al., "Analytic-DPM", 2022, equation 8.
"""
import argparse
import json
import math
import pathlib
import subprocess
import tempfile

import numpy as np
from PIL import Image

import digits

TIMES = 32
SIZE = 64  # of the patches
EACH = 40  # digits of a class


def alpha_bars(config):
    """At the times (i + 1) / TIMES."""
    def cosine(t):
        return math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2

    name, steps = config.get("beta_schedule", "linear"), config.get("num_train_timesteps", 1000)
    times = [(i + 1) / TIMES for i in range(TIMES)]
    if name == "squaredcos_cap_v2":
        return [max(cosine(t) / cosine(0), 1e-9) for t in times]
    root = {"linear": 1, "scaled_linear": 2}.get(name)
    if not root:
        raise SystemExit(f"the schedule {name} is not known here")
    start, end = config.get("beta_start", 0.0001), config.get("beta_end", 0.02)
    betas = np.linspace(start ** (1 / root), end ** (1 / root), steps) ** root
    products = np.cumprod(1 - betas)
    return [float(products[round(t * steps) - 1]) for t in times]


def patches(paths, generator):
    """[pictures, 3, SIZE, SIZE] in [-1, 1]"""
    out = []
    for path in paths:
        picture = np.asarray(Image.open(path).convert("RGB"), np.float32) / 127.5 - 1
        y, x = (int(generator.integers(0, n - SIZE + 1)) for n in picture.shape[:2])
        out.append(picture[y:y + SIZE, x:x + SIZE].transpose(2, 0, 1))
    return np.stack(out)


def noise_of(prediction, output, x, signal, noise):
    if prediction == "epsilon":
        return output
    if prediction == "v_prediction":
        return signal * output + noise * x
    return (x - signal * output) / noise


def read_digits(folder):
    """{class: [EACH, 1, 28, 28]}"""
    pictures, labels = digits.load(folder)
    return {k: pictures[labels == k][-EACH:].numpy() * 2 - 1 for k in range(10)}


def power(arguments, config, groups, alpha_bar, time, generator):
    squares = [square_of_noise(arguments, config, clean, label, alpha_bar, time, generator)
               for label, clean in groups.items()]
    return float(np.mean(squares))


def square_of_noise(arguments, config, clean, label, alpha_bar, time, generator):
    signal, noise = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
    x = (signal * clean + noise * generator.standard_normal(clean.shape)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        given, got = pathlib.Path(folder, "in.npy"), pathlib.Path(folder, "out.npy")
        np.save(given, x)
        of_class = [] if label is None else ["--class", str(label)]
        subprocess.run([arguments.udm, "forward", arguments.model, given, got, "--time", repr(time), *of_class],
                       check=True)
        estimate = noise_of(config.get("prediction_type", "epsilon"), np.load(got), x, signal, noise)
    return np.mean(estimate.astype(np.float64) ** 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("pictures", nargs="*")
    parser.add_argument("--digits", metavar="FOLDER")
    parser.add_argument("--udm", default="build/engine/cli/udm")
    arguments = parser.parse_args()
    path = pathlib.Path(arguments.model, "scheduler/scheduler_config.json")
    config = json.loads(path.read_text(encoding="utf-8"))
    generator = np.random.default_rng(0)
    groups = read_digits(arguments.digits) if arguments.digits else {None: patches(arguments.pictures, generator)}
    powers = []
    for i, alpha_bar in enumerate(alpha_bars(config)):
        powers.append(round(power(arguments, config, groups, alpha_bar, (i + 1) / TIMES, generator), 6))
        print(f"t = {(i + 1) / TIMES:.5f}: {powers[-1]:.6f}", flush=True)
    config["noise_power"] = powers
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
