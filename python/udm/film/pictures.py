# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two pictures of each segment for the page: its middle frame as it was, and what became of it. Nothing depends on
them: where one cannot be had there is none."""
import os
import pathlib
from collections.abc import Generator

import av

from . import source
from .faults import FilmError
from .folder import Folder, aside
from .plan import Plan, Segment

WIDEST = 480
MARGIN = 3  # frames before the one that is wanted, to which is sought


def middle(segment: Segment) -> int:
    """The frame, from the segment's first on."""
    return segment.count // 2


def save(path: pathlib.Path, frame: av.VideoFrame) -> None:
    """As PNG, no wider than the page shows it."""
    width = min(WIDEST, frame.width)
    height = max(1, frame.height * width // frame.width)
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "rgb24"
    encoder.time_base = source.TICK
    shown = frame.reformat(width=width, height=height, format="rgb24")
    shown.pts = 0
    data = b"".join(bytes(packet) for packet in encoder.encode(shown) + encoder.encode(None))
    path.parent.mkdir(exist_ok=True)
    part = aside(path)
    part.write_bytes(data)
    os.replace(part, path)


def save_before(folder: Folder, plan: Plan, segment: Segment) -> None:
    """The middle frame of the film's segment, if it is found without decoding all that comes before."""
    number = segment.first + middle(segment)
    begin = plan.frames[max(0, number - MARGIN)]
    if not plan.seekable() and number > 0:
        return
    try:
        frames = source.numbered(plan.film.path, [plan.frames[number]], begin.pts if begin.number > 0 else None)
        for frame in frames:
            save(folder.picture(segment.number, "before"), frame)
    except FilmError:
        return


def pairs(folder: Folder, plan: Plan) -> Generator[tuple[Segment, str, str], None, None]:
    """Of segments that have both, by their names in the folder."""
    for segment in plan.segments:
        before, after = (folder.picture(segment.number, which) for which in ("before", "after"))
        if before.exists() and after.exists():
            yield segment, f"pictures/{before.name}", f"pictures/{after.name}"
