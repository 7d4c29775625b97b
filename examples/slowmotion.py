# SPDX-License-Identifier: LGPL-2.1-or-later
"""The figures of slowmotion.sh and repair.sh, on files of raw RGB frames: takes out frames; compares what came in their
place."""
import argparse
import pathlib

import numpy as np

import restore


def halve(o):
    frames = restore.read(o.source, o)
    frames = frames[o.skip:o.skip + o.frames if o.frames else len(frames)]
    frames = frames[:(len(frames) - 1) // 2 * 2 + 1]
    frames.tofile(o.clean)
    frames[::2].tofile(o.half)


def busiest(a, b, height, width):
    """The part of that size in which two frames differ most, on a grid of 16 pixels."""
    change = np.abs(a.astype(np.float32) - b).mean(2)
    corners = [(y, x) for y in range(0, len(a) - height + 1, 16) for x in range(0, a.shape[1] - width + 1, 16)]
    y, x = max(corners, key=lambda at: change[at[0]:at[0] + height, at[1]:at[1] + width].mean())
    return slice(y, y + height), slice(x, x + width)


def compare(o):
    clean = restore.read(o.clean, o)
    middle = len(clean) // 4 * 2 + 1
    detail = busiest(clean[middle - 1], clean[middle + 1], 176, 320)
    pictures = [clean[middle - 1]]
    figures = {}
    for path in o.made:
        made = restore.read(path, o)
        if len(made) < len(clean):
            made = np.concatenate([made, np.repeat(made[-1:], len(clean) - len(made), 0)])
        figures[pathlib.Path(path).stem] = restore.psnr(made[1:len(clean):2], clean[1::2])
        pictures.append(made[middle])
    restore.write_png(o.picture, np.concatenate([p[detail] for p in pictures], 1))
    print("PSNR of the frames that were taken out: " + ", ".join(f"{who} {dB:.2f} dB" for who, dB in figures.items()))
    if max(figures, key=figures.get) != "udminterp":
        raise SystemExit("slowmotion: udminterp is not the best")


def repaired(o):
    """Frames that came through are what they were; the others were lost. The first of `made` came through."""
    made, clean = restore.read(o.made, o), restore.read(o.clean, o)
    first = next(i for i in range(len(clean)) if np.array_equal(clean[i], made[0]))
    clean = clean[first:first + len(made)]
    lost = [i for i in range(1, len(made)) if not np.array_equal(made[i], clean[i])]
    kept = np.setdiff1d(np.arange(len(made)), lost)
    before = [kept[kept < i].max() for i in lost]
    if not lost:
        raise SystemExit("repair: no frame was lost; run it again")
    repeated, anew = restore.psnr(clean[before], clean[lost]), restore.psnr(made[lost], clean[lost])
    print(f"{len(lost)} of {len(made)} frames were lost: repeated {repeated:.2f} dB, made anew {anew:.2f} dB")
    if anew <= repeated:
        raise SystemExit("repair: that is not better")


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--size", type=restore.size, required=True)
    commands = p.add_subparsers(required=True)
    c = commands.add_parser("halve")
    c.add_argument("--skip", type=int, default=0)
    c.add_argument("--frames", type=int, default=0, help="0: all")
    for name in ("source", "clean", "half"):
        c.add_argument(name)
    c.set_defaults(run=halve)
    c = commands.add_parser("compare")
    c.add_argument("--picture", required=True)
    c.add_argument("clean")
    c.add_argument("made", nargs="+")
    c.set_defaults(run=compare)
    c = commands.add_parser("repaired")
    c.add_argument("clean")
    c.add_argument("made")
    c.set_defaults(run=repaired)
    o = p.parse_args()
    o.run(o)


if __name__ == "__main__":
    main()
