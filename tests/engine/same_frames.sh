#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Frames that are restored, interpolated and generated come out the same, bit for bit, with AVX2 and AVX-512, by the
# name of the device and by UDM_ISA, for any number of threads, and whatever OpenBLAS is told.
#     same_frames.sh PROGRAM
program=$1
failed=0
unset UDM_ISA OPENBLAS_NUM_THREADS OPENBLAS_CORETYPE

# what the frames of a case must be like: its name, then VARIABLE=VALUE ... -- DEVICE THREADS
same() {
    name=$1 how="$2 $3 $4"
    got=$(env $2 "$program" "$name" "$3" "$4" | md5sum | cut -d' ' -f1)
    if [ "$got" != "$want" ]; then
        echo "not the same: $name with $how: $got, not $want"
        failed=1
    fi
}

if ! "$program" motion cpu:avx2 1 >/dev/null 2>&1; then
    echo 'skip: this machine has only one instruction set'
    exit 77
fi
for name in denoise estimated denoise-quality denoise-real deblur inpaint motion interp digits; do
    want=$("$program" "$name" cpu:avx2 1 | md5sum | cut -d' ' -f1)
    echo "$name: $want"
    same "$name" '' cpu:avx2 2
    same "$name" '' cpu 4
    same "$name" UDM_ISA=avx2 cpu 3
    if "$program" motion cpu:avx512 1 >/dev/null 2>&1; then
        same "$name" '' cpu:avx512 1
        same "$name" UDM_ISA=avx512 cpu 2
    fi
done
name=estimated
want=$("$program" "$name" cpu:avx2 1 | md5sum | cut -d' ' -f1)
for setting in OPENBLAS_NUM_THREADS=1 OPENBLAS_NUM_THREADS=2 OPENBLAS_CORETYPE=Nehalem OPENBLAS_CORETYPE=Haswell \
    OPENBLAS_CORETYPE=SkylakeX; do
    same "$name" "$setting" cpu:avx2 1
done
exit $failed
