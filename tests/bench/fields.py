# SPDX-License-Identifier: LGPL-2.1-or-later
"""Progressive clips, woven to fields and taken apart again: PSNR of luma against the clip, beside what ffmpeg,
GStreamer and VapourSynth make of the same fields.

    python tests/bench/fields.py
    python tests/bench/fields.py --vapoursynth FOLDER/bin/python      # znedi3, QTGMC
    python tests/bench/fields.py --train ../shared/data/train_video   # adds clips

The second frame of a clip gives the second field of the first woven frame, and so on, so that every field has a picture
that it should have become. Where nothing moves, a chart is to come out as it was woven, and lines are not to flicker.
Times are those of processors, so that a busy machine does not matter much.

For the last, a Python of its own:

    python3.12 -m venv FOLDER
    FOLDER/bin/pip install numpy vsdeinterlace vapoursynth-{akarin,vszip,znedi3,resize2,zsmooth,mvtools} \\
        vapoursynth-mvutensils==7
"""
import ctypes as c
import pathlib
import resource
import shutil
import subprocess
import sys

import numpy as np

import common
import libudm

FFMPEG = ("yadif", "bwdif", "w3fdif", "estdif")
FILTERS = {"yadif": "yadif=1", "bwdif": "bwdif=1", "w3fdif": "w3fdif", "estdif": "estdif"}
SIZES = {"flower": "640:360", "blackswan": "426:240", "car-shadow": "426:240"}  # halved, as they were compressed
BEGINS = {"bikes": 40}  # behind a title
HELD_OUT = {"vid1080": ("openh264/VID_1920x1080_cavlc_temporal_direct.264", "640:360"),
            "juggle": ("sam2_sav/05_default_juggle.mp4", "640:360"),
            "camel": ("pips/camel.mp4", "480:272")}
EVERY_FIELD, FILM = 1, 3  # udm_deinterlace
EDGE = 4  # frames at either end, and pixels at every side, that are not counted


class Woven(c.Structure):
    _fields_ = [("image", c.POINTER(libudm.Image)), ("alpha", c.POINTER(libudm.Image)), ("bottom_first", c.c_bool),
                ("one_field", c.c_bool), ("progressive", c.c_bool), ("repeat_first", c.c_bool),
                ("discontinuity", c.c_bool)]


def grey_image(pixels):
    h, w = pixels.shape
    return libudm.Image(w, h, 1, 8, (c.c_void_p * 3)(pixels.ctypes.data), (c.c_ssize_t * 3)(w), (c.c_ssize_t * 3)(1))


def ours(library, frames):
    """uint8 [F, H, W] of fields in, [2 F, H, W] out."""
    lib, (count, h, w) = library.lib, frames.shape
    lib.udm_deinterlacer_open.restype = c.c_void_p
    lib.udm_deinterlacer_push.restype = c.c_bool
    settings = library.settings(w, h, channels=1)
    d = library.check(lib.udm_deinterlacer_open(c.byref(settings), EVERY_FIELD, c.byref(library.error)))
    made = []

    def pull():
        out = np.empty((h, w), np.uint8)
        while lib.udm_deinterlacer_pull(d, c.byref(grey_image(out)), None, None, c.byref(library.error)) == 0:
            made.append(out)
            out = np.empty((h, w), np.uint8)
    for i in range(count):
        frame = np.ascontiguousarray(frames[i])
        image = grey_image(frame)
        library.check(lib.udm_deinterlacer_push(d, c.byref(Woven(c.pointer(image))), c.byref(library.error)))
        pull()
    lib.udm_deinterlacer_end(d)
    pull()
    lib.udm_deinterlacer_free(d)
    return np.stack(made)


def luma_of(data, frames):
    _, h, w = frames.shape
    return np.frombuffer(data, np.uint8).reshape(-1, h, w)


def ffmpeg(name, frames, threads=2):
    _, h, w = frames.shape
    command = ["ffmpeg", "-v", "error", "-filter_threads", str(threads), "-f", "rawvideo", "-pix_fmt", "gray", "-s",
               f"{w}x{h}", "-r", "25", "-i", "-", "-vf", f"setfield=tff,format=yuv420p,{FILTERS[name]},format=gray",
               "-f", "rawvideo", "-"]
    return luma_of(subprocess.run(command, input=frames.tobytes(), check=True, stdout=subprocess.PIPE).stdout, frames)


def gstreamer(name, frames):
    """The element deinterlace by its method of this name."""
    count, h, w = frames.shape
    caps = (f"video/x-raw,format=I420,width={w},height={h},framerate=25/1,interlace-mode=interleaved,"
            "field-order=top-field-first")
    grey = np.full(w * h // 2, 128, np.uint8).tobytes()
    command = ["gst-launch-1.0", "-q", "fdsrc", f"blocksize={w * h * 3 // 2}", "!", "rawvideoparse", "use-sink-caps=0",
               "format=i420", f"width={w}", f"height={h}", "framerate=25/1", "interlaced=1", "top-field-first=1", "!",
               "deinterlace", "mode=interlaced", "fields=all", f"method={name}", "tff=tff", "!", "fdsink"]
    data = b"".join(f.tobytes() + grey for f in frames)
    out = subprocess.run(command, input=data, check=True, stdout=subprocess.PIPE).stdout
    return np.frombuffer(out, np.uint8).reshape(-1, w * h * 3 // 2)[:, :w * h].reshape(-1, h, w)


def vapoursynth(python, name, frames):
    _, h, w = frames.shape
    command = [python, pathlib.Path(__file__).with_name("vsfields.py"), name, str(w), str(h)]
    return luma_of(subprocess.run(command, input=frames.tobytes(), check=True, stdout=subprocess.PIPE).stdout, frames)


def weave(clip):
    woven = clip[0::2].copy()
    woven[:, 1::2] = clip[1::2, 1::2]
    return woven


def psnr(made, clip):
    inner = (slice(EDGE, -EDGE),) * 3
    return common.psnr(made[:len(clip)][inner], clip[inner])


def load(o):
    clips = []
    for clip in [(p.stem.split("_")[0], p) for p in sorted((o.data / "clips").glob("*"))] + \
            [(p.name, p / "%05d.jpg") for p in sorted((o.data / "davis2016_480p").glob("*"))]:
        clips.append((*clip, SIZES.get(clip[0])))
    clips = [clip for clip in clips if clip[1].name not in common.RAW_I420]  # too short
    clips += [(name, o.train / path, size) for name, (path, size) in HELD_OUT.items()] if o.train else []
    for name, path, size in clips:
        if o.only not in name:
            continue
        filters = ([f"scale={size}:flags=area"] if size else []) + ["crop=floor(iw/4)*4:floor(ih/4)*4"]
        filters = [f"trim=start_frame={BEGINS.get(name, 0)}", "setpts=PTS-STARTPTS", *filters, "format=gray"]
        command = ["ffmpeg", "-v", "error", "-i", path, "-vf", ",".join(filters), "-frames:v", str(o.frames // 2 * 2),
                   "-f", "image2pipe", "-c:v", "pgm", "-pix_fmt", "gray", "-"]
        data = subprocess.run(command, check=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL).stdout
        w, h = map(int, data.split(b"\n", 3)[1].split())
        head = len(data) // o.frames - w * h
        yield name, np.frombuffer(data, np.uint8).reshape(-1, head + w * h)[:, head:].reshape(-1, h, w)


def chart():
    """Zone plate, letters' thin lines, a checkerboard: 16 fields at rest, [16, 288, 352]."""
    y, x = np.mgrid[0:288, 0:352].astype(np.float32)
    picture = 128 + 100 * np.cos(((x - 176) ** 2 + (y - 144) ** 2) * (np.pi / 400))
    picture[40:80, 20:120] = 235 * ((x + y) % 2)[40:80, 20:120]
    for k in range(8):
        picture[200 + 5 * k, 20:150] = 235
    return np.repeat(common.to_8_bits(picture)[None], 16, 0)


def combing(made, clip):
    """How much more rows alternate than in the clip: the mean of |a - 2 b + c| over rows that follow each other."""
    def amount(x):
        x = x[EDGE:-EDGE].astype(np.float32)
        return np.abs(x[:, :-2] - 2 * x[:, 1:-1] + x[:, 2:]).mean()
    return amount(made) / amount(clip)


def lines():
    """Lines of one row each that drift down by a quarter of a row from field to field: [32, 288, 352]."""
    y = np.arange(288, dtype=np.float32)
    at = [np.sum([np.clip(1 - np.abs(y - 20 * k - 8 - 0.25 * n), 0, 1) for k in range(14)], 0) for n in range(32)]
    return common.to_8_bits(np.repeat(16 + 200 * np.stack(at)[:, :, None], 352, 2))


def flicker(made, clip):
    """Over that of the clip: the deviation of pixels over time, and, as lines that drift change pixels anyway, the mean
    change from frame to frame of the sum of 5 rows, in which a line is as bright wherever it lies."""
    def amounts(x):
        x = x[EDGE:-EDGE, EDGE:-EDGE, EDGE:-EDGE].astype(np.float32)
        sums = sum(x[:, i:x.shape[1] - 4 + i] for i in range(5))
        return np.array([x.std(0).mean(), np.abs(np.diff(sums, axis=0)).mean()])
    return amounts(made[:len(clip)]) / amounts(clip)


def processor_ms(run, woven):
    """Of this process and its children, for a frame; what starting them takes is subtracted."""
    def seconds(frames):
        def used():
            return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        start = used()
        run(frames)
        return used() - start
    return 1000 * (seconds(woven) - seconds(woven[:1])) / (2 * (len(woven) - 1))


def contestants(o, library):
    runs = {name: lambda frames, name=name: ffmpeg(name, frames, o.threads) for name in FFMPEG}
    if shutil.which("gst-launch-1.0"):
        runs |= {f"gst {name}": lambda frames, name=name: gstreamer(name, frames) for name in ("greedyh", "vfir")}
    if o.vapoursynth:
        runs |= {name: lambda frames, name=name: vapoursynth(o.vapoursynth, name, frames)
                 for name in ("znedi3", "qtgmc")}
    return runs | {"ours": lambda frames: ours(library, frames)}


def main():
    p = common.options(__doc__)
    p.add_argument("--train", type=pathlib.Path, help="folder with training videos, of which some are held out")
    p.add_argument("--vapoursynth", help="a Python with VapourSynth (see above)")
    p.set_defaults(frames=24)
    o = p.parse_args()
    library = libudm.Library(o)
    runs, gains = contestants(o, library), []
    print("PSNR of luma, dB; combing and, for the chart, PSNR, of ours")
    print(f"{'clip':12}" + "".join(f"{name:>12}" for name in runs) + f"{'combing':>10}")
    for name, clip in load(o):
        made = {which: run(weave(clip)) for which, run in runs.items()}
        found = {which: psnr(frames, clip) for which, frames in made.items()}
        print(f"{name:12}" + "".join(f"{value:12.2f}" for value in found.values()) +
              f"{combing(made['ours'], clip):10.3f}", flush=True)
        gains.append((found["ours"] - found["bwdif"], found["ours"] - max(v for k, v in found.items() if k != "ours")))
    made = ours(library, weave(chart()))
    print(f"over bwdif: {np.mean([g[0] for g in gains]):+.2f} dB in the mean; over the best of the others, at the "
          f"least: {min(g[1] for g in gains):+.2f} dB")
    print(f"a chart at rest: {psnr(made, chart()):.1f} dB, deviation over time "
          f"{made[EDGE:-EDGE].astype(np.float32).std(0).mean():.4f} of 255")
    for which, run in runs.items():
        made = run(weave(lines()))
        deviation, sums = flicker(made, lines())
        print(f"{which}: lines that drift {psnr(made, lines()):.2f} dB, deviation over time {deviation:.2f} of "
              f"the clip's, change of sums {sums:.1f} of its")
    moving = np.stack([np.roll(np.random.default_rng(0).integers(0, 256, (576, 720)), 3 * n, 1) for n in range(12)])
    woven = weave(moving.astype(np.uint8))
    for which, run in runs.items():
        print(f"{which}: {processor_ms(run, woven):.0f} ms of one processor for a frame out, 720x576, luma")


if __name__ == "__main__":
    sys.exit(main())
