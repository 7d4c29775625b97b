#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What cannot be done is said in one line, and leaves no file; what exists is not overwritten; Ctrl-C ends in time.
#     sh tests/restore/faults.sh PROGRAM WORK
. "$(dirname "$0")/common.sh"

# Runs without --quiet; the message is one line on stderr that has the words, and no file is left beside the inputs.
refuses() { # what is said, then the arguments
    wanted=$1
    shift
    ls -a >before
    "$program" --model tiny-guess --device cpu "$@" >printed 2>messages
    status=$?
    ls -a >after
    [ "$status" -eq "${expected:-1}" ] || fail "$*: status $status"
    [ "$(wc -l <messages)" -eq 1 ] && [ ! -s printed ] || fail "$*: not one line: $(cat messages printed)"
    grep -q -e "^udm-restore: .*$wanted" messages || fail "$*: not \"$wanted\" but: $(cat messages)"
    cmp -s before after || fail "$*: left behind: $(diff before after)"
}

is_playable() { # file
    [ -s "$1" ] && ffmpeg -v error -nostdin -xerror -i "$1" -f null - 2>messages && [ ! -s messages ]
}

inputs() {
    make -f lavfi -i testsrc2=size=64x48:rate=25:duration=0.4 -f lavfi -i sine=duration=0.4 -c:v libx264 \
        -pix_fmt yuv420p -c:a aac good.mp4
    make -i good.mp4 -vn -c copy sound.m4a
    make -i good.mp4 -f lavfi -i color=red:size=32x32:duration=0.04 -map 0:a -map 1 -c:a copy -c:v mjpeg \
        -disposition:v attached_pic cover.m4a
    make -f lavfi -i testsrc2=size=64x48:rate=50:duration=0.4 -vf interlace -c:v libx264 -flags +ildct+ilme \
        -pix_fmt yuv420p interlaced.mkv
    make -i good.mp4 -an -c:v libx264 -x264-params sliced-threads=0 -f mpegts whole.ts
    head -c 3000 good.mp4 >cut.mp4 # its index stood at the end
    head -c 5000 /dev/urandom >noise.mp4
    printf 'Dear diary\n' >text.txt
    : >empty.mp4
    mkdir folder.mp4
    cp good.mp4 secret.mp4 && chmod 000 secret.mp4
}

bad_inputs() {
    refuses 'missing.mp4: No such file' missing.mp4 out.mp4
    refuses 'empty.mp4 is empty' empty.mp4 out.mp4
    refuses 'folder.mp4 is a directory' folder.mp4 out.mp4
    refuses 'sound.m4a has no video stream, only audio' sound.m4a out.mp4
    refuses 'cover.m4a has no video stream, only cover art' cover.m4a out.mp4
    refuses 'could not open cut.mp4: damaged, or not a video file: .*moov' cut.mp4 out.mp4
    refuses 'could not open noise.mp4: damaged, or not a video file' noise.mp4 out.mp4
    refuses 'could not open text.txt' text.txt out.mp4
    refuses 'interlaced.mkv is interlaced: set --deinterlace to' --deinterlace off interlaced.mkv out.mkv
    refuses 'good.mp4: no frame lies between' --start 10 good.mp4 out.mp4
    [ -r secret.mp4 ] || refuses 'could not read secret.mp4: Permission denied' secret.mp4 out.mp4 # root may read all
}

bad_outputs() {
    refuses 'out.*: unknown container' good.mp4 out
    refuses 'out.*: unknown container' good.mp4 out.xyz
    refuses 'can hold none of the codecs' good.mp4 out.wav
    refuses 'missing/: No such file' good.mp4 missing/out.mp4
    refuses 'folder.mp4 is a directory' --force good.mp4 folder.mp4
    refuses 'cannot hold x264: use .mkv' --codec x264 good.mp4 out.webm
    ln -s nowhere.mp4 dangling.mp4
    refuses 'is a dangling symbolic link' good.mp4 dangling.mp4
    if [ -e /dev/full ]; then
        ln -s /dev/full full.mkv
        refuses 'could not write full.mkv: No space left' --force good.mp4 full.mkv
    else
        echo 'skipped: a disk that is full, as there is no /dev/full'
    fi
    (
        ulimit -f 8 # blocks of 512 bytes
        refuses 'could not write out.mkv: File too large' --codec ffv1 good.mp4 out.mkv
        exit "$failed"
    )
    failed=$?
}

bad_options() {
    refuses 'unknown codec "h265": choose from x264, x265' --codec h265 good.mp4 out.mp4
    refuses 'no model "none" found: choose from .*denoise-real' --model none good.mp4 out.mp4
    refuses 'inpaint fills holes' --model inpaint good.mp4 out.mp4
    refuses 'use --amount, not --noise-level' --model deblur --noise-level 3 good.mp4 out.mp4
    refuses 'use --noise-level, not --amount' --amount 3 good.mp4 out.mp4
    refuses 'was trained for noise up to .*, not 200' --noise-level 200 good.mp4 out.mp4
    refuses 'crf 60: libx264 takes 0 to 51' --crf 60 good.mp4 out.mp4
    refuses 'ffv1 has no constant quality' --codec ffv1 --crf 3 good.mp4 out.mkv
    refuses 'lookahead is 2, but .* sees each frame alone' --model tiny-denoise --lookahead 2 good.mp4 out.mp4
    refuses 'nowhere' --device nowhere good.mp4 out.mp4
    refuses 'f33' --precision f33 good.mp4 out.mp4
    refuses 'denoise does not undo blocks of pixels' --upscale 2 --model tiny-denoise good.mp4 out.mp4
    expected=2
    refuses 'upscale 3: it must be 2 or 4' --upscale 3 good.mp4 out.mp4
    refuses 'the factor is the --amount' --upscale 2 --amount 4 good.mp4 out.mp4
    refuses 'restore the file first' --upscale 2 --noise-level 4 good.mp4 out.mp4
    refuses 'restore the file first' --upscale 2 --dirt 1 good.mp4 out.mp4
    refuses 'noise-level -2: it must be' --noise-level -2 good.mp4 out.mp4
    refuses 'crf x: it must be a number' --crf x good.mp4 out.mp4
    refuses 'lookahead 2.5: it must be a whole number' --lookahead 2.5 good.mp4 out.mp4
    refuses 'start 1x: it must be a time' --start 1x good.mp4 out.mp4
    refuses 'end must be later than --start' --start 2 --end 1 good.mp4 out.mp4
    refuses 'give an input and an output' good.mp4
    refuses 'more than one input' good.mp4 out.mp4 --force more.mp4
    refuses "unrecognized option '--frce'" --frce good.mp4 out.mp4
    refuses "option '--crf' requires an argument" good.mp4 out.mp4 --crf
    expected=
    "$program" --help | grep -q -e --noise-level || fail 'no help'
    for option in $("$program" --help | grep -oE -e '--[a-z][a-z-]+' | sort -u); do
        grep -q "Fl Fl ${option#--}" "$here/../../engine/cli/restore/udm-restore.1" || fail "no $option in the man page"
    done
}

overwriting() {
    cp good.mp4 mine.mp4
    sum=$(md5sum <mine.mp4)
    refuses 'mine.mp4 exists: choose another output, or use --force' good.mp4 mine.mp4
    refuses 'mine.mp4 is the input itself' mine.mp4 mine.mp4
    refuses 'mine.mp4 is the input itself' mine.mp4 ../"$(basename "$work")"/mine.mp4
    ln -s mine.mp4 soft.mp4
    ln mine.mp4 hard.mp4
    refuses 'is the input itself' mine.mp4 soft.mp4
    refuses 'is the input itself' mine.mp4 hard.mp4
    refuses 'cannot hold' --force --codec ffv1 mine.mp4 mine.mp4
    [ "$(md5sum <mine.mp4)" = "$sum" ] || fail 'mine.mp4 has changed'
    chmod 640 mine.mp4
    restore --force soft.mp4 soft.mp4 || fail '--force does not overwrite the input'
    [ -L soft.mp4 ] && is_playable mine.mp4 && [ "$(md5sum <mine.mp4)" != "$sum" ] || fail 'soft.mp4 is not restored'
    [ "$(stat -c %a mine.mp4)" = 640 ] || fail 'its mode has changed'
    [ "$(md5sum <hard.mp4)" = "$sum" ] || fail 'hard.mp4 has changed' # it is the file that was
    [ -z "$(find . -name '*.part-*')" ] || fail 'a temporary file is left'
}

damaged() { # what is cut or has holes is restored as far as it goes
    size=$(wc -c <whole.ts)
    { head -c $((size / 2)) whole.ts; tail -c $((size / 3)) whole.ts; } >holes.ts
    restore holes.ts holes.mp4 && is_playable holes.mp4 || fail "holes.ts: $(cat messages)"
}

stop_one() { # signal, output, options
    signal=$1 output=$2
    shift 2
    "$program" --model tiny-guess --device cpu --crf 4 "$@" long.mp4 "$output" 2>messages &
    process=$!
    until [ "$(cat ./*.part-* 2>/dev/null | wc -c)" -gt 30000 ] || ! kill -0 $process 2>/dev/null; do
        sleep 0.1
    done
    kill -s "$signal" $process
    wait $process
    status=$? # that of a film that is whole would be 0
    [ $status -eq 130 ] || fail "$signal: status $status: $(cat messages)"
}

# Encoders have a second to end. On a busy machine that can be too little now and then, and then nothing is kept.
stop_and_keep() { # what is said of it, signal, output, options
    words=$1
    shift
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        stop_one "$@"
        grep -q "$words" messages && return
        grep -q 'stopped; nothing was written' messages || break
    done
    fail "$*: $(cat messages)"
}

stopping() {
    make -f lavfi -i testsrc2=size=320x240:rate=25:duration=20 -f lavfi -i sine=duration=20 -c:v libx264 -qp 30 \
        -preset ultrafast -pix_fmt yuv420p -c:a aac long.mp4
    for case in 'INT stopped.mp4' 'TERM stopped.mkv' 'INT slow.mp4 --codec x265' 'TERM slow.webm'; do
        # shellcheck disable=SC2086 # several words
        stop_one $case
        file=$(echo "$case" | cut -d' ' -f2)
        grep -q "stopped: the first [1-9][0-9]* frames are in .*$file" messages && is_playable "$file" ||
            grep -q 'stopped; nothing was written' messages || fail "$case: $(cat messages)"
        [ -z "$(find . -name '*.part-*')" ] || fail "$case: a temporary file is left"
    done
    rm -f stopped.mp4
    stop_and_keep 'frames are in .*stopped' INT stopped.mp4
    ends=$(ffprobe -v error -show_entries stream=duration -of csv=p=0 stopped.mp4 | tr '\n' ' ')
    echo "$ends" | awk '{ exit !($2 - $1 < 0.3 && $1 - $2 < 0.3) }' || fail "sound and video end apart: $ends"
    sum=$(md5sum <good.mp4)
    cp good.mp4 kept.mp4
    stop_and_keep 'frames are in .*kept.part-' INT kept.mp4 --force
    [ "$(md5sum <kept.mp4)" = "$sum" ] || fail 'a film that was not whole has taken the place of one'
    is_playable kept.part-*.mp4 || fail "kept.mp4: $(cat messages)"
    rm -f kept.part-*
}

inputs
touch before after printed messages
for topic in bad_inputs bad_outputs bad_options overwriting damaged stopping; do
    $topic
done
[ "$failed" -eq 0 ]
