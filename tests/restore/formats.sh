#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Files of many kinds go through udm-restore, and come out as the same film: streams, tags, stamps, side data.
#     sh tests/restore/formats.sh PROGRAM WORK
. "$(dirname "$0")/common.sh"

picture='testsrc2=size=96x64:rate=25:duration=0.6'
tone='sine=frequency=440:sample_rate=48000:duration=0.6'

same() { # input, output, then what compare.py expects to differ; $with: options
    input=$1 output=$2
    shift 2
    # shellcheck disable=SC2086 # several options
    if ! restore $with "$input" "$output" 2>messages; then
        fail "$input -> $output: $(cat messages)"
    elif [ -s messages ]; then
        fail "$input -> $output is not quiet: $(cat messages)"
    elif ! python3 "$here/compare.py" "$input" "$output" "$@" >differences 2>&1; then
        fail "$input -> $output"
        cat differences
    fi
    with=
}

says() { # input, output, what is said of it
    "$program" --model tiny-guess --device cpu --force "$1" "$2" 2>messages && grep -q "$3" messages ||
        fail "$1 -> $2 does not say \"$3\": $(cat messages)"
}

telephone() { # what telephones film: H.264 that lies on its side, and where it was
    make -f lavfi -i "$picture" -f lavfi -i "$tone" -c:v libx264 -pix_fmt yuv420p -c:a aac -color_primaries bt709 \
        -color_trc bt709 -colorspace bt709 -color_range tv upright.mp4
    make -i upright.mp4 -c copy -metadata:s:v rotate=90 -metadata:s:a language=fra -metadata title=Street \
        -metadata com.android.version=12 -metadata creation_time=2024-05-01T10:00:00Z \
        -movflags use_metadata_tags telephone.mp4
    same telephone.mp4 telephone-out.mp4
    same telephone.mp4 telephone-out.mov
    # Matroska cannot say which way up a film is shown, so that it is turned, and has no stamps
    # below 0, as AAC begins with.
    same telephone.mp4 telephone-out.mkv --turned --moved --expect width=64 height=96 \
        chroma_location=bottom
    make -i telephone.mp4 -vsync passthrough -f rawvideo -pix_fmt gray shown.raw # ffmpeg turns it
    make -i telephone-out.mkv -vsync passthrough -f rawvideo -pix_fmt gray turned.raw
    python3 "$here/nearly.py" shown.raw turned.raw || fail 'telephone.mp4 is turned the wrong way'
}

ten_bits() {
    light='master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400'
    make -f lavfi -i "$picture" -c:v libx265 -pix_fmt yuv420p10le -color_primaries bt2020 -color_trc smpte2084 \
        -colorspace bt2020nc -color_range tv -x265-params "log-level=none:hdr10=1:chromaloc=2:$light" hdr.mp4
    same hdr.mp4 hdr-out.mp4 --codec hevc --format yuv420p10le
    same hdr.mp4 hdr-out.mkv --codec hevc --format yuv420p10le
    ffprobe -v error -show_frames -read_intervals %+#1 hdr-out.mkv | grep -q 'max_content=1000' ||
        fail 'hdr-out.mkv: frames do not say how light they are'
    with='--codec x264' same hdr.mp4 hdr-264.mp4 --format yuv420p10le
    with='--codec svtav1' same hdr.mp4 hdr-av1.mp4 --codec av1 --format yuv420p10le
}

editing() {
    make -f lavfi -i "$picture" -f lavfi -i "$tone" -c:v prores_ks -pix_fmt yuv422p10le -c:a pcm_s24le \
        -timecode 10:20:30:05 -aspect 4:3 editing.mov
    with='--codec prores' same editing.mov editing-out.mov --codec prores --format yuv422p10le
    same editing.mov editing-265.mov --codec hevc --format yuv422p10le
    with='--codec ffv1' same editing.mov editing-out.mkv --codec ffv1 --format yuv422p10le
    with='--codec x264 --start 0.2' restore --codec x264 --start 0.2 editing.mov later.mov
    ffprobe -v error -show_entries stream_tags=timecode -of csv=p=0 later.mov | grep -q 10:20:30:10 ||
        fail 'the timecode does not begin at --start'
}

web() {
    make -f lavfi -i "$picture" -f lavfi -i "$tone" -c:v libvpx-vp9 -b:v 1M -c:a libopus web.webm
    same web.webm web-out.webm --codec av1
    same web.webm web-out.mkv
    same web.webm web-out.mp4
    make -f lavfi -i "$picture" -c:v libsvtav1 -preset 10 av1.mp4
    same av1.mp4 av1-out.mp4
    make -f lavfi -i "$picture" graphic.gif
    same graphic.gif graphic-out.mp4 --expect color_range=tv color_space=bt709
}

camera() {
    make -f lavfi -i "$picture" -f lavfi -i "$tone" -c:v mjpeg -pix_fmt yuvj422p -c:a pcm_s16le camera.avi
    same camera.avi camera-out.mp4 --format yuvj422p --sound aac
    same camera.avi camera-out.mkv --format yuvj422p
    same camera.avi camera-out.avi --format yuvj422p
    says camera.avi camera-out.mp4 'stream 1: pcm_s16le cannot be stored in camera-out.mp4, re-encoding as aac'
    folder=${UDM_TEST_DATA:-$here/../../../shared/data}/eval_public/camera_files
    [ -d "$folder" ] || {
        echo 'skipped: the files of cameras, which are not there'
        return
    }
    for name in canon_mvi_4823 kodak_100_0306; do
        make -i "$folder/$name.avi" -c copy -t 0.4 $name.avi
        same $name.avi $name.mp4 --format yuvj422p --sound aac
        same $name.avi $name.mkv --format yuvj422p
    done
}

stamps() {
    make -f lavfi -i "$picture" -vf "select='mod(n,5)-2',setpts='PTS+mod(N,3)*0.007/TB'" -vsync vfr -c:v libx264 \
        -pix_fmt yuv420p variable.mkv
    same variable.mkv variable-out.mkv --variable
    same variable.mkv variable-out.mp4 --variable
    make -f lavfi -i "$picture" -itsoffset 0.3 -f lavfi -i "$tone" -c:v libx264 -pix_fmt yuv420p -c:a aac late.mp4
    same late.mp4 late-out.mp4
    make -ss 0.3 -i upright.mp4 -c copy cut.mp4 # begins within a group of pictures: an edit list hides what is before
    same cut.mp4 cut-out.mp4
    make -i upright.mp4 -c copy broadcast.ts
    same broadcast.ts broadcast-out.mp4 --moved --wrapped
    same broadcast.ts broadcast-out.ts --moved
    make -f lavfi -i testsrc2=size=95x63:rate=30000/1001:duration=0.5 -c:v libx264 -pix_fmt yuv444p -qp 10 odd.mp4
    same odd.mp4 odd-out.mp4 --format yuv444p
}

everything() {
    printf '1\n00:00:00,000 --> 00:00:00,250\nOne <i>word</i>\n\n2\n00:00:00,300 --> 00:00:00,500\nAnother\n' >words.srt
    printf ';FFMETADATA1\ntitle=Film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=300\ntitle=First\n' >about
    printf '[CHAPTER]\nTIMEBASE=1/1000\nSTART=300\nEND=600\ntitle=Second\n' >>about
    head -c 5000 /dev/urandom >font.ttf
    make -f lavfi -i color=red:size=32x32 -frames:v 1 cover.jpg
    make -f lavfi -i "$picture" -f lavfi -i "$tone" -f lavfi -i "$tone" -i words.srt -i about -map 0 -map 1 -map 2 \
        -map 3 -map_metadata 4 -c:v libx264 -pix_fmt yuv420p -c:a:0 flac -c:a:1 libopus -c:s srt \
        -metadata:s:a:0 language=eng -metadata:s:a:1 language=fra -metadata:s:a:1 title=Commentary \
        -metadata:s:s:0 language=eng -disposition:a:1 comment -disposition:s:0 forced -attach font.ttf \
        -metadata:s:t:0 mimetype=application/x-truetype-font -metadata:s:t:0 filename=font.ttf all.mkv
    same all.mkv all-out.mkv
    make -dump_attachment:t:0 font.out -i all-out.mkv -frames:v 0 -f null - && cmp font.ttf font.out ||
        fail 'the attachment has changed'
    same all.mkv all-out.mp4 --text mov_text --lost attachment title
    says all.mkv all-out.mp4 'stream 4 (attachment, ttf) cannot be stored in all-out.mp4, dropped'
    make -i upright.mp4 -i cover.jpg -i words.srt -i about -map 0 -map 1 -map 2 -map_metadata 3 -c copy -c:s mov_text \
        -disposition:v:1 attached_pic -metadata:s:s language=eng all.mp4
    same all.mp4 all.mov --lost cover
    same all.mp4 all-again.mp4
    same all.mp4 text.mkv --text subrip --moved
}

untouched() { # with no noise to take away, frames come out bit for bit
    for format in yuv420p yuv422p yuv444p yuv440p yuv411p yuv420p10le yuv422p10le yuv444p10le yuv420p12le \
        yuv422p16le gray gray10le gray16le bgr0 gbrp10le gbrp16le rgb48le; do
        size=38x26
        [ $format != yuv411p ] || size=40x26 # FFmpeg 5.1 loses the last column of others, in FFV1
        make -f lavfi -i testsrc2=size=$size:rate=25:duration=0.12 -pix_fmt $format -c:v ffv1 $format.mkv
        restore --noise-level 0 --codec ffv1 $format.mkv $format-out.mkv &&
            ffmpeg -v error -nostdin -i $format.mkv -f framemd5 - >before &&
            ffmpeg -v error -nostdin -i $format-out.mkv -f framemd5 - >after && cmp -s before after ||
            fail "$format is not as it was"
    done
    for format in rgb24 rgb48be gray gray16be pal8; do
        make -f lavfi -i testsrc2=size=38x26 -frames:v 1 -pix_fmt $format $format.png
        restore --noise-level 0 $format.png $format-out.png && make -i $format.png -f rawvideo -pix_fmt rgb24 before &&
            make -i $format-out.png -f rawvideo -pix_fmt rgb24 after && cmp -s before after ||
            fail "$format.png is not as it was"
    done
    restore gray.mkv gray.mp4 && ffmpeg -v error -nostdin -i gray.mp4 -vf extractplanes=u -f rawvideo - |
        tr -d '\200' | cmp -s - /dev/null || fail 'what is grey has become coloured'
}

pictures() {
    make -f lavfi -i "$picture" -frames:v 1 still.png
    same still.png still-out.png --codec png --format rgb24 --variable
    make -f lavfi -i "$picture" -frames:v 1 still.jpg
    same still.jpg still-out.jpg --codec mjpeg --format yuvj420p --variable
}

rows() { # file, filter: a digest for each frame of what is left of it
    ffmpeg -v error -nostdin -i "$1" -an -vf "$2" -vsync passthrough -f framemd5 - | sed '/^#/d; s/.*,//'
}

interlaced() { # rows of the fields that are shown come out as they were
    make -f lavfi -i testsrc2=size=96x64:rate=50:duration=0.6 -f lavfi -i "$tone" -vf interlace=lowpass=off \
        -c:v ffv1 -flags +ildct+ilme -pix_fmt yuv420p -c:a flac woven.mkv
    for order in tff bff; do
        first=0 second=1
        [ $order = tff ] || first=1 second=0
        make -i woven.mkv -vf setfield=$order -c:v ffv1 -flags +ildct+ilme -c:a copy $order.mkv
        restore --force --noise-level 0 --codec ffv1 $order.mkv frames.mkv &&
            restore --force --noise-level 0 --codec ffv1 --deinterlace fields $order.mkv fields.mkv ||
            fail "$order.mkv is not restored"
        [ "$(rows $order.mkv field=$first)" = "$(rows frames.mkv field=$first)" ] ||
            fail "frames of $order.mkv lost rows"
        [ "$(rows $order.mkv field=$first)" = "$(rows fields.mkv "select=not(mod(n\,2)),field=$first")" ] &&
            [ "$(rows $order.mkv field=$second)" = "$(rows fields.mkv "select=mod(n\,2),field=$second")" ] ||
            fail "fields of $order.mkv lost rows"
        for file in frames:25/1:15 fields:50/1:30; do
            found=$(ffprobe -v error -select_streams v -count_frames -show_entries \
                stream=field_order,avg_frame_rate,nb_read_frames -of csv=p=0 ${file%%:*}.mkv)
            [ "$found" = "progressive,$(echo "${file#*:}" | tr : ,)" ] || fail "$order.mkv: ${file%%:*} are $found"
        done
    done
    stamps=$(ffprobe -v error -select_streams v -show_entries packet=pts_time,duration_time -of csv=p=0 fields.mkv |
        head -3 | tr '\n' ' ')
    [ "$stamps" = '0.000000,0.020000 0.020000,0.020000 0.040000,0.020000 ' ] || fail "fields have the times $stamps"
    restore --deinterlace fields woven.mkv fields.mp4 || fail 'fields for another container'
    [ "$(ffprobe -v error -select_streams v -show_entries stream=avg_frame_rate,nb_frames -of csv=p=0 fields.mp4)" = \
        50/1,30 ] || fail 'fields have another rate in another container'
}

telecined() { # each picture of film comes back, bit for bit, at its own rate
    make -f lavfi -i testsrc2=size=96x64:rate=24000/1001:duration=1.668 -c:v ffv1 -pix_fmt yuv420p film.mkv
    for flags in null setfield=tff; do # it is found whether or not the frames say that they are interlaced
        make -i film.mkv -vf telecine=pattern=23,$flags -c:v ffv1 -flags +ildct+ilme tape.mkv
        restore --force --noise-level 0 --codec ffv1 --deinterlace telecine tape.mkv film_again.mkv ||
            fail 'a telecined film is not restored'
        [ "$(rows film.mkv null)" = "$(rows film_again.mkv null)" ] ||
            fail "pictures of a telecined film are others ($flags)"
    done
    found=$(ffprobe -v error -select_streams v -show_entries stream=field_order,avg_frame_rate -of csv=p=0 \
        film_again.mkv)
    [ "$found" = progressive,24000/1001 ] || fail "a telecined film has become $found"
    restore --force --noise-level 0 --codec ffv1 tape.mkv frames.mkv || fail 'a telecined film without being told'
    [ "$(rows frames.mkv null | uniq)" = "$(rows film.mkv null)" ] || fail 'frames of a telecined film are not whole'
}

twice_as_large() { # lossless: the mean of what is made of a pixel is that pixel, to a level, and it is no block
    make -i "$1" -pix_fmt yuv444p -c:v ffv1 small.mkv
    restore --force --model super4 --upscale 2 --codec ffv1 small.mkv large.mkv || fail "$1 is not made larger"
    make -i small.mkv -f rawvideo small.raw
    make -i large.mkv -f rawvideo large.raw
    python3 - "$2" "$3" <<'END' || fail "$1 is made larger, and is another film"
import sys
width, height = int(sys.argv[1]), int(sys.argv[2])
small, large = open("small.raw", "rb").read(), open("large.raw", "rb").read()
assert len(large) == 4 * len(small) > 0, f"{len(small)} and {len(large)} bytes"
off, inside = 0, 0
for plane in range(len(small) // (width * height)):
    for y in range(height):
        for x in range(width):
            at = (plane * 2 * height + 2 * y) * 2 * width + 2 * x
            made = large[at:at + 2] + large[at + 2 * width:at + 2 * width + 2]
            off += abs(sum(made) / 4 - small[(plane * height + y) * width + x]) > 1
            inside += max(made) - min(made) > 4
print(f"{off} means are others, and {inside} of {len(small)} are no blocks")
sys.exit(off > len(small) / 100 or inside < len(small) / 50)
END
}

enlarge() { # factor, then as same()
    with="--force --model super4 --upscale $1"
    shift
    same "$@"
}

larger() {
    enlarge 4 upright.mp4 larger.mp4 --expect width=384 height=256
    enlarge 2 telephone.mp4 larger.mp4 --expect width=192 height=128
    enlarge 2 telephone.mp4 larger.mkv --turned --moved --expect width=128 height=192 chroma_location=bottom
    make -i telephone.mp4 -vf scale=128:192:flags=neighbor -vsync passthrough -f rawvideo -pix_fmt gray shown.raw
    make -i larger.mkv -vsync passthrough -f rawvideo -pix_fmt gray turned.raw
    python3 "$here/nearly.py" shown.raw turned.raw || fail 'telephone.mp4 is made larger and turned the wrong way'
    enlarge 2 hdr.mp4 larger.mkv --codec hevc --format yuv420p10le --expect width=192 height=128
    enlarge 2 editing.mov larger.mov --codec hevc --format yuv422p10le \
        --expect width=192 height=128 color_space=smpte170m
    enlarge 2 odd.mp4 larger.mp4 --format yuv444p --expect width=188 height=124 color_space=smpte170m
    # What is not said is BT.601 of a small frame, and would be BT.709 of a large one.
    make -f lavfi -i testsrc2=size=360x360:rate=25:duration=0.04 -c:v libx264 -pix_fmt yuv420p unsaid.mp4
    enlarge 2 unsaid.mp4 larger.mp4 --expect width=720 height=720 color_space=smpte170m
    make -f lavfi -i testsrc2=size=96x64:rate=50:duration=0.2 -vf interlace -c:v ffv1 -flags +ildct+ilme fields.mkv
    restore --model super4 --upscale 2 --deinterlace fields fields.mkv whole.mkv || fail 'fields are not made larger'
    found=$(ffprobe -v error -select_streams v -count_frames -of csv=p=0 \
        -show_entries stream=width,height,field_order,nb_read_frames whole.mkv)
    [ "$found" = 192,128,progressive,10 ] || fail "fields that are made larger have become $found"
    twice_as_large upright.mp4 96 64
}

range() {
    restore --start 0.2 --end 0.44 upright.mp4 part.mp4 || fail 'a part of a film'
    stamps=$(ffprobe -v error -select_streams v -show_entries frame=pts_time -of csv=p=0 part.mp4 | tr -d ',\n')
    [ "$stamps" = 0.0000000.0400000.0800000.1200000.1600000.200000 ] || fail "a part of a film has frames at $stamps"
}

for topic in telephone ten_bits editing web camera stamps everything untouched interlaced telecined pictures larger \
    range; do
    with=
    $topic
done
[ "$failed" -eq 0 ]
