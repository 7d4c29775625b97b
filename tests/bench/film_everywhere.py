# SPDX-License-Identifier: LGPL-2.1-or-later
"""Does one film come out the same everywhere? Makes an MP4 of 3,000 frames with cuts, a long shot, times that vary, an
edit list that begins in the middle of a GOP, B-frames and open GOPs, stereo sound and subtitles; restores it by 1
worker, by 3, by Ray with 3 nodes and by Slurm with 2 on this machine; and compares files, times, sound and subtitles.
Then it ends workers by SIGKILL at random moments of as many jobs as --kills says, and the driver of as many others.

    build/tests/python/venv/bin/python tests/bench/film_everywhere.py [--by one,three,ray,slurm] [--kills 20]
"""
import argparse
import hashlib
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
os.environ.setdefault("RAY_raylet_start_wait_time_s", "300")  # as machines of tests are busy
import clusters  # noqa: E402
import films  # noqa: E402

CUT_OFF = 1  # second
SCENES = (24, 31, 47, 250, 252, 300, 420, 1700, 1760, 1905, 2050, 2300, 2301, 2490, 2800)  # one long shot
RUN = ("--split", 240, "--threads", 1)


def made(folder, frames, width, height):
    """The film, with its first second cut off."""
    films.make(folder / "whole.mp4", frames, [scene for scene in SCENES if scene < frames], width, height, aspect=1)
    films.cut_off(folder / "whole.mp4", folder / "in.mp4", CUT_OFF)
    (folder / "whole.mp4").unlink()
    return folder / "in.mp4"


def run(film, name, *more, **keywords):
    """How long it took, and the file."""
    out, began = film.parent / f"{name}.mp4", time.monotonic()
    films.film("run", film, out, *RUN, *more, **keywords)
    return out, time.monotonic() - began


def on_ray(film):
    from ray import cluster_utils
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for number in range(3):
            cluster.add_node(num_cpus=1, env_vars={"UDM_FILM_MACHINE": f"node{number}"}, wait=False)
        return run(film, "ray", "--on", "ray", env={**os.environ, "RAY_ADDRESS": cluster.address})
    finally:
        cluster.shutdown()


def on_slurm(film):
    folder = film.parent / "slurm"
    folder.mkdir()
    with clusters.slurm(folder, ("one", "two")) as variables:
        return run(film, "slurm", "--on", "slurm", env=variables)


def everywhere(film):
    """What restores it."""
    yield "one", "1 worker", lambda: run(film, "one")
    yield "three", "3 workers, 3 scanners", lambda: run(film, "three", "--workers", 3, "--scanners", 3)
    yield "ray", "Ray, 3 nodes", lambda: on_ray(film)
    yield "slurm", "Slurm, 2 nodes", lambda: on_slurm(film)


def compare(film, by):
    first = None
    print("| by | seconds | file |\n|---|---|---|")
    for word, name, restore in everywhere(film):
        if word not in by:
            continue
        if word == "slurm" and clusters.lacks_slurm():
            print(f"| {name} | | {clusters.lacks_slurm()} |")
            continue
        out, seconds = restore()
        first = first or out.read_bytes()
        if out.read_bytes() != first:
            sys.exit(f"{name} makes another file")
        digest = hashlib.sha256(first).hexdigest()[:12]
        print(f"| {name} | {seconds:.0f} | {len(first)} bytes, SHA-256 {digest} |", flush=True)
    if films.times(out) != films.times(film):
        sys.exit("times are not those of the film")
    for kind in ("audio", "subtitle"):
        if films.packets(out, kind) != films.packets(film, kind):
            sys.exit(f"{kind} is not that of the film")
    count = {kind: len(films.packets(film, kind)) for kind in ("audio", "subtitle")}
    print(f"times of {len(films.times(film))} frames, {count['audio']} packets of sound and {count['subtitle']} of "
          "subtitles are those of the film")


def kill_worker(film, out):
    """At a random moment of one job; whether one was ended."""
    job = subprocess.Popen(films.command("run", film, out, "--split", 20, "--threads", 1, "--workers", 2),
                           stderr=subprocess.PIPE, text=True)
    victims = films.wait_for(lambda: [child for child, verb in films.children(job.pid).items() if verb == "segment"] or
                             job.poll() is not None and [0])
    time.sleep(random.uniform(0, 1.5))
    victims = [child for child, verb in films.children(job.pid).items() if verb == "segment"]
    if victims:
        os.kill(random.choice(victims), signal.SIGKILL)
    said = job.communicate()[1]
    if job.returncode:
        sys.exit(f"a job whose worker was ended failed: {said}")
    return bool(victims), "retr" in said


def kill_driver(film, out, seconds):
    """Again and again, until it is done before it is ended; how often it was."""
    lives = 0
    while not out.exists():
        job = subprocess.Popen(films.command("run", film, out, "--split", 20, "--threads", 1, "--workers", 2),
                               stderr=subprocess.DEVNULL)
        try:
            if job.wait(random.uniform(0.3, 1) * seconds * (1 + lives / 4)):
                sys.exit("a job that goes on failed")
        except subprocess.TimeoutExpired:
            job.kill()
            job.wait()
            lives += 1
    return lives


def kills(folder, count):
    film, wanted = folder / "short.mkv", folder / "wanted.mkv"
    films.make(film, 80, (15, 30, 45), 64, 48)
    began = time.monotonic()
    films.film("run", film, wanted, "--split", 20, "--threads", 1, "--workers", 2)
    took, ended, given_again, lives = time.monotonic() - began, 0, 0, 0
    for number in range(count):
        out = folder / f"worker{number}.mkv"
        hit, again = kill_worker(film, out)
        ended, given_again = ended + hit, given_again + again
        if out.read_bytes() != wanted.read_bytes():
            sys.exit(f"a wrong film: {out}")
        out = folder / f"driver{number}.mkv"
        lives += kill_driver(film, out, took)
        if out.read_bytes() != wanted.read_bytes():
            sys.exit(f"a wrong film: {out}")
    print(f"{count} jobs of which a worker was to be ended by SIGKILL: {ended} were, {given_again} segments were given "
          f"out again; {count} whose driver was, {lives} times in all: all {2 * count} made the same file")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=3000, help="0: kills alone")
    parser.add_argument("--size", default="48x32")
    parser.add_argument("--by", default="one,three,ray,slurm")
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work)
        if options.frames:
            compare(made(folder, options.frames, *map(int, options.size.split("x"))), options.by.split(","))
        if options.kills:
            kills(folder, options.kills)


main()
