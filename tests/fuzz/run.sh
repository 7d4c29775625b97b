#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Fuzzes all that reads what others wrote, and the elements, by libFuzzer under ASan and UBSan, for HOURS in all:
#     sh tests/fuzz/run.sh HOURS [NAME...]
# What is found is kept in build-fuzz/corpus, and is gone on from; what fails lies in build-fuzz/failed, and runs again
# as build-fuzz/tests/fuzz/fuzz_NAME FILE. Ends with a line for each fuzzer: how many inputs it ran, now and
# in all, and what failed.
cd "$(dirname "$0")/../.." || exit 1
hours=$1
[ $# -gt 0 ] && shift
if ! awk -v h="$hours" 'BEGIN { exit !(h ~ /^[0-9]*\.?[0-9]+$/ && h > 0) }'; then
    echo "usage: sh tests/fuzz/run.sh HOURS [NAME...]; 0.5 is half an hour" >&2
    exit 2
fi

sh tests/setup.sh >/dev/null || exit 1
sh tests/packages.sh clang-14 libclang-rt-14-dev || exit 1
mkdir -p build-fuzz || exit 1
again=
[ -e build-fuzz/build.ninja ] && again=--reconfigure
# shellcheck disable=SC2086 # one word or none
meson setup $again build-fuzz --native-file tests/clang.txt -Dlibfuzzer=true -Dbuildtype=debugoptimized \
    -Db_ndebug=false -Db_sanitize=address,undefined -Db_lundef=false \
    "-Dc_args=-fsanitize=fuzzer-no-link -Wno-pass-failed" \
    >build-fuzz/configure.log 2>&1 || {
    cat build-fuzz/configure.log
    exit 1
}
ninja -C build-fuzz --quiet fuzzers || exit 1
exec python3 tests/fuzz/run.py build-fuzz "$hours" "$@"
