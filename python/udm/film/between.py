# SPDX-License-Identifier: LGPL-2.1-or-later
"""The frames of a segment with those between them: a function of the film, the plan and the filter, as restore.py is.
Each frame that the film has comes out as it is, followed by factor - 1 that lie between it and the next; behind the
last of a scene they repeat it."""
from collections.abc import Generator

import av

import udm

from .faults import FilmError
from .filters import Interpolation
from .pixels import describe, digest, layout_of, rows
from .plan import Frame, Plan, Segment
from .source import numbered

Window = list[tuple[Frame, av.VideoFrame]]  # a frame, the next, and the one after that; fewer at the end


def stored(frame: av.VideoFrame) -> av.VideoFrame:
    """In the format that segments have, which holds the same samples."""
    name = layout_of(frame.format.name).stored
    return frame if frame.format.name == name else frame.reformat(format=name)


def frames(plan: Plan, part: Segment, wanted: list[Frame], seek: int | None, filtered: Interpolation,
           threads: int) -> Generator[tuple[str, av.VideoFrame], None, None]:
    """Digest and frame. wanted: the frames that are read, which reach beyond the segment."""
    shape = plan.film.shape
    if shape.aspect not in ("0", "1"):
        raise FilmError(f"the pixels of the film are {shape.aspect} as wide as high, which made frames cannot say: "
                        "scale it first")
    window: Window = []
    with filtered.open(shape.width, shape.height, shape.channels, threads) as interpolator:
        for planned, frame in zip(wanted, numbered(plan.film.path, wanted, seek)):
            window.append((planned, stored(frame)))
            if len(window) == 3:
                yield from _if_in(part, window, _made(plan, window, interpolator, filtered))
                del window[0]
        while window:
            yield from _if_in(part, window, _made(plan, window, interpolator, filtered))
            del window[0]


def _if_in(part: Segment, window: Window,
           made: Generator[av.VideoFrame, None, None]) -> Generator[tuple[str, av.VideoFrame], None, None]:
    """Frames beyond the segment are made for what the engine learns of them, but for those behind it."""
    number = window[0][0].number
    if number >= part.end:
        return
    for frame in made:
        if number >= part.first:
            yield digest(frame), frame


def _seconds(plan: Plan, a: Frame, b: Frame) -> float:
    """From one to the other; 0 if the film does not say."""
    if a.pts is None or b.pts is None or b.pts <= a.pts:
        return 0
    numerator, _, denominator = plan.film.time_base.partition("/")
    return (b.pts - a.pts) * int(numerator) / int(denominator or 1)


def _made(plan: Plan, window: Window, interpolator: udm.Interpolator,
          filtered: Interpolation) -> Generator[av.VideoFrame, None, None]:
    """The first of the window, and what lies between it and the next."""
    colours = plan.film.shape.colours
    first, frame = window[0]
    ends = len(window) < 2 or window[1][0].cut
    if not ends:
        second, following = window[1]
        interpolator.pair(describe(frame, colours), describe(following, colours), _seconds(plan, first, second))
        ends = filtered.is_cut(interpolator.change())
    if not ends and len(window) > 2 and not window[2][0].cut:
        third, last = window[2]
        interpolator.follow(describe(last, colours), _seconds(plan, second, third))
    yield _copy(frame)
    for place in range(1, filtered.factor):
        out = _copy(frame)
        if not ends:
            interpolator.make(place / filtered.factor, first.number * filtered.factor + place, describe(out, colours))
        yield out


def _copy(frame: av.VideoFrame) -> av.VideoFrame:
    """Whose pixels may be written, and whose time may be set."""
    made = av.VideoFrame(frame.width, frame.height, frame.format.name)
    for plane in range(len(set(layout_of(frame.format.name).planes))):
        rows(made, plane)[:] = rows(frame, plane)
    return made
