# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is done to the film: --filter "udmdenoise noise-level=25" or "udminterp factor=2", in the words of the element's
properties."""
import difflib
import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, ClassVar

import udm
from udm.restoration import time_of

from .faults import FilmError

if TYPE_CHECKING:
    from .plan import Segment

MOST_FRAMES = 64  # for each one, as of the element


@dataclass(frozen=True)
class Filter:
    """Properties of udmdenoise. A device other than the processor may compute otherwise than the next machine's."""
    element: ClassVar[str] = "udmdenoise"
    factor: ClassVar[int] = 1  # frames out for each frame in
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
        return words_of(self)

    def before(self, part: "Segment") -> int:
        """Frames before a segment that it depends on."""
        return part.warm_up

    def after(self, part: "Segment") -> int:
        """Frames behind it, likewise."""
        return min(self.lookahead, part.after)

    def open(self, width: int, height: int, channels: int, threads: int = 0) -> udm.Restorer:
        """A restorer that is given its scenes."""
        model = udm.Model(self.model)
        info = model.info()
        if info.frames or info.fills_holes or info.told:
            raise FilmError(f"{self.model} cannot restore a film in parts: choose auto, auto-quality, denoise, "
                            "denoise-quality, denoise-real, denoise-live, deblur, super4, or one of your own that "
                            "restores frames")
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


@dataclass(frozen=True)
class Interpolation:
    """Properties of udminterp in mode rate."""
    element: ClassVar[str] = "udminterp"
    factor: int = 2
    model: str = ""
    scene_threshold: float = 0.3
    motion_blur: float = 0.0
    steps: int = 1
    sampler: str = "model"
    schedule: str = "model"
    seed: int = 0
    device: str = "cpu"
    precision: str = "f32"

    def words(self) -> dict[str, object]:
        """All of it, as users write it."""
        return words_of(self)

    def before(self, part: "Segment") -> int:
        """Two pairs of frames, as motion bends by what it was, and that is found from the one before."""
        return min(2 + (self.motion_blur > 0), part.warm_up)  # and one that the shutter opens in

    def after(self, part: "Segment") -> int:
        """The second of the last pair, and what follows that."""
        return min(2, part.after)

    def given_sigma(self) -> float:
        """No noise has to be known."""
        return 0

    def half_open(self) -> float:
        """How long the shutter is open before and after the instant of a frame, in gaps between those of the film."""
        return self.motion_blur / 720 / self.factor

    def is_cut(self, change: float) -> bool:
        """Beside those of the plan; 1 is none."""
        return change >= self.scene_threshold and self.scene_threshold < 1

    def open(self, width: int, height: int, channels: int, threads: int = 0) -> udm.Interpolator:
        """An interpolator for frames of this kind."""
        model = udm.Model(self.model) if self.model else None
        return udm.Interpolator(model, width=width, height=height, channels=channels, threads=threads,
                                steps=self.steps, sampler=self.sampler, schedule=self.schedule, seed=self.seed,
                                device=self.device, precision=self.precision)


AnyFilter = Filter | Interpolation
FILTERS: dict[str, type[Filter] | type[Interpolation]] = {kind.element: kind for kind in (Filter, Interpolation)}


def words_of(filtered: AnyFilter) -> dict[str, object]:
    """Element and properties."""
    return {"element": filtered.element} | {name.replace("_", "-"): value for name, value in asdict(filtered).items()}


def of_words(words: dict[str, object]) -> AnyFilter:
    """What words() gave."""
    values = {name.replace("-", "_"): value for name, value in words.items() if name != "element"}
    return FILTERS[str(words["element"])](**values)  # type: ignore[arg-type]


def parse(text: str) -> AnyFilter:
    """ELEMENT NAME=VALUE ..."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise FilmError(f"--filter {text}: {str(error).lower()}") from None
    if not words or words[0] not in FILTERS:
        raise FilmError(f"--filter {text!r} does not begin with {' or '.join(FILTERS)}, which are what a film can be "
                        "given to")
    made = FILTERS[words[0]]
    kinds: dict[str, type] = {field.name: type(field.default) for field in fields(made)}
    values: dict[str, object] = {}
    for word in words[1:]:
        name, equals, value = word.partition("=")
        field = name.replace("-", "_")
        if not equals or field not in kinds or "_" in name:
            near = difflib.get_close_matches(field, kinds, 1)
            hint = f"; did you mean {near[0].replace('_', '-')}?" if near and near[0] != field else ""
            have = ", ".join(kind.replace("_", "-") for kind in kinds)
            raise FilmError(f"--filter: {word!r} is not one of {words[0]}'s {have}, with =VALUE{hint}")
        try:
            values[field] = kinds[field](value)
        except ValueError:
            raise FilmError(f"--filter: {word!r} is not a number") from None
    filtered = made(**values)  # type: ignore[arg-type]
    if not 1 <= filtered.factor <= MOST_FRAMES:
        raise FilmError(f"--filter: factor={filtered.factor} is not one of 1 to {MOST_FRAMES}")
    if isinstance(filtered, Interpolation) and not 0 <= filtered.motion_blur <= 360:
        raise FilmError(f"--filter: motion-blur={filtered.motion_blur:g} is not an angle of 0 to 360 degrees")
    return filtered
