# SPDX-License-Identifier: LGPL-2.1-or-later
"""The film as it is: what its video is, and its frames, decoded from the start or from the middle."""
import os
import stat
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from .faults import FilmError, MismatchError
from .folder import placed
from .pixels import Colours, colours_of, digest, layout_of


TICK = Fraction(1, 25)  # of what has no time


@dataclass(frozen=True)
class Shape:
    """What all frames have in common."""
    width: int
    height: int
    format: str
    colours: Colours
    rotation: int  # degrees
    aspect: str  # of a pixel: "4/3"; "0" if nothing is said

    @property
    def channels(self) -> int:
        return len(layout_of(self.format).planes)


def is_url(path: str) -> bool:
    """As fsspec reads them: s3://bucket/film.mkv."""
    return "://" in path


def _fsspec() -> Any:
    try:
        import fsspec
    except ImportError:
        raise FilmError("fsspec, which reads films by URLs, is not installed: pip install './python[s3]' for s3://, or "
                        "fsspec and what it needs for others") from None
    return fsspec


def open_film(path: str | os.PathLike[str]) -> InputContainer:
    try:
        return av.open(_fsspec().open(path, "rb").open() if is_url(os.fspath(path)) else os.fspath(path))
    except (OSError, ValueError) as error:
        raise FilmError(f"{os.fspath(path)}: {error.strerror if isinstance(error, OSError) else error}") from None


def video_of(film: InputContainer) -> VideoStream:
    """The first video stream that is no cover picture."""
    for stream in film.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            stream.thread_type = "AUTO"
            return stream
    raise FilmError(f"{film.name} has no video")


def shape_of(frame: av.VideoFrame, video: VideoStream) -> Shape:
    if frame.interlaced_frame:
        raise FilmError("the video is interlaced: deinterlace it first, as with ffmpeg -i IN -map 0 -c copy -c:v ffv1 "
                        "-vf bwdif OUT.mkv")
    return Shape(frame.width, frame.height, frame.format.name, colours_of(frame, video.codec_context.name),
                 frame.rotation, str(video.sample_aspect_ratio or 0))


def identity(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What tells that a file is still the same, at a glance; digests of frames tell for certain."""
    if is_url(os.fspath(path)):
        return _identity_of_url(os.fspath(path))
    absolute = placed(path)
    try:
        facts = absolute.stat()
    except OSError as error:
        raise FilmError(f"{path}: {error.strerror}") from None
    if stat.S_ISDIR(facts.st_mode):
        raise FilmError(f"{path} is a folder: name a file")
    return {"path": str(absolute), "bytes": facts.st_size, "modified": facts.st_mtime_ns}


def _identity_of_url(url: str) -> dict[str, Any]:
    try:
        system, place = _fsspec().core.url_to_fs(url)
        facts = system.info(place)
    except (OSError, ValueError, ImportError) as error:
        raise FilmError(f"{url}: {error}") from None
    changed = next((facts[key] for key in ("ETag", "etag", "LastModified", "mtime", "created") if key in facts), "")
    return {"path": url, "bytes": facts["size"], "modified": str(changed)}


def frames(film: InputContainer) -> Generator[av.VideoFrame, None, None]:
    """All frames from where the film stands; a broken packet is an error, as frames would be missing."""
    try:
        yield from film.decode(video_of(film))
    except av.FFmpegError as error:
        raise FilmError(f"{film.name} cannot be decoded: {error.strerror}. Repair it first, as with ffmpeg -i IN -map "
                        "0 -c copy -c:v ffv1 OUT.mkv, which keeps what can be had") from None


@dataclass(frozen=True)
class Known:
    """A frame, as the plan has it."""
    number: int
    pts: int | None
    digest: str


def numbered(path: str, wanted: Sequence[Known], seek: int | None) -> Generator[av.VideoFrame, None, None]:
    """The wanted frames, which are in a row, each held to its digest.

    seek: to this time, and find the first one by its own; None: decode from the start, and count.
    """
    with open_film(path) as film:
        if seek is not None:
            film.seek(seek, stream=video_of(film))
        place = 0
        for count, frame in enumerate(frames(film)):
            known = wanted[place]
            if place == 0 and (count < known.number if seek is None else
                               frame.pts is not None and known.pts is not None and frame.pts < known.pts):
                continue
            if digest(frame) != known.digest or (known.pts is not None and frame.pts != known.pts):
                raise MismatchError(f"frame {known.number} is not what it was when the film was planned: the file was "
                                    "changed, or another decoder is in use here")
            yield frame
            place += 1
            if place == len(wanted):
                return
    raise MismatchError(f"frame {wanted[place].number} is missing, which was there when the film was planned: the file "
                        "was changed, or another decoder is in use here")
