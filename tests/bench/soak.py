# SPDX-License-Identifier: LGPL-2.1-or-later
"""Does a pipeline with udmsrc grow, over an hour of its own time?

    python tests/bench/soak.py [--minutes 60] [--rate 25] [--properties "steps=5 guidance-scale=1"]

Plays so many minutes of stream time as fast as they are made, looks at the resident memory of gst-launch-1.0 ten times
a second, and prints its peak in each tenth of the time that this took. Exits with 1 if the last tenth has more than
--allow MiB above the second (the first begins before everything is there).
"""
import argparse
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TENTHS = 10


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    p.add_argument("--model", default=str(ROOT / "models/digits"))
    p.add_argument("--minutes", type=float, default=60, help="of stream time (default: %(default)s)")
    p.add_argument("--rate", type=int, default=25, help="frames a second (default: %(default)s)")
    p.add_argument("--properties", default="", help="more properties of udmsrc")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--allow", type=float, default=1, help="MiB (default: %(default)s)")
    return p.parse_args()


def resident_mib(pid):
    """None if it has ended."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    except FileNotFoundError:
        pass
    return None


def play(o, frames):
    """Resident memory over time, and the seconds that it took."""
    env = dict(os.environ, GST_PLUGIN_PATH=str(o.build / "elements"), GST_REGISTRY=str(o.build / "bench.registry"))
    process = subprocess.Popen(
        ["gst-launch-1.0", "-q", "udmsrc", f"model={o.model}", f"n-threads={o.threads}", f"num-frames={frames}",
         *o.properties.split(), "!", f"video/x-raw,framerate={o.rate}/1", "!", "fakesink"], env=env,
        stdin=subprocess.DEVNULL)
    start, seen = time.monotonic(), []
    while process.poll() is None:
        seen.append(resident_mib(process.pid))
        time.sleep(0.1)
    if process.returncode:
        sys.exit("gst-launch-1.0 failed")
    return [mib for mib in seen if mib], time.monotonic() - start


def main():
    o = options()
    frames = round(60 * o.minutes * o.rate)
    seen, seconds = play(o, frames)
    if len(seen) < TENTHS:
        sys.exit("too short to tell: raise --minutes")
    peaks = [max(seen[len(seen) * i // TENTHS:len(seen) * (i + 1) // TENTHS]) for i in range(TENTHS)]
    print(f"{frames} frames, {o.minutes:g} minutes of stream time, in {seconds / 60:.1f} minutes")
    print("peak MiB in each tenth: " + " ".join(f"{mib:.1f}" for mib in peaks))
    sys.exit(peaks[-1] > peaks[1] + o.allow)


if __name__ == "__main__":
    main()
