# SPDX-License-Identifier: LGPL-2.1-or-later
# Sets up, then runs all tests: style, layers, `meson test`, and the engine and its fuzzers under ASan and UBSan. The
# last line counts them: "N passed, N failed".
cd "$(dirname "$0")/.." || exit 1
exec </dev/null
passed=0 failed=0 skipped=0

check() { # a script that is one test
    if sh "$1"; then
        echo "ok   $1"
        passed=$((passed + 1))
    else
        echo "FAIL $1"
        failed=$((failed + 1))
    fi
}

count() { # build folder, result -> how many tests had it
    grep -Ec "\"result\": \"($2)\"" "$1/meson-logs/testlog.json"
}

suite() { # build folder, arguments of meson test
    folder=$1
    shift
    rm -f "$folder/meson-logs/testlog.json"
    meson test -C "$folder" --print-errorlogs "$@" || [ -s "$folder/meson-logs/testlog.json" ] || failed=$((failed + 1))
    [ -s "$folder/meson-logs/testlog.json" ] || return
    passed=$((passed + $(count "$folder" 'OK|EXPECTEDFAIL')))
    skipped=$((skipped + $(count "$folder" 'SKIP')))
    failed=$((failed + $(count "$folder" 'FAIL|ERROR|TIMEOUT|INTERRUPT|UNEXPECTEDPASS')))
}

sh tests/setup.sh pocl-opencl-icd oclgrind || exit 1 # devices of OpenCL for the tests
check tests/style.sh
check tests/layers.sh
suite build

if [ -e build-asan/build.ninja ] || meson setup build-asan -Dgstreamer=disabled -Dbuildtype=debugoptimized \
    -Db_ndebug=false -Db_sanitize=address,undefined; then
    export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
    suite build-asan --suite engine --suite fuzz --timeout-multiplier 4
else
    failed=$((failed + 1))
fi

[ "$skipped" -eq 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
