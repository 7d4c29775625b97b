# SPDX-License-Identifier: LGPL-2.1-or-later
"""The way of one frame through an element: which files of the project it passes, and which calls go back up the order
of docs/ARCHITECTURE.md (callbacks). What is called more often for five frames than for three belongs to it. Read off
runs under valgrind's callgrind, so a build with debug information is needed:

    meson setup build-path -Dbuildtype=debugoptimized && ninja -C build-path
    python tests/bench/frame_path.py --build build-path [--element "udmdenoise noise-level=25"]
"""
import argparse
import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
ORDER = ("base", "process", "schedule", "tensor", "backend", "sampler", "model", "text", "network", "flow", "analysis",
         "runner", "temporal", "interp", "fields", "diffusion", "api")


def rank(path):
    """The place of a file in the order: rooms of the engine, gst/, elements/; None: not ours."""
    parts = pathlib.PurePath(path).parts
    if "engine" in parts:
        room = parts[parts.index("engine") + 1]
        return ORDER.index(room) if room in ORDER else None
    return len(ORDER) if "gst" in parts[:-1] else len(ORDER) + 1 if "elements" in parts else None


def ours(name):
    """A file's path from the root of the checkout, or None."""
    path = os.path.normpath(os.path.join(ROOT / "x", name)) if not os.path.isabs(name) else os.path.normpath(name)
    return os.path.relpath(path, ROOT) if path.startswith(f"{ROOT}{os.sep}") and rank(path) is not None else None


def read(profile):
    """How often each (file, function, called file, called function) of a callgrind profile was called."""
    names, calls = {}, collections.Counter()
    file = function = called_file = called = None
    for line in profile.read_text(errors="replace").splitlines():
        match = re.match(r"(fl|fi|fe|fn|cfi|cfl|cfn)=(\(\d+\))( (.*))?", line)
        if match:
            kind, number, _, name = match.groups()
            key = "function" if kind.endswith("fn") else "file", number
            name = names.setdefault(key, name)
            if kind == "fl":
                file = name
            elif kind == "fn":
                function, called_file = name, None
            elif kind in ("cfi", "cfl"):
                called_file = name
            elif kind == "cfn":
                called = called_file or file, name
                called_file = None
        elif line.startswith("calls="):
            calls[(file, function, *called)] += int(line[6:].split()[0])
    return calls


def run(o, folder, frames):
    profile = folder / f"callgrind.{frames}"
    pipeline = (f"videotestsrc num-buffers={frames} ! video/x-raw,format=RGB,width=64,height=48 ! {o.element} ! "
                "fakesink")
    env = {**os.environ, "GST_PLUGIN_PATH": str(o.build / "elements"), "UDM_MODEL_PATH": str(ROOT / "models"),
           "GST_REGISTRY": str(folder / "registry"), "GST_REGISTRY_FORK": "no"}
    subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", "--compress-strings=yes",
                    "gst-launch-1.0", "-q", *pipeline.split()], env=env, check=True, stderr=subprocess.DEVNULL)
    return read(profile)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build-path")
    p.add_argument("--element", default="udmdenoise noise-level=25 n-threads=1", help="(default: %(default)s)")
    o = p.parse_args()
    o.build = o.build.resolve()
    with tempfile.TemporaryDirectory() as folder:
        few, more = (run(o, pathlib.Path(folder), frames) for frames in (3, 5))
    calls = [(ours(a), f, ours(b), g) for (a, f, b, g), count in more.items() if count > few[(a, f, b, g)]]
    files = sorted({file for a, _, b, _ in calls for file in (a, b) if file}, key=lambda f: (-rank(f), f))
    climbs = sorted({(a, f, b, g) for a, f, b, g in calls if a and b and rank(b) > rank(a)})
    print(f"{len(files)} files:")
    for file in files:
        print(f"  {file}")
    print(f"{len(climbs)} calls go back up:")
    for a, f, b, g in climbs:
        print(f"  {a}: {f} -> {b}: {g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
