# SPDX-License-Identifier: LGPL-2.1-or-later
"""Joins the segments: the video with the times that the film's frames had, and all else of the film, packet by
packet, as it is. The file has its name when it is complete, and segments that are copied are removed meanwhile
(part.py)."""
from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pathlib
import shutil
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from . import source
from .codecs import CODECS, THREADS, Codec, format_for, options_for
from .faults import FilmError, MismatchError
from .folder import Folder, placed, read_json, write_json
from .part import Freed, Part, complete, freed_in, is_sound, packets_at
from .pixels import layout_of
from .plan import Plan

STALE = ("major_brand", "minor_version", "compatible_brands", "encoder")  # of the file that it was
FULL = 2  # AVColorRange
INSTEAD = "choose another ending, such as .mkv, or take the stream out or encode it otherwise first"
NO_TEXT = b"\0\0"  # between subtitles in MP4: it is written with the next one
COLOURS = ("color_primaries", "color_trc", "colorspace", "color_range")


@dataclass(frozen=True)
class Output:
    """What the film becomes."""
    path: pathlib.Path
    codec: Codec
    options: dict[str, str] = field(default_factory=dict)
    factor: int = 1  # frames for each of the film's

    def part(self, folder: Folder) -> pathlib.Path:
        """What it is while it is not complete; that of another folder is another file."""
        which = hashlib.sha256(os.fspath(folder.path).encode()).hexdigest()[:8]
        return self.path.with_name(f".{self.path.stem}.{which}.part{self.path.suffix}")


def output(path: str, codec: str, options: list[str], factor: int = 1) -> Output:
    return Output(placed(path), CODECS[codec], options_for(CODECS[codec], options), factor)


@contextlib.contextmanager
def _opened(path: pathlib.Path, part: Part | None = None) -> Generator[OutputContainer, None, None]:
    try:
        out = av.open(part or os.fspath(path), "w")
    except ValueError:
        raise FilmError(f"{path.suffix or path.name}: no container has this ending; .mkv holds most") from None
    # No random numbers, so that the same film is the same file.
    out.flags |= av.container.Flags.bitexact.value  # type: ignore[operator]
    try:
        yield out
    finally:
        out.close()


def _paint(stream: VideoStream, film: InputContainer, plan: Plan, to: Output) -> None:
    """The meaning of colours, the shape of pixels and rotation, as they were."""
    was, now, shape = source.video_of(film).codec_context, stream.codec_context, plan.film.shape
    for name in COLOURS:
        setattr(now, name, getattr(was, name))
    if layout_of(shape.format).full and shape.channels == 3:
        now.color_range = FULL
    if shape.aspect not in ("0", "1"):
        now.sample_aspect_ratio = Fraction(shape.aspect)
        if to.codec.name in ("svtav1", "prores") and to.path.suffix == ".mkv":
            raise FilmError(f"the pixels of the film are {shape.aspect} as wide as high, which neither {to.codec.name} "
                            "nor this writer of .mkv can say: choose .mp4 or .mov, or another --codec")
    if shape.rotation:
        stream.set_display_rotation(shape.rotation)


def _add_video(out: OutputContainer, film: InputContainer, plan: Plan, to: Output, first: InputContainer | None) -> (
        VideoStream):
    base, _ = times(plan, to.factor)
    rate = Fraction(plan.film.rate) * to.factor
    stream: VideoStream
    if to.codec.name == "ffv1" and first is not None:
        stream = out.add_stream_from_template(first.streams.video[0])
        stream.time_base = base
        stream.codec_context.framerate = rate
    else:
        stream = out.add_stream(to.codec.encoder, rate=rate, options=dict(to.options))  # type: ignore[assignment]
        shape = plan.film.shape
        stream.width, stream.height = shape.width, shape.height
        stream.pix_fmt = format_for(to.codec, layout_of(shape.format).stored)
        stream.codec_context.time_base = base
        stream.codec_context.thread_count = THREADS
    _paint(stream, film, plan, to)
    return stream


def _kind(stream: Stream) -> str:
    return f"stream {stream.index}, {stream.type} in {stream.name or 'an unknown format'},"


def _refused(out: OutputContainer, streams: Iterable[Stream]) -> list[str]:
    """Those that a container of this kind cannot be begun with, which muxers do not tell: each is tried alone."""
    refused = []
    for stream in streams:
        try:
            with av.open(io.BytesIO(), "w", format=out.format.name) as alone:
                alone.add_stream_from_template(stream, opaque=True)
                alone.start_encoding()
        except (av.FFmpegError, ValueError):
            refused.append(_kind(stream))
    return refused


def _add_others(out: OutputContainer, film: InputContainer, to: Output,
                note: Callable[[str], None]) -> dict[int, Stream]:
    """For each stream of the film but its video one in the output, by its index. The text of chapters, which MP4 has
    in a stream, is written with these."""
    others: dict[int, Stream] = {}
    video = source.video_of(film)
    for stream in film.streams:
        if stream.index == video.index or (stream.name == "bin_data" and film.chapters()):
            continue
        try:
            copy = out.add_stream_from_template(stream, opaque=True)
        except ValueError as error:
            kind = _kind(stream)
            if stream.type not in ("audio", "video", "subtitle", "attachment"):
                note(f"{kind} is left out, as {to.path.suffix} does not hold it")
                continue
            raise FilmError(f"{to.path.suffix} does not hold {kind} of the film ({error}): {INSTEAD}") from None
        copy.metadata.update(stream.metadata)
        copy.disposition = stream.disposition
        others[stream.index] = copy
    return others


def _begin(out: OutputContainer, film: InputContainer, plan: Plan, to: Output, first: InputContainer | None,
           note: Callable[[str], None]) -> tuple[VideoStream, dict[int, Stream]]:
    try:
        stream = _add_video(out, film, plan, to, first)
    except ValueError as error:  # of PyAV's
        raise FilmError(f"{to.path.suffix} does not hold --codec {to.codec.name} ({error}): choose another of the two, "
                        "such as .mkv or prores") from None
    was = source.video_of(film)
    stream.metadata.update({name: value for name, value in was.metadata.items()
                            if name.lower() not in STALE and not name.startswith(("_STAT", "BPS", "NUMBER_OF"))})
    stream.disposition = was.disposition
    others = _add_others(out, film, to, note)
    out.metadata.update({name: value for name, value in film.metadata.items() if name.lower() not in STALE})
    out.set_chapters(film.chapters())
    try:
        out.start_encoding()
    except (av.FFmpegError, ValueError) as error:
        refused = _refused(out, (film.streams[index] for index in others))
        if refused:
            raise FilmError(f"{to.path.suffix} does not hold {' and '.join(refused)} of the film: {INSTEAD}") from None
        raise FilmError(f"{to.path.name} cannot be begun with --codec {to.codec.name}: {error}. .mkv holds "
                        "most") from None
    return stream, others


def _tell_of_early_sound(film: InputContainer, others: dict[int, Stream], to: Output,
                         note: Callable[[str], None]) -> None:
    """What MP4 begins with, for decoders to get going."""
    heard = [film.streams[index] for index in others if film.streams[index].type == "audio"]
    told = to.path.suffix == ".mkv" and "matroska" not in film.format.name  # which keeps its own as it is
    first = next(film.demux(*heard), None) if heard and told else None
    if first is not None and first.pts is not None and first.pts < 0:
        note(f"the sound begins {float(-first.pts * first.time_base):.3f} s before the film does, which .mkv cannot "
             "say: all times are later by that, and sound and picture stay together. .mp4 keeps them as they are")


def check(plan: Plan, to: Output, folder: Folder, note: Callable[[str], None]) -> None:
    """Whether the output can be what it is to be, before anything is computed."""
    _check_begun(plan, to, folder)
    trial = folder.path / f"trial{to.path.suffix}"
    try:
        with source.open_film(plan.film.path) as film, _opened(trial) as out:
            _, others = _begin(out, film, plan, to, None, note)
            _tell_of_early_sound(film, others, to, note)
    finally:
        trial.unlink(missing_ok=True)


def _times(plan: Plan) -> tuple[Fraction, list[int]]:
    """Of the film's frames, in units of the first: as they were, or counted, where they had none that rise; and when
    the last one ends."""
    if not plan.seekable():
        return 1 / Fraction(plan.film.rate), list(range(len(plan.frames) + 1))
    base, pts = Fraction(plan.film.time_base), [frame.pts or 0 for frame in plan.frames]
    return base, pts + [pts[-1] + (plan.last_duration or round(1 / (Fraction(plan.film.rate) * base)))]


def times(plan: Plan, factor: int = 1) -> tuple[Fraction, list[int]]:
    """Of all frames that come out, and of the end, in units of the first: those between divide the time evenly, and
    exactly, as units are as much smaller."""
    base, pts = _times(plan)
    made = [a * factor + (b - a) * place for a, b in zip(pts, pts[1:]) for place in range(factor)]
    return base / factor, made + [pts[-1] * factor]


def _check_begun(plan: Plan, to: Output, folder: Folder) -> None:
    """What is in an output alone can only become that."""
    for joined in freed_in(folder, [segment.number for segment in plan.segments]).values():
        if to.codec.name != "ffv1" or joined["output"] != str(to.path):
            raise FilmError(f"segments are in {joined['path']} alone, of which {joined['output']} was to become: give "
                            "that as the output, with --codec ffv1; or remove the first, and they are made anew")


def _again(joined: dict[str, Any]) -> Generator[av.Packet[Any], None, None]:
    for held in packets_at(joined):
        packet = av.Packet(held)
        packet.is_keyframe = True
        yield packet


def _copied(plan: Plan, folder: Folder, extradata: bytes | None,
            freed: Freed | None) -> Generator[av.Packet[Any], None, None]:
    for segment in plan.segments:
        if joined := freed_in(folder, [segment.number]).get(segment.number):
            yield from _again(joined)
            if freed:
                freed.was(joined)
            continue
        held: list[bytes] = []
        with av.open(os.fspath(folder.video(segment.number))) as file:
            video = file.streams.video[0]
            if video.codec_context.extradata != extradata:
                raise MismatchError(f"segment {segment.number} was written by another version of the encoder: remove "
                                    f"{folder.manifest(segment.number)}, and run this again")
            for packet in file.demux(video):
                if packet.size:
                    if freed:
                        held.append(bytes(packet))
                    yield packet
        if freed:
            freed.add(segment.number, held)


def _decoded(plan: Plan, folder: Folder) -> Generator[av.VideoFrame, None, None]:
    for segment in plan.segments:
        with av.open(os.fspath(folder.video(segment.number))) as file:
            yield from file.decode(file.streams.video[0])


def _video(stream: VideoStream, plan: Plan, folder: Folder, to: Output,
           freed: Freed | None) -> Generator[list[av.Packet[Any]], None, None]:
    base, pts = times(plan, to.factor)
    durations = [after - now for now, after in zip(pts, pts[1:])]
    count = 0
    if to.codec.name == "ffv1":
        for count, packet in enumerate(_copied(plan, folder, stream.codec_context.extradata, freed), 1):
            packet.stream, packet.time_base = stream, base
            packet.pts = packet.dts = pts[count - 1]
            packet.duration = durations[count - 1]
            yield [packet]
    else:
        wanted = stream.codec_context.pix_fmt
        for count, frame in enumerate(_decoded(plan, folder), 1):
            frame = frame if frame.format.name == wanted else frame.reformat(format=wanted)
            frame.pts, frame.time_base, frame.duration = pts[count - 1], base, durations[count - 1]
            frame.pict_type = 0
            for name in COLOURS:
                setattr(frame, name, getattr(stream.codec_context, name))
            yield stream.encode(frame)
        yield stream.encode(None)
    if count != len(durations):
        raise MismatchError(f"{count} frames were joined, and the film has {len(durations)}")


def _seconds(packet: av.Packet[Any]) -> Fraction:
    at = packet.dts if packet.dts is not None else packet.pts
    return Fraction(at or 0) * (packet.time_base or 0)


def _other_packets(film: InputContainer, others: dict[int, Stream]) -> Iterator[av.Packet[Any]]:
    wanted = [film.streams[index] for index in others if film.streams[index].type != "attachment"]
    if not wanted:
        return
    for packet in film.demux(*wanted):
        if packet.stream.name == "mov_text" and bytes(packet) == NO_TEXT:
            continue
        if packet.size or packet.dts is not None:
            packet.stream = others[packet.stream.index]
            yield packet


def _check_room(plan: Plan, folder: Folder, to: Output, keep: bool) -> None:
    """For a copy of the segments, or, where they are removed meanwhile, of the few that are not yet. What an encoder
    makes is not known before."""
    if to.codec.name != "ffv1":
        return
    numbers = [segment.number for segment in plan.segments]
    sizes = [folder.video(number).stat().st_size for number in numbers if number not in freed_in(folder, numbers)]
    needed = sum(sizes)
    if not keep and os.stat(folder.path).st_dev == os.stat(to.path.parent).st_dev:
        needed = min(needed, sizes[0] + 2 * max(sizes))
    free = shutil.disk_usage(to.path.parent).free
    if free < needed:
        raise FilmError(f"{to.path.parent} has room for {free / 2**20:.1f} MiB, and joining takes "
                        f"{needed / 2**20:.1f} MiB beside the segments: make room and run the same again, or name "
                        f"another place for the output, with --dir {folder.path}")


def _mux(plan: Plan, folder: Folder, to: Output, part: Part, keep: bool, progress: Callable[[int], None]) -> None:
    """All of it."""
    freed = None if keep or to.codec.name != "ffv1" else Freed(part, folder, to.path)
    with contextlib.ExitStack() as stack:
        film = stack.enter_context(source.open_film(plan.film.path))
        first = stack.enter_context(av.open(os.fspath(folder.video(0))))
        out = stack.enter_context(_opened(to.path, part))
        stream, others = _begin(out, film, plan, to, first, lambda words: None)  # as check() has said it
        waiting = _other_packets(film, others)
        other = next(waiting, None)
        for done, packets in enumerate(_video(stream, plan, folder, to, freed), 1):
            for packet in packets:
                while other is not None and _seconds(other) <= _seconds(packet):
                    out.mux_one(other)
                    other = next(waiting, None)
                out.mux_one(packet)
            progress(min(done // to.factor, len(plan.frames)))
        while other is not None:
            out.mux_one(other)
            other = next(waiting, None)


def join(plan: Plan, folder: Folder, to: Output, keep: bool, progress: Callable[[int], None]) -> None:
    """Segments must all be there, each in a file or in the output that was begun."""
    _check_room(plan, folder, to, keep)
    numbers = [segment.number for segment in plan.segments]
    before = list(freed_in(folder, numbers).values())
    path = pathlib.Path(before[0]["path"]) if before else to.part(folder)
    try:
        part = Part(path, max((joined["offsets"][-1] + joined["sizes"][-1] for joined in before), default=0))
        try:
            _mux(plan, folder, to, part, keep, progress)
            if part.failed is not None:
                raise part.failed
            part.sync()
        except av.FFmpegError:
            if part.failed is not None:
                raise part.failed from None
            raise
        finally:
            part.leave()
        done = {"output": str(to.path), "bytes": part.end, "codec": to.codec.name,
                "frames": len(plan.frames) * to.factor, "part": str(path),
                "changes": [(offset, data.hex()) for offset, data in part.changes]}
        write_json(folder.done, done)  # before it has its name, so that it is known by it
        complete(done)
    except OSError as error:
        raise FilmError(f"{to.path} cannot be written: {error.strerror or error}. What was computed is kept: run the "
                        "same again") from error
    finally:
        if not freed_in(folder, numbers):
            path.unlink(missing_ok=True)


def broken(plan: Plan, folder: Folder, digest: Callable[[pathlib.Path], str]) -> list[int]:
    """Segments whose files are not what their manifests say. Of those that are in the output alone, all behind the
    first that is not are taken to be so, as that has to be written anew from there."""
    freed = freed_in(folder, [segment.number for segment in plan.segments])
    lost = next((number for number, joined in freed.items() if not is_sound(joined)), len(plan.segments))
    return [segment.number for segment in plan.segments
            if (segment.number >= lost if segment.number in freed else
                (read_json(folder.manifest(segment.number)) or {}).get("sha256") !=
                digest(folder.video(segment.number)))]
