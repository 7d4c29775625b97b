#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The kernels of OpenCL in a simulated device, which sees races between work-items and accesses out of bounds.
#     sh oclgrind.sh TEST_OPENCL
if ! command -v oclgrind >/dev/null; then
    echo 'skip: there is no oclgrind'
    exit 77
fi
if ldd "$1" | grep -qE 'lib(asan|tsan|ubsan)'; then
    echo 'skip: oclgrind does not run with the sanitizers'
    exit 77
fi
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
XDG_CACHE_HOME=$folder CK_FORK=no CK_RUN_CASE=small_cases oclgrind --data-races --log "$folder/log" "$1"
status=$?
head -n 60 "$folder/log"
[ "$status" -eq 0 ] && [ ! -s "$folder/log" ]
