# SPDX-License-Identifier: LGPL-2.1-or-later
"""Film that was telecined, undone: how many of the pictures come out, once, whole, beside ffmpeg and VapourSynth.

    python tests/bench/telecine.py
    python tests/bench/telecine.py --vapoursynth FOLDER/bin/python     # VIVTC; fields.py says how to make it

Clips are telecined in the ways that are listed, every scene of so many pictures from a phase of its own, as after a cut
of the finished tape. "kept" is the share of pictures that come out, "twice" of those that come out again, "torn" of
frames that show two pictures (or none): all by the original that a frame is nearest to. "stamps" is the greatest
distance of a frame from where its picture stood on the tape, in fields, for those that give times. Of film on twos each
picture was filmed twice: half of all are kept, and come out twice, and are as far from each other.
"""
import ctypes as c
import pathlib
import subprocess
import sys

import numpy as np

import common
import fields
import libudm

CADENCES = {"3:2": (3, 2), "2:3": (2, 3), "2:3:3:2": (2, 3, 3, 2), "2:2": (2,), "2:2:2:4": (2, 2, 2, 4),
            "3:2 on twos": (3, 2), "24 at 25": (2,) * 11 + (3,), "video": (1,)}
SCENE = (17, 38, 26, 51)  # pictures, in turns
SIDE = (240, 320)  # of clips, at the most
TORN = 4.  # dB below what most frames have


class At(c.Structure):
    _fields_ = [("frame", c.c_uint64), ("field", c.c_int)]


class Unwoven(c.Structure):
    _fields_ = [("first", At), ("last", At), ("next", At), ("woven", c.c_bool), ("done", c.c_uint64)]


class Tape:
    """Fields of pictures, woven: frames [F, H, W] uint8; shown: the picture of each field."""

    def __init__(self, name, pictures, cadence, scene=SCENE, sigma=0, seed=0):
        random = np.random.default_rng(seed)
        self.name, self.pictures, shown, at, k = name, pictures, [], 0, 0
        while at < len(pictures):
            pattern = CADENCES[cadence]
            phase = int(random.integers(len(pattern)))
            for i in range(min(scene[k % len(scene)], len(pictures) - at)):
                shown += [at + i] * pattern[(i + phase) % len(pattern)]
            at, k = at + scene[k % len(scene)], k + 1
        self.shown = shown[:len(shown) // 2 * 2]
        self.frames = np.empty((len(self.shown) // 2, *pictures.shape[1:]), np.uint8)
        for i, picture in enumerate(self.shown):
            self.frames[i // 2, i % 2::2] = pictures[picture][i % 2::2]
        if sigma:
            noise = random.standard_normal(self.frames.shape, np.float32) * np.float32(sigma)
            self.frames = common.to_8_bits(self.frames + noise)


def ours(library, frames):
    """Frames [N, H, W], and the first and the last field of each."""
    lib, (count, h, w) = library.lib, frames.shape
    lib.udm_deinterlacer_open.restype = c.c_void_p
    lib.udm_deinterlacer_push.restype = c.c_bool
    settings = library.settings(w, h, channels=1)
    d = library.check(lib.udm_deinterlacer_open(c.byref(settings), fields.FILM, c.byref(library.error)))
    made, spans, what = [], [], Unwoven()

    def pull():
        out = np.empty((h, w), np.uint8)
        while lib.udm_deinterlacer_pull(d, c.byref(fields.grey_image(out)), None, c.byref(what),
                                        c.byref(library.error)) == 0:
            made.append(out)
            spans.append((2 * what.first.frame + what.first.field, 2 * what.last.frame + what.last.field))
            out = np.empty((h, w), np.uint8)
    for frame in frames:
        image = fields.grey_image(np.ascontiguousarray(frame))
        library.check(lib.udm_deinterlacer_push(d, c.byref(fields.Woven(c.pointer(image))), c.byref(library.error)))
        pull()
    lib.udm_deinterlacer_end(d)
    pull()
    lib.udm_deinterlacer_free(d)
    return np.stack(made), spans


def ffmpeg(chain, frames):
    _, h, w = frames.shape
    command = ["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{w}x{h}", "-r", "30000/1001",
               "-i", "-", "-vf", f"format=yuv420p,setfield=tff,{chain},format=gray", "-vsync", "passthrough",
               "-f", "rawvideo", "-"]
    return fields.luma_of(subprocess.run(command, input=frames.tobytes(), check=True, stdout=subprocess.PIPE).stdout,
                          frames)


PEERS = {"fieldmatch": "fieldmatch=order=tff:combmatch=full,yadif=deint=interlaced,decimate", "pullup": "pullup"}


class Found:
    """Which picture each frame shows, and how well."""

    def __init__(self, tape, made):
        flat = tape.pictures[:, ::2, ::2].reshape(len(tape.pictures), -1).astype(np.float32)
        squares = (flat ** 2).sum(1)
        nearest, at = [], 0
        for frame in made:
            small = frame[::2, ::2].ravel().astype(np.float32)
            low, high = max(at - 8, 0), min(at + 24, len(flat))
            nearest.append(low + int(np.argmin(squares[low:high] - 2 * flat[low:high] @ small)))
            at = nearest[-1]
        self.nearest = np.array(nearest)
        error = [np.mean((m.astype(np.float32) - tape.pictures[k]) ** 2) for m, k in zip(made, nearest)]
        self.psnr = 10 * np.log10(255 ** 2 / np.maximum(error, 1e-3))
        whole = self.psnr > np.percentile(self.psnr, 75) - TORN
        seen = np.bincount(self.nearest[whole], minlength=len(tape.pictures))
        self.kept, self.twice, self.torn = np.mean(seen > 0), np.mean(seen > 1), np.mean(~whole)


def stamp_error(tape, found, spans):
    """Fields between the middle of a frame's fields and that of its picture's."""
    shown = np.array(tape.shown)
    worst = 0
    for picture, (first, last) in zip(found.nearest, spans):
        where = np.flatnonzero(shown == picture)
        if len(where):
            worst = max(worst, abs((first + last) / 2 - (where[0] + where[-1]) / 2))
    return worst


def load(o):
    for name in o.clips.split(","):
        clip = common.load_clips(o, [name])[0]
        luma = clip.frames @ np.float32([0.299, 0.587, 0.114])
        y, x = (max(0, (luma.shape[1 + i] - SIDE[i]) // 2) for i in range(2))  # the middle
        crop = luma[:, y:y + SIDE[0], x:x + SIDE[1]]
        yield name, common.to_8_bits(crop[:, :crop.shape[1] // 4 * 4, :crop.shape[2] // 4 * 4])


def main():
    p = common.options(__doc__)
    p.add_argument("--vapoursynth", help="a Python with VapourSynth (see fields.py)")
    p.add_argument("--by", default="", help="contestants whose name contains this")
    p.add_argument("--clips", default="foreman,mobile,flower,bikes,carphone")
    p.add_argument("--cadences", default=",".join(CADENCES))
    p.set_defaults(frames=160)
    o = p.parse_args()
    library = libudm.Library(o)
    runs = {"ours": lambda frames: ours(library, frames)}
    runs |= {name: lambda frames, chain=chain: (ffmpeg(chain, frames), None) for name, chain in PEERS.items()}
    if o.vapoursynth:
        runs["vivtc"] = lambda frames: (fields.vapoursynth(o.vapoursynth, "vivtc", frames), None)
    rows = []
    for name, pictures in load(o):
        for cadence in o.cadences.split(","):
            for sigma in (0, 5):
                film = np.repeat(pictures[::2], 2, 0) if cadence.endswith("twos") else pictures
                tape = Tape(name, film, cadence, sigma=sigma)
                for which, run in runs.items():
                    if o.by not in which:
                        continue
                    made, spans = run(tape.frames)
                    found = Found(tape, made)
                    rows.append((name, cadence, sigma, which, len(film), len(made), f"{100 * found.kept:.1f}",
                                 f"{100 * found.twice:.1f}", f"{100 * found.torn:.1f}", f"{found.psnr.mean():.2f}",
                                 f"{stamp_error(tape, found, spans):.1f}" if spans else ""))
    common.print_table(("clip", "cadence", "sigma", "by", "in", "out", "kept %", "twice %", "torn %", "dB", "stamps"),
                       rows)


if __name__ == "__main__":
    sys.exit(main())
