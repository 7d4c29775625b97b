# SPDX-License-Identifier: LGPL-2.1-or-later
"""The frames between frames (udm/interpolate.h)."""
import ctypes as c
import os
from collections.abc import Generator, Iterable

import numpy as np

from . import errors, library, structs
from .images import Array, view
from .model import Model, opened
from .stream import Engine, Frames
from .structs import Image

CUT = 0.3  # the change from which on a cut lies between two frames


class Interpolator(Engine):
    """A udm_interpolator: make() makes frames between the two that pair() was given."""
    kind = "interpolator"

    def __init__(self, model: Model | None, **fields: object) -> None:
        error, self.model = structs.Error(), model
        settings = library.settings(**fields)
        super().__init__(library.load().udm_interpolator_open(model.handle if model else None, c.byref(settings),
                                                              c.byref(error)), error)

    def pair(self, first: Image, second: Image, seconds: float = 0) -> None:
        """seconds: from the first to the second; 0: not known."""
        error = structs.Error()
        library.check(library.load().udm_interpolator_pair(self.handle, c.byref(first), c.byref(second), seconds,
                                                           c.byref(error)), error)

    def follow(self, after: Image, seconds: float = 0) -> None:
        """What comes after the second."""
        error = structs.Error()
        library.check(library.load().udm_interpolator_follow(self.handle, c.byref(after), seconds, c.byref(error)),
                      error)

    def change(self) -> float:
        """How little the two have in common: from CUT on a cut lies between them."""
        return float(library.load().udm_interpolator_change(self.handle))

    def make(self, position: float, number: int, out: Image) -> None:
        """position: 0 is the first frame, 1 the second."""
        error = structs.Error()
        library.check(library.load().udm_interpolator_make(self.handle, position, number, c.byref(out),
                                                           c.byref(error)), error)

    def expose(self, begin: float, end: float, number: int = 0) -> None:
        """Keeps a shutter open between two positions; what was exposed of earlier pairs counts, too."""
        error = structs.Error()
        library.check(library.load().udm_interpolator_expose(self.handle, begin, end, number, c.byref(error)), error)

    def develop(self, out: Image | None) -> None:
        """The mean of what was exposed since the last time; None throws it away."""
        error = structs.Error()
        library.check(library.load().udm_interpolator_develop(self.handle, c.byref(out) if out else None,
                                                              c.byref(error)), error)


def interpolate(frames: Iterable[Array], factor: int = 2, model: Model | str | os.PathLike[str] | None = "interp", *,
                scene_threshold: float = CUT, rate: float = 0, bits: int | None = None, **fields: object) -> Frames:
    """Yields the frames as they are, and factor - 1 new ones between each two. Across a cut the nearer one is repeated.

    frames: as for restore().
    model: None blends both frames, moved along their motion, with no network.
    scene_threshold: how little two frames must have in common for a cut, 0 to 1; above 1 there is none.
    rate: of the frames given, a second, if it is known: models are told how far frames lie apart.
    fields: of udm_settings, as for restore().
    """
    if not isinstance(factor, int) or factor < 1:
        raise errors.SettingsError(f"factor is {factor!r}: it must be a whole number, 1 or more")
    network = opened(model) if model is not None else None
    return Frames(lambda made: _interpolated(made, frames, factor, network, scene_threshold,
                                             1 / rate if rate > 0 else 0, bits, fields))


def _interpolated(made: Frames, frames: Iterable[Array], factor: int, model: Model | None, threshold: float,
                  seconds: float, bits: int | None, fields: dict[str, object]) -> Generator[Array, None, None]:
    interpolator: Interpolator | None = None
    window: list[Array] = []  # first, second, and the one after
    number = 0
    try:
        for frame in _then_none(frames):
            if frame is not None:
                image = view(frame, bits)
                window.append(frame)
                if interpolator is None:
                    interpolator = Interpolator(model, width=image.width, height=image.height,
                                                channels=image.channels, **fields)
                    made.use(interpolator)
            if interpolator is None or len(window) < 2 or (len(window) < 3 and frame is not None):
                continue
            for out in _between(interpolator, window, factor, threshold, seconds, number, bits):
                number += 1
                yield out
            del window[0]
        yield from window
    finally:
        if interpolator:
            interpolator.close()


def _then_none(frames: Iterable[Array]) -> Generator[Array | None, None, None]:
    yield from frames
    yield None


def _between(interpolator: Interpolator, window: list[Array], factor: int, threshold: float, seconds: float,
             number: int, bits: int | None) -> Generator[Array, None, None]:
    """The first of the window, and what lies between it and the second."""
    first, second = window[:2]
    yield first
    if factor == 1:
        return
    interpolator.pair(view(first, bits), view(second, bits), seconds)
    if len(window) > 2:
        interpolator.follow(view(window[2], bits), seconds)
    cut = interpolator.change() >= threshold
    for part in range(1, factor):
        if cut:
            yield first if 2 * part <= factor else second
            continue
        out = np.empty_like(first)
        interpolator.make(part / factor, number + part, view(out, bits))
        yield out
