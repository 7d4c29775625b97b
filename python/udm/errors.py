# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes wrong, as exceptions: one for each code of udm/error.h. The message says what to do."""


class Error(Exception):
    """Any error of udm's."""


class LibraryError(Error, ImportError):
    """libudm is not there, or of another version."""


class NotFoundError(Error, LookupError):
    """A model, a file, a device or a name that is not there."""


class UnreadableError(Error, OSError):
    """It is there, but cannot be read."""


class CorruptError(Error, ValueError):
    """It was read, and is broken or truncated."""


class UnsupportedError(Error, NotImplementedError):
    """It is sound, but asks for something that is not implemented."""


class SettingsError(Error, ValueError):
    """An argument is out of range, or does not fit the others."""


class OutOfMemoryError(Error, MemoryError):
    """Out of memory, here or on the device, or sizes that overflow."""


class DeviceError(Error, RuntimeError):
    """The device failed while it worked."""


class CancelledError(Error):
    """It was cancelled."""


class PipelineError(Error, RuntimeError):
    """An element of a pipeline of GStreamer's failed."""

    def __init__(self, message: str, element: str) -> None:
        super().__init__(message)
        self.element = element


BY_CODE: dict[int, type[Error]] = {
    1: NotFoundError, 2: UnreadableError, 3: CorruptError, 4: UnsupportedError, 5: SettingsError, 6: OutOfMemoryError,
    7: DeviceError, 8: CancelledError,
}
