# SPDX-License-Identifier: LGPL-2.1-or-later
"""How udm-film scales: makes a film with all that makes cutting hard, measures what planning, starting a worker, each
segment and joining take on this machine, and simulates 1 to 16 workers of the same kind by that; with --measure also
runs so many, whose files must be the same, frame times, sound and subtitles those of the film.

    build/tests/python/venv/bin/python tests/bench/film_scaling.py [--frames 3000] [--measure 1,2] [--size 96x64]

The simulation has the driver's rules: segments can be had as the scan passes them, the longest first; joining comes
last. Planning is by 1 or 4 processes, whatever the number of workers, on a machine of its own: all that ranges find
which are not the first can be had when the first meets the second.
"""
import argparse
import heapq
import json
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
import films  # noqa: E402

SCANNERS = (1, 4)
AHEAD = 8  # frames that the scan is behind a segment's end before it is known what that needs
SCENES = (24, 31, 47, 250, 252, 300, 420, 1700, 1760, 1905, 2050, 2300, 2301, 2490, 2800)  # one long shot


def timed(*words):
    """Seconds of a command."""
    began = time.monotonic()
    films.film(*words)
    return time.monotonic() - began


def measure(film, folder, words):
    """Seconds: of the scan, of a start, of joining; and of each segment, with the frame at which it is known."""
    out = folder / "one.mkv"
    films.film("plan", film, "--dir", folder / "one", *words, "--scanners", 1)
    scan = (folder / "one/plan.jsonl").stat().st_mtime - (folder / "one/settings.json").stat().st_mtime
    films.film("run", film, out, "--dir", folder / "one", *words, "--keep")
    start = min(timed("status", folder / "one") for _ in range(3))
    lines = [json.loads(line) for line in (folder / "one/plan.jsonl").read_text().splitlines()]
    frames = sum("frame" in line for line in lines)
    manifests = [folder / f"one/segments/{line['segment']:05}.json" for line in lines if "segment" in line]
    join = (folder / "one/done.json").stat().st_mtime - max(path.stat().st_mtime for path in manifests)
    parts = [(json.loads(path.read_text())["seconds"], min(frames, line["first"] + line["count"] + AHEAD))
             for path, line in zip(manifests, (line for line in lines if "segment" in line))]
    return scan, start, join, parts, frames


def simulate(workers, scanners, scan, start, join, parts, frames):
    """Seconds until the film is there."""
    planned = scan if scanners == 1 else scan / scanners + start
    coming = sorted((min(known / frames * scan, planned), seconds) for seconds, known in parts)
    free, ready, now = [0.0] * workers, [], 0.0
    heapq.heapify(free)
    while coming or ready:
        now = max(heapq.heappop(free), now)
        if not ready and coming:
            now = max(now, coming[0][0])
        while coming and coming[0][0] <= now:
            heapq.heappush(ready, -coming.pop(0)[1])
        heapq.heappush(free, now + start - heapq.heappop(ready))
    return max(max(free), planned) + join


def limit(workers, scanners, scan, start, parts):
    """What keeps it from being faster."""
    bounds = {"work": sum(seconds + start for seconds, _ in parts) / workers, "the scan": scan / scanners,
              "the longest segment": max(seconds for seconds, _ in parts) + start}
    return max(bounds, key=bounds.get)


def main():
    """Measures, simulates, compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=3000)
    parser.add_argument("--size", default="96x64")
    parser.add_argument("--filter", default="udmdenoise lookahead=1")
    parser.add_argument("--split", type=int, default=240)
    parser.add_argument("--measure", default="", help="numbers of workers, such as 2,3")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    words = ("--filter", options.filter, "--split", options.split, "--threads", 1)
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        film = work / "in.mkv"
        films.make(film, options.frames, [scene for scene in SCENES if scene < options.frames], width, height)
        measured = measure(film, work, words)
        scan, start, join, parts, frames = measured
        print(f"{frames} frames in {len(parts)} segments: scan {scan:.1f} s, segments "
              f"{sum(seconds for seconds, _ in parts):.1f} s, start {start:.2f} s each, join {join:.1f} s\n")
        print("| workers | " + " | ".join(f"seconds, {n} scanning | speed-up | limited by" for n in SCANNERS) +
              " |\n|---" + "|---|---|---" * len(SCANNERS) + "|")
        alone = simulate(1, 1, *measured)
        for workers in range(1, 17):
            took = [simulate(workers, n, *measured) for n in SCANNERS]
            print(f"| {workers} | " + " | ".join(
                f"{seconds:.1f} | {alone / seconds:.2f} | {limit(workers, n, scan, start, parts)}"
                for n, seconds in zip(SCANNERS, took)) + " |")
        times, heard = films.times(film), [films.packets(film, kind) for kind in ("audio", "subtitle")]
        for workers in filter(None, options.measure.split(",")):
            out = work / f"{workers}.mkv"
            took = timed("run", film, out, *words, "--workers", workers)
            if out.read_bytes() != (work / "one.mkv").read_bytes():
                sys.exit(f"{workers} workers make another file")
            print(f"\nmeasured, {workers} workers: {took:.1f} s, the same file")
        if films.times(work / "one.mkv") != times or heard != [films.packets(work / "one.mkv", kind)
                                                               for kind in ("audio", "subtitle")]:
            sys.exit("times, sound or subtitles are not those of the film")
        print("times, sound and subtitles are those of the film")


main()
