# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls the engine's public API (engine/include/udm/udm.h) in build/engine/libudm.so by ctypes: for time maps,
estimates and interpolated frames."""
import ctypes as c

import numpy as np

import common

TIME_ESTIMATE = -1.0
CUT = 0.3  # the change from which on udminterp repeats frames
PULLED_FRAME = 0


class Error(c.Structure):
    _fields_ = [("code", c.c_int), ("message", c.c_char * 512)]


class Image(c.Structure):
    _fields_ = [("width", c.c_int), ("height", c.c_int), ("channels", c.c_int), ("bits", c.c_int),
                ("data", c.c_void_p * 3), ("stride", c.c_ssize_t * 3), ("step", c.c_ssize_t * 3),
                ("shift", c.c_int), ("matrix", c.c_int), ("range", c.c_int), ("subsample_x", c.c_int),
                ("subsample_y", c.c_int), ("siting", c.c_int)]


class Settings(c.Structure):
    _fields_ = [("size", c.c_size_t), ("width", c.c_int), ("height", c.c_int), ("channels", c.c_int),
                ("device", c.c_char_p),
                ("precision", c.c_char_p), ("threads", c.c_int), ("steps", c.c_int), ("sampler", c.c_char_p),
                ("schedule", c.c_char_p), ("spacing", c.c_char_p), ("class_label", c.c_int), ("seed", c.c_uint64),
                ("lookahead", c.c_int), ("ensemble", c.c_int), ("memory_limit", c.c_size_t),
                ("log", c.c_void_p), ("log_context", c.c_void_p),
                ("scenes_given", c.c_bool), ("alpha", c.c_bool),
                ("dirt", c.c_double), ("deflicker", c.c_double), ("stabilize_gate", c.c_double),
                ("total_memory", c.c_size_t)]


class Frame(c.Structure):
    _fields_ = [("image", c.POINTER(Image)), ("time", c.c_double), ("time_map", c.c_void_p),
                ("known", c.POINTER(Image)), ("strength", c.c_double),
                ("number", c.c_uint64), ("discontinuity", c.c_bool), ("kind", c.c_int),
                ("repeat", c.c_bool), ("grain", c.c_double), ("chroma_sigma", c.c_double),
                ("repaired", c.c_bool)]


class Stats(c.Structure):
    _fields_ = [("frames", c.c_uint64), ("scenes", c.c_uint64), ("sigma", c.c_double), ("last_ms", c.c_double),
                ("mean_ms", c.c_double), ("memory", c.c_size_t), ("tiles", c.c_int), ("device", c.c_char * 128),
                ("warning", c.c_char * 704), ("luma_sigma", c.c_double), ("chroma_sigma", c.c_double),
                ("whiteness", c.c_double), ("confidence", c.c_double), ("reason", c.c_char * 96),
                ("dirt", c.c_double), ("flicker", c.c_double), ("weave", c.c_double)]


def image(pixels):
    """A view of [H, W, 3] uint8, which must outlive it."""
    h, w, _ = pixels.shape
    data = (c.c_void_p * 3)(*(pixels.ctypes.data + i for i in range(3)))
    return Image(w, h, 3, 8, data, (c.c_ssize_t * 3)(*[3 * w] * 3), (c.c_ssize_t * 3)(*[3] * 3))


class Library:
    def __init__(self, o):
        path = o.build / "engine/libudm.so"
        common.need(path.exists(), f"{path}; meson setup {o.build}, then ninja")
        self.lib, self.threads, self.error = c.CDLL(str(path)), o.threads, Error()
        for name in ("udm_model_open", "udm_restorer_open", "udm_interpolator_open"):
            getattr(self.lib, name).restype = c.c_void_p
        for name in ("udm_model_time", "udm_interpolator_change"):
            getattr(self.lib, name).restype = c.c_double
        for name in ("udm_restorer_push", "udm_interpolator_pair", "udm_interpolator_follow", "udm_interpolator_make"):
            getattr(self.lib, name).restype = c.c_bool

    def check(self, result):
        if not result:
            raise SystemExit(f"libudm: {self.error.message.decode()}")
        return c.c_void_p(result)

    def open_model(self, path):
        return self.check(self.lib.udm_model_open(str(path).encode(), c.byref(self.error)))

    def settings(self, width, height, **others):
        settings = Settings()
        self.lib.udm_settings_init(c.byref(settings), c.c_size_t(c.sizeof(settings)))
        settings.width, settings.height, settings.threads = width, height, self.threads
        for name, value in others.items():
            setattr(settings, name, value)
        return settings


class Engine(Library):
    """A model and the ways to restore clips with it."""

    def __init__(self, o):
        super().__init__(o)
        self.model = self.open_model(o.model)

    def time(self, amount):
        return self.lib.udm_model_time(self.model, c.c_double(amount))

    def restore(self, frames, sigma, known=None, alone=False, **others):
        """sigma: a number, a list of one for each frame, [H, W] of them, or None to have it estimated; of a model that
        does not undo noise, the amount of what it undoes. known: [H, W] of uint8, for models that fill holes. alone:
        each frame, of which no other one knows. others: fields of udm_settings.
        Returns (clip, sigma of each frame)."""
        f, h, w, _ = frames.shape
        settings = self.settings(w, h, **others)
        stream = self.check(self.lib.udm_restorer_open(self.model, c.byref(settings), c.byref(self.error)))
        time, times = TIME_ESTIMATE, None
        if isinstance(sigma, np.ndarray):
            times = np.vectorize(self.time, otypes=[np.float32])(sigma)
            time = float(times.max())
        elif sigma is not None and not isinstance(sigma, list):
            time = self.time(sigma)
        out, sigmas, stats = [], [], Stats()
        for number in range(f + 1):  # after the last one come those that were held back
            if number < f:
                pixels = np.ascontiguousarray(frames[number])
                view = image(pixels)
                time = self.time(sigma[number]) if isinstance(sigma, list) else time
                frame = Frame(image=c.pointer(view), time=time, number=number, discontinuity=alone)
                if times is not None:
                    frame.time_map = times.ctypes.data
                if known is not None:
                    frame.known = c.pointer(Image(w, h, 1, 8, (c.c_void_p * 3)(known.ctypes.data),
                                                  (c.c_ssize_t * 3)(w), (c.c_ssize_t * 3)(1)))
                self.check(self.lib.udm_restorer_push(stream, c.byref(frame), c.byref(self.error)))
            else:
                self.lib.udm_restorer_end(stream)
            while True:
                restored = np.empty((h, w, 3), np.uint8)
                if self.lib.udm_restorer_pull(stream, c.byref(image(restored)), c.byref(self.error)) != PULLED_FRAME:
                    break
                self.lib.udm_restorer_stats(stream, c.byref(stats), c.c_size_t(c.sizeof(stats)))
                out.append(restored)
                sigmas.append(stats.sigma)
        self.lib.udm_restorer_free(stream)
        if len(out) != f:
            raise SystemExit(f"libudm: {len(out)} of {f} frames came back. {self.error.message.decode()}")
        return np.stack(out), sigmas


class Between(Library):
    """The frames between two."""

    def __init__(self, o, height, width, model=None, precision="f32", steps=1):
        super().__init__(o)
        self.model = self.open_model(model) if model else None
        settings = self.settings(width, height, precision=precision.encode(), steps=steps)
        self.size = height, width, 3
        self.between = self.check(self.lib.udm_interpolator_open(self.model, c.byref(settings), c.byref(self.error)))

    def __del__(self):
        if hasattr(self, "between"):
            self.lib.udm_interpolator_free(self.between)
            self.lib.udm_model_free(self.model)

    def pair(self, first, second, seconds=0):
        """uint8 [H, W, 3], contiguous; how far apart, 0 if that is not known."""
        views = image(first), image(second)
        self.check(self.lib.udm_interpolator_pair(self.between, *map(c.byref, views), c.c_double(seconds),
                                             c.byref(self.error)))

    def follow(self, after, seconds=0):
        """What comes after the second."""
        self.check(self.lib.udm_interpolator_follow(self.between, c.byref(image(after)), c.c_double(seconds),
                                               c.byref(self.error)))

    def change(self):
        return self.lib.udm_interpolator_change(self.between)

    def make(self, position, number=0):
        out = np.empty(self.size, np.uint8)
        self.check(self.lib.udm_interpolator_make(self.between, c.c_double(position), c.c_uint64(number),
                                             c.byref(image(out)),
                                             c.byref(self.error)))
        return out
