# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is done to the film: --filter "udmdenoise noise-level=25", in the words of the element's properties."""
import difflib
import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields

import udm
from udm.restoration import time_of

from .faults import FilmError


@dataclass(frozen=True)
class Filter:
    """Properties of udmdenoise. A device other than the processor may compute otherwise than the next machine's."""
    model: str = "auto"
    noise_level: float = -1.0
    amount: float = -1.0
    strength: float = 0.0
    grain: float = 0.0
    lookahead: int = 0
    ensemble: int = 1
    steps: int = 1
    sampler: str = "model"
    schedule: str = "model"
    seed: int = 0
    device: str = "cpu"
    precision: str = "f32"

    def words(self) -> dict[str, object]:
        """All of it, as users write it."""
        return {name.replace("_", "-"): value for name, value in asdict(self).items()}

    def open(self, width: int, height: int, channels: int, threads: int = 0) -> udm.Restorer:
        """A restorer that is given its scenes."""
        model = udm.Model(self.model)
        info = model.info()
        if info.frames or info.fills_holes:
            raise FilmError(f"{self.model} cannot restore a film in parts: choose auto, auto-quality, denoise, "
                            "denoise-quality, denoise-real, deblur, super4, or one of your own that restores frames")
        return udm.Restorer(model, width=width, height=height, channels=channels, threads=threads,
                            lookahead=self.lookahead, ensemble=self.ensemble, steps=self.steps, sampler=self.sampler,
                            schedule=self.schedule, seed=self.seed, device=self.device, precision=self.precision,
                            scenes_given=True)

    def given_sigma(self) -> float:
        """Of the noise, as the plan has to be told; below 0: it is to be estimated."""
        return self.noise_level if udm.Model(self.model).info().usual_amount < 0 else 0

    def times(self, model: udm.Model) -> Callable[[float], float]:
        """The time of a frame, given the plan's sigma."""
        if model.info().usual_amount < 0:
            return model.time
        time = time_of(model, self.amount)
        return lambda sigma: time


def parse(text: str) -> Filter:
    """ELEMENT NAME=VALUE ..."""
    words = shlex.split(text)
    if not words or words[0] != "udmdenoise":
        raise FilmError(f"--filter {text!r} does not begin with udmdenoise, which is what a film can be given to")
    kinds: dict[str, type] = {field.name: type(field.default) for field in fields(Filter)}
    values: dict[str, object] = {}
    for word in words[1:]:
        name, equals, value = word.partition("=")
        field = name.replace("-", "_")
        if not equals or field not in kinds or "_" in name:
            near = difflib.get_close_matches(field, kinds, 1)
            hint = f"; did you mean {near[0].replace('_', '-')}?" if near and near[0] != field else ""
            have = ", ".join(kind.replace("_", "-") for kind in kinds)
            raise FilmError(f"--filter: {word!r} is not one of udmdenoise's {have}, with =VALUE{hint}")
        try:
            values[field] = kinds[field](value)
        except ValueError:
            raise FilmError(f"--filter: {word!r} is not a number") from None
    return Filter(**values)  # type: ignore[arg-type]
