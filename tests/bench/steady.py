# SPDX-License-Identifier: LGPL-2.1-or-later
"""Flicker and weave, drawn on clean clips (models/train/wear.py, a fixed seed), and the properties `deflicker` and
`stabilize-gate`, with no noise to be removed.

    python tests/bench/steady.py --frames 48

Flicker: how much the light of frames, whole and in quarters, deviates from that of the clean ones before and after
(wanted: a fifth). Fades, flashes and the clip as it is: how far the mean of a frame is off at the most, in levels of
255 (wanted: 1). Weave, on a picture at rest and on pans over it: how far frames are from where they belong, and how
much they move from frame to frame beside what they are to (roots of mean squares, wanted: 0.2 pixels of up to 2); and
whether pans without any stay as they are.
"""
import sys
import zlib

import numpy as np

import common
import libudm

sys.path.insert(0, str(common.ROOT / "models/train"))
import wear  # noqa: E402

SPAN = 352, 288
SKIPPED = 4  # frames at the beginning of a clip, where nothing is known of its past


def middle(frames):
    h, w = frames.shape[1:3]
    y, x = max(h - SPAN[1], 0) // 2, max(w - SPAN[0], 0) // 2
    return np.ascontiguousarray(frames[:, y:y + SPAN[1], x:x + SPAN[0]])


def light(clip, clean):
    """The light of four quarters of each frame, that of the clean ones being 1: [F, 4]"""
    def parts(x):
        h, w = x.shape[1] // 2, x.shape[2] // 2
        return np.stack([x[:, a:a + h, b:b + w].mean((1, 2, 3)) for a in (0, h) for b in (0, w)], 1)
    return (parts(clip) + 1) / (parts(clean) + 1)


def deviation(clip, clean):
    of = np.log(light(clip, clean))[SKIPPED:]
    return float((of - of.mean(0)).std())


def fade(frames):
    n = len(frames)
    gains = np.interp(np.arange(n), [0, n // 4, n // 2, 3 * n // 4, n], [1, 1, 0.1, 1, 1])
    return common.to_8_bits(frames * gains[:, None, None, None])


def flash(frames):
    gains = np.ones(len(frames))
    gains[len(frames) // 3:len(frames) // 3 + 2] = 1.6
    gains[len(frames) // 2] = 0.5
    return common.to_8_bits(frames * gains[:, None, None, None])


def off(made, given):
    return float(np.abs(made.mean((1, 2, 3)) - given.mean((1, 2, 3))).max())


def flickers(engine, clip):
    random = np.random.default_rng(zlib.crc32(clip.name.encode()))
    frames, row = middle(clip.frames), [clip.name]
    darker = common.to_8_bits(frames * 0.85)  # so that nothing is clipped
    for period in (8, 16, None):
        spoiled, _ = wear.flicker(darker, random, 0.1, period)
        made, _ = engine.restore(spoiled, 0.0, deflicker=1)
        before, after = deviation(spoiled, darker), deviation(made, darker)
        row.append("%.1f %% to %.2f, /%.1f" % (100 * before, 100 * after, before / after))
    for given in (fade(frames), flash(frames), frames):
        row.append("%.2f" % off(engine.restore(given, 0.0, deflicker=1)[0], given))
    return row


def place(clip, clean):
    """Where each frame is, beside the clean one: [F, 2], by steps of Lucas and Kanade."""
    found = []
    for a, b in zip(clean, clip):
        a, b = (x[8:-8, 8:-8].astype(np.float64).mean(-1) for x in (a, b))
        way = np.zeros(2)
        for _ in range(12):
            rows, columns = (np.arange(n) for n in a.shape)
            y, x = np.clip(rows + way[1], 0, a.shape[0] - 1.001), np.clip(columns + way[0], 0, a.shape[1] - 1.001)
            y0, x0 = y.astype(int), x.astype(int)
            fy, fx = (y - y0)[:, None], x - x0
            moved = ((1 - fy) * ((1 - fx) * b[y0][:, x0] + fx * b[y0][:, x0 + 1])
                     + fy * ((1 - fx) * b[y0 + 1][:, x0] + fx * b[y0 + 1][:, x0 + 1]))
            gy, gx = np.gradient(a)
            left = (a - moved)[8:-8, 8:-8].ravel()
            slopes = np.stack([gx[8:-8, 8:-8].ravel(), gy[8:-8, 8:-8].ravel()], 1)
            way += np.linalg.lstsq(slopes, left, rcond=None)[0]
        found.append(way)
    return np.array(found)


def pan(clip, frames, speed):
    picture = clip.frames[0]
    span = [int(picture.shape[1] - frames * speed[0] - 2), int(picture.shape[0] - frames * speed[1] - 2)]
    return np.stack([wear.shifted(picture, -(n * speed[0] % 1), -(n * speed[1] % 1))
                     [int(n * speed[1]):][:span[1], int(n * speed[0]):][:, :span[0]] for n in range(frames)])


def weaves(engine, clip, count):
    random, row = np.random.default_rng(zlib.crc32(clip.name.encode())), [clip.name]
    for speed in ((0, 0), (1, 0), (2.5, 0.5)):
        moving = pan(clip, count, speed)
        spoiled, _ = wear.weave(moving, random, 2)
        made, _ = engine.restore(spoiled, 0.0, stabilize_gate=1)
        ways = [place(x, moving)[SKIPPED:-SKIPPED] for x in (spoiled, made)]
        off = np.sqrt(((ways[1] - ways[1].mean(0)) ** 2).mean())
        row.append("%.2f to %.2f, off by %.2f" % (*(np.sqrt((np.diff(w, axis=0) ** 2).mean()) for w in ways), off))
        row.append("%.0f" % min(common.psnr(engine.restore(moving, 0.0, stabilize_gate=1)[0], moving), 99))
    return row


def main():
    p = common.options(__doc__)
    p.add_argument("--parts", default="flicker,weave")
    o = p.parse_args()
    engine, clips = libudm.Engine(o), common.load_clips(o)
    if "flicker" in o.parts:
        common.print_table(["clip", "sinusoid of 8", "of 16", "at random", "fade, off by", "flash", "as it is"],
                           [flickers(engine, c) for c in clips])
    if "weave" in o.parts:
        common.print_table(["weave", "at rest: pixels a frame", "without: PSNR to it", "a pan of 1, 0", "without",
                            "of 2.5, 0.5", "without"], [weaves(engine, c, o.frames) for c in clips])


if __name__ == "__main__":
    sys.exit(main())
