# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a C file can be changed, and into what: mistakes as people make them, one in a line."""
import random
import re

# name, what is looked for, what takes its place
CHANGES = [
    ("another bound", r" <= ", " < "),
    ("another bound", r" < ", " <= "),
    ("another bound", r" >= ", " > "),
    ("another bound", r" > ", " >= "),
    ("the opposite", r" == ", " != "),
    ("the opposite", r" != ", " == "),
    ("the opposite", r"\bif \((?=[^()]*(?:\([^()]*\)[^()]*)*\)$)", "if (!"),  # closed by close_condition()
    ("or for and", r" && ", " || "),
    ("and for or", r" \|\| ", " && "),
    ("another sign", r"(?<=[\w\])]) \+ (?=[\w(])", " - "),
    ("another sign", r"(?<=[\w\])]) - (?=[\w(])", " + "),
    ("another operation", r"(?<=[\w\])]) \* (?=[\w(])", " + "),
    ("one more", r"(?<![\w.])(\d+)(?![\w.x])", lambda found: str(int(found[1]) + 1)),
    ("an error is success", r"\breturn false;", "return true;"),
    ("an error is success", r"\breturn FALSE;", "return TRUE;"),
    ("a call is left out", r"^(\s+)[a-z_][\w>.\-]*\([^;{}]*\);$", r"\1;"),
    ("an assignment is left out", r"^(\s+)[\w\[\]>.\-]+(->|\.|\])[\w\[\]>.\-]* [-+*|&]?= [^;{}]*;$", r"\1;"),
]
# Lines that no test can tell apart: messages, comments, what is not run.
PASSED_OVER = re.compile(r'^\s*(//|/?\*|#|static_assert|assert|_Static_assert)|"|\bGST_(DEBUG|LOG|INFO|WARNING|ERROR)\b'
                         r"|g_return_|^[\w}]|\bcase\b")


def close_condition(line):
    """`if (!a && b)` of `if (!(a && b))`: the bracket that the change opened is closed where the condition ends."""
    at = line.index("if (!") + len("if (!")
    return line[:at] + "(" + line[at:].rstrip() + ")"


def changes_of(line):
    """[(name, changed line)]"""
    if PASSED_OVER.search(line):
        return []
    changed = []
    for name, pattern, into in CHANGES:
        for found in re.finditer(pattern, line):
            new = line[:found.start()] + (into(found) if callable(into) else found.expand(into)) + line[found.end():]
            changed.append((name, close_condition(new) if into == "if (!" else new))
    return changed


def sites(root, files):
    """{name: [(file, line number, changed line)]}"""
    found = {}
    for file in files:
        for number, line in enumerate((root / file).read_text().split("\n"), 1):
            for name, changed in changes_of(line):
                found.setdefault(name, []).append((file, number, changed))
    return found


def draw(root, files, seed):
    """Changes without end, each kind as often as the others, none twice: (name, file, line number, changed line)."""
    dice, found = random.Random(seed), sites(root, files)
    for kind in found.values():
        dice.shuffle(kind)
    while found:
        name = dice.choice(sorted(found))
        yield name, *found[name].pop()
        if not found[name]:
            del found[name]
