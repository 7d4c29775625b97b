#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The order of every sampler, against exact answers: a table of fitted slopes, and docs/orders.svg.

Builds orders_tool.c from the engine's sources. Needs a compiler and the Python standard library.
"""
import collections
import math
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ["tests/bench/orders_tool.c", "engine/base/error.c", "engine/base/random.c"]
FOLDERS = ["engine/process", "engine/schedule", "engine/sampler"]
FITTED = 40  # steps, and more, that the slope is fitted to
FLOOR = 2e-6  # below it a float's rounding is seen, not the method
COLOURS = ["#1b6ca8", "#d1495b", "#2a9d5c", "#8d5fb0", "#c78a1d", "#3aa6a6", "#7a7a7a", "#b03a8d", "#5b7f2b", "#444444"]
SHOWN = {"mixture, 64-D": "probability flow, mixture in 64-D", "distribution": "distribution, Gaussian"}


def measure():
    """{where: {(sampler, order): {steps: error}}}"""
    files = [ROOT / s for s in SOURCES] + [f for folder in FOLDERS for f in sorted((ROOT / folder).glob("*.c"))]
    with tempfile.TemporaryDirectory() as folder:
        tool = pathlib.Path(folder) / "orders_tool"
        subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-I", ROOT / "engine", *files, "-lm", "-o", tool],
                       check=True)
        lines = subprocess.run([tool], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    found = collections.defaultdict(lambda: collections.defaultdict(dict))
    for line in lines:
        where, sampler, order, steps, error = line.split("\t")
        found[where][sampler, int(order)][int(steps)] = float(error)
    return found


def slope(errors):
    points = [(math.log(n), math.log(e)) for n, e in errors.items() if n >= FITTED and e > FLOOR]
    if len(points) < 2:
        return None
    mean_x, mean_y = (sum(p[k] for p in points) / len(points) for k in (0, 1))
    return -sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


def table(found):
    worlds = [where for where in found if where != "distribution"]
    print("| sampler | order | " + " | ".join(worlds) + " | error after 20 steps, " + worlds[-1] + " |")
    print("|---|---|" + "---|" * (len(worlds) + 1))
    for name, order in found[worlds[0]]:
        fits = [slope(found[where][name, order]) for where in worlds]
        print(f"| `{name}` | {order} | " + " | ".join("exact" if s is None else f"{s:.2f}" for s in fits) +
              f" | {found[worlds[-1]][name, order][20]:.1e} |")
    print("\n| stochastic sampler | order | slope | error after 20 steps |\n|---|---|---|---|")
    for (name, order), errors in found["distribution"].items():
        fit = slope(errors)
        print(f"| `{name}` | {order} | " + ("exact" if fit is None else f"{fit:.2f}") + f" | {errors[20]:.1e} |")


def panel(left, title, curves):
    """One diagram, steps against error, both logarithmic."""
    width, height, top = 300, 300, 40
    steps = sorted(next(iter(curves.values())))

    def place(n, e):
        x = left + width * (math.log(n) - math.log(steps[0])) / (math.log(steps[-1]) - math.log(steps[0]))
        return x, top + height * (0 - math.log10(max(e, 1e-6))) / 6

    out = [f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#888"/>',
           f'<text x="{left}" y="{top - 12}" font-weight="bold">{title}</text>']
    out += [f'<text x="{place(n, 1)[0]:.1f}" y="{top + height + 18}" text-anchor="middle">{n}</text>' for n in steps]
    out += [f'<text x="{left - 6}" y="{top + height * k / 6 + 4:.1f}" text-anchor="end">{10.0 ** -k:g}</text>'
            for k in range(7)]
    out += [f'<text x="{left + width / 2}" y="{top + height + 36}" text-anchor="middle">steps</text>']
    for i, ((name, _), errors) in enumerate(curves.items()):
        colour = COLOURS[i % len(COLOURS)]
        points = " ".join("%.1f,%.1f" % place(n, errors[n]) for n in steps)
        y = top + 12 + 18 * i
        out += [f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>',
                f'<line x1="{left + width + 10}" y1="{y}" x2="{left + width + 30}" y2="{y}" stroke="{colour}" '
                'stroke-width="3"/>',
                f'<text x="{left + width + 36}" y="{y + 4}">{name}</text>']
    return out


def picture(found, path):
    lines = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1010 400" font-family="sans-serif" font-size="12">',
             '<rect width="1010" height="400" fill="white"/>']
    for i, (where, title) in enumerate(SHOWN.items()):
        lines += panel(60 + 510 * i, title, found[where])
    path.write_text("\n".join(lines + ["</svg>", ""]), encoding="utf-8")
    print(f"\n{path.relative_to(ROOT)} was written", file=sys.stderr)


if __name__ == "__main__":
    results = measure()
    table(results)
    picture(results, ROOT / "docs" / "orders.svg")
