#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Changes the sources of the engine and the elements, one small thing at a time, and sees whether a test notices:
#     sh tests/mutate.sh COUNT [SEED]
#     sh tests/mutate.sh again [SEED]
# Each change is tried in a copy of the tree (build-mutate/source) on the tests that run its line, the fastest first.
# What was found is kept in build-mutate/results-SEED.jsonl, and what tests run in source/coverage.jsonl; it may be
# stopped at any time, and goes on from there, on the copy that it has. "again" takes a new copy, of what is committed
# then, and tries once more what nobody noticed, on the tests that there are now. Changes whose lines are gone are
# forgotten. Ends with those that were not noticed and the share that was; with 1 where that is less than nine tenths.
cd "$(dirname "$0")/.." || exit 1
case $1 in
again) ;;
'' | *[!0-9]*)
    echo "usage: sh tests/mutate.sh COUNT|again [SEED]; 300 take a night on two cores" >&2
    exit 2
    ;;
esac
sh tests/setup.sh >/dev/null || exit 1
exec python3 tests/mutate/run.py build-mutate "$1" "${2:-1}"
