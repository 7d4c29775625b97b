# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes wrong with films."""
from udm import Error


class FilmError(Error):
    """The message says what to do."""


class MismatchError(FilmError):
    """Frames are not what they were when the film was planned."""


class MachineError(FilmError):
    """This machine computes otherwise, and must not be given work."""
