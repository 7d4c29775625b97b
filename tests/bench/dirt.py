# SPDX-License-Identifier: LGPL-2.1-or-later
"""Dirt, dropouts and scratches, drawn on clean clips (models/train/wear.py, a fixed seed), and the property `dirt`,
with no noise to be removed: how much of their energy is gone, which share of the pixels that were clean was touched (by
more than a level), and what PSNR those have. And the same of filters of VapourSynth (vsdirt.py says how to have them).

    python tests/bench/dirt.py --frames 12
    python tests/bench/dirt.py --only foreman --pictures FOLDER --vapoursynth FOLDER/bin/python
    python tests/bench/dirt.py --frames 8 --train ../shared/data/train_video   # clips that the judge never learnt from
"""
import pathlib
import subprocess
import sys
import zlib

import numpy as np
from PIL import Image

import common
import libudm

sys.path.insert(0, str(common.ROOT / "models/train"))
import wear  # noqa: E402

KINDS = {"dirt": wear.dirt, "dropouts": wear.dropouts, "scratches": wear.scratches, "nothing": None}
GONE, TOUCHED, KEPT = 0.90, 0.0005, 50.0
SPAN = 288, 384  # pixels of a training clip
EDGE = 3  # pixels around what was drawn that count as drawn on


def widened(mask):
    padded = np.pad(mask, ((0, 0), (EDGE, EDGE), (EDGE, EDGE)))
    h, w = mask.shape[1:]
    rows = np.any([padded[:, k:k + h] for k in range(2 * EDGE + 1)], 0)
    return np.any([rows[:, :, k:k + w] for k in range(2 * EDGE + 1)], 0)


def figures(clean, spoiled, mask, made):
    """(share of the energy that is gone, share of clean pixels touched, their PSNR), of frames between the first and
    the last, which have no neighbours on either side."""
    clean, spoiled, made = (x[1:-1].astype(np.float32) for x in (clean, spoiled, made))
    mask = widened(mask[1:-1])
    left, before = (((x - clean) ** 2)[mask].sum() for x in (made, spoiled))
    away = np.abs(made - spoiled).max(-1)[~mask]
    error = ((made - clean) ** 2)[~mask].mean()
    return 1 - left / max(before, 1), float((away > 1).mean()), 10 * np.log10(255 ** 2 / max(error, 1e-6))


def spoil(kind, clip):
    random = np.random.default_rng(zlib.crc32(clip.name.encode()))
    return KINDS[kind](clip.frames, random) if KINDS[kind] else (clip.frames, np.zeros(clip.frames.shape[:3], bool))


def held_out(o):
    """The middles of training videos that models/train/dirt.py keeps apart."""
    import clips
    films = [c for c in clips.videos([o.train]) if min(c.shape[1:3]) >= 96]
    for n in range(3, len(films), 8):
        y, x = (max(side - part, 0) // 2 for side, part in zip(films[n].shape[1:3], SPAN))
        yield common.Clip(f"training {n}", films[n][:o.frames, y:y + SPAN[0], x:x + SPAN[1]].copy())


def keep(folder, name, *pictures):
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(pictures, 1)).save(folder / f"{name}.png")


def to_grey(frames):
    """Luma of BT.601 in all three colours: what a film without colours is, and what YUV of 4:2:0 holds exactly."""
    luma = (frames @ np.array([0.299, 0.587, 0.114])).round().clip(0, 255).astype(np.uint8)
    return np.repeat(luma[..., None], 3, -1)


def by_vapoursynth(o, name, frames):
    """Grey frames with even sides."""
    n, h, w, _ = frames.shape
    given = np.concatenate([frames[..., 0].reshape(n, -1), np.full((n, h * w // 2), 128, np.uint8)], 1)
    made = subprocess.run([o.vapoursynth, common.ROOT / "tests/bench/vsdirt.py", str(w), str(h), name],
                          input=given.tobytes(), stdout=subprocess.PIPE, check=True).stdout
    luma = np.frombuffer(made, np.uint8).reshape(n, -1)[:, :h * w].reshape(n, h, w)
    return np.repeat(luma[..., None], 3, -1)


def row_of(name, kind, by, clip, spoiled, mask, made):
    gone, touched, kept = figures(clip, spoiled, mask, made)
    return [name, kind, by, "%.2f %%" % (100 * mask.mean()), "%.1f %%" % (100 * gone) if mask.any() else "-",
            "%.3f %%" % (100 * touched), "%.1f" % kept]


def main():
    p = common.options(__doc__)
    p.add_argument("--dirt", type=float, default=0.5, help="the property (default: %(default)s)")
    p.add_argument("--kinds", default=",".join(KINDS), help="(default: %(default)s)")
    p.add_argument("--pictures", type=pathlib.Path, help="where to leave the frame in the middle, drawn on and made")
    p.add_argument("--vapoursynth", type=pathlib.Path, help="a Python that has it: measures its filters, too, in grey")
    p.add_argument("--train", type=pathlib.Path, help="folder of training videos: measures on those held out")
    o = p.parse_args()
    engine, rows = libudm.Engine(o), []
    for clip in held_out(o) if o.train else common.load_clips(o):
        if o.vapoursynth:
            h, w = (side // 2 * 2 for side in clip.frames.shape[1:3])
            clip.frames = to_grey(clip.frames[:, :h, :w])
        for kind in o.kinds.split(","):
            spoiled, mask = spoil(kind, clip)
            made, _ = engine.restore(spoiled, 0.0, dirt=o.dirt)
            rows.append(row_of(clip.name, kind, "ours", clip.frames, spoiled, mask, made))
            for name in ("removedirt", "degrain2", "smdegrain", "descratch") if o.vapoursynth else ():
                other = by_vapoursynth(o, name, spoiled)
                rows.append(row_of(clip.name, kind, name, clip.frames, spoiled, mask, other))
            if o.pictures:
                keep(o.pictures, f"{clip.name}-{kind}", spoiled[len(made) // 2], made[len(made) // 2])
    common.print_table(["clip", "drawn", "by", "of the pixels", "gone", "touched", "PSNR elsewhere"], rows)


if __name__ == "__main__":
    sys.exit(main())
