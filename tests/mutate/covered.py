# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tests of a build folder, and which of them run which line: by gcov, each test alone."""
import json
import os
import pathlib
import shutil
import subprocess
import time

SUITES = {"udm:engine", "udm:golden", "udm:elements", "udm:restore"}
LEFT_OUT = {"oclgrind", "editor"}  # minutes each, and what they run others run as well


class Test:
    def __init__(self, told, made):
        """made: {id of a target of Meson's: the file that it makes}"""
        self.name, self.command, self.cwd = told["name"], told["cmd"], told["workdir"]
        self.env = {**os.environ, **told["env"]}
        self.seconds = told["timeout"]
        self.targets = [made[target] for target in told["depends"] if target in made]

    def passes(self, build, **env):
        """Whether it passes, in thrice the time that it took, and ten seconds."""
        try:
            done = subprocess.run(self.command, cwd=self.cwd or build, env={**self.env, **env}, check=False,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  timeout=3 * self.seconds + 10)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0  # and not skipped


def tests(build):
    told, targets = (json.loads(subprocess.run(["meson", "introspect", build, f"--{what}"], check=True,
                                               capture_output=True).stdout) for what in ("tests", "targets"))
    made = {target["id"]: os.path.relpath(target["filename"][0], build) for target in targets}
    return [Test(t, made) for t in told if SUITES & set(t["suite"]) and t["name"] not in LEFT_OUT]


def lines_run(build, source, folder):
    """The lines, as "file:number", that the counts in a folder say were run; gcov looks for notes beside the counts."""
    run = set()
    counts = list(folder.rglob("*.gcda"))
    for count in counts:
        notes = pathlib.Path("/") / count.relative_to(folder).with_suffix(".gcno")
        shutil.copy(notes, count.with_suffix(".gcno"))
    for at in range(0, len(counts), 50):
        out = subprocess.run(["gcov", "--json-format", "--stdout", *counts[at:at + 50]], cwd=build, check=True,
                             stderr=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout
        for text in out.splitlines():
            for file in json.loads(text)["files"]:
                path = (build / file["file"]).resolve()
                if path.is_relative_to(source) and path.suffix == ".c":
                    name = path.relative_to(source)
                    run.update(f"{name}:{line['line_number']}" for line in file["lines"] if line["count"])
    return run


def measure(build, source, log, say):
    """({line: [names of tests that run it, the fastest first]}, {name: seconds}, names of those that fail unchanged).
    Each test is a line of the log as soon as it is measured, and those that it has are not measured again."""
    measured = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    folder = build / "counts"
    for test in tests(build):
        if any(m["name"] == test.name for m in measured):
            continue
        shutil.rmtree(folder, ignore_errors=True)
        start = time.monotonic()
        passed = test.passes(build, GCOV_PREFIX=str(folder))
        took = time.monotonic() - start
        measured.append({"name": test.name, "passed": passed, "seconds": took,
                         "lines": sorted(lines_run(build, source, folder)) if passed else []})
        with open(log, "a", encoding="utf-8") as out:
            out.write(json.dumps(measured[-1]) + "\n")
        say(f"{test.name}: {took:.1f} s, {len(measured[-1]['lines'])} lines")
    shutil.rmtree(folder, ignore_errors=True)
    runs = {}
    for m in sorted(measured, key=lambda m: m["seconds"]):
        for line in m["lines"]:
            runs.setdefault(line, []).append(m["name"])
    return (runs, {m["name"]: m["seconds"] for m in measured if m["passed"]},
            [m["name"] for m in measured if not m["passed"]])
