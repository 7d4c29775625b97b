# SPDX-License-Identifier: LGPL-2.1-or-later
"""The folder of a film, which is all that is known of it. Files appear whole or not at all."""
import fcntl
import json
import os
import pathlib
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from .faults import FilmError


def placed(path: str | os.PathLike[str]) -> pathlib.Path:
    """The same from any folder: absolute, and without ".."; links stay, as other machines have them, too."""
    absolute = pathlib.Path(path).absolute()
    return absolute.parent.resolve() / absolute.name if ".." in absolute.parts else absolute


class Folder:
    """plan.jsonl, settings.json, probe.json, machines/, segments/ and logs/; ranges/ while the film is planned."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = placed(path)
        self.settings = self.path / "settings.json"
        self.plan = self.path / "plan.jsonl"
        self.probe = self.path / "probe.json"
        self.done = self.path / "done.json"
        self.page = self.path / "index.html"
        self.ranges = self.path / "ranges"
        self._made: dict[int, tuple[int, dict[str, Any]]] = {}

    def make(self) -> None:
        for name in ("machines", "segments", "logs"):
            (self.path / name).mkdir(parents=True, exist_ok=True)

    def clear(self) -> None:
        """Removes what those that were killed left aside."""
        for part in list(self.path.rglob("*.*.*.part")):
            part.unlink(missing_ok=True)

    def plan_so_far(self) -> pathlib.Path:
        """The plan, or as much of it as the scan has written."""
        return self.plan if self.plan.exists() else self.plan.with_suffix(".part")

    def video(self, segment: int) -> pathlib.Path:
        return self.path / "segments" / f"{segment:05}.nut"

    def manifest(self, segment: int) -> pathlib.Path:
        return self.path / "segments" / f"{segment:05}.json"

    def made(self, segment: int) -> dict[str, Any] | None:
        """Of a segment's manifest who made it, in how many seconds, and of how many frames; None if there is none."""
        try:
            modified = self.manifest(segment).stat().st_mtime_ns
        except OSError:
            return None
        if self._made.get(segment, (0,))[0] != modified:
            known = read_json(self.manifest(segment)) or {}
            self._made[segment] = modified, {name: known.get(name, 0) for name in ("machine", "seconds", "count")}
        return self._made[segment][1]

    def state(self, segment: int) -> pathlib.Path:
        return self.path / "segments" / f"{segment:05}.state"

    def picture(self, segment: int, which: str) -> pathlib.Path:
        """which: before or after."""
        return self.path / "pictures" / f"{segment:05}-{which}.png"

    def log(self, segment: int) -> pathlib.Path:
        return self.path / "logs" / f"{segment:05}.log"

    def machine(self, fingerprint: str) -> pathlib.Path:
        return self.path / "machines" / f"{fingerprint}.json"

    @contextmanager
    def locked(self) -> Generator[None, None, None]:
        """Only one job at a time works on a film."""
        with open(self.path / "lock", "w", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FilmError(f"another udm-film works on {self.path}: see udm-film status {self.path}") from None
            yield


def aside(path: pathlib.Path) -> pathlib.Path:
    """Where a file is written before it has its name."""
    return path.with_name(f"{path.name}.{socket.gethostname()}.{os.getpid()}.part")


def write_json(path: pathlib.Path, value: object) -> None:
    part = aside(path)
    with open(part, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def read_json(path: pathlib.Path) -> Any:
    """None if it is not there, or is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
