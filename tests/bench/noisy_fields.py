# SPDX-License-Identifier: LGPL-2.1-or-later
"""Progressive clips woven to fields, with white noise on them: restored and deinterlaced, in either order, beside
ffmpeg's bwdif and nlmeans. PSNR of red, green and blue against the clip, dB.

    python tests/bench/noisy_fields.py
"""
import ctypes as c
import subprocess
import sys

import numpy as np

import common
import fields
import libudm

SIGMAS = (10, 25)
NLMEANS = {10: (4, 6, 8), 25: (8, 12, 16)}  # strengths: the best is shown


def deinterlace(engine, woven):
    """uint8 [F, H, W, 3] of fields, top field first; [2 F, H, W, 3]."""
    lib, (_, h, w, _) = engine.lib, woven.shape
    lib.udm_deinterlacer_open.restype = c.c_void_p
    lib.udm_deinterlacer_push.restype = c.c_bool
    settings, made = engine.settings(w, h), []
    d = engine.check(lib.udm_deinterlacer_open(c.byref(settings), fields.EVERY_FIELD, c.byref(engine.error)))

    def pull():
        out = np.empty((h, w, 3), np.uint8)
        while lib.udm_deinterlacer_pull(d, c.byref(libudm.image(out)), None, None, c.byref(engine.error)) == 0:
            made.append(out)
            out = np.empty((h, w, 3), np.uint8)
    for frame in woven:
        pixels = np.ascontiguousarray(frame)
        image = libudm.image(pixels)
        engine.check(lib.udm_deinterlacer_push(d, c.byref(fields.Woven(c.pointer(image))), c.byref(engine.error)))
        pull()
    lib.udm_deinterlacer_end(d)
    pull()
    lib.udm_deinterlacer_free(d)
    return np.stack(made)


def ffmpeg(chain, woven):
    _, h, w, _ = woven.shape
    command = ["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{w}x{h}", "-r", "25", "-i", "-",
               "-vf", f"setfield=tff,format=gbrp,{chain},format=rgb24", "-f", "rawvideo", "-"]
    out = subprocess.run(command, input=woven.tobytes(), check=True, stdout=subprocess.PIPE).stdout
    return np.frombuffer(out, np.uint8).reshape(-1, h, w, 3)


def films(engine, woven, sigma):
    """Top and bottom fields as two films; also the level that was told or read last."""
    made, levels = woven.copy(), []
    for k in range(2):
        made[:, k::2], found = engine.restore(woven[:, k::2], sigma)
        levels.append(found[-1])
    return deinterlace(engine, made), np.mean(levels)


def rows(engine, clip, sigma):
    woven = fields.weave(common.add_noise(clip, sigma))
    half = fields.FILTERS["bwdif"]
    nlmeans = [fields.psnr(ffmpeg(f"{half},nlmeans=s={s}:p=5:r=11", woven), clip.frames) for s in NLMEANS[sigma]]
    bwdif, ours = ffmpeg(half, woven), deinterlace(engine, woven)
    yield "bwdif, nlmeans", max(nlmeans), ""
    for name, made in (("bwdif", bwdif), ("ours", ours)):
        for told in (sigma, None):
            out, levels = engine.restore(made, told)
            yield f"{name}, then {engine.name}", fields.psnr(out, clip.frames), f"{levels[-1]:.1f} " + (
                "told" if told else "read")
    for told in (sigma, None):
        out, level = films(engine, woven, told)
        yield f"{engine.name}, then ours", fields.psnr(out, clip.frames), f"{level:.1f} " + ("told" if told else "read")


def main():
    p = common.options(__doc__)
    p.set_defaults(frames=16)
    o = p.parse_args()
    engine, table = libudm.Engine(o), []
    engine.name = o.model.name
    for clip in common.load_clips(o, ["carphone", "foreman"] if not o.only else None):
        clip.frames = clip.frames[:, :clip.frames.shape[1] // 4 * 4]
        for sigma in SIGMAS:
            table += [(clip.name, sigma, way, f"{db:.2f}", level) for way, db, level in rows(engine, clip, sigma)]
    common.print_table(("clip", "sigma", "way", "dB", "level"), table)


if __name__ == "__main__":
    sys.exit(main())
