# SPDX-License-Identifier: LGPL-2.1-or-later
"""index.html in a film's folder: a bar for each segment, as wide as its frames are many, and its middle frame before
and after."""
import html
import os

from . import pictures
from .folder import Folder, aside, read_json
from .plan import Plan, Segment

STYLE = """
body { font: 14px/1.5 sans-serif; margin: 2em; max-width: 70em; color: #222; background: #fff }
.film { display: flex; flex-wrap: wrap; gap: 2px; margin: 1em 0 }
.bar { height: 28px; min-width: 3px; background: #ddd; position: relative }
.bar i { position: absolute; inset: 0 auto 0 0; background: #4a90d9 }
.bar.done i { background: #4caf50 }
.bar.failed i { background: #d9534f }
figure { display: inline-block; margin: 0 1em 1em 0 }
figure img { display: inline-block; margin-right: 2px }
"""


def _bar(folder: Folder, part: Segment, tries: list[str]) -> str:
    made, state = folder.made(part.number), read_json(folder.state(part.number))
    words = f"segment {part.number}: frames {part.first} to {part.end - 1}"
    if made:
        kind, share, words = "done", 100.0, f"{words}, by {made['machine']} in {made['seconds']:.1f} s"
    elif state:
        kind, share = "now", 100 * state["done"] / part.count
        words = f"{words}, {state['done']} done on {state['machine']}"
    else:
        kind, share = ("failed", 100.0) if tries else ("", 0.0)
    words += "".join(f"; failed {why}" for why in tries)
    return (f'<div class="bar {kind}" style="flex: {part.count} 1 {max(3, part.count // 4)}px" '
            f'title="{html.escape(words)}"><i style="width: {share:.0f}%"></i></div>')


def _figures(folder: Folder, plan: Plan) -> str:
    return "\n".join(
        f'<figure><img src="{before}" loading="lazy" alt="before"><img src="{after}" loading="lazy" alt="after">'
        f"<figcaption>segment {part.number}, frame {part.first + pictures.middle(part)}: before and after</figcaption>"
        "</figure>" for part, before, after in pictures.pairs(folder, plan))


def write(folder: Folder, plan: Plan, tries: dict[int, list[str]]) -> None:
    """As the film is now; the page calls itself again."""
    if plan.header is None:
        return
    name = html.escape(plan.header.path)
    bars = "\n".join(_bar(folder, part, tries.get(part.number, [])) for part in plan.segments)
    done = sum(part.count for part in plan.segments if folder.made(part.number))
    text = (f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="5">\n'
            f"<title>{name}</title><style>{STYLE}</style>\n<h1>{name}</h1>\n"
            f"<p>{done} of {len(plan.frames)} frames in {len(plan.segments)} segments"
            f"{'' if plan.ended else ', and the film is still being planned'}.</p>\n"
            f'<div class="film">\n{bars}\n</div>\n{_figures(folder, plan)}</html>\n')
    part = aside(folder.page)
    part.write_text(text, encoding="utf-8")
    os.replace(part, folder.page)
