# SPDX-License-Identifier: LGPL-2.1-or-later
"""Restores, interpolates and makes video with small diffusion networks, by libudm.

restore(), interpolate() and generate() are iterators over NumPy arrays; Restorer, Interpolator, Generator and Analyser
are the objects of the C API beneath them. pipeline() runs elements of GStreamer's.
"""
from .errors import (CancelledError, CorruptError, DeviceError, Error, LibraryError, NotFoundError, OutOfMemoryError,
                     PipelineError, SettingsError, UnreadableError, UnsupportedError)
from .generation import Generation, Generator, Parameters, generate
from .gstreamer import Position, pipeline
from .interpolation import Interpolator, interpolate
from .library import load
from .model import Info, Model
from .restoration import Analyser, Finding, Pulled, Restorer, restore
from .stream import Frames, Stats
from .images import view

__all__ = [
    "Analyser", "CancelledError", "CorruptError", "DeviceError", "Error", "Finding", "Frames", "Generation",
    "Generator", "Info", "Interpolator", "LibraryError", "Model", "NotFoundError", "OutOfMemoryError", "Parameters",
    "PipelineError", "Position", "Pulled", "Restorer", "SettingsError", "Stats", "UnreadableError", "UnsupportedError",
    "generate", "interpolate", "pipeline", "restore", "version", "view",
]


def version() -> str:
    """Of the library in use."""
    return str(load().udm_version().decode())
