#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# udm:// in a player and, as a clip, in an editor: a render from an in-point has, bit for bit, the frames that playing
# has there, whether or not the source ends; udmdenoise is an effect of the clip.
for tool in gst-launch-1.0 gst-play-1.0 ges-launch-1.0; do
    if ! command -v "$tool" >/dev/null; then
        echo "skipped: there is no $tool (Debian: gstreamer1.0-tools, gstreamer1.0-plugins-base-apps, ges1.0-tools)"
        exit 77
    fi
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gray=video/x-raw,format=GRAY8,width=16,height=16,framerate=25/1

fail() {
    cat "$work/log"
    echo "$1"
    exit 1
}

render() { # what to render
    ges-launch-1.0 --track-types=video --video-caps=video/x-raw,width=16,height=16,framerate=25/1 "$@" \
        -o "file://$work/clip.mkv" -f video/x-matroska:video/x-raw,format=RGB </dev/null >"$work/log" 2>&1 ||
        fail "not rendered: $*"
    gst-launch-1.0 -q filesrc location="$work/clip.mkv" ! matroskademux ! videoconvert ! "$gray" ! \
        filesink location="$work/clip.gray" >"$work/log" 2>&1 || fail 'the render cannot be read'
}

gst-play-1.0 --no-interactive --videosink=fakesink 'udm://tiny-video?seed=7&num-frames=10' </dev/null >"$work/log" 2>&1
grep -q 'Reached end' "$work/log" || fail 'gst-play-1.0 does not play it'
grep -q ERROR "$work/log" && fail 'gst-play-1.0 has an error'

gst-launch-1.0 -q udmsrc model=tiny-video seed=7 num-frames=20 ! "$gray" ! filesink location="$work/all.gray" \
    >"$work/log" 2>&1 || fail 'udmsrc does not run'
tail -c $((10 * 16 * 16)) "$work/all.gray" >"$work/expected.gray"
for end in '' '&num-frames=20'; do
    # ges-launch-1.0 takes a timeline for a URI of its own, so the question mark of the clip's has to be escaped.
    render +clip "udm://tiny-video%3Fseed=7$end" inpoint=0.4 duration=0.4
    cmp "$work/clip.gray" "$work/expected.gray" || fail "udm://tiny-video?seed=7$end gives other frames as a clip"
done

gst-launch-1.0 -q filesrc location="$work/expected.gray" ! rawvideoparse format=gray8 width=16 height=16 \
    framerate=25/1 ! videoconvert ! video/x-raw,format=RGB ! udmdenoise model=tiny-denoise noise-level=25 ! \
    videoconvert ! "$gray" ! filesink location="$work/denoised.gray" \
    >"$work/log" 2>&1 || fail 'udmdenoise does not run'
render +clip 'udm://tiny-video%3Fseed=7' inpoint=0.4 duration=0.4 \
    +effect 'udmdenoise model=tiny-denoise noise-level=25'
cmp "$work/clip.gray" "$work/denoised.gray" || fail 'udmdenoise does something else as an effect'

# Slow motion: a ball that moves, in which no frame is another's duplicate; the properties of the effect are saved apart
# from its name, as editors expect.
gst-launch-1.0 -q videotestsrc pattern=ball num-buffers=10 \
    ! video/x-raw,format=I420,width=160,height=96,framerate=25/1 \
    ! matroskamux ! filesink location="$work/ball.mkv" >"$work/log" 2>&1 || fail 'the ball cannot be written'
slow() { # what to do with the timeline
    ges-launch-1.0 --track-types=video --video-caps=video/x-raw,width=160,height=96,framerate=25/1 \
        +clip "$work/ball.mkv" inpoint=0.0 duration=0.4 +effect udmslowmotion set-speed 0.5 "$@" \
        </dev/null >"$work/log" 2>&1 || fail "slow motion fails: $*"
}
slow --save-only="$work/slow.xges"
grep -q "asset-id='udmslowmotion'.*GstUdmSlowmotion::speed=(double)0.5" "$work/slow.xges" ||
    fail 'the project has no slow motion'
slow -o "file://$work/slow.mkv" -f video/x-matroska:video/x-raw,format=I420
gst-launch-1.0 -q filesrc location="$work/slow.mkv" ! matroskademux ! videoconvert ! video/x-raw,format=GRAY8 \
    ! filesink location="$work/slow.gray" >"$work/log" 2>&1 || fail 'slow motion cannot be read'
frames=$(($(wc -c <"$work/slow.gray") / (160 * 96)))
size=$((160 * 96)) bytes=$(wc -c <"$work/slow.gray") at=0
while [ "$at" -lt "$bytes" ]; do # split of coreutils 9.1 allocates what AddressSanitizer refuses
    tail -c +$((at + 1)) "$work/slow.gray" | head -c "$size" | md5sum
    at=$((at + size))
done >"$work/sums"
pictures=$(sort -u "$work/sums" | wc -l)
[ "$frames" -eq 10 ] && [ "$pictures" -eq 10 ] || fail "slow motion has $pictures pictures in $frames frames"
