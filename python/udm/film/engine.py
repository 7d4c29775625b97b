# SPDX-License-Identifier: LGPL-2.1-or-later
"""What runs the commands of segments somewhere: local.py, on_ray.py, on_slurm.py."""
import pathlib
from abc import ABC, abstractmethod
from dataclasses import dataclass

REFUSED = 3  # how a command ends on a machine that computes otherwise


@dataclass(frozen=True)
class Task:
    """A command: python -m udm.film.main and its words."""
    segment: int
    words: tuple[str, ...]
    log: pathlib.Path


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
