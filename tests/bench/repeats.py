# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames that repeat each other: is the same noise taken for new evidence? And does fresh noise still gain?

    python tests/bench/repeats.py
    python tests/bench/repeats.py --models models/denoise-quality --lookahead 2 --level -1

Clips with Gaussian noise of a fixed seed, as they are and through a codec, are restored as a stream, and each frame of
them for itself, at the same level. What counts is how far a frame of the stream is below or above what it is alone,
against the clean one.

  held     a picture with the same noise in all frames          (allowed: 0.1 dB below alone, through a codec 0.5)
  twos     a moving clip, each frame twice, noise and all       (likewise)
  threes   ... three times                                      (likewise)
  fixed    a moving clip under noise that stands still          (likewise)
  fresh    a picture that stands still under new noise          (the last frame gains 2 dB or more)
  drift    ... under noise that moves by three pixels a frame   (likewise)
  moving   a moving clip with new noise                         (the last frame gains)
"""
import subprocess
import sys
import tempfile

import numpy as np

import common
import libudm

CODECS = {"exact": None, "mjpeg": ["-c:v", "mjpeg", "-q:v", "3"],
          **{f"x264 {crf}": ["-c:v", "libx264", "-preset", "medium", "-crf", str(crf)] for crf in (18, 23, 28)}}
REPEATS = "held", "twos", "threes", "fixed"
STILLS = "fresh", "drift"
GAIN = 2.0
SLACK = {"exact": -0.1}
SLACK_CODED = -0.5
SIDE = 192, 256


def arguments():
    p = common.options(__doc__, models=["denoise"])
    p.set_defaults(frames=12)
    p.add_argument("--sigma", type=float, default=25, help="of the noise (default: %(default)s)")
    p.add_argument("--level", type=float, default=None, help="sigma that is told; -1: estimated (default: --sigma)")
    p.add_argument("--lookahead", type=int, default=0, help="(default: %(default)s)")
    p.add_argument("--cases", default=",".join([*REPEATS, *STILLS, "moving"]), help="(default: %(default)s)")
    p.add_argument("--codecs", default=",".join(CODECS), help="(default: %(default)s)")
    p.add_argument("--still", default="kodim05", help="a picture of Kodak24 (default: %(default)s)")
    p.add_argument("--moving", default="foreman", help="a clip (default: %(default)s)")
    p.add_argument("--every", action="store_true", help="print the frames one by one")
    return p.parse_args()


def middle(frames):
    h, w = frames.shape[1:3]
    top, left = (h - SIDE[0]) // 2 & ~1, (w - SIDE[1]) // 2 & ~1
    return np.ascontiguousarray(frames[:, top:top + SIDE[0], left:left + SIDE[1]])


def noise_of(count, sigma):
    return np.random.default_rng(5).standard_normal((count, *SIDE, 3), np.float32) * np.float32(sigma)


def make(case, still, moving, sigma):
    """(noisy, clean), [F, H, W, 3]."""
    count = len(moving)
    noise = noise_of(count, sigma)
    standing = np.repeat(still, count, 0)
    if case in STILLS:
        shifted = np.stack([np.roll(noise[0], (f, 3 * f), (0, 1)) for f in range(count)])
        clean, added = standing, noise if case == "fresh" else shifted
    elif case in ("moving", "fixed"):
        clean, added = moving, noise if case == "moving" else np.repeat(noise[:1], count, 0)
    else:
        times = {"held": count, "twos": 2, "threes": 3}[case]
        shown = np.arange(count) // times
        clean, added = (standing if case == "held" else moving)[shown], noise[shown]
    return common.to_8_bits(clean + added), clean


def coded(frames, codec):
    """Through a file of a codec, in 4:2:0."""
    if CODECS[codec] is None:
        return frames
    h, w = frames.shape[1:3]
    with tempfile.NamedTemporaryFile(suffix=".mkv") as file:
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{w}x{h}", "-r", "25", "-i", "-"]
        pixels = ["-pix_fmt", "yuvj420p" if codec == "mjpeg" else "yuv420p"]
        subprocess.run(["ffmpeg", "-v", "error", "-y", *raw, *CODECS[codec], *pixels, file.name],
                       input=frames.tobytes(), check=True)
        return common.decode(file.name, len(frames))


def each_psnr(frames, clean):
    return np.array([common.psnr(a[None], b[None]) for a, b in zip(frames, clean)])


def verdict(case, codec, differences):
    if case in REPEATS:
        return "" if differences.min() >= SLACK.get(codec, SLACK_CODED) else "BELOW"
    if codec == "exact" and differences[-1] < (GAIN if case in STILLS else 0):
        return "NO GAIN"
    return ""


def measure(o, engine, pictures):
    rows, kept = [], True
    level = o.sigma if o.level is None else o.level
    told = None if level < 0 else level
    for codec in o.codecs.split(","):
        for case in o.cases.split(","):
            noisy, clean = make(case, *pictures, o.sigma)
            noisy = coded(noisy, codec)
            stream, sigmas = engine.restore(noisy, told, lookahead=o.lookahead)
            alone = each_psnr(engine.restore(noisy, sigmas if told is None else told, alone=True)[0], clean)
            found = each_psnr(stream, clean)
            word = verdict(case, codec, found - alone)
            kept &= not word
            rows.append([codec, case, "%.1f" % np.mean(sigmas), "%.2f" % each_psnr(noisy, clean).mean(),
                         "%.2f" % alone.mean(), "%.2f" % found.mean(), "%+.2f" % (found - alone).min(),
                         "%+.2f" % (found - alone)[-1], word])
            if o.every:
                print(codec, case, *("%.1f" % v for v in found), "alone", *("%.1f" % v for v in alone), flush=True)
    title = f"{o.model.name}, sigma {o.sigma:g}, lookahead {o.lookahead}"
    common.print_table([title, "case", "level", "noisy", "alone", "stream", "worst", "last", ""], rows)
    return kept


def main():
    o = arguments()
    o.only = ""
    still = middle(common.load_clips(o, [o.moving])[0].frames)
    o.only = o.still
    pictures = middle(common.load_kodak(o)[0].frames), still
    kept = True
    for o.model in o.models:
        kept &= measure(o, libudm.Engine(o), pictures)
    return int(not kept)


if __name__ == "__main__":
    sys.exit(main())
