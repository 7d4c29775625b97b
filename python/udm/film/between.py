# SPDX-License-Identifier: LGPL-2.1-or-later
"""The frames of a segment with those between them: a function of the film, the plan and the filter, as restore.py is.
Each frame that the film has comes out as it is, followed by factor - 1 that lie between it and the next; behind the
last of a scene they repeat it."""
from collections.abc import Generator

import av

import udm

from .faults import FilmError
from .filters import Interpolation
from .pixels import Colours, describe, digest, layout_of, rows
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
        shutter = Shutter(interpolator, filtered.half_open()) if filtered.motion_blur > 0 else None
        for planned, frame in zip(wanted, numbered(plan.film.path, wanted, seek)):
            window.append((planned, stored(frame)))
            if len(window) == 3:
                yield from _if_in(part, window, _made(plan, window, interpolator, filtered, shutter))
                del window[0]
        while window:
            yield from _if_in(part, window, _made(plan, window, interpolator, filtered, shutter))
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


def _pair(plan: Plan, window: Window, interpolator: udm.Interpolator, filtered: Interpolation) -> bool:
    """Has the engine look at the first of the window and the next; whether frames can be made between them."""
    colours = plan.film.shape.colours
    first, frame = window[0]
    if len(window) < 2 or window[1][0].cut:
        return False
    second, following = window[1]
    interpolator.pair(describe(frame, colours), describe(following, colours), _seconds(plan, first, second))
    if len(window) > 2 and not window[2][0].cut:  # which tells a flash and a fade from a cut
        third, last = window[2]
        interpolator.follow(describe(last, colours), _seconds(plan, second, third))
    return not filtered.is_cut(interpolator.change())


def _made(plan: Plan, window: Window, interpolator: udm.Interpolator, filtered: Interpolation,
          shutter: "Shutter | None") -> Generator[av.VideoFrame, None, None]:
    """The first of the window, and what lies between it and the next."""
    colours = plan.film.shape.colours
    first, frame = window[0]
    joined = _pair(plan, window, interpolator, filtered)
    if shutter:
        yield from shutter.frames(frame, first.number * filtered.factor, filtered.factor, joined, colours)
        return
    yield _copy(frame)
    for place in range(1, filtered.factor):
        out = _copy(frame)
        if joined:
            interpolator.make(place / filtered.factor, first.number * filtered.factor + place, describe(out, colours))
        yield out


class Shutter:
    """Adds up what is seen of the frame that leaves next."""

    def __init__(self, interpolator: udm.Interpolator, half: float) -> None:
        """half: how long it is open before and after an instant, in gaps between frames of the film."""
        self.interpolator, self.half, self.exposed = interpolator, half, False

    def open(self, begin: float, end: float, number: int) -> None:
        """Between two positions of the pair."""
        self.interpolator.expose(begin, end, number)
        self.exposed = True

    def frames(self, frame: av.VideoFrame, number: int, factor: int, joined: bool,
               colours: Colours) -> Generator[av.VideoFrame, None, None]:
        """A frame of the film and those up to the next. What is seen of it before its instant was exposed with the pair
        before; a scene begins with what is seen after that, and ends with what is seen before."""
        out = frame
        for place in range(factor):
            out, position = _copy(out), place / factor
            if joined:
                self.open(max(position - self.half, 0), position + self.half, number + place)
            if self.exposed:
                self.interpolator.develop(describe(out, colours))
                self.exposed = False
            yield out
        if joined:
            self.open(1 - self.half, 1, number + factor)


def _copy(frame: av.VideoFrame) -> av.VideoFrame:
    """Whose pixels may be written, and whose time may be set."""
    made = av.VideoFrame(frame.width, frame.height, frame.format.name)
    for plane in range(len(set(layout_of(frame.format.name).planes))):
        rows(made, plane)[:] = rows(frame, plane)
    return made
