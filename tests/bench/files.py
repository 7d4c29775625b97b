# SPDX-License-Identifier: LGPL-2.1-or-later
"""Noisy files, restored as people do it: udm-restore with no option set, and what restorers use at its best strength.

    python tests/bench/files.py [--vapoursynth FOLDER/bin/python]      (as vsfilters.py says; or ffmpeg's alone)

Clips are stored losslessly in 4:2:0 with noise (NOISES), restored, and compared with the same clips without the noise:
PSNR of luma, and of both planes of chroma together, means over frames. Each filter but ours is tried at several
strengths for each clip, which are better known to nobody: luma and chroma have the best of theirs. Frames a second
are of whole programs, start included, so they are lower than those of films.
"""
import argparse
import os
import pathlib
import subprocess
import tempfile
import time

import numpy as np

import common

NOISES = {
    "grain of ffmpeg": "noise=alls={s}:allf=t",
    "luma alone": "noise=c0s={s}:c0f=t",
    "coarse": "split[a][b];[b]lutyuv=128:128:128,noise=alls={s2}:allf=t,gblur=sigma=0.8,format=yuv420p[n];"
              "[a][n]blend=all_expr='A+B-128'",
}
STRENGTHS = {  # of luma and of chroma, in levels of noise
    "hqdn3d": [4, 8, 12, 16, 24], "nlmeans": [3, 5, 7, 9, 12], "vaguedenoiser": [6, 9, 12, 16, 24],
    "degrain2": [400, 800, 1600, 3200], "degrain3": [400, 800, 1600, 3200], "nlm": [6, 8, 10, 13, 17],
    "dfttest": [8, 12, 16, 20, 26], "vbm3d": [8, 12, 16, 20, 26],
}
FFMPEG = {"hqdn3d": "hqdn3d={0}:{0}", "nlmeans": "nlmeans=s={0}:p=5:r=11", "vaguedenoiser": "vaguedenoiser={0}"}
HERE = pathlib.Path(__file__).parent


class Film:
    """Raw frames of yuv420p."""

    def __init__(self, raw, width, height):
        self.width, self.height = width, height
        self.frames = np.frombuffer(raw, np.uint8).reshape(-1, width * height * 3 // 2)

    def psnr(self, clean):
        """(of luma, of chroma)"""
        n = self.width * self.height
        error = np.square(self.frames.astype(np.float32) - clean.frames)
        return tuple(float(np.mean(10 * np.log10(255 ** 2 / np.maximum(part.mean(1), 1e-9))))
                     for part in (error[:, :n], error[:, n:]))


def raw(source, width, height, graph="null", threads=1):
    command = ["ffmpeg", "-v", "error", "-filter_threads", str(threads), "-i", source, "-vf", f"{graph},format=yuv420p",
               "-f", "rawvideo", "-"]
    return Film(subprocess.run(command, check=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL).stdout, width,
                height)


def ours(o, source, clean):
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/out.mkv"
        subprocess.run([o.build / "engine/cli/restore/udm-restore", source, out, "--codec", "ffv1", "--threads",
                        str(o.threads)], check=True, stderr=subprocess.DEVNULL,
                       env={**os.environ, "UDM_MODEL_PATH": str(common.ROOT / "models")})
        return raw(out, clean.width, clean.height)


def theirs(o, name, strength, source, clean):
    if name in FFMPEG:
        return raw(source, clean.width, clean.height, FFMPEG[name].format(strength), o.threads)
    noisy = raw(source, clean.width, clean.height)
    made = subprocess.run([o.vapoursynth, HERE / "vsfilters.py", str(clean.width), str(clean.height), name,
                           str(strength), str(strength), str(o.threads)], input=noisy.frames.tobytes(), check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return Film(made, clean.width, clean.height)


def best(o, name, source, clean):
    """(PSNR of luma, of chroma, seconds of one run)"""
    if name == "udm-restore":
        start = time.monotonic()
        return *ours(o, source, clean).psnr(clean), time.monotonic() - start
    found, seconds = [], []
    for strength in STRENGTHS[name]:
        start = time.monotonic()
        found.append(theirs(o, name, strength, source, clean).psnr(clean))
        seconds.append(time.monotonic() - start)
    return *np.max(found, 0), min(seconds)


def store(o, folder, clip):
    """{name of the noise, "" for none: file}, 4:2:0 without loss."""
    clip_file, files = f"{folder}/clip.mkv", {}
    f, h, w, _ = clip.frames.shape
    subprocess.run(["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{w}x{h}", "-i", "-",
                    "-pix_fmt", "yuv420p", "-c:v", "ffv1", "-y", clip_file], input=clip.frames.tobytes(), check=True)
    for name, graph in NOISES.items():
        files[name] = f"{folder}/{name}.mkv"
        graph = graph.format(s=o.strength, s2=2 * o.strength)
        subprocess.run(["ffmpeg", "-v", "error", "-i", clip_file, "-filter_complex", graph, "-pix_fmt", "yuv420p",
                        "-c:v", "ffv1", "-y", files[name]], check=True)
    return files, raw(clip_file, w, h)


def main():
    p = common.options(__doc__)
    p.add_argument("--strength", type=int, default=20, help="of ffmpeg's noise, whose deviation is about half of it")
    p.add_argument("--vapoursynth", type=pathlib.Path, help="a Python that has VapourSynth")
    p.add_argument("--noises", default=",".join(NOISES))
    p.add_argument("--filters", default="")
    o = p.parse_args()
    names = o.filters.split(",") if o.filters else [
        "udm-restore", *(n for n in STRENGTHS if n in FFMPEG or o.vapoursynth)]
    table = {}
    for clip in common.load_clips(o):
        with tempfile.TemporaryDirectory() as folder:
            files, clean = store(o, folder, clip)
            for noise in o.noises.split(","):
                before = raw(files[noise], clean.width, clean.height).psnr(clean)
                print(f"{clip.name}, {noise}: {before[0]:.2f} and {before[1]:.2f} dB before", flush=True)
                for name in names:
                    luma, chroma, seconds = best(o, name, files[noise], clean)
                    table.setdefault((noise, name), []).append((luma, chroma, len(clean.frames) / seconds))
                    print(f"    {name:14} {luma:6.2f} {chroma:6.2f} dB, {len(clean.frames) / seconds:5.2f} a second",
                          flush=True)
    for (noise, name), found in table.items():
        luma, chroma, rate = np.mean(found, 0)
        print(f"mean, {noise:16} {name:14} {luma:6.2f} {chroma:6.2f} dB, {rate:5.2f} a second")


if __name__ == "__main__":
    main()
