# SPDX-License-Identifier: LGPL-2.1-or-later
"""Video from noise (udm/generate.h)."""
import ctypes as c
import itertools
import os
from collections import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from . import errors, library, structs
from .images import Array, view
from .model import Model, opened
from .stream import Engine, Frames
from .structs import FRAME_PARAMS, FrameParams, Image


@dataclass(frozen=True)
class Generation:
    """udm_generation, of which 0 and an empty sequence are the defaults."""
    rate: float = 25
    scene: int = 0
    known: Sequence[Array] = ()
    residual_guidance: bool = False
    keep_state: bool = False
    image: Array | None = None
    window: int = 0


@dataclass(frozen=True)
class Parameters:
    """udm_frame_params: of one frame."""
    class_label: int = -1
    guidance: float = 1
    rescale: float = 0
    prompt: str = ""
    negative_prompt: str = ""


class Generator(Engine):
    """A udm_generator: make() computes a frame by its number. parameters: of each frame, given its number."""
    kind = "generator"

    def __init__(self, model: Model, generation: Generation, parameters: Callable[[int], Parameters],
                 **fields: object) -> None:
        error, self.model = structs.Error(), model
        self._raised: BaseException | None = None
        settings = library.settings(**fields)
        made = structs.Generation()
        library.load().udm_generation_init(c.byref(made), c.sizeof(made))
        made.rate, made.scene, made.window = generation.rate, generation.scene, generation.window
        made.residual_guidance, made.keep_state = generation.residual_guidance, generation.keep_state
        views = (Image * len(generation.known))(*map(view, generation.known))
        made.known, made.known_count = views, len(views)
        seen = None if generation.image is None else view(generation.image)
        if seen is not None:
            made.image = c.pointer(seen)

        def ask(_context: int, number: int, params: int) -> None:
            filled = c.cast(params, c.POINTER(FrameParams)).contents
            try:
                given = parameters(number)
                filled.class_label, filled.guidance, filled.rescale = given.class_label, given.guidance, given.rescale
                self._words = given.prompt.encode(), given.negative_prompt.encode()  # kept, as the engine reads them
                filled.prompt, filled.negative_prompt = self._words
            except BaseException as raised:  # no exception passes through C: make() raises it
                self._raised = self._raised or raised

        self._ask = made.frame_params = FRAME_PARAMS(ask)  # kept, as the engine calls it
        super().__init__(library.load().udm_generator_open(model.handle, c.byref(settings), c.byref(made),
                                                           c.byref(error)), error)

    def make(self, number: int, out: Image) -> None:
        """The one after the last is the quickest."""
        error = structs.Error()
        done = library.load().udm_generator_make(self.handle, number, c.byref(out), c.byref(error))
        raised, self._raised = self._raised, None
        if raised:
            raise raised
        library.check(done, error)


def generate(count: int | None = None, model: Model | str | os.PathLike[str] = "digits", *,
             class_label: int | Callable[[int], int] = -1, prompt: str = "", negative_prompt: str = "",
             guidance: float = 7, rescale: float = 0, steps: int = 10,
             first: int = 0, rate: float = 25, scene: int = 250, known: Sequence[Array] = (),
             image: Array | None = None, scale: int = 1, grey: bool = False, **fields: object) -> Frames:
    """Yields frames of video that a model makes from noise, [height, width, 3] of uint8, as udmsrc does.

    count: of frames; None: without end.
    class_label: of the model's classes, for all frames or as a function of a frame's number; -1: one drawn for a scene.
    prompt, negative_prompt: what is to be seen, and what not, of models that know text. Lines "FRAME: text" say what is
        to be seen at those frames.
    guidance: scale of classifier-free guidance: 1 is none.
    rescale: how much of the contrast that this adds is taken back, 0 to 1.
    first: the number of the first frame: the same numbers are the same frames.
    scene: frames after which the video begins anew; 0: never.
    known: the last frames of a clip from which the video goes on.
    image: a picture to resemble, [height, width, 3], of models that know text: in place of the prompt, or half of each.
    scale: a multiple of the model's own size.
    grey: frames of a grey model are [height, width].
    fields: of udm_settings: seed, sampler, device, threads ...
    """
    network = opened(model)
    info = network.info()
    if not info.frames and not info.embedding:
        raise errors.UnsupportedError(f"{network.name} makes no video: restore() or interpolate() runs it")
    shape: tuple[int, ...] = (info.height * scale, info.width * scale)

    def parameters(number: int) -> Parameters:
        return Parameters(class_label(number) if callable(class_label) else class_label, guidance, rescale, prompt,
                          negative_prompt)

    def make(made: Frames) -> abc.Generator[Array, None, None]:
        with Generator(network, Generation(rate, scene, known, image=image), parameters, width=shape[1],
                       height=shape[0], channels=1 if grey else 3, steps=steps, **fields) as generator:
            made.use(generator)
            for number in itertools.count(first) if count is None else range(first, first + count):
                out = np.empty(shape if grey else (*shape, 3), np.uint8)
                generator.make(number, view(out))
                yield out

    return Frames(make)
