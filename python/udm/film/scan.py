# SPDX-License-Identifier: LGPL-2.1-or-later
"""Looks at a film once, for its plan: where scenes begin, how noisy each frame is, and a digest of it.

Ranges of a film are looked at side by side, each by a process that seeks to its beginning (begin_others()). What is
found of a frame depends on what came before it in its scene alone, so that two ranges that find the same cut agree
from there on: a range goes on beyond its end until it finds a cut that a later one has found, too, and the plan goes on
with that one. So the plan is that of one process that decodes all, frame by frame, whatever the number of ranges; a
film without cuts is looked at by the first range alone."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any

import av
from av.container import InputContainer

import udm

from . import source
from .faults import FilmError
from .folder import Folder
from .local import die_with_parent
from .pixels import describe, digest
from .plan import segments
from .restore import MARGIN

Line = dict[str, Any]
WORTH_A_RANGE = 1000  # frames; for fewer a process is not worth its start
FLUSH = 10  # lines


def _look(film: InputContainer, sigma: float, threads: int,
          note: Callable[[str], None]) -> Generator[Line, None, None]:
    """Facts of the film, then of each frame from where it stands, and how long the last one lasts."""
    video = source.video_of(film)
    shape: source.Shape | None = None
    analyser: udm.Analyser | None = None
    combed = False
    last: av.VideoFrame | None = None
    try:
        for frame in source.frames(film):
            if shape is None or analyser is None:
                shape = source.shape_of(frame, video)
                yield {"shape": asdict(shape), "time_base": str(video.time_base),
                       "rate": str(video.average_rate or video.guessed_rate or 25)}
                analyser = udm.Analyser(width=shape.width, height=shape.height, channels=shape.channels,
                                        threads=threads)
            if (frame.width, frame.height, frame.format.name) != (shape.width, shape.height, shape.format):
                raise FilmError(f"the frame at {frame.time or 0:.3f} s is of {frame.width}x{frame.height} in "
                                f"{frame.format.name}, and those before of {shape.width}x{shape.height} in "
                                f"{shape.format}: split the file there, or scale it first")
            if frame.interlaced_frame and not combed:
                note(f"the frame at {frame.time or 0:.3f} s and others are interlaced, and combing remains: "
                     "deinterlace the video first")
                combed = True
            found = analyser.look(describe(frame, shape.colours), sigma)
            last = frame
            yield {"pts": frame.pts, "cut": found.begins, "sigma": found.sigma, "real_sigma": found.real_sigma,
                   "kind": found.kind, "chroma_sigma": found.chroma_sigma,
                   "apart_sigma": found.apart_sigma, "digest": digest(frame)}
    finally:
        if analyser:
            analyser.close()
    if last is None:
        raise FilmError(f"{film.name} has no frames of video")
    yield {"last_duration": int(last.duration or 0)}


class Found:
    """What another range has found so far: its file's lines."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path, self._left = path, ""
        self._file: IO[str] | None = None
        self.lines: list[Line] = []
        self._cuts: dict[int, int] = {}  # by time: which line

    def read(self) -> None:
        try:
            self._file = self._file or open(self._path, encoding="utf-8")
        except FileNotFoundError:
            return
        *lines, self._left = (self._left + self._file.read()).split("\n")
        for text in lines:
            line = json.loads(text)
            if line.get("cut") and line["pts"] is not None:
                self._cuts[line["pts"]] = len(self.lines)
            self.lines.append(line)

    def close(self) -> None:
        if self._file:
            self._file.close()

    def meets(self, shape: Line, before: Line, line: Line) -> int | None:
        """The number of the line that is this one: a cut, and so is that; and the frames before are the same, so that
        the decoder has found its feet there. Not the first ones, which seem to be a cut to who begins there."""
        place = self._cuts.get(line["pts"])
        if place is None or place <= MARGIN or self.lines[0] != shape:
            return None
        pairs = (before, self.lines[place - 1]), (line, self.lines[place])
        return place if all(a[key] == b[key] for a, b in pairs for key in ("pts", "digest")) else None


@dataclass(frozen=True)
class Ranges:
    """Where the ranges of a film begin, the first at 0, in units of its time base."""
    folder: Folder
    starts: Sequence[int]

    def file(self, number: int) -> pathlib.Path:
        return self.folder.ranges / f"{number}.jsonl"

    def after(self, number: int) -> dict[int, Found]:
        return {later: Found(self.file(later)) for later in range(number + 1, len(self.starts))}


def _until_met(lines: Generator[Line, None, None], others: dict[int, Found]) -> Generator[Line, None, None]:
    """Lines of a range, until a later one has found the same cut: at last which one, and by which line."""
    shape = before = next(lines)
    yield shape
    for line in lines:
        if line.get("cut") and "pts" in before:
            for number, found in others.items():
                found.read()
                place = found.meets(shape, before, line)
                if place is not None:
                    yield {"range": number, "line": place}
                    return
        yield line
        before = line


def starts_of(path: str, ranges: int | None, cores: int) -> list[int]:
    """ranges: None: as many as are worth it here."""
    with source.open_film(path) as film:
        video = source.video_of(film)
        base = video.time_base or source.TICK
        seconds = (film.duration or 0) / av.time_base
        rate = video.average_rate or video.guessed_rate or 25
        count = ranges or max(1, min(cores, int(seconds * rate) // WORTH_A_RANGE))
        first = video.start_time or 0
    return [first + round(seconds * number / count / base) for number in range(count if seconds > 0 else 1)]


def look_at_range(ranges: Ranges, number: int, path: str, sigma: float, threads: int,
                  note: Callable[[str], None]) -> None:
    """What a process of its own does with a range that is not the first. It ends where a later one was met, where the
    film ends, or where it turns out that nobody will ever meet it."""
    start = ranges.starts[number]
    end = next(iter(ranges.starts[number + 1:]), None)
    cuts = 0
    with source.open_film(path) as film, open(ranges.file(number), "w", encoding="utf-8") as file:
        film.seek(start, stream=source.video_of(film))
        for count, line in enumerate(_until_met(_look(film, sigma, threads, note), ranges.after(number))):
            pts = line.get("pts")
            if count == 1 and (pts is None or pts <= ranges.starts[number - 1]):
                return  # the film cannot be sought in: all would be looked at twice
            cuts += bool(line.get("cut")) and count > 1
            if pts is not None and end is not None and pts > end and not cuts:
                return  # a later range does better
            file.write(json.dumps(line) + "\n")
            if count % FLUSH == 0 or line.get("cut"):
                file.flush()


def begin_others(ranges: Ranges, threads: int) -> "list[subprocess.Popen[bytes]]":
    """The processes of the ranges that are not the first."""
    words = [sys.executable, "-m", "udm.film.main", "range", str(ranges.folder.path), "--threads", str(threads),
             "--starts", ",".join(map(str, ranges.starts))]
    processes = []
    for number in range(1, len(ranges.starts)):
        with open(ranges.folder.path / "logs" / f"range-{number}.log", "wb") as log:
            processes.append(subprocess.Popen([*words, "--number", str(number)], stdin=subprocess.DEVNULL, stdout=log,
                                              stderr=log, preexec_fn=die_with_parent))
    return processes


def _followed(found: Found, place: int, process: "subprocess.Popen[bytes]",
              folder: Folder) -> Generator[Line, None, None]:
    """The lines of a range from one on, as they come."""
    while True:
        ended = process.poll() is not None
        found.read()
        for line in found.lines[place:]:
            yield line
        if place < len(found.lines):
            last, place = found.lines[-1], len(found.lines)
            if "range" in last or "last_duration" in last:
                return
        elif ended:
            logs = sorted((folder.path / "logs").glob("range-*.log"))
            words = [log.read_text(encoding="utf-8", errors="replace").strip() for log in logs]
            said = next((text.splitlines()[-1] for text in words if text), "").removeprefix("udm-film: ")
            raise FilmError(said or "a process that looks at a range of the film was ended")
        else:
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                pass


def _joined(ranges: Ranges, lines: Generator[Line, None, None],
            processes: "Sequence[subprocess.Popen[bytes]]") -> Generator[Line, None, None]:
    """Of all the film: from the first range, then from those that were met."""
    others = ranges.after(0)
    try:
        current = _until_met(lines, others)
        while True:
            met: Line | None = None
            for line in current:
                if "range" in line:
                    met = line
                else:
                    yield line
            if met is None:
                return
            number = met["range"]
            for process in processes[:number - 1]:
                process.kill()
            current = _followed(others[number], met["line"], processes[number - 1], ranges.folder)
    finally:
        for found in others.values():
            found.close()


def scan(folder: Folder, settings: Line, sigma: float, threads: int, starts: Sequence[int],
         note: Callable[[str], None], begin: Callable[[Ranges, int], "list[subprocess.Popen[bytes]]"] = begin_others
         ) -> Generator[Line, None, None]:
    """The lines of a film's plan, while it is looked at."""
    path, split, warm_up = settings["source"]["path"], settings["split"], settings["warm-up"]
    ranges = Ranges(folder, starts)
    shutil.rmtree(folder.ranges, ignore_errors=True)
    folder.ranges.mkdir()
    processes: list[subprocess.Popen[bytes]] = []
    try:
        processes += begin(ranges, threads)
        with source.open_film(path) as film:
            lines = _joined(ranges, _look(film, sigma, threads, note), processes)
            yield {"udm-film": 1, "path": path, "sigma": sigma, "split": split, "warm_up": warm_up, **next(lines)}
            yield from _numbered(lines, split, warm_up)
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
        shutil.rmtree(folder.ranges, ignore_errors=True)


def _numbered(lines: Generator[Line, None, None], split: int, warm_up: int) -> Generator[Line, None, None]:
    """Frames with their numbers, segments as they become known, and the end."""
    waiting: list[Line] = []
    end: Line = {}
    total = parts = 0

    def cuts() -> Generator[bool, None, None]:
        for line in lines:
            if "last_duration" in line:
                end.update(line)
                return
            waiting.append(line)
            yield bool(line["cut"])

    for segment in segments(cuts(), split, warm_up):
        for line in waiting:
            yield {"frame": total, **line}
            total += 1
        waiting.clear()
        if segment:
            parts += 1
            facts = asdict(segment)
            yield {"segment": facts.pop("number"), **facts}
    yield {"frames": total, "segments": parts, **end}
