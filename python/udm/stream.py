# SPDX-License-Identifier: LGPL-2.1-or-later
"""What restorers, interpolators and generators have in common, and the iterators over what they make."""
import ctypes as c
import threading
from collections import abc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from . import errors, library, structs
from .images import Array


@dataclass(frozen=True)
class Stats:
    """What was done so far (udm_stats)."""
    frames: int
    scenes: int
    sigma: float  # of the noise in the last frame, 0-255 scale
    last_ms: float
    mean_ms: float
    memory: int
    tiles: int
    device: str
    warning: str
    luma_sigma: float  # of the estimated noise
    chroma_sigma: float
    whiteness: float  # of it: 1 if it is white over pixels and colours
    confidence: float  # in it, 0 to 1
    reason: str  # why an estimated sigma is 0; or empty
    dirt: float  # share of the pixels so far that were dirt, 0 to 1
    flicker: float  # how much the light was changed so far, in the mean: 0.1 is a tenth up or down
    weave: float  # by how many pixels frames were moved so far, in the mean


class Engine:
    """An object of libudm. It belongs to one thread at a time, but for cancel()."""
    kind: str  # "restorer", say

    def __init__(self, handle: int | None, error: structs.Error) -> None:
        self._lock = threading.Lock()
        self.handle: int | None = None
        library.check(handle, error)
        self.handle = handle

    def _call(self, verb: str) -> Any:
        return getattr(library.load(), f"udm_{self.kind}_{verb}")

    def cancel(self) -> None:
        """From any thread: ends the call in progress, and all later ones, with CancelledError."""
        with self._lock:
            if self.handle:
                self._call("cancel")(self.handle, True)

    def stats(self) -> Stats:
        """What was done so far."""
        all_of_it = structs.Stats()
        self._call("stats")(self.handle, c.byref(all_of_it), c.sizeof(all_of_it))
        values: dict[str, Any] = {name: getattr(all_of_it, name) for name in structs.names(structs.Stats)}
        for name in ("device", "warning", "reason"):
            values[name] = values[name].decode(errors="replace")
        return Stats(**values)

    def close(self) -> None:
        """Frees it; a second time does nothing."""
        with self._lock:
            handle, self.handle = self.handle, None
        if handle:
            self._call("free")(handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            self.close()


class Frames(Iterator[Array]):
    """An iterator over frames, each computed when it is asked for."""

    def __init__(self, make: "Callable[[Frames], abc.Generator[Array, None, None]]") -> None:
        self._lock = threading.RLock()
        self._closed = False
        self._engine: Engine | None = None
        self._stats: Stats | None = None
        self._frames = make(self)

    def use(self, engine: Engine) -> Engine:
        """Called by what makes the frames: this is what a close() has to cancel."""
        self._engine = engine
        if self._closed:
            engine.cancel()
        return engine

    @property
    def stats(self) -> Stats | None:
        """What was done so far; None before the first frame."""
        return self._stats

    def __next__(self) -> Array:
        with self._lock:
            if self._closed:
                raise StopIteration
            try:
                frame = next(self._frames)
            except errors.CancelledError:
                if self._closed:
                    raise StopIteration from None
                raise
            if self._engine:
                self._stats = self._engine.stats()
            return frame

    def close(self) -> None:
        """From any thread: no more frames come, one in the making is given up, and all memory is freed."""
        self._closed = True
        if self._engine:
            self._engine.cancel()
        with self._lock:
            self._frames.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()
