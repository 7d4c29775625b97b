# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the whole film is encoded with, once: the words of --codec. The number of threads is fixed, as what encoders
write depends on it."""
from collections.abc import Mapping
from dataclasses import dataclass

import av

from .faults import FilmError

THREADS = 4


@dataclass(frozen=True)
class Codec:
    name: str
    encoder: str
    options: Mapping[str, str]
    converts: Mapping[str, str]  # formats that are not held, and those that are taken instead


_PRORES = {f"yuv{family}p{suffix}": f"yuv{'444' if family in ('444', '440') else '422'}p10le"
           for family in ("420", "422", "444", "440", "411") for suffix in ("", "9le", "12le", "14le", "16le", "10le")}

CODECS = {codec.name: codec for codec in (
    Codec("ffv1", "ffv1", {}, {}),
    Codec("x264", "libx264", {"crf": "16", "preset": "slow"}, {}),
    Codec("x265", "libx265", {"crf": "18", "preset": "medium",
                              "x265-params": f"frame-threads=2:pools={THREADS}:log-level=error"}, {}),
    Codec("svtav1", "libsvtav1", {"crf": "24", "preset": "6", "svtav1-params": f"lp={THREADS}"}, {}),
    Codec("prores", "prores_ks", {"profile": "3"}, _PRORES),
)}


def format_for(codec: Codec, stored: str) -> str:
    """The pixel format that the encoder is given."""
    held = [form.name for form in av.Codec(codec.encoder, "w").video_formats or ()]
    if stored in held:
        return stored
    if codec.converts.get(stored) in held:
        return codec.converts[stored]
    fits = [other.name for other in CODECS.values()
            if stored in [form.name for form in av.Codec(other.encoder, "w").video_formats or ()]]
    raise FilmError(f"--codec {codec.name} does not hold {stored}, which the film is in: choose {' or '.join(fits)}")


def options_for(codec: Codec, given: list[str]) -> dict[str, str]:
    """With what --codec-option NAME=VALUE says."""
    options = dict(codec.options)
    if given and codec.name == "ffv1":
        raise FilmError("--codec-option has no effect with ffv1, whose segments are copied: leave it out")
    for option in given:
        name, equals, value = option.partition("=")
        if not equals:
            raise FilmError(f"--codec-option {option}: it must be NAME=VALUE, as {codec.encoder} has them")
        options[name] = value
    return options
