# SPDX-License-Identifier: LGPL-2.1-or-later
"""How fast is udmdenoise in a pipeline, what do conversion, copies and GStreamer take of it, and does the cost grow
with the pixels? Against the same networks in OpenVINO f32, frame by frame.

    python tests/bench/element_speed.py --threads 2

"network" is the network of the model alone, one step a frame; "whole" is the model as it is shipped, which also finds
motion and makes a prediction of each frame with two small networks. OpenVINO runs the network alone, and all three
networks, each shown what a stream shows it, one after the other: its time is that of infer() alone, so that motion,
prediction and conversion count for the element only. A frame's time is that of a pipeline over --frames of them less
that of one over a single frame; "engine" is the share of it that the engine computes (property stats), "around" the
rest: conversion, copies, GStreamer, and reading the file. Turns are interleaved, and the best of each counts. CPU ms
is the time of all processors together, which other work on the machine changes little.

--tables live: the preset Live, whose level of noise is estimated, on an I420 file of car-shadow at 854x480 with noise
of ffmpeg's, against ffmpeg's nlmeans; everything but decoding counts.
"""
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

import common
import compare
import compare_cases as cases

LIVE = "quality=live"  # what the preset sets; all else is as it is by default
LIVE_SIZE, LIVE_RATE = (854, 480), 24
NLMEANS = "nlmeans=s=7:p=5:r=11"
SIZES = {"qcif": (176, 144), "cif": (352, 288), "4cif": (704, 576), "720p": (1280, 720), "1080p": (1920, 1080)}
SIGMA = 25


def frames_at(o, clip, size, count):
    """Rows of a clip at some size, as a file has them."""
    from PIL import Image
    pictures = [np.asarray(Image.fromarray(f).resize(size, Image.BICUBIC)) for f in clip.frames[:count]]
    return common.add_noise(common.Clip(clip.name, np.stack(pictures)), SIGMA)


def children_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_pipeline(o, model, frames, precision):
    """Seconds of the process by the clock and of the processors, and milliseconds that the engine computed."""
    _, h, w, _ = frames.shape
    path = o.work / "frames.rgb"
    frames.tofile(path)
    environment = dict(os.environ, GST_PLUGIN_PATH=str(o.build / "elements"), GST_DEBUG_NO_COLOR="1",
                       GST_REGISTRY=str(o.work / "registry.bin"), GST_DEBUG="udmtransform:4")
    start, cpu_start = time.perf_counter(), children_seconds()
    run = subprocess.run(
        ["gst-launch-1.0", "-q", "filesrc", f"location={path}", f"blocksize={3 * w * h}", "!", "rawvideoparse",
         "format=rgb", f"width={w}", f"height={h}", "!", "udmdenoise", f"model={model}", f"noise-level={SIGMA}",
         f"n-threads={o.threads}", f"precision={precision}", "!", "fakesink"],
        env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - start
    stats = re.search(r"frames=\(guint64\)(\d+).*mean-ms=\(double\)([\d.e+-]+)", run.stderr)
    if run.returncode or not stats:
        sys.exit(f"gst-launch-1.0 failed: {run.stderr[-500:]}")
    return seconds, children_seconds() - cpu_start, int(stats[1]) * float(stats[2])


def element(o, model, frames, precision="f32"):
    """A turn: run_pipeline() over one frame, and over all."""
    return run_pipeline(o, model, frames[:1], precision) + run_pipeline(o, model, frames, precision)


def best_of(turns, frames):
    """(ms a frame, of which the engine computes, of all processors, seconds until a first frame is through): the least
    of each figure in the turns."""
    first, first_cpu, first_engine, seconds, cpu, engine = map(min, zip(*turns))
    count = len(frames) - 1
    return 1e3 * (seconds - first) / count, (engine - first_engine) / count, 1e3 * (cpu - first_cpu) / count, first


# What OpenVINO runs: networks, by the part of the model, and whether they are shown a prediction.
ALONE = {"unet": False}
ALL = {"preview": False, "trust": True, "unet": True}


class OpenVino:
    """Networks at one size, one after the other."""

    def __init__(self, o, size, networks):
        self.runs = [self.open(o, size, part, predicted) for part, predicted in networks.items()]

    @staticmethod
    def open(o, size, part, predicted):
        folder = o.work / "openvino-{}-{}x{}-{}".format(part, *size, "predicted" if predicted else "alone")
        if not (folder / "facts.json").exists():
            cases.SIZES["here"] = size
            cases.make("here", folder, part=part, predicted=predicted)
        steps = compare.openvino(folder, o.threads, "f32")
        next(steps)
        run = next(steps)
        run()
        return run

    def ms(self, count):
        times, cpu = [], []
        for _ in range(count):
            start, cpu_start = time.perf_counter(), time.process_time()
            for run in self.runs:
                run()
            times.append(1e3 * (time.perf_counter() - start))
            cpu.append(1e3 * (time.process_time() - cpu_start))
        return statistics.median(times), min(cpu)


def prepare(o):
    """The shipped model, and its network alone."""
    alone = o.work / "network"
    for part in ("unet", "scheduler"):
        shutil.copytree(o.model / part, alone / part, dirs_exist_ok=True)
    (alone / "model_index.json").write_text(cases.INDEX)
    return {"network": alone, "whole": o.model}


def measure_one(o, clip):
    """Turns at CIF; the table of who is how fast."""
    models, frames = prepare(o), frames_at(o, clip, SIZES["cif"], o.frames)
    peers = {"network": OpenVino(o, SIZES["cif"], ALONE), "all networks": OpenVino(o, SIZES["cif"], ALL)}
    runs, found, theirs = [(name, p) for p in ("f32", "bf16") for name in models], {}, {}
    for _ in range(o.turns):
        for name, peer in peers.items():
            theirs.setdefault(name, []).append(peer.ms(9))
        for name, precision in runs:
            found.setdefault((name, precision), []).append(element(o, models[name], frames, precision))
    theirs = {name: tuple(map(min, zip(*turns))) for name, turns in theirs.items()}

    def against(of, own):
        return ["%.2f" % (peer[of] / own) for peer in theirs.values()]

    rows = [[f"OpenVINO f32, {name}", "%.1f" % ms, "%.1f" % (1e3 / ms), "", "", *against(0, ms), "%.1f" % cpu,
             *against(1, cpu)] for name, (ms, cpu) in theirs.items()]
    for (name, precision), turns in found.items():
        ms, engine, cpu, first = best_of(turns, frames)
        rows.append([f"udmdenoise, {name}, {precision}", "%.1f" % ms, "%.1f" % (1e3 / ms),
                     "%.1f %%" % (100 * (ms - engine) / ms), "%.2f" % first, *against(0, ms), "%.1f" % cpu,
                     *against(1, cpu)])
    print(f"{clip.name} at 352x288, {len(frames)} frames, {o.threads} threads, best of {o.turns} turns")
    common.print_table(["", "ms per frame", "frames/s", "around", "first frame after, s", "speed / OpenVINO, network",
                        "all networks", "CPU ms", "OpenVINO's / it, network", "all networks"], rows)


def measure_sizes(o, clip):
    models, rows = prepare(o), []
    for name, size in SIZES.items():
        count = max(4, min(o.frames, 4_000_000 // (size[0] * size[1])))
        frames, row = frames_at(o, clip, size, count), [f"{name}, {size[0]}x{size[1]}"]
        for model in models.values():
            ms, _, cpu, _ = best_of([element(o, model, frames) for _ in range(o.turns)], frames)
            row += ["%.1f" % ms, "%.1f" % cpu, "%.0f" % (1e6 * cpu / (size[0] * size[1]))]
        rows.append(row)
    print(f"\nf32, {o.threads} threads, best of {o.turns} turns")
    common.print_table(["", "network, ms", "CPU ms", "CPU ns per pixel", "whole, ms", "CPU ms", "CPU ns per pixel"],
                       rows)


def live_file(o, count):
    width, height = LIVE_SIZE
    path = o.work / "live.yuv"
    graph = f"scale={width}:{height},format=yuv420p,noise=alls=20:allf=t:all_seed=1"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", o.data / "davis2016_480p/car-shadow/%05d.jpg", "-vf", graph,
                    "-frames:v", str(count), "-f", "rawvideo", path], check=True, stdin=subprocess.DEVNULL)
    there = path.stat().st_size // (width * height * 3 // 2)
    if there < count:  # they would be counted all the same
        sys.exit(f"car-shadow has {there} frames, and not {count}: set --frames to as many at most")
    return path


def run_live(o, path, count):
    """Seconds, and those of all processors."""
    width, height = LIVE_SIZE
    environment = dict(os.environ, GST_PLUGIN_PATH=str(o.build / "elements"), GST_REGISTRY=str(o.work / "registry.bin"),
                       UDM_MODEL_PATH=str(common.ROOT / "models"))
    start, cpu_start = time.perf_counter(), children_seconds()
    subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={path}", f"num-buffers={count}",
                    f"blocksize={width * height * 3 // 2}", "!", "rawvideoparse", "format=i420", f"width={width}",
                    f"height={height}", f"framerate={LIVE_RATE}/1", "!", "udmdenoise", LIVE, f"n-threads={o.threads}",
                    "!", "fakesink"], env=environment, check=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - start, children_seconds() - cpu_start


def run_nlmeans(o, path, count):
    start = time.perf_counter()
    subprocess.run(["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "%dx%d" % LIVE_SIZE, "-i",
                    path, "-frames:v", str(count), "-filter_threads", str(o.threads), "-vf", NLMEANS, "-f", "null",
                    "-"], check=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure_live(o):
    """A frame's time is that of all less that of one; the best of each in the turns."""
    path, live, theirs = live_file(o, o.frames), [], []
    for _ in range(o.turns):
        live.append(run_live(o, path, 1) + run_live(o, path, o.frames))
        theirs.append((run_nlmeans(o, path, 1), run_nlmeans(o, path, o.frames // 4)))
    first, first_cpu, seconds, cpu = map(min, zip(*live))
    ms = 1e3 * (seconds - first) / (o.frames - 1)
    peer = 1e3 * (min(t[1] for t in theirs) - min(t[0] for t in theirs)) / (o.frames // 4 - 1)
    print(f"car-shadow at 854x480, I420, {o.frames} frames, {o.threads} threads, best of {o.turns} turns")
    common.print_table(["", "ms per frame", "frames/s", f"of {LIVE_RATE}", "CPU ms", "speed / nlmeans"],
                       [["udmdenoise, Live", "%.1f" % ms, "%.1f" % (1e3 / ms), "%.2f" % (1e3 / ms / LIVE_RATE),
                         "%.1f" % (1e3 * (cpu - first_cpu) / (o.frames - 1)), "%.2f" % (peer / ms)],
                        ["ffmpeg's nlmeans", "%.1f" % peer, "%.1f" % (1e3 / peer), "", "", "1.00"]])


def main():
    p = common.options(__doc__)
    p.set_defaults(frames=24)
    p.add_argument("--clip", default="foreman", help="default: %(default)s")
    p.add_argument("--turns", type=int, default=3)
    p.add_argument("--tables", default="cif,sizes", help="default: %(default)s")
    p.add_argument("--work", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "udm-element-speed")
    o = p.parse_args()
    o.work.mkdir(parents=True, exist_ok=True)
    if "live" in o.tables:
        measure_live(o)
    clip, = common.load_clips(o, [o.clip])
    if "cif" in o.tables:
        measure_one(o, clip)
    if "sizes" in o.tables:
        measure_sizes(o, clip)


if __name__ == "__main__":
    main()
