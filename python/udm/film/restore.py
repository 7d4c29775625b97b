# SPDX-License-Identifier: LGPL-2.1-or-later
"""The frames of a segment, restored: a function of the film, the plan and the filter, wherever it is computed."""
from collections.abc import Generator

import av

from . import between
from .faults import MismatchError
from .filters import AnyFilter, Filter, Interpolation
from .pixels import describe, digest, for_output
from .plan import Frame, Plan, Segment
from .source import numbered
from udm import Pulled

JUDGED = 0  # udm_noise_kind: where the plan was given the level, it looked no further
SETTLED = 2  # UDM_FINDING_SETTLED: the frame of a scene, from 0
MARGIN = 3  # frames before the first one that is wanted, to which is sought: what comes out first may be damaged


def needed(plan: Plan, part: Segment, filtered: AnyFilter) -> list[Frame]:
    """With those before and after it."""
    return plan.frames[part.first - filtered.before(part):part.end + filtered.after(part)]


def judged(plan: Plan, frame: Frame, lookahead: int) -> Frame:
    """The frame whose noise is that of this one: in the first ones of a scene, grain that only time tells of is not
    seen, so that a restorer which knows the frames that follow takes that of the first for which it is."""
    first, last = frame.number, min(lookahead, SETTLED)
    while first > 0 and frame.number - first < last and not plan.frames[first].cut:
        first -= 1
    for after in plan.frames[frame.number + 1:first + last + 1]:
        if after.cut:
            break
        frame = after
    return frame


def segment(plan: Plan, part: Segment, filtered: AnyFilter,
            threads: int) -> Generator[tuple[str, av.VideoFrame], None, None]:
    """Digest and restored frame. Decoding begins near the segment, or, where that gives other frames than the plan
    knows, at the beginning of the film: then frames that were given before are left out."""
    wanted = needed(plan, part, filtered)
    given = 0
    before = plan.frames[max(0, wanted[0].number - MARGIN)]
    if plan.seekable() and before.number > 0:
        try:
            for made in _any(plan, part, wanted, before.pts, filtered, threads):
                given += 1
                yield made
            return
        except MismatchError:
            pass
    for count, made in enumerate(_any(plan, part, wanted, None, filtered, threads)):
        if count >= given:
            yield made


def _any(plan: Plan, part: Segment, wanted: list[Frame], seek: int | None, filtered: AnyFilter,
         threads: int) -> Generator[tuple[str, av.VideoFrame], None, None]:
    if isinstance(filtered, Interpolation):
        return between.frames(plan, part, wanted, seek, filtered, threads)
    return _from(plan, part, wanted, seek, filtered, threads)


def _from(plan: Plan, part: Segment, wanted: list[Frame], seek: int | None, filtered: Filter,
          threads: int) -> Generator[tuple[str, av.VideoFrame], None, None]:
    shape = plan.film.shape
    pushed: list[tuple[int, av.VideoFrame]] = []
    with filtered.open(shape.width, shape.height, shape.channels, threads) as restorer:
        time_of = filtered.times(restorer.model)

        def pull() -> tuple[int, av.VideoFrame] | None:
            if not pushed:
                return None
            number, like = pushed[0]
            out = for_output(like)
            if restorer.pull(describe(out, shape.colours)) is not Pulled.FRAME:
                return None
            del pushed[0]
            return number, out

        for planned, frame in zip(wanted, numbered(plan.film.path, wanted, seek)):
            noise = judged(plan, planned, filtered.lookahead)
            restorer.push(describe(frame, shape.colours), time=time_of(noise.sigma_for(restorer.model)),
                          kind=noise.kind if plan.film.sigma < 0 else JUDGED,
                          chroma_sigma=noise.chroma_sigma if plan.film.sigma < 0 else 0, number=planned.number,
                          strength=filtered.strength, grain=filtered.grain,
                          discontinuity=planned.cut or planned is wanted[0])
            pushed.append((planned.number, frame))
            if (made := pull()) and part.first <= made[0] < part.end:
                yield digest(made[1]), made[1]
        restorer.end()
        while (made := pull()) and made[0] < part.end:
            if made[0] >= part.first:
                yield digest(made[1]), made[1]
