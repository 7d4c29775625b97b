# SPDX-License-Identifier: LGPL-2.1-or-later
"""Models."""
import ctypes as c
import os
import weakref
from dataclasses import dataclass

from . import errors, library, structs


@dataclass(frozen=True)
class Info:
    """Facts about a model (udm_info and udm_degradation)."""
    network: str
    channels: int
    weights: int
    process: str  # what it undoes: "gaussian" is noise
    measure: str  # of how much there is of that, for people
    usual_amount: float  # -1: it is estimated, 0: there is none
    max_amount: float
    fills_holes: bool
    told: bool  # nothing is undone: frames are drawn anew by what a text says
    temporal_filter: bool
    width: int  # 0: of any size
    height: int
    frames: int  # that it makes at once; 0: it makes no video
    classes: int
    embedding: int  # values of that of a prompt; 0: it knows none
    memory: int  # bytes that drawing takes on the processor; 0: not known
    work: float  # multiply-adds of an evaluation of the network; 0: not known


class Model:
    """A model that is open: immutable, to be shared by whatever runs it, in any thread.

    name: "denoise", say, which is looked for in UDM_MODEL_PATH and among the installed models; or a path.
    """

    def __init__(self, name: str | os.PathLike[str]) -> None:
        lib, error = library.load(), structs.Error()
        path = name if isinstance(name, str) else os.path.abspath(name)
        for place in library.model_paths(path):
            error = structs.Error()
            self.handle = lib.udm_model_open(os.fsencode(place), c.byref(error))
            if self.handle or errors.BY_CODE.get(error.code) is not errors.NotFoundError:
                break
        library.check(self.handle, error)
        self.name, self._path = str(name), os.fsencode(place)
        self._free = weakref.finalize(self, lib.udm_model_free, self.handle)
        self._free.atexit = False

    @property
    def directory(self) -> str:
        """Its canonical path."""
        lib, error = library.load(), structs.Error()
        found = lib.udm_model_find(self._path, c.byref(error))
        library.check(found, error)
        try:
            return os.fsdecode(c.string_at(found))
        finally:
            library.free(found)

    def time(self, amount: float) -> float:
        """The time in [0, 1] at which the model's process has done that much to a frame."""
        return float(library.load().udm_model_time(self.handle, amount))

    def info(self) -> Info:
        """Facts about it."""
        lib, error, info = library.load(), structs.Error(), structs.Info()
        library.check(lib.udm_model_info(self.handle, c.byref(info), c.sizeof(info), c.byref(error)), error)
        undoes = lib.udm_model_degradation(self.handle).contents
        return Info(network=info.network.decode(), channels=info.channels, weights=info.weights,
                    process=undoes.process.decode(), measure=undoes.measure.decode(), usual_amount=undoes.usual,
                    max_amount=undoes.most, fills_holes=undoes.holes, told=undoes.told,
                    temporal_filter=info.temporal_filter,
                    width=info.width, height=info.height, frames=info.frames, classes=info.classes,
                    embedding=info.embedding, memory=info.memory, work=info.work)


def opened(model: "Model | str | os.PathLike[str]") -> Model:
    """One that is open already, or the one of that name."""
    return model if isinstance(model, Model) else Model(model)
