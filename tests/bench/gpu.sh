# SPDX-License-Identifier: LGPL-2.1-or-later
# What a person with a GPU runs, in about ten minutes: the tests of OpenCL there, whether `auto` takes it and why not,
# and how long a frame takes, on cpu and there, in f32 and f16, with each kind of its kernels, and a table of operations
# beside what it can do. All of it is in one file, to send.
#     sh tests/bench/gpu.sh [opencl:N]
cd "$(dirname "$0")/../.." || exit 1
report=$PWD/gpu-report.txt
udm=build/engine/cli/udm

[ -x $udm ] || {
    echo "gpu.sh: there is no $udm: sh tests/setup.sh" >&2
    exit 1
}
device=${1:-$($udm devices | awk '/, as a GPU of / { print $1; exit }')}
[ "$device" ] || {
    echo 'gpu.sh: OpenCL has no GPU here; udm devices lists what there is, of which one may be given' >&2
    exit 1
}

# Whatever fails is in the report, and does not stop the rest.
part() { # what, command
    echo "==== $1"
    shift
    timeout 240 "$@" 2>&1 || echo "(ended with $?)"
}

bench() { # model, size, device, precision, further arguments
    model=$1 size=$2 on=$3 precision=$4
    shift 4
    part "$model at $size on $on in $precision" $udm bench "models/$model" --size "$size" --frames 8 --repeat 3 \
        --device "$on" --precision "$precision" "$@"
}

all() {
    part 'what this is' git log -1 --format=%h
    uname -srm
    part 'devices' $udm devices
    part 'trial' build/engine/udm-trial "$device" 0 200
    part 'operations' env UDM_TEST_DEVICES="$device,$device/f16" UDM_TEST_DATA=tests/models build/tests/engine/test_ops
    part 'motion, on the first device' build/tests/engine/test_device_flow
    # Local memory, and the sub-groups that it has; what was chosen of them is what the others use.
    for variant in gpu gpu8 gpu16 gpu32; do
        bench denoise 1280x720 "$device:$variant" f32
    done
    for size in 352x288 1280x720 1920x1080; do
        for precision in f32 f16; do
            bench denoise $size "$device" $precision
        done
        bench denoise $size cpu f32
    done
    for precision in f32 f16; do
        bench denoise 1920x1080 "$device" $precision --profile
    done
}

all | tee "$report"
echo "gpu.sh: $report has all of this"
