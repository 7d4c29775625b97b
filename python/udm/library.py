# SPDX-License-Identifier: LGPL-2.1-or-later
"""Finds libudm, and calls it."""
import ctypes as c
import functools
import logging
import os
import pathlib

from . import errors
from .structs import (LOG_CALLBACK, Degradation, Error, Finding, Frame, Generation, Image, Info, Settings, Stats,
                      names)

VERSION = "0.2"  # of the library that the structs are those of
SONAME = "libudm.so.0"
HERE = pathlib.Path(__file__).resolve()
HOW = (f"{SONAME} is not there: install it (Debian's packages libudm0 and udm-models, or \"meson install -C build\" "
       "and ldconfig), or run this in \"meson devenv -C build\", or name the file in UDM_LIBRARY")

POINTER = c.c_void_p
SIGNATURES: dict[str, tuple[object, list[object]]] = {
    "udm_version": (c.c_char_p, []),
    "udm_model_find": (POINTER, [c.c_char_p, c.POINTER(Error)]),
    "udm_model_open": (POINTER, [c.c_char_p, c.POINTER(Error)]),
    "udm_model_free": (None, [POINTER]),
    "udm_model_degradation": (c.POINTER(Degradation), [POINTER]),
    "udm_model_time": (c.c_double, [POINTER, c.c_double]),
    "udm_model_amount": (c.c_double, [POINTER, c.c_double]),
    "udm_model_info": (c.c_bool, [POINTER, c.POINTER(Info), c.c_size_t, c.POINTER(Error)]),
    "udm_settings_init": (None, [c.POINTER(Settings), c.c_size_t]),
    "udm_restorer_open": (POINTER, [POINTER, c.POINTER(Settings), c.POINTER(Error)]),
    "udm_restorer_free": (None, [POINTER]),
    "udm_restorer_push": (c.c_bool, [POINTER, c.POINTER(Frame), c.POINTER(Error)]),
    "udm_restorer_pull": (c.c_int, [POINTER, c.POINTER(Image), c.POINTER(Error)]),
    "udm_restorer_tell": (c.c_bool, [POINTER, c.c_char_p, c.c_char_p, c.c_double, c.POINTER(Error)]),
    "udm_restorer_end": (None, [POINTER]),
    "udm_restorer_cancel": (None, [POINTER, c.c_bool]),
    "udm_restorer_stats": (None, [POINTER, c.POINTER(Stats), c.c_size_t]),
    "udm_analyser_open": (POINTER, [c.POINTER(Settings), c.POINTER(Error)]),
    "udm_analyser_free": (None, [POINTER]),
    "udm_analyser_look": (c.c_bool, [POINTER, c.POINTER(Image), c.c_double, c.c_bool, c.POINTER(Finding),
                                     c.POINTER(Error)]),
    "udm_finding_sigma": (c.c_double, [c.POINTER(Finding), POINTER]),
    "udm_interpolator_open": (POINTER, [POINTER, c.POINTER(Settings), c.POINTER(Error)]),
    "udm_interpolator_free": (None, [POINTER]),
    "udm_interpolator_pair": (c.c_bool, [POINTER, c.POINTER(Image), c.POINTER(Image), c.c_double, c.POINTER(Error)]),
    "udm_interpolator_follow": (c.c_bool, [POINTER, c.POINTER(Image), c.c_double, c.POINTER(Error)]),
    "udm_interpolator_change": (c.c_double, [POINTER]),
    "udm_interpolator_make": (c.c_bool, [POINTER, c.c_double, c.c_uint64, c.POINTER(Image), c.POINTER(Error)]),
    "udm_interpolator_expose": (c.c_bool, [POINTER, c.c_double, c.c_double, c.c_uint64, c.POINTER(Error)]),
    "udm_interpolator_develop": (c.c_bool, [POINTER, c.POINTER(Image), c.POINTER(Error)]),
    "udm_interpolator_cancel": (None, [POINTER, c.c_bool]),
    "udm_interpolator_stats": (None, [POINTER, c.POINTER(Stats), c.c_size_t]),
    "udm_generation_init": (None, [c.POINTER(Generation), c.c_size_t]),
    "udm_generator_open": (POINTER, [POINTER, c.POINTER(Settings), c.POINTER(Generation), c.POINTER(Error)]),
    "udm_generator_free": (None, [POINTER]),
    "udm_generator_make": (c.c_bool, [POINTER, c.c_uint64, c.POINTER(Image), c.POINTER(Error)]),
    "udm_generator_cancel": (None, [POINTER, c.c_bool]),
    "udm_generator_stats": (None, [POINTER, c.POINTER(Stats), c.c_size_t]),
}


def _build_folders() -> list[pathlib.Path]:
    """Of the source tree that this lies in, and of the working directory."""
    return [folder / "build" for folder in (HERE.parents[2], pathlib.Path.cwd())]


def _candidates() -> list[str]:
    if named := os.environ.get("UDM_LIBRARY"):
        return [named]
    built = [str(folder / "engine" / SONAME) for folder in _build_folders()]
    return [path for path in built if os.path.exists(path)] + [SONAME]


def _open() -> c.CDLL:
    tried = []
    for path in _candidates():
        try:
            return c.CDLL(path)
        except OSError as error:
            tried.append(str(error))
    raise errors.LibraryError(f"{HOW} ({'; '.join(tried)})")


@functools.cache
def load() -> c.CDLL:
    """The library, once."""
    lib = _open()
    lib.udm_version.restype = c.c_char_p
    version = lib.udm_version().decode()
    if not version.startswith(VERSION + "."):
        raise errors.LibraryError(f"{lib._name} is udm {version}, but this package is for {VERSION}: install the same "
                                  "version of both")
    for name, (result, arguments) in SIGNATURES.items():
        try:
            function = getattr(lib, name)
        except AttributeError:
            raise errors.LibraryError(f"{lib._name} has no {name}(), so it is older than this package: install the "
                                      "same version of both") from None
        function.restype, function.argtypes = result, arguments
    return lib


def path() -> str:
    """The file that the library was loaded from."""
    name = str(load()._name)
    if "/" in name:
        return os.path.realpath(name)
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return next(line.split(maxsplit=5)[5].strip() for line in maps if f"/{name.rsplit('.so')[0]}.so" in line)


def free(pointer: int) -> None:
    """What the C library allocated."""
    libc = c.CDLL(None)
    libc.free.argtypes = [POINTER]
    libc.free(pointer)


def model_paths(name: str) -> list[str]:
    """What to look for under a model's name: a build's models lie beside it."""
    beside = pathlib.Path(load()._name).absolute().parents[2] / "models" / name if "/" in load()._name else None
    return [name] + ([str(beside)] if beside and "/" not in name and beside.is_dir() else [])


def check(result: object, error: Error) -> None:
    """Raises what *error* says if a call failed."""
    if not result:
        raise errors.BY_CODE.get(error.code, errors.Error)(error.message.decode(errors="replace"))


_log = logging.getLogger("udm")
_LEVELS = {0: logging.WARNING, 1: logging.INFO, 2: logging.DEBUG}


def _to_logger(_context: int, level: int, message: bytes) -> None:
    """Messages of the engine go to the logger "udm"."""
    _log.log(_LEVELS.get(level, logging.DEBUG), "%s", message.decode(errors="replace"))


log = LOG_CALLBACK(_to_logger)

# What callers may set; sizes and callbacks are ours.
SETTINGS = [name for name in names(Settings) if name not in ("size", "log", "log_context")]


def settings(**fields: object) -> Settings:
    """udm_settings with some fields set; strings are encoded."""
    made = Settings()
    load().udm_settings_init(c.byref(made), c.sizeof(made))
    made.log = log
    for name, value in fields.items():
        if name not in SETTINGS:
            raise errors.SettingsError(f"there is no setting {name!r}; have: {', '.join(SETTINGS)}")
        try:
            setattr(made, name, value.encode() if isinstance(value, str) else value)
        except TypeError:
            raise errors.SettingsError(f"{name} is {value!r}, which is of the wrong type") from None
    return made
