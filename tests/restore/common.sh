# SPDX-License-Identifier: LGPL-2.1-or-later
# What the tests of udm-restore share. Called with the program and a folder to work in; tools that are missing skip.
program=$(realpath "$1") work=$2 here=$(cd "$(dirname "$0")" && pwd)
export UDM_MODEL_PATH="$here/../models:$here/../../models"
export SVT_LOG=0 # or it prints
failed=0

command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null || {
    echo 'skipped: there is no ffmpeg (Debian package ffmpeg)'
    exit 77
}
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 1

fail() {
    echo "FAIL $*"
    failed=$((failed + 1))
}

make() { # arguments of ffmpeg; the last is the file
    ffmpeg -v error -nostdin -y "$@" || {
        echo "ffmpeg could not make: $*"
        exit 1
    }
}

# Fast, and it looks ahead: random weights change pictures, which is not what is tested.
restore() {
    "$program" --quiet --model tiny-guess --device cpu "$@"
}
