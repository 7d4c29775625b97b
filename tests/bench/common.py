# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the measuring programs share: clips, noise, PSNR, SSIM, rates and tables."""
import argparse
import pathlib
import shutil
import subprocess
import sys
import time
import zlib

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DATA = ROOT.parent / "shared/data/eval_public"
RAW_I420 = {"CiscoVT2people_320x192_12fps.yuv": "320x192"}  # files that do not say their size


def options(doc, models=None):
    """models: names, for programs that measure several."""
    p = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=pathlib.Path, default=DATA,
                   help="folder with clips/, davis2016_480p/ and kodak24_500x500/ (default: %(default)s)")
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    if models:
        p.add_argument("--models", type=lambda names: [pathlib.Path(name) for name in names.split(",")],
                       default=[ROOT / "models" / name for name in models],
                       help=f"directories, separated by commas (default: {', '.join(models)} of this tree)")
    else:
        p.add_argument("--model", type=pathlib.Path, default=ROOT / "models/denoise", help="default: %(default)s")
    p.add_argument("--frames", type=int, default=16, help="of each clip, from its beginning (default: %(default)s)")
    p.add_argument("--threads", type=int, default=2, help="for every contestant (default: %(default)s)")
    p.add_argument("--only", default="", help="clips whose name contains this")
    return p


def need(condition, what):
    if not condition:
        sys.exit(f"missing: {what}")


class Clip:
    def __init__(self, name, frames):
        self.name, self.frames = name, frames  # uint8 [F, H, W, 3]

    def __repr__(self):
        f, h, w, _ = self.frames.shape
        return f"{self.name} {w}x{h}, {f} frames"


def read_ppm(data):
    """All pictures of a stream of binary PPM files, [F, H, W, 3]."""
    pictures, at = [], 0
    while at < len(data):
        magic, size, depth, _ = data[at:at + 64].split(b"\n", 3)
        assert magic == b"P6" and depth == b"255", "ffmpeg wrote no 8-bit PPM"
        width, height = map(int, size.split())
        at += len(magic) + len(size) + len(depth) + 3
        pictures.append(np.frombuffer(data, np.uint8, 3 * width * height, at).reshape(height, width, 3))
        at += 3 * width * height
    return np.stack(pictures)


def decode(path, frames, before=()):
    need(shutil.which("ffmpeg"), "ffmpeg (Debian package ffmpeg)")
    command = ["ffmpeg", "-v", "error", *before, "-i", path, "-frames:v", str(frames),
               "-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "-"]
    return read_ppm(subprocess.run(command, check=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL).stdout)


def load_clips(o, names=None):
    """names: which ones, in this order; None: all."""
    need(o.data.is_dir(), f"the measuring clips in {o.data}; give a folder with --data")
    clips = []
    for path in sorted((o.data / "clips").glob("*")):
        size = RAW_I420.get(path.name)
        before = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size] if size else []
        clips.append((path.stem.split("_")[0], path, before))
    for path in sorted((o.data / "davis2016_480p").glob("*")):
        clips.append((path.name, path / "%05d.jpg", []))
    if names is not None:
        by_name = {name: (name, path, before) for name, path, before in clips}
        for name in names:
            need(name in by_name, f"the clip {name} in {o.data}; there are: {', '.join(by_name)}")
        clips = [by_name[name] for name in names]
    return [Clip(name, decode(path, o.frames, before)) for name, path, before in clips if o.only in name]


def load_kodak(o):
    """One clip of one frame per picture, so that nobody averages different pictures over time."""
    paths = sorted((o.data / "kodak24_500x500").glob("*"))
    return [Clip(path.stem, decode(path, 1)) for path in paths if o.only in "kodak24" or o.only in path.stem]


def float_noise(clip, sigma, seed=0):
    """Gaussian noise of a number, or [H, W, 1] of them, as a sigma."""
    random = np.random.default_rng([seed, zlib.crc32(clip.name.encode())])
    return clip.frames + random.standard_normal(clip.frames.shape, np.float32) * np.float32(sigma)


def to_8_bits(frames):
    return frames.round().clip(0, 255).astype(np.uint8)


def add_noise(clip, sigma, seed=0):
    """Clipped and rounded to 8 bits, as a file has it."""
    return to_8_bits(float_noise(clip, sigma, seed))


def psnr(a, b):
    """Mean over frames, dB."""
    error = (a.astype(np.float32) - b) ** 2
    mean = error.reshape(len(a), -1).mean(1, dtype=np.float64)
    return float(np.mean(10 * np.log10(255 ** 2 / np.maximum(mean, 1e-9))))


def octave_power(pictures):
    """Mean power of luma between a half and the whole of the highest frequency, under a window."""
    power = []
    for picture in pictures:
        luma = picture.astype(np.float64).mean(-1)
        window = np.outer(*(np.hanning(side) for side in luma.shape))
        spectrum = np.abs(np.fft.fft2((luma - luma.mean()) * window)) ** 2
        radius = np.hypot(*np.meshgrid(*(np.fft.fftfreq(side) for side in luma.shape), indexing="ij"))
        power.append(spectrum[(radius >= 0.25) & (radius < 0.5)].mean() / np.mean(window ** 2))
    return np.mean(power)


def blur(x):
    """Gaussian window of 11x11, deviation 1.5, where it fits. x: [H, W, C]"""
    window = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2).astype(np.float32)
    window /= window.sum()
    h, w = x.shape[0] - 10, x.shape[1] - 10
    rows = sum(k * x[i:i + h] for i, k in enumerate(window))
    return sum(k * rows[:, i:i + w] for i, k in enumerate(window))


def ssim(a, b):
    """Wang et al. 2004, mean over frames and colours."""
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for p, q in zip(a.astype(np.float32), b.astype(np.float32)):
        mp, mq = blur(p), blur(q)
        vp, vq, cov = blur(p * p) - mp * mp, blur(q * q) - mq * mq, blur(p * q) - mp * mq
        values.append(np.mean((2 * mp * mq + c1) * (2 * cov + c2) / ((mp * mp + mq * mq + c1) * (vp + vq + c2))))
    return float(np.mean(values))


def frames_per_second(restore, frames, at_least=0.5):
    """Of a run over all frames minus a run over one, so that start-up does not count; fast ones get more frames."""
    def seconds(clip):
        start = time.perf_counter()
        restore(clip)
        return time.perf_counter() - start

    one = min(seconds(frames[:1]) for _ in range(2))
    while True:
        net = seconds(frames) - one
        if net >= at_least or frames.nbytes > 2 ** 28:
            return (len(frames) - 1) / max(net, 1e-3)
        frames = np.concatenate([frames] * 4)


def print_table(header, rows):
    """Figures to the right; the first column and one of settings, which is the last, to the left."""
    cells = [[str(c) for c in row] for row in [header] + rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    left = {0, header.index("settings") if "settings" in header else 0}
    for row in cells:
        aligned = (c.ljust(w) if i in left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths)))
        print("  ".join(aligned).rstrip(), flush=True)
