# SPDX-License-Identifier: LGPL-2.1-or-later
"""Peak memory of a pipeline with udmdenoise: after 100 and after 1000 frames, and at sizes up to 1920x1080.

    python tests/bench/memory.py
"""
import os
import subprocess
import sys

import common


def peak_mib(o, width, height, frames):
    """Of gst-launch-1.0, by the kernel's account."""
    environment = dict(os.environ, GST_PLUGIN_PATH=str(o.build / "elements"),
                       GST_REGISTRY=str(o.build / "bench-registry.bin"))
    process = subprocess.Popen(
        ["gst-launch-1.0", "-q", "videotestsrc", "pattern=snow", f"num-buffers={frames}", "!",
         f"video/x-raw,format=RGB,width={width},height={height}", "!", "udmdenoise", f"model={o.model}",
         "noise-level=25", f"lookahead={o.lookahead}", f"n-threads={o.threads}", "!", "fakesink"],
        env=environment, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"gst-launch-1.0 failed at {width}x{height}")
    return usage.ru_maxrss / 1024


def main():
    p = common.options(__doc__)
    p.add_argument("--lookahead", type=int, default=0, help="frames it looks ahead (default: %(default)s)")
    o = p.parse_args()
    common.need((o.build / "elements").is_dir(), f"the plugin in {o.build}/elements")
    runs = [(176, 144, 100), (176, 144, 1000), (854, 480, 3), (1920, 1080, 3), (3840, 2160, 2)]
    rows = [[f"{w}x{h}", frames, "%.0f" % peak_mib(o, w, h, frames)] for w, h, frames in runs]
    common.print_table(["size", "frames", "peak MiB"], rows)


if __name__ == "__main__":
    main()
