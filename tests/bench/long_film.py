#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A long film of a prompt: does memory stay, does a seek find the same frames, how soon is it cancelled?

    python tests/bench/long_film.py [--model tests/models/tiny-film/animate] [--frames 500] [--scene 100]

Makes all frames in order, and prints the resident memory at a fifth of them and at the end; then, with another
generator, frames here and there, which are held to the first ones bit for bit; then cancels a film at some moments of
its making, and prints the longest time until that returned. Exits with 1 where memory grew by more than 2 MiB, a frame
differs, or a cancel took more than a second. Needs numpy, as the package udm does.
"""
import argparse
import os
import pathlib
import random
import sys
import threading
import time


ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SEEKS, CANCELS, MOST_MIB, MOST_SECONDS = 12, 8, 2, 1


def resident_mib():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2 ** 20


def film(o, first, count):
    """An iterator over frames."""
    import udm
    return udm.generate(count, o.model, prompt="a small red seven", guidance=4, steps=o.steps, first=first,
                        scene=o.scene, device="cpu", threads=o.threads)


def in_order(o):
    """The sum of each frame, and the memory at a fifth and at the end."""
    sums, memory = [], []
    for n, frame in enumerate(film(o, 0, o.frames), 1):
        sums.append(hash(frame.tobytes()))
        if n in (o.frames // 5, o.frames):
            memory.append(resident_mib())
    return sums, memory


def cancelled(o, after):
    """The seconds that it takes to cancel, so many after the beginning."""
    frames = film(o, o.scene - 1, None)
    began, times = threading.Event(), []

    def cancel():
        began.wait()
        time.sleep(after)
        start = time.monotonic()
        frames.close()  # returns when nothing is computed any more
        times.append(time.monotonic() - start)

    thread = threading.Thread(target=cancel)
    thread.start()
    began.set()
    for _ in frames:
        pass
    thread.join()
    return times[0]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", type=pathlib.Path, default=ROOT / "tests/models/tiny-film/animate")
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    p.add_argument("--frames", type=int, default=500)
    p.add_argument("--scene", type=int, default=100)
    p.add_argument("--steps", type=int, default=2)
    p.add_argument("--threads", type=int, default=2)
    o = p.parse_args()
    os.environ.setdefault("UDM_LIBRARY", str(o.build / "engine/libudm.so"))
    sys.path.insert(0, str(ROOT / "python"))
    sums, (early, late) = in_order(o)
    print(f"{o.frames} frames, {len(set(sums))} of them different: {early:.1f} MiB after {o.frames // 5}, "
          f"{late:.1f} MiB at the end")
    places = random.Random(1).sample(range(o.frames), SEEKS)
    wrong = [n for n in places if hash(next(film(o, n, 1)).tobytes()) != sums[n]]
    print(f"{SEEKS} seeks: {SEEKS - len(wrong)} found the same frame")
    longest = max(cancelled(o, 0.02 * (1 + k)) for k in range(CANCELS))
    print(f"{CANCELS} cancels: {1000 * longest:.0f} ms at the most")
    sys.exit(bool(late - early > MOST_MIB or wrong or longest > MOST_SECONDS))


main()
