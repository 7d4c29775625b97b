# SPDX-License-Identifier: LGPL-2.1-or-later
"""Processes of this machine."""
import ctypes
import os
import signal
import subprocess
import sys

from . import machine
from .engine import Engine, Result, Task

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Local(Engine):
    """As many at a time as there are workers."""
    name = "local"

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._running: dict[Task, subprocess.Popen[bytes]] = {}
        self._refused = False

    def room(self) -> int:
        return 0 if self._refused else self._workers - len(self._running)

    def workers(self) -> int:
        return len(self._running)

    def start(self, task: Task) -> None:
        with open(task.log, "ab") as log:
            self._running[task] = subprocess.Popen([sys.executable, "-m", "udm.film.main", *task.words],
                                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                   preexec_fn=die_with_parent)

    def finished(self) -> list[Result]:
        done = [(task, process) for task, process in self._running.items() if process.poll() is not None]
        for task, _ in done:
            del self._running[task]
        return [Result(task, process.returncode, machine.name()) for task, process in done]

    def leave_out(self, name: str) -> None:
        self._refused = True

    def hopeless(self) -> bool:
        return self._refused and not self._running

    def close(self) -> None:
        for process in self._running.values():
            process.kill()
        for process in self._running.values():
            process.wait()
        self._running.clear()


def cores() -> int:
    return len(os.sched_getaffinity(0))
