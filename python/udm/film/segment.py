# SPDX-License-Identifier: LGPL-2.1-or-later
"""Restores one segment: a command that reads the film and its plan, and writes one file and a manifest. Nothing else is
needed to run it again, anywhere, and nothing is there before all is."""
import hashlib
import json
import os
import pathlib
import time
from dataclasses import asdict
from fractions import Fraction
from typing import Any

import av

import udm

from . import machine, pictures, restore
from .faults import FilmError, MismatchError
from .filters import AnyFilter, of_words
from .folder import Folder, aside, read_json, write_json
from .part import place_of
from .pixels import layout_of
from .plan import Plan, Segment, so_far

FFV1 = {"level": "3", "slices": "4", "slicecrc": "1", "coder": "1", "context": "0"}


def settings_of(folder: Folder) -> dict[str, Any]:
    settings = read_json(folder.settings)
    if not isinstance(settings, dict):
        raise FilmError(f"{folder.path} has no settings.json: it is not the folder of a film, or udm-film run did not "
                        "begin there")
    return settings


def filter_of(settings: dict[str, Any]) -> AnyFilter:
    return of_words(settings["filter"])


def key(plan: Plan, segment: Segment, settings: dict[str, Any]) -> str:
    """Of all that a segment depends on: what was made with the same key need not be made again."""
    filtered = filter_of(settings)
    facts = [asdict(plan.film.shape), settings["filter"], settings["model"], settings["version"], FFV1,
             segment.first, segment.count, segment.warm_up,
             [asdict(frame) for frame in restore.needed(plan, segment, filtered)]]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def is_done(folder: Folder, plan: Plan, segment: Segment, settings: dict[str, Any]) -> bool:
    """Whether its manifest and its file, or its place in the output, are there, as far as a look tells."""
    made = read_json(folder.manifest(segment.number))
    try:
        if not made or made["key"] != key(plan, segment, settings):
            return False
        video = folder.video(segment.number)
        return bool(made["bytes"] == video.stat().st_size if video.exists() else place_of(made))
    except (OSError, KeyError, TypeError):
        return False


def file_digest(path: pathlib.Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _State:
    """Tells the driver how far this is, once a second."""

    def __init__(self, folder: Folder, segment: Segment) -> None:
        self._path, self._said = folder.state(segment.number), 0.0

    def tell(self, done: int) -> None:
        now = time.monotonic()
        if now - self._said > 1:
            self._said = now
            write_json(self._path, {"done": done, "machine": machine.name(), "process": os.getpid(),
                                    "time": time.time()})


def _encoder(file: av.container.OutputContainer, plan: Plan, factor: int) -> av.VideoStream:
    shape = plan.film.shape
    rate = Fraction(plan.film.rate) * factor
    stream = file.add_stream("ffv1", rate=rate, options=FFV1)
    stream.width, stream.height = shape.width, shape.height
    stream.pix_fmt = layout_of(shape.format).stored
    context = stream.codec_context
    context.time_base = 1 / rate
    context.gop_size = 1
    context.thread_count = 1
    return stream


def _write(path: pathlib.Path, folder: Folder, plan: Plan, segment: Segment, filtered: AnyFilter,
           threads: int) -> list[str]:
    digests: list[str] = []
    state = _State(folder, segment)
    shown = pictures.middle(segment) * filtered.factor + filtered.factor // 2  # a made one, if any are
    with av.open(os.fspath(path), "w", format="nut") as file:
        file.flags |= av.container.Flags.bitexact.value  # type: ignore[operator]
        stream = _encoder(file, plan, filtered.factor)
        for digest, frame in restore.segment(plan, segment, filtered, threads):
            if len(digests) == shown:
                pictures.save(folder.picture(segment.number, "after"), frame)
            frame.pts, frame.time_base = len(digests), stream.codec_context.time_base
            file.mux(stream.encode(frame))
            digests.append(digest)
            state.tell(len(digests) // filtered.factor)
        file.mux(stream.encode(None))
    if len(digests) != segment.count * filtered.factor:
        raise MismatchError(f"{len(digests)} frames of {segment.count * filtered.factor} came out")
    return digests


def find(folder: Folder, number: int) -> tuple[Plan, Segment]:
    plan = so_far(folder)
    for segment in plan.segments:
        if segment.number == number:
            return plan, segment
    raise FilmError(f"the plan has no segment {number}")


def run(folder: Folder, number: int, threads: int) -> None:
    """Restores a segment, if this machine may."""
    settings = settings_of(folder)
    filtered = filter_of(settings)
    plan, segment = find(folder, number)
    machine.prove(folder, plan, filtered, threads)
    if is_done(folder, plan, segment, settings):
        return
    began = time.monotonic()
    video = folder.video(number)
    part = aside(video)
    try:
        pictures.save_before(folder, plan, segment)
        digests = _write(part, folder, plan, segment, filtered, threads)
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        made = {"segment": number, "first": segment.first, "count": segment.count,
                "key": key(plan, segment, settings), "bytes": part.stat().st_size, "sha256": file_digest(part),
                "machine": machine.name(), "seconds": round(time.monotonic() - began, 3), "digests": digests}
        folder.manifest(number).unlink(missing_ok=True)
        os.replace(part, video)
        write_json(folder.manifest(number), made)
    except OSError as error:
        raise FilmError(f"segment {number} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
        folder.state(number).unlink(missing_ok=True)


def check(folder: Folder, number: int, threads: int) -> str:
    """Restores a segment again, and compares: what there is to say of it."""
    settings = settings_of(folder)
    plan, segment = find(folder, number)
    made = read_json(folder.manifest(number))
    if not is_done(folder, plan, segment, settings):
        raise FilmError(f"segment {number} is not there to be compared with")
    filtered = filter_of(settings)
    again = [digest for digest, _ in restore.segment(plan, segment, filtered, threads)]
    for offset, (was, now) in enumerate(zip(made["digests"], again, strict=True)):
        if was != now:
            frame = segment.first + offset // filtered.factor
            raise MismatchError(f"frame {frame} of segment {number}, which {made['machine']} made, comes out otherwise "
                                f"on {machine.name()}")
    return f"segment {number}, which {made['machine']} made, comes out the same on {machine.name()}"


def settings_for(source: dict[str, Any], filtered: AnyFilter, split: int, warm_up: int) -> dict[str, Any]:
    """What a film's folder is begun with."""
    return {"source": source, "filter": filtered.words(), "model": machine.model_digest(filtered),
            "version": udm.version(), "split": split, "warm-up": warm_up}
