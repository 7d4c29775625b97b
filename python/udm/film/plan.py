# SPDX-License-Identifier: LGPL-2.1-or-later
"""The plan of a film, in lines of JSON: a header; a line for each frame, with its time, whether a scene begins with it,
the sigma of its noise and its digest; a line for each segment, once all that it needs is known; and an end.

Segments begin at cuts, and in scenes longer than SPLIT frames every SPLIT frames, with WARM_UP frames before that are
restored and dropped. How far that is from a scene that is not split is in docs/FILM.md; it is the same for one worker
and for many, as it is the plan that splits."""
import json
import os
import pathlib
from collections.abc import Callable, Generator, Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import IO, Any

import udm

from .faults import FilmError
from .folder import Folder, aside
from .pixels import Colours
from .source import Known, Shape

SPLIT, WARM_UP = 960, 48
AHEAD = 8  # frames after a segment that ends within a scene: the most that a restorer looks ahead


@dataclass(frozen=True)
class Frame(Known):
    cut: bool
    sigma: float
    real_sigma: float
    kind: int
    chroma_sigma: float = 0
    apart_sigma: float = 0

    def sigma_for(self, model: udm.Model) -> float:
        found = udm.Finding(self.cut, self.sigma, self.real_sigma, self.kind, self.chroma_sigma, self.apart_sigma)
        return found.sigma_for(model)


@dataclass(frozen=True)
class Segment:
    """count frames from the first one on; those of warm_up before and of after behind belong to their scene."""
    number: int
    first: int
    count: int
    warm_up: int
    after: int

    @property
    def end(self) -> int:
        return self.first + self.count


@dataclass(frozen=True)
class Header:
    path: str  # of the film
    shape: Shape
    time_base: str
    rate: str  # frames a second
    sigma: float  # that was given; below 0: it was estimated
    split: int
    warm_up: int


@dataclass
class Plan:
    """What is known of it so far."""
    header: Header | None = None
    frames: list[Frame] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    ended: bool = False
    last_duration: int = 0  # of the last frame, in units of the time base

    def take(self, line: str) -> None:
        """One line of the file."""
        value = json.loads(line)
        if "segment" in value:
            self.segments.append(Segment(value.pop("segment"), **value))
        elif "frame" in value:
            self.frames.append(Frame(value.pop("frame"), **value))
        elif "udm-film" in value:
            if value.pop("udm-film") != 1:
                raise FilmError("the plan is of another version of udm-film: remove its folder")
            shape = value.pop("shape")
            colours = Colours(**shape.pop("colours"))
            self.header = Header(shape=Shape(colours=colours, **shape), **value)
        else:
            self.ended, self.last_duration = True, value["last_duration"]

    @property
    def film(self) -> Header:
        if self.header is None:
            raise FilmError("the plan has no header: remove the film's folder")
        return self.header

    def seekable(self) -> bool:
        """Whether each frame has a time of its own."""
        times = [frame.pts for frame in self.frames]
        return all(a is not None and b is not None and a < b for a, b in zip(times, times[1:])) and None not in times


class Reader:
    """Follows a plan while it is written."""

    def __init__(self, path: Callable[[], pathlib.Path]) -> None:
        self._path, self._inode, self._left = path, 0, ""
        self._file: IO[str] | None = None
        self.plan = Plan()

    def read(self) -> Plan:
        """All that is there by now; a scan that began anew is followed from its beginning."""
        try:
            path = self._path()
            inode = path.stat().st_ino
            if inode != self._inode:
                self.close()
                self._file, self._inode, self._left, self.plan = open(path, encoding="utf-8"), inode, "", Plan()
        except FileNotFoundError:
            return self.plan
        assert self._file
        *lines, self._left = (self._left + self._file.read()).split("\n")
        for line in lines:
            self.plan.take(line)
        return self.plan

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None


def segments(cuts: Iterable[bool], split: int, warm_up: int) -> Generator[Segment | None, None, None]:
    """For each frame None, or first the segments whose needs are known now; at the end the rest."""
    begin = scene = number = count = 0
    waiting: list[Segment] = []

    def cut_off(end: int) -> Segment:
        return Segment(number, begin, end - begin, min(warm_up, begin - scene), 0)

    for n, cut in enumerate(cuts):
        if n > 0 and (cut or n - begin == split):
            waiting.append(cut_off(n))
            begin, number = n, number + 1
        while waiting and (cut or n - waiting[0].end == AHEAD):
            yield replace(waiting[0], after=min(AHEAD, n - waiting[0].end))
            del waiting[0]
        if cut:
            scene = n
        count = n + 1
        yield None
    if count > begin:
        waiting.append(cut_off(count))
    for segment in waiting:
        yield replace(segment, after=min(AHEAD, count - segment.end))


def write(path: pathlib.Path, lines: Iterable[dict[str, Any]]) -> None:
    """As path with .part while it is not complete, which others follow."""
    part, new = path.with_suffix(".part"), aside(path)
    with open(new, "w", encoding="utf-8") as file:
        os.replace(new, part)
        for line in lines:
            file.write(json.dumps(line) + "\n")
            if "segment" in line or line.get("frame", 0) % 10 == 0:
                file.flush()
        file.flush()
        os.fsync(file.fileno())
        if not os.path.samestat(os.fstat(file.fileno()), os.stat(part)):
            raise FilmError(f"another scan of the film began, and writes {part} now")
    os.replace(part, path)


def read(path: pathlib.Path) -> Plan:
    """As much as there is."""
    reader = Reader(lambda: path)
    plan = reader.read()
    reader.close()
    return plan


def so_far(folder: Folder) -> Plan:
    """As much as the scan has written, also if the file gets its name just now."""
    reader = Reader(folder.plan_so_far)
    if reader.read().header is None:
        reader.read()
    reader.close()
    return reader.plan
