# SPDX-License-Identifier: LGPL-2.1-or-later
"""Changes sources and sees whether tests notice. See mutate.sh.

    python3 tests/mutate/run.py WORK COUNT SEED
    python3 tests/mutate/run.py WORK again SEED
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


def compiles(build, *targets):
    return subprocess.run(["ninja", "-C", build, *targets], stdout=subprocess.DEVNULL, check=False).returncode == 0


def coverage(source):
    """Measured once for each copy of the tree, and kept beside it."""
    build = configure(source, "build-counts", "-Db_coverage=true")
    if not compiles(build):
        sys.exit("the tree does not compile")
    return covered.measure(build, source, source / "coverage.jsonl", say)


class Tree:
    """A copy of the tree with its build, in which one change at a time is made."""

    def __init__(self, source):
        self.source = source
        self.runs, took, self.failing = coverage(source)
        self.build = configure(source, "build")
        if not compiles(self.build):
            sys.exit("the tree does not compile")
        self.tests = {test.name: test for test in covered.tests(self.build)}
        for name, seconds in took.items():
            self.tests[name].seconds = seconds

    def files(self):
        return sorted(str(p.relative_to(self.source)) for room in ROOMS for p in (self.source / room).rglob("*.c"))

    def notices(self, names):
        """The first test that fails, each built in its turn; None if none does, False where it does not compile."""
        for name in names:
            if not compiles(self.build, *self.tests[name].targets):
                return False
            if not self.tests[name].passes(self.build):
                return name
        return None if names or compiles(self.build, "engine/libudm-static.a") else False

    def try_change(self, kind, file, number, changed):
        """What became of it, as a line of the log has it."""
        path = self.source / file
        text = path.read_text()
        lines = text.split("\n")
        was, lines[number - 1] = lines[number - 1], changed
        names = self.runs.get(f"{file}:{number}", [])
        path.write_text("\n".join(lines))
        try:
            by = self.notices(names)
        finally:
            path.write_text(text)
        return {"kind": kind, "file": file, "line": number, "was": was, "now": changed, "tests": len(names), "by": by}


def prepare(work, anew):
    """The copy of the tree, of what is committed when it is made, and the commit."""
    source, state = work / "source", work / "commit"
    if anew or not state.exists():
        shutil.rmtree(source, ignore_errors=True)
        copy_tree(source)
        state.write_text(git("rev-parse", "HEAD").strip())
    return source, state.read_text()


def still_stands(source, result):
    """Whether the line that was changed is still there: what became of it then holds."""
    path = source / result["file"]
    return path.exists() and result["was"] in path.read_text().split("\n")


def key(result):
    return result["kind"], result["file"], result["was"], result["now"]


def known(log, source):
    """What became of each change that was tried and whose line is still there: the last that the log has of it."""
    lines = log.read_text().splitlines() if log.exists() else []
    return {key(result): result for result in map(json.loads, lines) if still_stands(source, result)}


def judged(results):
    return [result for result in results.values() if result["by"] is not False]


def drawn(tree, results, seed):
    """Changes that were not tried."""
    for kind, file, number, now in sites.draw(tree.source, tree.files(), seed):
        was = (tree.source / file).read_text().split("\n")[number - 1]
        if (kind, file, was, now) not in results:
            yield kind, file, number, now


def survivors(tree, results):
    """Changes that were not noticed, where their lines are now."""
    for result in [r for r in results.values() if r["by"] is None]:
        lines = (tree.source / result["file"]).read_text().split("\n")
        at = [number for number, line in enumerate(lines, 1) if line == result["was"]]
        yield result["kind"], result["file"], min(at, key=lambda n: abs(n - result["line"])), result["now"]


def report(results):
    noticed = [r for r in results if r["by"]]
    for r in results:
        if not r["by"]:
            say(f"not noticed: {r['file']}:{r['line']}: {r['kind']}{'' if r['tests'] else ' (no test runs it)'}\n"
                f"    - {r['was'].strip()}\n    + {r['now'].strip()}")
    say(f"{len(noticed)} of {len(results)} changes were noticed")
    return len(noticed) >= WANTED * len(results)


def main():
    work, count, seed = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], int(sys.argv[3])
    again = count == "again"
    source, commit = prepare(work, again)
    tree, log = Tree(source), work / f"results-{seed}.jsonl"
    if tree.failing:
        say(f"left out, as they fail or are skipped unchanged: {', '.join(tree.failing)}")
    results = known(log, source)
    for change in survivors(tree, results) if again else drawn(tree, results, seed):
        if not again and len(judged(results)) >= int(count):
            break
        result = {**tree.try_change(*change), "commit": commit}
        results[key(result)] = result
        with open(log, "a", encoding="utf-8") as out:
            out.write(json.dumps(result) + "\n")
        if result["by"] is not False:
            say(f"{len(judged(results))}: {result['file']}:{result['line']}: {result['kind']}: "
                f"{result['by'] or 'not noticed'}")
    sys.exit(not report(judged(results)))


if __name__ == "__main__":
    main()
