# SPDX-License-Identifier: LGPL-2.1-or-later
"""Changes sources and sees whether tests notice. See mutate.sh.

    python3 tests/mutate/run.py BUILD COUNT SEED
"""
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tarfile

import covered
import sites

WANTED = 0.9  # of the changes are noticed
ROOMS = ("engine", "gst", "elements")
ROOT = pathlib.Path(__file__).resolve().parents[2]


def say(text):
    print(text, flush=True)


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def copy_tree(folder):
    """What is committed."""
    folder.mkdir(parents=True)
    packed = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder)


def configure(source, name, *options):
    build = source / name
    if not (build / "build.ninja").exists():
        subprocess.run(["meson", "setup", build, source, "-Dbuildtype=debugoptimized", *options], check=True,
                       stdout=subprocess.DEVNULL)
    return build


def compiles(build):
    return subprocess.run(["ninja", "-C", build], stdout=subprocess.DEVNULL, check=False).returncode == 0


def coverage(work, source):
    """Measured once for each state of the tree, and kept."""
    kept = work / "coverage.json"
    if not kept.exists():
        build = configure(source, "build-counts", "-Db_coverage=true")
        if not compiles(build):
            sys.exit("the tree does not compile")
        kept.write_text(json.dumps(covered.measure(build, source, say)))
        shutil.rmtree(build)
    return json.loads(kept.read_text())


def try_change(source, build, tests, names, change):
    """The test that notices it; None if none does, False if it does not compile."""
    _, file, number, changed = change
    path = source / file
    text = path.read_text()
    lines = text.split("\n")
    lines[number - 1] = changed
    path.write_text("\n".join(lines))
    try:
        if not compiles(build):
            return False
        return next((name for name in names if not tests[name].passes(build)), None)
    finally:
        path.write_text(text)


def prepare(work):
    """The copy of the tree: a new one, and nothing of results, where sources are committed that are others."""
    source, state = work / "source", work / "state"
    now = git("rev-parse", *(f"HEAD:{room}" for room in (*ROOMS, "tests/engine", "tests/elements", "tests/restore")))
    if not state.exists() or state.read_text() != now:
        shutil.rmtree(work, ignore_errors=True)
        copy_tree(source)
        state.write_text(now)
    return source


def judged(results):
    return sum(r["by"] is not False for r in results)


def report(results):
    noticed = [r for r in results if r["by"]]
    for r in results:
        if not r["by"]:
            say(f"not noticed: {r['file']}:{r['line']}: {r['kind']}{'' if r['tests'] else ' (no test runs it)'}\n"
                f"    - {r['was'].strip()}\n    + {r['now'].strip()}")
    say(f"{len(noticed)} of {len(results)} changes were noticed")
    return len(noticed) >= WANTED * len(results)


def main():
    work, count, seed = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2]), int(sys.argv[3])
    source = prepare(work)
    runs, took, failing = coverage(work, source)
    if failing:
        say(f"left out, as they fail or are skipped unchanged: {', '.join(failing)}")
    build = configure(source, "build")
    if not compiles(build):
        sys.exit("the tree does not compile")
    tests = {test.name: test for test in covered.tests(build)}
    for name, seconds in took.items():
        tests[name].seconds = seconds
    log = work / f"results-{seed}.jsonl"
    results = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    files = sorted(str(p.relative_to(source)) for room in ROOMS for p in (source / room).rglob("*.c"))
    tried = {(r["kind"], r["file"], r["line"], r["now"]) for r in results}
    drawn = sites.draw(source, files, seed)
    while judged(results) < count:
        change = next(drawn, None)
        if not change:
            break
        if change in tried:
            continue
        kind, file, line, now = change
        names = runs.get(f"{file}:{line}", [])
        was = (source / file).read_text().split("\n")[line - 1]
        by = try_change(source, build, tests, names, change)
        results.append({"kind": kind, "file": file, "line": line, "was": was, "now": now, "tests": len(names),
                        "by": by})
        with open(log, "a", encoding="utf-8") as out:
            out.write(json.dumps(results[-1]) + "\n")
        if by is not False:
            say(f"{judged(results)} of {count}: {file}:{line}: {kind}: {by or 'not noticed'}")
    sys.exit(not report([r for r in results if r["by"] is not False]))


if __name__ == "__main__":
    main()
