#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Changes the sources of the engine and the elements, one small thing at a time, and sees whether a test notices:
#     sh tests/mutate.sh COUNT [SEED]
# Each change is tried in a copy of the tree (build-mutate/source) on the tests that run its line, the fastest first.
# What was found is kept in build-mutate/results-SEED.jsonl, and gone on from while the sources are the same. Ends with
# those that were not noticed and the share that was; with 1 where that is less than nine tenths.
cd "$(dirname "$0")/.." || exit 1
case $1 in
'' | *[!0-9]*)
    echo "usage: sh tests/mutate.sh COUNT [SEED]; 300 take a night on two cores" >&2
    exit 2
    ;;
esac
sh tests/setup.sh >/dev/null || exit 1
exec python3 tests/mutate/run.py build-mutate "$1" "${2:-1}"
