#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a frame's time goes, by `udm bench --profile`, and docs/roofline.svg: how many operations for each byte a layer
has to do, how fast it does them, and what the processor could do. Layers that multiply nothing are in the table only.

    python tests/bench/roofline.py [--model DIRECTORY] [--size 352x288] [--threads 2]

Needs the Python standard library, and a machine that does nothing else.
"""
import argparse
import math
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROW = re.compile(r"(?P<name>\S.*?)\s+(?P<runs>[\d.]+)\s+(?P<ms>[\d.]+)\s+(?P<share>[\d.]+) %\s+(?P<gflops>[\d.]+)\s+"
                 r"(?P<gbytes>[\d.]+)\s+(?P<roof>\d+) %")
PEAK = re.compile(r"at most ([\d.]+) GFLOP/s and ([\d.]+) GB/s")
WIDTH, HEIGHT, LEFT, TOP = 620, 380, 60, 40
X, Y = (0.5, 200), (5, 500)  # operations for a byte, GFLOP/s
SHOWN = 9  # layers that have a name in the picture


def measure(o):
    program = o.build / "examples/udm"
    if not program.exists():
        sys.exit(f"missing: {program}; meson setup {o.build}, then ninja")
    text = subprocess.run([program, "bench", o.model, "--size", o.size, "--threads", str(o.threads), "--device", "cpu",
                           "--precision", o.precision, "--frames", "10", "--profile"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    table = text.split("\n", 1)[1]
    print(table, end="")
    rows = [m.groupdict() for m in map(ROW.match, table.splitlines()) if m]
    return rows, tuple(map(float, PEAK.search(table).groups()))


def at(intensity, gflops):
    def place(value, ends):
        return math.log(min(max(value, ends[0]), ends[1]) / ends[0]) / math.log(ends[1] / ends[0])
    return LEFT + WIDTH * place(intensity, X), TOP + HEIGHT * (1 - place(gflops, Y))


def axes():
    out = [f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#888"/>']
    for value in (1, 2, 5, 10, 20, 50, 100, 200):
        out.append('<text x="%.1f" y="%d" text-anchor="middle">%d</text>' % (at(value, 1)[0], TOP + HEIGHT + 18, value))
    for value in (5, 10, 20, 50, 100, 200, 500):
        out.append('<text x="%d" y="%.1f" text-anchor="end">%d</text>' % (LEFT - 6, at(1, value)[1] + 4, value))
    out.append(f'<text x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 38}" text-anchor="middle">operations for a byte of '
               'what is read and written once</text>')
    out.append(f'<text x="{LEFT}" y="{TOP - 14}" font-weight="bold">GFLOP/s that are done</text>')
    return out


def roof(products, memory):
    points = [(X[0], X[0] * memory), (products / memory, products), (X[1], products)]
    line = " ".join("%.1f,%.1f" % at(*p) for p in points)
    x, y = at(X[1], products)
    return [f'<polyline points="{line}" fill="none" stroke="#d1495b" stroke-width="2"/>',
            f'<text x="{x - 6:.1f}" y="{y - 8:.1f}" text-anchor="end" fill="#d1495b">{products:.0f} GFLOP/s, '
            f'{memory:.1f} GB/s</text>']


def picture(rows, peaks, title, path):
    lines = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1010 480" font-family="sans-serif" font-size="12">',
             '<rect width="1010" height="480" fill="white"/>', *axes(), *roof(*peaks),
             f'<text x="{LEFT + WIDTH + 20}" y="{TOP - 14}" font-weight="bold">{title}</text>']
    multiplying = [r for r in rows if float(r["gflops"]) > 0]
    for i, row in enumerate(multiplying):
        x, y = at(float(row["gflops"]) / float(row["gbytes"]), float(row["gflops"]))
        lines.append('<circle cx="%.1f" cy="%.1f" r="%.1f" fill="#1b6ca8" fill-opacity="0.5"/>' %
                     (x, y, 3 + 3 * math.sqrt(float(row["share"]))))
        if i < SHOWN:
            lines += ['<text x="%.1f" y="%.1f" text-anchor="middle" font-size="11">%d</text>' % (x, y + 4, i + 1),
                      f'<text x="{LEFT + WIDTH + 20}" y="{TOP + 20 + 20 * i}">{i + 1}  {row["name"]}, '
                      f'{row["share"]} %</text>']
    path.write_text("\n".join(lines + ["</svg>", ""]), encoding="utf-8")
    print(f"\n{path} was written", file=sys.stderr)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    p.add_argument("--model", type=pathlib.Path, default=ROOT / "models/denoise", help="default: %(default)s")
    p.add_argument("--size", default="352x288", help="default: %(default)s")
    p.add_argument("--threads", type=int, default=2, help="default: %(default)s")
    p.add_argument("--precision", default="f32", help="default: %(default)s")
    p.add_argument("--picture", type=pathlib.Path, default=ROOT / "docs/roofline.svg", help="default: %(default)s")
    o = p.parse_args()
    rows, peaks = measure(o)
    picture(rows, peaks, f"{o.model.name}, {o.size}, {o.precision}", o.picture)


if __name__ == "__main__":
    main()
