# SPDX-License-Identifier: LGPL-2.1-or-later
"""The structs of the C API. tests/python/test_structs.py holds each to the headers."""
import ctypes as c


def names(struct: type[c.Structure]) -> list[str]:
    """Of its fields."""
    return [field[0] for field in struct._fields_]


class Error(c.Structure):
    _fields_ = [("code", c.c_int), ("message", c.c_char * 512)]


class Image(c.Structure):
    _fields_ = [("width", c.c_int), ("height", c.c_int), ("channels", c.c_int), ("bits", c.c_int),
                ("data", c.c_void_p * 3), ("stride", c.c_ssize_t * 3), ("step", c.c_ssize_t * 3), ("shift", c.c_int),
                ("matrix", c.c_int), ("range", c.c_int), ("subsample_x", c.c_int), ("subsample_y", c.c_int),
                ("siting", c.c_int)]


LOG_CALLBACK = c.CFUNCTYPE(None, c.c_void_p, c.c_int, c.c_char_p)


class Settings(c.Structure):
    _fields_ = [("size", c.c_size_t), ("width", c.c_int), ("height", c.c_int), ("channels", c.c_int),
                ("device", c.c_char_p), ("precision", c.c_char_p), ("threads", c.c_int), ("steps", c.c_int),
                ("sampler", c.c_char_p), ("schedule", c.c_char_p), ("spacing", c.c_char_p), ("class_label", c.c_int),
                ("seed", c.c_uint64), ("lookahead", c.c_int), ("ensemble", c.c_int), ("memory_limit", c.c_size_t),
                ("log", LOG_CALLBACK), ("log_context", c.c_void_p), ("scenes_given", c.c_bool),
                ("alpha", c.c_bool), ("dirt", c.c_double), ("deflicker", c.c_double),
                ("stabilize_gate", c.c_double), ("total_memory", c.c_size_t)]


class Stats(c.Structure):
    _fields_ = [("frames", c.c_uint64), ("scenes", c.c_uint64), ("sigma", c.c_double), ("last_ms", c.c_double),
                ("mean_ms", c.c_double), ("memory", c.c_size_t), ("tiles", c.c_int), ("device", c.c_char * 128),
                ("warning", c.c_char * 704), ("luma_sigma", c.c_double), ("chroma_sigma", c.c_double),
                ("whiteness", c.c_double), ("confidence", c.c_double), ("reason", c.c_char * 96),
                ("dirt", c.c_double), ("flicker", c.c_double), ("weave", c.c_double)]


class Degradation(c.Structure):
    _fields_ = [("process", c.c_char_p), ("measure", c.c_char_p), ("usual", c.c_double), ("most", c.c_double),
                ("holes", c.c_bool), ("told", c.c_bool)]


class Info(c.Structure):
    _fields_ = [("network", c.c_char_p), ("prediction", c.c_char_p), ("schedule", c.c_char_p), ("steps", c.c_int),
                ("channels", c.c_int), ("stride", c.c_int), ("reach", c.c_int), ("memory_frames", c.c_int),
                ("temporal_filter", c.c_bool), ("weights", c.c_int64), ("process", c.c_char_p),
                ("measure", c.c_char_p), ("max_amount", c.c_double), ("width", c.c_int), ("height", c.c_int),
                ("frames", c.c_int), ("classes", c.c_int), ("symbols", c.c_bool), ("experts", c.c_bool),
                ("embedding", c.c_int), ("memory", c.c_uint64), ("work", c.c_double),
                ("least_memory", c.c_uint64), ("size_step", c.c_int)]


class Frame(c.Structure):
    _fields_ = [("image", c.POINTER(Image)), ("time", c.c_double), ("time_map", c.c_void_p),
                ("known", c.POINTER(Image)), ("strength", c.c_double), ("number", c.c_uint64),
                ("discontinuity", c.c_bool), ("kind", c.c_int), ("repeat", c.c_bool), ("grain", c.c_double),
                ("chroma_sigma", c.c_double), ("repaired", c.c_bool)]


class Finding(c.Structure):
    _fields_ = [("sigma", c.c_double), ("real_sigma", c.c_double), ("apart_sigma", c.c_double),
                ("chroma_sigma", c.c_double), ("kind", c.c_int), ("begins", c.c_bool)]


FRAME_PARAMS = c.CFUNCTYPE(None, c.c_void_p, c.c_uint64, c.c_void_p)


class FrameParams(c.Structure):
    _fields_ = [("class_label", c.c_int), ("guidance", c.c_double), ("rescale", c.c_double),
                ("prompt", c.c_char_p), ("negative_prompt", c.c_char_p)]


class Generation(c.Structure):
    _fields_ = [("size", c.c_size_t), ("rate", c.c_double), ("scene", c.c_uint64), ("known", c.POINTER(Image)),
                ("known_count", c.c_int), ("residual_guidance", c.c_bool), ("keep_state", c.c_bool),
                ("preview", c.c_bool), ("frame_params", FRAME_PARAMS), ("context", c.c_void_p),
                ("image", c.POINTER(Image)), ("window", c.c_int), ("latents", c.c_void_p)]
