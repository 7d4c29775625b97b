# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pipelines of GStreamer's, with udm's elements or others, run to their end: by PyGObject (gi)."""
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import errors

_log = logging.getLogger("udm")


@dataclass(frozen=True)
class Position:
    """How far a pipeline is, in seconds of the stream."""
    at: float
    of: float | None  # its length, where that is known

    @property
    def share(self) -> float | None:
        """0 to 1."""
        return min(self.at / self.of, 1) if self.of else None


def pipeline(description: str, progress: Callable[[Position], None] | None = None, *, every: float = 0.5) -> None:
    """Runs a pipeline, in the words of gst-launch-1.0, until all sinks are at the end of their streams.

    progress: is called about each *every* seconds, and at the end. What it raises, KeyboardInterrupt too, ends the
        pipeline and is raised here.

    Raises udm.PipelineError, whose message is the element's and whose .element is its name; warnings of elements go to
    the log "udm". GStreamer finds udm's elements if they are installed, or as "meson devenv -C build" has it.

        udm.pipeline("filesrc location=in.mkv ! decodebin ! videoconvert ! udmdenoise ! videoconvert ! "
                     "x264enc ! matroskamux ! filesink location=out.mkv", lambda now: print(now.at, now.of))
    """
    gst = _gst()
    try:
        made = gst.parse_launch(description)
    except gst.Error as error:
        raise errors.PipelineError(f"the pipeline cannot be made: {error.message}", "") from None
    if not isinstance(made, gst.Pipeline):  # of one element
        bin_of_one = gst.Pipeline.new(None)
        bin_of_one.add(made)
        made = bin_of_one
    bus = made.get_bus()
    try:
        if made.set_state(gst.State.PLAYING) == gst.StateChangeReturn.FAILURE:
            _check(gst, bus.pop_filtered(gst.MessageType.ERROR))
            raise errors.PipelineError("the pipeline cannot be started", made.get_name())
        _follow(gst, made, bus, progress, max(1, int(every * gst.SECOND)))
    finally:
        made.set_state(gst.State.NULL)


def _gst() -> Any:
    try:
        import gi
        gi.require_version("Gst", "1.0")
        from gi.repository import GLib, Gst
    except (ImportError, ValueError) as error:
        raise errors.LibraryError(f"udm.pipeline() needs PyGObject and GStreamer's bindings ({error}): install "
                                  "python3-gi and gir1.2-gstreamer-1.0, and make an environment with python3 -m venv "
                                  "--system-site-packages") from None
    Gst.init(None)
    Gst.Error = GLib.Error
    return Gst


def _follow(gst: Any, made: Any, bus: Any, progress: Callable[[Position], None] | None, every: int) -> None:
    """Until the end, or an error."""
    kinds = gst.MessageType.ERROR | gst.MessageType.EOS | gst.MessageType.WARNING
    due = gst.util_get_timestamp() + every
    ended = False
    while not ended:
        message = bus.timed_pop_filtered(max(0, min(due - gst.util_get_timestamp(), gst.SECOND // 5)), kinds)
        _check(gst, message)
        ended = message is not None and message.type == gst.MessageType.EOS
        if progress and (ended or gst.util_get_timestamp() >= due):
            due = gst.util_get_timestamp() + every
            progress(_position(gst, made))


def _check(gst: Any, message: Any) -> None:
    if message is None or message.type == gst.MessageType.EOS:
        return
    warning = message.type == gst.MessageType.WARNING
    said, detail = message.parse_warning() if warning else message.parse_error()
    name = message.src.get_name()
    if warning:
        _log.warning("%s: %s", name, said.message)
        return
    # Elements that say a general thing have the particular one behind the place in their source.
    more = (detail or "").partition("\n")[2].strip().replace("\n", " ")
    raise errors.PipelineError(f"{name}: {said.message}{f' ({more})' if more else ''}", name)


def _position(gst: Any, made: Any) -> Position:
    known, at = made.query_position(gst.Format.TIME)
    sized, of = made.query_duration(gst.Format.TIME)
    return Position(max(0, at) / gst.SECOND if known else 0.0, of / gst.SECOND if sized and of >= 0 else None)
