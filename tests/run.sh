# SPDX-License-Identifier: LGPL-2.1-or-later
# Sets up, then runs all tests, part by part: all suites with gcc; style, layers and format; udm as it is installed, by
# meson and from packages; the engine with clang, for aarch64, and, where threads meet, under ThreadSanitizer; engine,
# fuzzers and elements under ASan and UBSan. Warnings are errors. A part that fails does not stop the next; one whose
# tools cannot be had is skipped and says so. The last line counts tests: "N passed, N failed, N skipped".
cd "$(dirname "$0")/.." || exit 1
exec </dev/null
passed=0 failed=0 skipped=0
runner='' # what runs meson test

pass() { # what
    echo "ok   $1"
    passed=$((passed + 1))
}

fail() { # what
    echo "FAIL $1"
    failed=$((failed + 1))
}

skip() { # what
    echo "skip $1"
    skipped=$((skipped + 1))
}

check() { # command that is one test
    "$@"
    case $? in
    0) pass "$*" ;;
    77) skip "$*" ;;
    *) fail "$*" ;;
    esac
}

part() { # name, function
    began=$(date +%s)
    echo "==== $1"
    "$2"
    echo "==== $1: $(($(date +%s) - began)) seconds"
}

# Of a log of meson's: how many tests passed, failed and were skipped. Where a program tells of its tests in TAP,
# each of them counts; a program that fails although none of them did (it crashed, or ran too long) counts as well.
count() {
    awk '{
        ok = gsub(/(\\n|")ok [0-9]+ - /, "&")
        bad = gsub(/(\\n|")not ok [0-9]+ - /, "&")
        skip = gsub(/ # SKIP /, "&")
        if (/"result": "SKIP"/ && ok == 0)
            skip = 1
        if (/"result": "(OK|EXPECTEDFAIL)"/ && ok == 0)
            ok = 1
        if (/"result": "(FAIL|ERROR|TIMEOUT|INTERRUPT|UNEXPECTEDPASS)"/ && bad == 0)
            bad = 1
        passed += ok > skip ? ok - skip : 0
        failed += bad
        skipped += skip
    } END { print passed + 0, failed + 0, skipped + 0 }' "$1"
}

configure() { # build folder, arguments of meson setup
    folder=$1 again=
    shift
    [ -e "$folder/build.ninja" ] && again=--reconfigure
    # shellcheck disable=SC2086 # one word or none
    meson setup $again "$folder" -Dwerror=true "$@" >build/configure.log 2>&1 && return
    cat build/configure.log
    fail "$folder cannot be configured"
    return 1
}

# meson test builds what the tests need.
suite() { # build folder, how much longer than usual tests may take, further arguments of meson test
    folder=$1 log=$1/meson-logs/testlog.json CK_TIMEOUT_MULTIPLIER=$2
    export CK_TIMEOUT_MULTIPLIER
    shift 2
    rm -f "$log"
    $runner meson test -C "$folder" --print-errorlogs --timeout-multiplier "$CK_TIMEOUT_MULTIPLIER" "$@"
    status=$?
    if [ ! -s "$log" ]; then
        fail "$folder: no test ran"
        return
    fi
    read -r ok bad skip <<EOF
$(count "$log")
EOF
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
    [ $status -eq 0 ] || [ "$bad" -gt 0 ] || fail "$folder: meson test ended with $status"
}

lacks() { # part, tools: skips the part if one is not there
    part=$1
    shift
    for tool in "$@"; do
        command -v "$tool" >/dev/null && continue
        skip "$part: there is no $tool"
        return
    done
    return 1
}

packages() { # that only some parts need; those that lack one are skipped
    sh tests/packages.sh g++ melt pocl-opencl-icd oclgrind clang-14 clang-format-14 gcc-aarch64-linux-gnu \
        libc6-dev-arm64-cross qemu-user dpkg-dev debhelper lintian ffmpeg pitivi xvfb xauth \
        python3-venv slurmctld slurmd slurm-client
}

with_gcc() {
    check sh tests/setup.sh -Dwerror=true
    suite build 1
}

sources() {
    for script in style layers format; do
        check sh tests/$script.sh
    done
}

installed() {
    check sh tests/install/install.sh
    check sh tests/install/package.sh
}

with_clang() {
    lacks 'engine with clang' clang-14 && return
    configure build-clang --native-file tests/clang.txt || return
    check ninja -C build-clang --quiet # all of it, for the warnings
    suite build-clang 1 --suite engine
}

# All that has kernels of its own for an instruction set, and of the rest what does not take minutes under qemu.
for_aarch64() {
    lacks 'engine for aarch64' aarch64-linux-gnu-gcc qemu-aarch64 && return
    if ! sh tests/aarch64.sh; then
        skip 'engine for aarch64: its libraries could not be had'
        return
    fi
    configure build-aarch64 --cross-file build-aarch64-libraries/where.txt --cross-file tests/aarch64.txt \
        -Dgstreamer=disabled || return
    suite build-aarch64 8 config fallback field_kernels illumination image interpolate model optical_flow ops parity \
        prediction process random reference restore sampler schedule sdedit sharing synthesis threads unet2d weights
}

# The kernels of OpenCL on a driver other than PoCL, which the engine's suite uses.
on_driver() { # driver, environment, tests
    driver=$1 also=$2
    shift 2
    if where=$(sh tests/drivers/install.sh "$driver"); then
        runner="env $where $also"
        suite build 4 "$@"
        runner=
    else
        skip "OpenCL on $driver: it could not be had"
    fi
}

# rusticl of Mesa 22.3 compiles a kernel anew whenever it runs, so that most of the networks would take an hour.
drivers() {
    on_driver intel UDM_TEST_DEVICES=opencl:0,opencl:0:gpu16,opencl:0:gpu16/f16 ops
    on_driver intel UDM_TEST_DEVICES=opencl:0,opencl:0:gpu16/f16 opencl opencl_network device_flow
    for case in small_cases stands_the_trial; do # others compile for minutes there
        on_driver rusticl "UDM_TEST_DEVICES=opencl:0 CK_RUN_CASE=$case" opencl
    done
    on_driver rusticl CK_RUN_CASE=as_on_cpu opencl_network
}

threads() {
    configure build-tsan -Dgstreamer=disabled -Dbuildtype=debugoptimized -Db_sanitize=thread || return
    suite build-tsan 8 fallback generate sharing stream threads
}

memory() {
    configure build-asan -Dbuildtype=debugoptimized -Db_ndebug=false -Db_sanitize=address,undefined || return
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
    export UBSAN_OPTIONS
    suite build-asan 4 --suite engine --suite fuzz --suite elements
}

part 'packages' packages
part 'with gcc' with_gcc
part 'sources' sources
part 'installed' installed
part 'drivers of OpenCL' drivers
part 'with clang' with_clang
part 'for aarch64' for_aarch64
# GCC 12's sanitizers stumble over addresses as random as newer kernels make them.
setarch -R true 2>/dev/null && runner='setarch -R'
part 'ThreadSanitizer' threads
part 'AddressSanitizer and UndefinedBehaviorSanitizer' memory

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
