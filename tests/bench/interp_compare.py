# SPDX-License-Identifier: LGPL-2.1-or-later
"""Removes frames of public clips and compares what interpolators put in their place: blending, ffmpeg's minterpolate,
MVTools FlowFPS, DIS optical flow with one warp, ours by motion alone, and with a model. PSNR and SSIM over the
removed frames, and the time that a made frame takes, all on the same threads in the same run, and in one table at the
end; and what extrapolating gains over repeating.

    python tests/bench/interp_compare.py [--tables middlebury,2,4,beyond,time] [--flowfps PYTHON] [--model DIRECTORY]
        [--who ours]
    python tests/bench/interp_compare.py --picture FILE --only CiscoVT2people

The second draws what blending, minterpolate and ours make of the middle frame of a clip, beside the frame itself, where
most moves.

Tables: middlebury takes out the middle of 12 triplets, N leaves one of N frames, beyond extrapolates, steps makes more
than one. PYTHON is the one of flowfps.py; without it FlowFPS is left out.
"""
import os
import pathlib
import subprocess
import sys
import time

import numpy as np

import common
import libudm

sys.path.append(str(common.ROOT / "examples"))
import slowmotion  # noqa: E402

BLOCK = 16  # of FlowFPS; 8 is slower, and no better on these clips
RATE = 25  # frames a second that all methods are given


def repeat(known, factor):
    return np.repeat(known, factor, 0)[:(len(known) - 1) * factor + 1]


def blend(known, factor):
    out = repeat(known, factor).copy()
    for i in range(len(out)):
        if i % factor:
            a, b = known[i // factor].astype(np.float32), known[i // factor + 1].astype(np.float32)
            out[i] = (a + (b - a) * (i % factor / factor)).round()
    return out


def raw(size, rate=None):
    return ["-f", "rawvideo", "-pix_fmt", "rgb24", *(["-r", str(rate)] if rate else []), "-s", size]


def minterpolate(threads):
    def run(known, factor):
        n, h, w, _ = known.shape
        padded = np.concatenate([known, known[-1:], known[-1:]])  # it looks one frame ahead, and drops what lacks it
        flags = "flags=accurate_rnd+full_chroma_int+full_chroma_inp:sws_dither=none"
        graph = (f"scale={flags},format=yuv444p,"
                 f"minterpolate=fps={RATE * factor}:mi_mode=mci:mc_mode=aobmc:me_mode=bidir,"
                 f"scale={flags},format=rgb24")
        command = ["ffmpeg", "-v", "error", "-filter_complex_threads", str(threads), *raw(f"{w}x{h}", RATE), "-i", "-",
                   "-filter_complex", graph, *raw(f"{w}x{h}"), "-"]
        made = subprocess.run(command, input=padded.tobytes(), stdout=subprocess.PIPE, check=True).stdout
        return np.frombuffer(made, np.uint8).reshape(-1, h, w, 3)[:(n - 1) * factor + 1]
    return run


def flowfps(python, threads):
    program = pathlib.Path(__file__).parent / "flowfps.py"

    def run(known, factor):
        n, h, w, _ = known.shape
        command = [python, program, *map(str, (w, h, factor, BLOCK, threads))]
        made = subprocess.run(command, input=known.tobytes(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              check=True).stdout
        return np.frombuffer(made, np.uint8).reshape(-1, h, w, 3)[:(n - 1) * factor + 1]
    return run


def dis(threads):
    """One flow, from the first to the second; both are warped once along their part of it, bilinearly."""
    import cv2
    cv2.setNumThreads(threads)
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def warp(picture, motion):
        h, w = motion.shape[:2]
        x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
        moved = cv2.remap(picture, x + motion[..., 0], y + motion[..., 1], cv2.INTER_LINEAR,
                          borderMode=cv2.BORDER_REPLICATE)
        return moved.astype(np.float32)

    def run(known, factor):
        out = repeat(known, factor).copy()
        for k in range(len(known) - 1):
            a, b = known[k], known[k + 1]
            motion = flow.calc(cv2.cvtColor(a, cv2.COLOR_RGB2GRAY), cv2.cvtColor(b, cv2.COLOR_RGB2GRAY), None)
            for i in range(1, factor):
                t = i / factor
                out[k * factor + i] = ((1 - t) * warp(a, -t * motion) + t * warp(b, (1 - t) * motion)).round()
        return out
    return run


def ours(o, model, precision="f32", steps=1):
    def run(known, factor):
        between = libudm.Between(o, *known.shape[1:3], model, precision, steps)
        out = repeat(known, factor).copy()
        for k in range(len(known) - 1):
            between.pair(known[k], known[k + 1], factor / RATE)
            if o.lookahead and k + 2 < len(known):
                between.follow(known[k + 2], factor / RATE)
            if between.change() >= libudm.CUT:
                continue
            for i in range(1, factor):
                out[k * factor + i] = between.make(i / factor)
        return out
    return run


def extrapolate(o, clip, models):
    """PSNR of each third frame of a clip: the second again, and what goes on from the first two, with each model."""
    f = clip.frames
    scores = [common.psnr(f[1:-1], f[2:])]
    for model in models:
        between = libudm.Between(o, *f.shape[1:3], model)
        made = []
        for a, b in zip(f[:-2], f[1:-1]):
            between.pair(a, b, 1 / RATE)
            made.append(b if between.change() >= libudm.CUT else between.make(2))
        scores.append(common.psnr(np.stack(made), f[2:]))
    return scores


def load(o, name):
    """Clips, and how many frames go by until the next that is known."""
    if name != "middlebury":
        step = int(name)
        clips = [common.Clip(c.name, c.frames[:(len(c.frames) - 1) // step * step + 1]) for c in common.load_clips(o)]
        return clips, step
    folders = sorted((o.data / "middlebury_other").glob("*"))
    common.need(folders, f"middlebury_other in {o.data}")
    clips = [common.Clip(f.name, np.concatenate([common.decode(f / f"{part}.webp", 1)
                                                 for part in ("frame10", "frame10i11", "frame11")]))
             for f in folders if o.only in f.name]
    return clips, 2


def score(clip, step, run):
    made = run(np.ascontiguousarray(clip.frames[::step]), step)
    removed = np.arange(len(clip.frames)) % step > 0
    return common.psnr(made[removed], clip.frames[removed]), common.ssim(made[removed], clip.frames[removed])


def milliseconds(run, clip):
    """Of a frame that is made, by the clock and of all processors: of more frames less those of few, so that start-up
    does not count."""
    known = np.ascontiguousarray(clip.frames[::2])

    def spent(frames):
        before, start = os.times(), time.perf_counter()
        run(frames, 2)
        return time.perf_counter() - start, sum(os.times()[:4]) - sum(before[:4])
    few, many = (np.min([spent(known[:n]) for _ in range(2)], 0) for n in (3, len(known)))
    return [f"{1e3 * s:.0f}" for s in (many - few) / (len(known) - 3)]


def title(name):
    return "Middlebury other" if name == "middlebury" else f"one of {name} frames left"


def print_set(o, name, contestants):
    """The means of each: (PSNR, SSIM)."""
    clips, step = load(o, name)
    scores = {who: [score(c, step, run) for c in clips] for who, run in contestants.items()}
    print(f"\n{title(name)}: PSNR (dB)", flush=True)
    rows = [[who, *(f"{p:.2f}" for p, _ in s), f"{np.mean(s, 0)[0]:.2f}", f"{np.mean(s, 0)[1]:.4f}"]
            for who, s in scores.items()]
    common.print_table(["", *(c.name for c in clips), "mean", "SSIM"], rows)
    return {who: [f"{x:.{d}f}" for x, d in zip(np.mean(s, 0), (2, 4))] for who, s in scores.items()}


def print_beyond(o, models):
    clips = common.load_clips(o)
    scores = np.array([extrapolate(o, c, models.values()) for c in clips])
    print("\none frame beyond two: PSNR (dB)")
    rows = [[who, *(f"{p:.2f}" for p in column), f"{column.mean():.2f}"]
            for who, column in zip(("repeat", *models), scores.T)]
    common.print_table(["", *(c.name for c in clips), "mean"], rows)


def print_steps(o):
    """What more steps draw: PSNR, and how much of the detail there is, in the highest octave of frequencies."""
    clips, step = load(o, "4")
    rows = []
    for steps in (1, 4, 10):
        found = []
        for clip in clips:
            made = ours(o, o.model, steps=steps)(np.ascontiguousarray(clip.frames[::step]), step)
            removed = np.arange(len(made)) % step > 0
            power = [common.octave_power(f[removed]) for f in (made, clip.frames)]
            found.append((common.psnr(made[removed], clip.frames[removed]), 10 * np.log10(power[0] / power[1])))
        rows.append([str(steps), *("%.2f" % x for x in np.mean(found, 0))])
    print("\none of 4 frames left, more steps: PSNR (dB), detail (dB)")
    common.print_table(["steps", "PSNR", "detail"], rows)


def print_times(o, contestants):
    clip = common.load_clips(o, ["blackswan"])[0]
    print(f"\nms for a frame that is made, {clip}, {o.threads} threads")
    times = {who: milliseconds(run, clip) for who, run in contestants.items()}
    common.print_table(["", "clock", "processors"], [[who, *spent] for who, spent in times.items()])
    return times


def draw(o, contestants):
    from PIL import Image
    clips, step = load(o, "2")
    common.need(clips, f"a clip whose name contains '{o.only}'")
    frames = clips[0].frames
    middle = len(frames) // 4 * 2 + 1
    detail = slowmotion.busiest(frames[middle - 1], frames[middle + 1], 128, 160)
    made = [contestants[who](np.ascontiguousarray(frames[::step]), step)[middle] for who in ("blend", "minterpolate")]
    made.append(contestants["ours" if "ours" in contestants else "ours, motion alone"](
        np.ascontiguousarray(frames[::step]), step)[middle])
    Image.fromarray(np.concatenate([f[detail] for f in (*made, frames[middle])], 1)).save(o.picture, quality=92)


def main():
    p = common.options(__doc__)
    p.add_argument("--lookahead", type=int, default=1, choices=(0, 1),
                   help="whether ours sees the known frame after the next (default: %(default)s)")
    p.add_argument("--picture", type=pathlib.Path, help="draw instead")
    p.add_argument("--tables", default="middlebury,2,4,beyond,time")
    p.add_argument("--flowfps", help="Python 3.12 or later with vapoursynth-mvtools")
    p.add_argument("--who", default="", help="contestants whose name contains this")
    p.set_defaults(frames=25, model=common.ROOT / "models/interp")
    o = p.parse_args()
    models = {"ours, motion alone": None}
    if o.model.is_dir():
        models["ours"] = o.model
    contestants = {"repeat": repeat, "blend": blend, "minterpolate": minterpolate(o.threads)}
    if o.flowfps:
        contestants["FlowFPS"] = flowfps(o.flowfps, o.threads)
    contestants |= {"DIS, one warp": dis(o.threads), **{who: ours(o, model) for who, model in models.items()}}
    if o.model.is_dir():
        contestants["ours, precision=auto"] = ours(o, o.model, "auto")
    if o.picture:
        return draw(o, contestants)
    contestants = {who: run for who, run in contestants.items() if o.who in who}
    common.need(contestants, f"a contestant whose name contains '{o.who}'")
    header, found = [], {who: [] for who in contestants}
    for name in o.tables.split(","):
        if name == "beyond":
            print_beyond(o, models)
            continue
        if name == "steps":
            print_steps(o)
            continue
        means = print_times(o, contestants) if name == "time" else print_set(o, name, contestants)
        header += ["ms", "of processors"] if name == "time" else [title(name), "SSIM"]
        for who, figures in means.items():
            found[who] += figures
    if header:
        print("\nall of it")
        common.print_table(["", *header], [[who, *figures] for who, figures in found.items()])


if __name__ == "__main__":
    main()
