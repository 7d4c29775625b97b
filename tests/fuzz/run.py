# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the fuzzers of a build folder, each for its part of the time. See run.sh.

    python3 tests/fuzz/run.py BUILD HOURS [NAME...]
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

SLOWEST = 10   # seconds that an input may take, under sanitizers
MEMORY = 2048  # MiB


def fuzzers(build, names):
    """{name: (program, seeds, environment)}"""
    told = json.loads(subprocess.run(["meson", "introspect", build, "--tests"], check=True, capture_output=True).stdout)
    found = {t["name"].removeprefix("fuzz_"): (t["cmd"][0], t["cmd"][2:], t["env"])
             for t in told if t["name"].startswith("fuzz_")}
    unknown = set(names) - set(found)
    if unknown:
        sys.exit(f"there is no fuzzer {', '.join(sorted(unknown))}; have: {', '.join(sorted(found))}")
    return {name: found[name] for name in names or sorted(found)}


def run(build, name, program, seeds, env, seconds):
    """(executions, seconds, what failed, how it ended, the log)"""
    corpus, failed = build / "corpus" / name, build / "failed"
    corpus.mkdir(parents=True, exist_ok=True)
    failed.mkdir(exist_ok=True)
    for seed in seeds:
        shutil.copy(seed, corpus / f"seed-{pathlib.Path(seed).name}")
    before = set(failed.iterdir())
    env = {**os.environ, **env, "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
    log, start = build / f"{name}.log", time.monotonic()
    with open(log, "wb") as out:
        command = [program, f"-max_total_time={max(1, round(seconds))}", f"-timeout={SLOWEST}",
                   f"-rss_limit_mb={MEMORY}", "-print_final_stats=1", f"-artifact_prefix={failed}/{name}-", corpus]
        ended = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, env=env, check=False).returncode
    text = log.read_text(errors="replace")
    counts = re.findall(r"^stat::number_of_executed_units: *(\d+)|^#(\d+)\s", text, re.MULTILINE)
    executions = max((int(a or b) for a, b in counts), default=0)
    return executions, time.monotonic() - start, sorted(set(failed.iterdir()) - before), ended, log


def add_up(build, name, executions):
    """All that ran in this folder so far."""
    kept = build / "executions.json"
    counts = json.loads(kept.read_text()) if kept.exists() else {}
    counts[name] = counts.get(name, 0) + executions
    kept.write_text(json.dumps(counts))
    return counts[name]


def main():
    build, hours, names = pathlib.Path(sys.argv[1]).resolve(), float(sys.argv[2]), sys.argv[3:]
    chosen = fuzzers(build, names)
    bad = False
    for name, (program, seeds, env) in chosen.items():
        executions, seconds, failed, ended, log = run(build, name, program, seeds, env, 3600 * hours / len(chosen))
        print(f"{name}: {executions:,} inputs in {seconds:.0f} s, {len(failed)} failed; "
              f"{add_up(build, name, executions):,} inputs in all", flush=True)
        for path in failed:
            print(f"    {path}\n    {log}")
        if ended or executions == 0:
            print(f"    it ended with {ended}: {log}")
        bad |= bool(failed) or ended != 0 or executions == 0
    sys.exit(bad)


if __name__ == "__main__":
    main()
