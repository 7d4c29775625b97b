# SPDX-License-Identifier: LGPL-2.1-or-later
"""The syntax of engine/text/emphasis.h a second time, over any function that makes tokens of a text; and what weights
do to the output of a text tower, in numpy."""
import re

import numpy as np

PARTS = re.compile(r"\\[\\()\[\]:]|:[ \t\r\n]*[+-]?[.0-9]+[ \t\r\n]*\)|[^\\()\[\]:]+|[\\()\[\]:]")
BREAK = re.compile(r"(?<![0-9A-Za-z_\x80-\U0010ffff])BREAK(?![0-9A-Za-z_\x80-\U0010ffff])")


def pieces(prompt):
    """[(text, weight)]; (None, 0) is a BREAK. ValueError for a weight that is none."""
    texts, weights, opened = [], [], {"(": [], "[": []}

    def add(text):
        texts.append(text)
        weights.append(1.0)

    def close(kind, factor):
        for i in range(opened[kind].pop(), len(weights)):
            weights[i] *= factor

    for part in PARTS.findall(prompt):
        if part in "([":
            opened[part].append(len(texts))
        elif part == ")" and opened["("]:
            close("(", 1.1)
        elif part == "]" and opened["["]:
            close("[", 1 / 1.1)
        elif len(part) > 1 and part[0] == ":" and opened["("]:
            close("(", float(part[1:-1]))
        elif part[0] == "\\":
            add(part[1:])
        elif len(part) > 1 and part[0] != ":":
            for number, run in enumerate(BREAK.split(part)):
                if number:
                    add(None)
                add(run)
        else:
            add(part)
    while opened["("]:
        close("(", 1.1)
    while opened["["]:
        close("[", 1 / 1.1)
    found = []
    for text, weight in zip(texts, weights):
        if text is not None and found and found[-1][0] is not None and found[-1][1] == weight:
            found[-1] = (found[-1][0] + text, weight)
        else:
            found.append((text, weight))
    return found


def chunks(prompt, encode, length, begin, end, pad):
    """ids and weights [chunks, length], and how many tokens each has up to its end."""
    made, full = [[]], length - 2
    for text, weight in pieces(prompt):
        if text is None:
            made.append([])
            continue
        for token in encode(text):
            if len(made[-1]) == full:
                made.append([])
            made[-1].append((token, weight))
    if len(made) > 1 and not made[-1]:
        made.pop()
    ids = np.array([[begin] + [t for t, _ in c] + [end] + [pad] * (full - len(c)) for c in made])
    weights = np.array([[1] + [w for _, w in c] + [1] * (full - len(c) + 1) for c in made], np.float32)
    return ids, weights, [len(c) + 2 for c in made]


def apply(weights, tokens):
    """tokens: [length, width] of a chunk, which the tower made."""
    weighted = tokens * weights[:, None]
    return weighted * (tokens.mean(dtype=np.float64) / weighted.mean(dtype=np.float64))
