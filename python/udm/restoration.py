# SPDX-License-Identifier: LGPL-2.1-or-later
"""Restoring a stream of frames (udm/restore.h), and analysing it beforehand (udm/analyse.h)."""
import ctypes as c
import os
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from . import errors, library, structs
from .images import Array, view
from .model import Model, opened
from .stream import Engine, Frames
from .structs import Image

ESTIMATE = -1.0  # time of a frame whose noise is to be estimated


class Pulled(IntEnum):
    FRAME = 0
    NOTHING = 1
    END = 2
    FAILED = 3


class Restorer(Engine):
    """A udm_restorer: images go in by push(), and come out by pull(). Fields are those of udm_settings."""
    kind = "restorer"

    def __init__(self, model: Model, **fields: object) -> None:
        error, self.model = structs.Error(), model
        settings = library.settings(**fields)
        super().__init__(library.load().udm_restorer_open(model.handle, c.byref(settings), c.byref(error)), error)

    def push(self, image: Image, *, time: float, number: int, strength: float = 0, grain: float = 0,
             discontinuity: bool = False, known: Image | None = None, time_map: Array | None = None,
             kind: int = 0, chroma_sigma: float = 0) -> None:
        """Takes in the next frame; nothing is computed. kind, chroma_sigma: of its noise, as a Finding has them."""
        error = structs.Error()
        frame = structs.Frame(image=c.pointer(image), time=time, number=number, strength=strength, grain=grain,
                              discontinuity=discontinuity, kind=kind, chroma_sigma=chroma_sigma)
        if known is not None:
            frame.known = c.pointer(known)
        if time_map is not None:
            frame.time_map = time_map.ctypes.data
        library.check(library.load().udm_restorer_push(self.handle, c.byref(frame), c.byref(error)), error)

    def pull(self, out: Image) -> Pulled:
        """Computes the next frame into *out*."""
        error = structs.Error()
        pulled = Pulled(library.load().udm_restorer_pull(self.handle, c.byref(out), c.byref(error)))
        library.check(pulled is not Pulled.FAILED, error)
        return pulled

    def tell(self, prompt: str, negative_prompt: str = "", guidance_scale: float = -1) -> None:
        """What frames are to become from now on, by a model of Stable Diffusion."""
        error = structs.Error()
        library.check(library.load().udm_restorer_tell(self.handle, prompt.encode(), negative_prompt.encode(),
                                                       guidance_scale, c.byref(error)), error)

    def end(self) -> None:
        """No more frames: those held back can be pulled."""
        library.load().udm_restorer_end(self.handle)


@dataclass(frozen=True)
class Finding:
    """Whether a frame begins a scene, and the noise of that so far: its sigma, 0-255 scale, for models of white noise
    and of real noise, its kind, a udm_noise_kind, the sigma of chroma by itself, 0 if it is not known, and the one
    for models that are told that, too."""
    begins: bool
    sigma: float
    real_sigma: float
    kind: int
    chroma_sigma: float = 0
    apart_sigma: float = 0

    def sigma_for(self, model: Model) -> float:
        """The one that a model is told."""
        found = structs.Finding(self.sigma, self.real_sigma, self.apart_sigma, self.chroma_sigma, self.kind,
                                self.begins)
        return float(library.load().udm_finding_sigma(c.byref(found), model.handle))


class Analyser(Engine):
    """A udm_analyser: finds what a restorer would find."""
    kind = "analyser"

    def __init__(self, **fields: object) -> None:
        error = structs.Error()
        settings = library.settings(**fields)
        super().__init__(library.load().udm_analyser_open(c.byref(settings), c.byref(error)), error)

    def look(self, image: Image, sigma: float = -1, discontinuity: bool = False) -> Finding:
        """At the next frame. sigma: of its noise; below 0 it is estimated."""
        error, found = structs.Error(), structs.Finding()
        library.check(library.load().udm_analyser_look(self.handle, c.byref(image), sigma, discontinuity,
                                                       c.byref(found), c.byref(error)), error)
        return Finding(found.begins, found.sigma, found.real_sigma, found.kind, found.chroma_sigma, found.apart_sigma)


def time_of(model: Model, amount: float | None) -> float:
    """The time of a frame to which that much was done; None or -1: as the model's card says, or an estimate."""
    info = model.info()
    if amount is None or amount < 0:
        if info.usual_amount < 0 or info.fills_holes:
            return ESTIMATE
        if info.usual_amount == 0:
            raise errors.SettingsError(f"{model.name} needs to know how much to remove: set amount to the "
                                       f"{info.measure}, up to {info.max_amount:g}")
        amount = info.usual_amount
    return model.time(amount)


def restore(frames: Iterable[Array], model: Model | str | os.PathLike[str] = "auto", *,
            amount: float | Array | None = None, known: Array | None = None, strength: float = 0, grain: float = 0,
            lookahead: int = 0, bits: int | None = None, first: int = 0, prompt: str = "", negative_prompt: str = "",
            guidance_scale: float = -1, **fields: object) -> Frames:
    """Restores frames, one after the other, as udmdenoise does.

    frames: arrays of uint8 or uint16, [height, width, 3] in RGB or [height, width] in grey, all of one size. They are
        read in place, whatever their strides, and are left as they are.
    model: "auto" and "auto-quality" remove noise, asking a model for white noise or one for others by what they see;
        "denoise", "denoise-quality" and "denoise-real" are those; "deblur" removes blur, "super4" pixelation, and
        "inpaint" fills holes; or the path of another one; or a Model that is open.
    amount: of what the model removes: for noise its standard deviation on the 0-255 scale, as one number or as an
        array [height, width]; None: it is estimated for each scene, or taken to be what the model was made for.
    known: for "inpaint": an array [height, width] with the largest value where pixels are known, and 0 in holes.
    strength: above 0, detail is drawn anew: SDEdit.
    grain: the share of what is removed that stays, 0 to 1, for models that remove noise.
    lookahead: frames that follow which each is restored with; as many are held back.
    bits: of a sample in uint16; by default 16.
    first: the number of the first frame, which names the noise that is drawn for it.
    prompt, negative_prompt, guidance_scale: for a directory of Stable Diffusion, which draws frames anew as far as
        strength says: what they are to become; -1: 7.5 with models that are told the scale, and none with others.
    fields: of udm_settings: device, precision, threads, steps, sampler, schedule, spacing, seed, ensemble, dirt,
        deflicker, stabilize_gate ...

    Yields a new array for each frame, of its shape and type. The iterator's close() cancels; its stats tell of the
    device, the scenes and the noise. Raises udm.Error.
    """
    network = opened(model)
    time = 0.0 if isinstance(amount, np.ndarray) or known is not None else time_of(network, amount)
    return Frames(lambda made: _restored(made, frames, network, time, amount, known, strength, grain, first, bits,
                                         (prompt, negative_prompt, guidance_scale),
                                         {"lookahead": lookahead, **fields}))


def _times(model: Model, amount: float | Array | None) -> Array | None:
    if not isinstance(amount, np.ndarray):
        return None
    values, places = np.unique(amount, return_inverse=True)
    return np.array([model.time(value) for value in values], np.float32)[places].reshape(amount.shape)


def _check_map(name: str, array: Array | None, shape: tuple[int, ...]) -> None:
    if array is not None and array.shape != shape[:2]:
        raise errors.SettingsError(f"{name} has shape {array.shape}, and frames {shape}: it must be {shape[:2]}")


def _restored(made: Frames, frames: Iterable[Array], model: Model, time: float, amount: float | Array | None,
              known: Array | None, strength: float, grain: float, first: int, bits: int | None,
              words: tuple[str, str, float], fields: dict[str, object]) -> Generator[Array, None, None]:
    restorer: Restorer | None = None
    times = _times(model, amount)
    try:
        for number, frame in enumerate(frames, first):
            image = view(frame, bits)
            if restorer is None:
                _check_map("amount", times, frame.shape)
                _check_map("known", known, frame.shape)
                restorer = Restorer(model, width=image.width, height=image.height, channels=image.channels, **fields)
                made.use(restorer)
                if words[:2] != ("", ""):
                    restorer.tell(*words)
            restorer.push(image, time=time, number=number, strength=strength, grain=grain, time_map=times,
                          known=None if known is None else view(known))
            if (out := _pull(restorer, frame, bits)) is not None:
                yield out
        if restorer is None:
            return
        restorer.end()
        while (out := _pull(restorer, frame, bits)) is not None:
            yield out
    finally:
        if restorer:
            restorer.close()


def _pull(restorer: Restorer, like: Array, bits: int | None) -> Array | None:
    out = np.empty_like(like)
    return out if restorer.pull(view(out, bits)) is Pulled.FRAME else None
