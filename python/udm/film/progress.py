# SPDX-License-Identifier: LGPL-2.1-or-later
"""How far a film is, in one line."""
import sys
import time
from dataclasses import dataclass

from .folder import Folder, read_json
from .plan import Plan

EVERY = 10  # seconds between lines where there is no terminal


@dataclass(frozen=True)
class Progress:
    done: int  # frames
    frames: int  # that are known of
    ended: bool  # no more will be
    rate: float  # frames a second
    workers: int
    retries: int

    def words(self) -> str:
        total = f"{self.frames}" if self.ended else f"{self.frames} so far"
        left = f"{clock((self.frames - self.done) / self.rate)} left" if self.rate > 0 and self.ended else "? left"
        share = 100 * self.done // self.frames if self.frames else 0
        retries = f", {self.retries} {'retry' if self.retries == 1 else 'retries'}" if self.retries else ""
        return (f"{self.done} of {total} frames ({share} %), {self.rate:.1f} a second, {left}, {self.workers} "
                f"{'worker' if self.workers == 1 else 'workers'}{retries}")


def clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def progress_of(folder: Folder, plan: Plan, workers: int, retries: int, finished: set[int] | None) -> Progress:
    """finished: segments that are known to be done; None: have a look at all."""
    done, speed = 0, 0.0
    for part in plan.segments:
        if finished is None and folder.made(part.number) or finished and part.number in finished:
            done += part.count
        elif state := read_json(folder.state(part.number)):
            done += min(int(state["done"]), part.count)
    made = [one for part in plan.segments if (one := folder.made(part.number))]
    seconds = sum(one["seconds"] for one in made)
    if seconds > 0:
        speed = sum(one["count"] for one in made) / seconds * max(1, workers)
    return Progress(done, len(plan.frames), plan.ended, speed, workers, retries)


class Line:
    """On a terminal the last line, written over; elsewhere a line now and then."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._said: dict[str, float] = {}
        self._open = False

    def due(self, every: float | None = None, what: str = "line") -> bool:
        now = time.monotonic()
        if now - self._said.get(what, -1e9) < (every or (1 if self._terminal else EVERY)):
            return False
        self._said[what] = now
        return True

    def show(self, words: str) -> None:
        if self._terminal:
            sys.stderr.write(f"\r\033[K{words}")
            self._open = True
        else:
            sys.stderr.write(f"udm-film: {words}\n")
        sys.stderr.flush()

    def end(self) -> None:
        if self._open:
            sys.stderr.write("\n")
            self._open = False
