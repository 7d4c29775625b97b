#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Frames restored, interpolated and generated with the shipped models, for each instruction set of this machine: their
# md5 sums are those of golden_frames.md5. With --write as second argument, that file is written anew.
#     golden_frames.sh PROGRAM [--write]
program=$1 write=$2 sums=${0%.sh}.md5
cases='denoise denoise-quality denoise-real deblur super4 inpaint motion interp digits digits-fast mnist-noise
mnist-symbols'
failed=0
export UDM_ISA

sum_of() { # case -> its line
    printf '%s %s %s\n' "$set" "$1" "$("$program" "$1" | md5sum | cut -d' ' -f1)"
}

[ "$write" != --write ] || : >"$sums"
for UDM_ISA in sse2 avx2 avx512; do
    if ! "$program" motion >/dev/null 2>&1; then
        echo "skip $UDM_ISA: this machine lacks it"
        continue
    fi
    set=$([ "$UDM_ISA" = sse2 ] && echo sse2 || echo fma)
    for name in $cases; do
        line=$(sum_of "$name")
        if [ "$write" = --write ] && [ "$UDM_ISA" != avx512 ]; then
            echo "$line" >>"$sums"
        elif ! grep -qxF "$line" "$sums"; then
            echo "got  $line ($UDM_ISA)"
            grep "^$set $name " "$sums" | sed 's/^/want /'
            failed=1
        fi
    done
done
exit $failed
