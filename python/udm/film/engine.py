# SPDX-License-Identifier: LGPL-2.1-or-later
"""What runs the commands of segments somewhere: local.py, on_ray.py, on_slurm.py."""
import pathlib
from abc import ABC, abstractmethod
from dataclasses import dataclass

REFUSED = 3  # how a command ends on a machine that computes otherwise


@dataclass(frozen=True)
class Task:
    """A command: python -m udm.film.main and its words. It is to be run elsewhere than on the machines that it avoids,
    if there is another one."""
    segment: int
    words: tuple[str, ...]
    log: pathlib.Path
    avoid: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Result:
    task: Task
    code: int  # of its exit; below 0: minus the signal that ended it
    machine: str
    why: str = ""  # it ended, if that is known otherwise than by its log


class Engine(ABC):
    name: str

    @abstractmethod
    def room(self) -> int:
        """How many more tasks may be started."""

    def takes(self, task: Task) -> bool:
        """Whether a machine that is free suits it; else it is better to wait for another one."""
        return True

    @abstractmethod
    def workers(self) -> int:
        """How many are at work."""

    @abstractmethod
    def start(self, task: Task) -> None:
        """Where it likes."""

    @abstractmethod
    def finished(self) -> list[Result]:
        """Those that ended since this was last asked."""

    @abstractmethod
    def leave_out(self, name: str) -> None:
        """Give a machine no more work."""

    @abstractmethod
    def hopeless(self) -> bool:
        """Whether no machine is left, and none will come."""

    @abstractmethod
    def close(self) -> None:
        """Ends all that is at work."""
