# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drives a film: plans it, has its segments restored wherever there is room, those that failed again, and joins them.
What is done is what the folder's manifests say, so that a job that was killed goes on where it was."""
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import join, page, segment
from .engine import REFUSED, Engine, Result, Task
from .faults import FilmError, MismatchError
from .folder import Folder, read_json, write_json
from .local import die_with_parent
from .plan import Plan, Reader, Segment
from .progress import Line, Progress, progress_of

TRIES = 3
POLL = 0.2  # seconds
PAGE = 5  # seconds


@dataclass
class Job:
    folder: Folder
    settings: dict[str, Any]
    to: join.Output
    engine: Engine
    threads: int
    note: Callable[[str], None]
    verify: int = 0
    keep: bool = False
    scanners: int | None = None  # None: as many as are worth it
    tries: dict[int, list[str]] = field(default_factory=dict)  # why each failed
    failed_on: dict[int, set[str]] = field(default_factory=dict)  # machines
    retries: int = 0
    plan: Plan = field(default_factory=Plan)
    line: Line = field(default_factory=Line)

    def run(self) -> None:
        """Until the output is there, or something cannot be done."""
        reader = Reader(self.folder.plan_so_far)
        more = ("--scanners", self.scanners) if self.scanners else ()
        scan = None if self.folder.plan.exists() else self._command("scan", self.folder.path, *more, log="scan")
        try:
            self._wait_for_plan(reader, scan)
            join.check(self.plan, self.to, self.folder, self.note)
            self._make_probe()
            self._restore_all(reader, scan)
            self._verify()
        finally:
            self.engine.close()
            reader.close()
            if scan and scan.poll() is None:
                scan.kill()
                scan.wait()
            self._show()
            self.line.end()
        join.join(self.plan, self.folder, self.to, self.keep, self._joined)
        self.line.end()
        tidy(self.folder, self.keep)

    def _command(self, *words: object, log: str) -> "subprocess.Popen[bytes]":
        with open(self.folder.path / "logs" / f"{log}.log", "wb") as file:
            return subprocess.Popen([sys.executable, "-m", "udm.film.main", *map(str, words)], stdout=file,
                                    stderr=file, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)

    def _last_words(self, log: str) -> str:
        path = self.folder.path / "logs" / f"{log}.log"
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines() if path.exists() else []
        return lines[-1].removeprefix("udm-film: ") if lines else "it said nothing"

    def _follow(self, reader: Reader, scan: "subprocess.Popen[bytes] | None") -> None:
        code = scan.poll() if scan else 0
        self.plan = reader.read()
        if code:
            raise FilmError(f"the film cannot be planned: {self._last_words('scan')}")

    def _wait_for_plan(self, reader: Reader, scan: "subprocess.Popen[bytes] | None") -> None:
        """For as much as the probe needs."""
        while True:
            self._follow(reader, scan)
            if self.plan.ended or (self.plan.header and len(self.plan.frames) >= 30):
                return
            time.sleep(POLL)

    def _make_probe(self) -> None:
        if self.folder.probe.exists():
            return
        probe = self._command("probe", self.folder.path, "--threads", self.threads, log="probe")
        if probe.wait():
            raise FilmError(f"the first frames cannot be restored: {self._last_words('probe')}")

    def done(self, part: Segment) -> bool:
        return segment.is_done(self.folder, self.plan, part, self.settings)

    def _task(self, part: Segment, verb: str = "segment") -> Task:
        """Where it has not failed; or, if it is to be checked, where it was not made."""
        avoid = self.failed_on.get(part.number, set())
        if verb == "check":
            avoid = {str((self.folder.made(part.number) or {}).get("machine"))}
        return Task(part.number, (verb, str(self.folder.path), str(part.number), "--threads", str(self.threads)),
                    self.folder.log(part.number), frozenset(avoid))

    def _restore_all(self, reader: Reader, scan: "subprocess.Popen[bytes] | None") -> None:
        running: set[int] = set()
        known: set[int] = set()
        todo: dict[int, Segment] = {}
        finished: set[int] = set()
        while True:
            self._follow(reader, scan)
            for part in self.plan.segments[len(known):]:
                known.add(part.number)
                if self.done(part):
                    finished.add(part.number)
                else:
                    todo[part.number] = part
            for result in self.engine.finished():
                running.discard(result.task.segment)
                self._take(result, finished, todo)
            self._give(todo, running)
            self._show(finished)
            if self.engine.hopeless() and not running:
                raise FilmError("no machine is left that computes what the one that planned the film does: "
                                f"{self._refusals()}")
            if self.plan.ended and not todo and not running:
                break
            time.sleep(POLL)
        self._complain()

    def _give(self, todo: dict[int, Segment], running: set[int]) -> None:
        """The longest first, so that none is left to wait for at the end."""
        while self.engine.room() > 0:
            tasks = [task for part in todo.values() if self.engine.takes(task := self._task(part))]
            if not tasks:
                return
            task = max(tasks, key=lambda task: self._length(todo[task.segment]))
            del todo[task.segment]
            running.add(task.segment)
            self.engine.start(task)

    @staticmethod
    def _length(part: Segment) -> tuple[int, int]:
        return part.count + part.warm_up, -part.number

    def _take(self, result: Result, finished: set[int], todo: dict[int, Segment]) -> None:
        part = self.plan.segments[result.task.segment]
        if result.code == 0 and self.done(part):
            finished.add(part.number)
            return
        if result.code == REFUSED:
            self.engine.leave_out(result.machine)
            self.note(self._last_words(f"{part.number:05}"))
            todo[part.number] = part
            return
        if result.why:
            why = result.why
        elif result.code < 0:
            why = f"was ended by signal {-result.code}"
        else:
            why = self._last_words(f"{part.number:05}") if result.code else "ended without its file"
        tries = self.tries.setdefault(part.number, [])
        tries.append(f"on {result.machine}: {why}")
        self.failed_on.setdefault(part.number, set()).add(result.machine)
        if len(tries) < TRIES:
            self.retries += 1
            todo[part.number] = part

    def _refusals(self) -> str:
        refused = [read_json(path) or {} for path in sorted((self.folder.path / "machines").glob("*.json"))]
        return ", ".join(f"{one.get('machine')} makes other pixels of frame {one['wrong'][0] // self.to.factor}"
                         for one in refused if one.get("wrong"))

    def _complain(self) -> None:
        """Nothing incomplete is joined."""
        bad = [(self.plan.segments[number], tries) for number, tries in self.tries.items()
               if not self.done(self.plan.segments[number])]
        if bad:
            raise FilmError("; ".join(
                f"segment {part.number}, frames {part.first} to {part.end - 1}, failed {len(tries)} times, at last "
                f"{tries[-1]} ({self.folder.log(part.number)})" for part, tries in bad) +
                ". The other segments are done: run the same again for these alone")

    def _verify(self) -> None:
        """Files against their manifests; and, if asked for, some segments against being restored again."""
        broken = join.broken(self.plan, self.folder, segment.file_digest)
        for number in broken:
            self.folder.manifest(number).unlink(missing_ok=True)
        if broken:
            raise FilmError(f"the files of segments {', '.join(map(str, broken))} were changed since they were made: "
                            "run the same again, and they are made anew")
        todo = {part.number: part for part in random.sample(self.plan.segments,
                                                            min(self.verify, len(self.plan.segments)))}
        chosen, running = sorted(todo), set[int]()
        while todo or running:
            for task in [self._task(part, "check") for part in todo.values()]:
                if self.engine.room() > 0 and self.engine.takes(task):
                    del todo[task.segment]
                    running.add(task.segment)
                    self.engine.start(task)
            for result in self.engine.finished():
                running.discard(result.task.segment)
                if result.code:
                    raise MismatchError(self._last_words(f"{result.task.segment:05}"))
            time.sleep(POLL)
        if chosen:
            self.note(f"segments {', '.join(map(str, chosen))} came out the same again")

    def _progress(self, finished: set[int] | None = None) -> Progress:
        return progress_of(self.folder, self.plan, self.engine.workers(), self.retries, finished)

    def _show(self, finished: set[int] | None = None) -> None:
        if self.line.due() or finished is None:
            self.line.show(self._progress(finished).words())
        if self.line.due(PAGE, "page") or finished is None:
            page.write(self.folder, self.plan, self.tries)

    def _joined(self, frames: int) -> None:
        if self.line.due():
            self.line.show(f"joined {frames} of {len(self.plan.frames)} frames")


def tidy(folder: Folder, keep: bool) -> None:
    """The film is whole: its segments are no longer needed."""
    for video in [] if keep else (folder.path / "segments").glob("*.nut"):
        video.unlink(missing_ok=True)
