# SPDX-License-Identifier: LGPL-2.1-or-later
"""How fast interlaced video with noise becomes frames: I420 of 720x576 at 25 frames a second, the level of noise
estimated, a frame for each field, two threads, beside ffmpeg's bwdif and nlmeans in the same turns.

    python tests/bench/fields_speed.py

A frame's time is that of a pipeline over all frames less that of one over --first of them; the best of each counts.
Wanted are 10 frames a second.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import common
from element_speed import NLMEANS

SIZE, WANTED = (720, 576), 10
WAYS = {"udmdenoise noise-level=0": ["noise-level=0"], "udmdenoise quality=live": ["quality=live"], "udmdenoise": [],
        "ffmpeg, bwdif": "bwdif=1", "ffmpeg, bwdif and nlmeans": f"bwdif=1,{NLMEANS}"}


def woven(o):
    path = o.work / "fields.yuv"
    graph = "scale=%d:%d,format=yuv420p,noise=alls=20:allf=t:all_seed=1,tinterlace=interleave_top" % SIZE
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", o.data / "davis2016_480p/car-shadow/%05d.jpg", "-vf", graph,
                    "-frames:v", str(o.frames), "-f", "rawvideo", path], check=True, stdin=subprocess.DEVNULL)
    count = path.stat().st_size // (SIZE[0] * SIZE[1] * 3 // 2)
    common.need(count == o.frames, f"a clip of {2 * o.frames} frames: --frames {count}")
    return path


def ours(o, path, properties, count):
    environment = dict(os.environ, GST_PLUGIN_PATH=str(o.build / "elements"), GST_REGISTRY=str(o.work / "registry.bin"),
                       UDM_MODEL_PATH=str(common.ROOT / "models"))
    return environment, ["gst-launch-1.0", "-q", "filesrc", f"location={path}", f"num-buffers={count}",
                         f"blocksize={SIZE[0] * SIZE[1] * 3 // 2}", "!", "rawvideoparse", "use-sink-caps=0",
                         "format=i420", f"width={SIZE[0]}", f"height={SIZE[1]}", "framerate=25/1", "interlaced=1",
                         "top-field-first=1", "!", "udmdenoise", "deinterlace=fields", f"n-threads={o.threads}",
                         *properties, "!", "fakesink"]


def ffmpeg(o, path, graph, count):
    return None, ["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "%dx%d" % SIZE, "-r", "25",
                  "-i", path, "-frames:v", str(2 * count), "-filter_threads", str(o.threads), "-vf",
                  f"setfield=tff,{graph}", "-f", "null", "-"]


def seconds(o, path, way, count):
    environment, command = (ffmpeg if isinstance(way, str) else ours)(o, path, way, count)
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - start


def main():
    p = common.options(__doc__)
    p.set_defaults(frames=14)
    p.add_argument("--first", type=int, default=4, help="default: %(default)s")
    p.add_argument("--turns", type=int, default=2)
    p.add_argument("--only-ways", default="", help="those with this in their name")
    p.add_argument("--work", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "udm-fields-speed")
    o = p.parse_args()
    o.work.mkdir(parents=True, exist_ok=True)
    path, ways = woven(o), {name: way for name, way in WAYS.items() if o.only_ways in name}
    turns = {name: [] for name in ways}
    seconds(o, path, ["noise-level=0"], 1)  # what is read is in memory
    for _ in range(o.turns):
        for name, way in ways.items():
            turns[name].append((seconds(o, path, way, o.first), seconds(o, path, way, o.frames)))
    rows = []
    for name, found in turns.items():
        first, whole = map(min, zip(*found))
        ms = 1e3 * (whole - first) / (2 * (o.frames - o.first))
        rows.append([name, "%.1f" % ms, "%.1f" % (1e3 / ms), "%.2f" % (1e3 / ms / WANTED)])
    common.print_table(["720x576, fields in, a frame for each out", "ms per frame", "frames/s", f"of {WANTED}"], rows)


if __name__ == "__main__":
    sys.exit(main())
