# SPDX-License-Identifier: LGPL-2.1-or-later
"""What brightness does to frames between others: clips that fade to black and from white, that change into one another,
and in which lamps flash, every other frame (or three of four) removed.

    python tests/bench/fades.py [--step 4] [--only foreman]

PSNR of blending, ours by motion alone and ours with the network, and by how many levels the mean of a made frame is off
at worst; means over clips. The bound is the same fade of what ours makes of the clip without one.
"""
import numpy as np

import common
import interp_compare
import libudm

FRAMES = 17


def black(clips, i):
    """In 8 frames."""
    return clips[0][i] * max(0, 1 - i / 8)


def white(clips, i):
    return 255 - (255 - clips[0][i].astype(np.float32)) * min(1, i / 12)


def cross(clips, i):
    """From the fifth frame to the thirteenth."""
    share = min(1, max(0, (i - 4) / 8))
    return clips[0][i] * (1 - share) + clips[1][i] * share


def lamp(clips, i):
    """A light from the left that goes out in eight frames, and on again."""
    fall = np.linspace(1, 0.2, clips[0].shape[2])[None, :, None]
    return clips[0][i] * (1 - 0.5 * fall * abs(i - 8) / 8)


KINDS = (black, white, cross, lamp)


def faded(clips, kind):
    return np.stack([common.to_8_bits(np.asarray(kind(clips, i), np.float32)) for i in range(FRAMES)])


def fitted(clip, like):
    """The middle of a clip, as large as another."""
    h, w = like.shape[1:3]
    y, x = (np.arange(n) * m // n for n, m in ((h, clip.shape[1]), (w, clip.shape[2])))
    return clip[:, y][:, :, x]


def main():
    p = common.options(__doc__)
    p.add_argument("--step", type=int, default=2, help="one of so many frames is left")
    p.set_defaults(frames=FRAMES, model=common.ROOT / "models/interp")
    o = p.parse_args()
    o.lookahead = 1
    contestants = {"blend": interp_compare.blend, "ours": interp_compare.ours(o, None),
                   "model": interp_compare.ours(o, o.model)}
    clips = [c.frames for c in common.load_clips(o)]
    pairs = [(clip, fitted(clips[(i + 1) % len(clips)], clip)) for i, clip in enumerate(clips)]
    unfaded = [[contestants["ours"](np.ascontiguousarray(clip[::o.step]), o.step) for clip in pair] for pair in pairs]
    rows = []
    for kind in KINDS:
        found = []
        for pair, made_unfaded in zip(pairs, unfaded):
            truth, bound = (faded(x, kind)[:9 if kind is black else FRAMES] for x in (pair, made_unfaded))
            removed = np.arange(len(truth)) % o.step > 0
            made = [bound, *(run(np.ascontiguousarray(truth[::o.step]), o.step) for run in contestants.values())]
            off = [np.abs((m.mean((1, 2, 3)) - truth.mean((1, 2, 3)))[removed]).max() for m in made]
            found.append([(common.psnr(m[removed], truth[removed]), far) for m, far in zip(made, off)])
        rows.append([kind.__name__, *(f"{x:.2f}" for pair in np.mean(found, 0) for x in pair)])
    common.print_table(["", *(f"{who}{what}" for who in ("bound", *contestants) for what in (" dB", " off"))], rows)


if __name__ == "__main__":
    main()
