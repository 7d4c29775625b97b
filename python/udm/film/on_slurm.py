# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Slurm cluster: arrays of the commands, submitted as segments become known. How each ended is a file in the film's
folder; squeue tells of those that ended without."""
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field

from .engine import Engine, Result, Task
from .faults import FilmError
from .folder import Folder

GATHER, ASK = 2, 10  # seconds between arrays, and between looks at the queue
SCRIPT = """#!/bin/sh
# Written by udm-film: one segment for each line of {tasks}.
words=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" {tasks})
log=$(printf '%s' "$words" | sed 's/^[^\\t]*\\t//')
words=$(printf '%s' "$words" | sed 's/\\t.*//')
eval "{python} -m udm.film.main $words >>$log 2>&1"
echo "$? ${{UDM_FILM_MACHINE:-$SLURMD_NODENAME}}" >{results}/$SLURM_ARRAY_TASK_ID.part
mv {results}/$SLURM_ARRAY_TASK_ID.part {results}/$SLURM_ARRAY_TASK_ID
"""


@dataclass
class Batch:
    """An array, and those of its tasks that did not end."""
    job: str
    tasks: dict[int, Task]
    number: int
    asked: float = field(default_factory=time.monotonic)


def _call(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FilmError(f"{words[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


def _nodes() -> list[str]:
    return _call("sinfo", "--noheader", "--Node", "--format=%N").split()


def _exclude(names: set[str]) -> list[str]:
    return [f"--exclude={','.join(sorted(names))}"] if names else []


class Slurm(Engine):
    """options: of sbatch, as for a partition."""
    name = "slurm"

    def __init__(self, folder: Folder, workers: int | None, threads: int, options: list[str]) -> None:
        if not shutil.which("sbatch"):
            raise FilmError("there is no sbatch here: run this on a machine that submits jobs to Slurm")
        self._path, self._limit, self._threads, self._options = folder.path / "slurm", workers, threads, options
        shutil.rmtree(self._path, ignore_errors=True)
        self._path.mkdir()
        self._batches: list[Batch] = []
        self._new: list[Task] = []
        self._submitted, self._count = 0.0, 0
        self._out: set[str] = set()

    def room(self) -> int:
        return (self._limit or 1000) - self.workers()

    def workers(self) -> int:
        return len(self._new) + sum(len(batch.tasks) for batch in self._batches)

    def start(self, task: Task) -> None:
        self._new.append(task)

    def _submit(self) -> None:
        """What has to be run elsewhere is an array of its own."""
        if not self._new or time.monotonic() - self._submitted < GATHER:
            return
        for avoid in {task.avoid for task in self._new}:
            self._submit_array([task for task in self._new if task.avoid == avoid], avoid)
        self._new, self._submitted = [], time.monotonic()

    def _submit_array(self, new: list[Task], avoid: frozenset[str]) -> None:
        number, self._count = self._count, self._count + 1
        tasks, results = self._path / f"{number}.tasks", self._path / f"{number}.results"
        results.mkdir()
        tasks.write_text("".join(f"{shlex.join(task.words)}\t{shlex.quote(str(task.log))}\n" for task in new),
                         encoding="utf-8")
        script = self._path / f"{number}.sh"
        script.write_text(SCRIPT.format(tasks=shlex.quote(str(tasks)), results=shlex.quote(str(results)),
                                        python=shlex.quote(sys.executable)), encoding="utf-8")
        words = ("sbatch", "--parsable", "--job-name=udm-film", "--requeue", f"--array=0-{len(new) - 1}",
                 f"--cpus-per-task={self._threads}", f"--output={self._path}/%A_%a.log")
        nodes = set(_nodes()) if avoid else set()
        elsewhere = avoid & nodes if nodes - avoid - self._out else set[str]()
        try:
            job = _call(*words, *_exclude(self._out | elsewhere), *self._options, str(script))
        except FilmError:
            if not elsewhere:
                raise
            # The options may leave no other machine.
            job = _call(*words, *_exclude(self._out), *self._options, str(script))
        self._batches.append(Batch(job.split(";")[0], dict(enumerate(new)), number))

    def _collect(self, batch: Batch) -> list[Result]:
        ended = []
        for place, task in list(batch.tasks.items()):
            path = self._path / f"{batch.number}.results" / str(place)
            if path.exists():
                code, name = path.read_text(encoding="utf-8").split()
                ended.append(Result(task, int(code) if int(code) < 128 else 128 - int(code), name))
                del batch.tasks[place]
        return ended

    def _lost(self, batch: Batch) -> list[Result]:
        """Those that Slurm no longer has, and that left no file."""
        if not batch.tasks or time.monotonic() - batch.asked < ASK:
            return []
        batch.asked = time.monotonic()
        queue = subprocess.run(["squeue", "--noheader", "--array", "--format=%K", f"--jobs={batch.job}"],
                               capture_output=True, text=True, check=False)
        if queue.returncode and "Invalid job id" not in queue.stderr:
            return []  # the controller is away: later
        waiting = set(queue.stdout.split())
        ended = self._collect(batch)
        lost = [place for place in batch.tasks if str(place) not in waiting]
        return ended + [Result(batch.tasks.pop(place), 1, "Slurm", f"Slurm ended task {batch.job}_{place}")
                        for place in lost]

    def finished(self) -> list[Result]:
        self._submit()
        results = [result for batch in self._batches for result in self._collect(batch) + self._lost(batch)]
        self._batches = [batch for batch in self._batches if batch.tasks]
        return results

    def leave_out(self, name: str) -> None:
        self._out.add(name)

    def hopeless(self) -> bool:
        return bool(self._out) and not set(_nodes()) - self._out

    def close(self) -> None:
        for batch in self._batches:
            subprocess.run(["scancel", batch.job], check=False)
        self._batches.clear()
