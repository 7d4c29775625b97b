# SPDX-License-Identifier: LGPL-2.1-or-later
"""Adds up weights of several trainings of one network, each times a factor: their mean, where the factors are equal, or
an extrapolation, where some are negative. The factors must sum to 1.

    python models/train/mix.py --trust WORK/a.pt -- WORK/mixed.pt 0.6*WORK/a.pt 0.6*WORK/b.pt -0.2*WORK/start.pt

Checkpoints of recursion.py, or model directories but for the first, whose steps and minutes stay. The result is for
export.py. Wortsman et al., "Model soups", 2022.
"""
import argparse
import pathlib

import torch

import train


def term(text):
    factor, _, path = text.partition("*")
    return float(factor), pathlib.Path(path)


def weights_of(path):
    if path.is_dir():
        return {f"{part}.{k}": v for part in ("unet", "trust") for k, v in train.trained(path, part)[1].items()}
    return torch.load(path, weights_only=True)["average"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("out", type=pathlib.Path)
    p.add_argument("terms", nargs="+", type=term, metavar="FACTOR*WEIGHTS")
    p.add_argument("--trust", type=pathlib.Path, help="the checkpoint whose trust is taken as it is (default: it is "
                   "mixed, too)")
    o = p.parse_args()
    if abs(sum(factor for factor, _ in o.terms) - 1) > 1e-6:
        p.error("the factors together have to be 1")
    mixed = torch.load(o.terms[0][1], weights_only=True)
    weights = [(factor, weights_of(path)) for factor, path in o.terms]
    if any(w.keys() != mixed["average"].keys() for _, w in weights):
        p.error("these are weights of different networks")
    mixed["average"] = {k: sum(factor * w[k].float() for factor, w in weights) for k in mixed["average"]}
    if o.trust:
        mixed["average"].update({k: v for k, v in weights_of(o.trust).items() if k.startswith("trust.")})
    torch.save(mixed, o.out)


if __name__ == "__main__":
    main()
