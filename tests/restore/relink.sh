#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# examples/relink.py: the clips of projects of Kdenlive and Shotcut are restored once each, and only the new project has
# them; where melt is installed, it renders that.
#     relink.sh UDM-RESTORE FOLDER
PATH=$(cd "$(dirname "$1")" && pwd):$PATH work=$2
UDM_MODEL_PATH=${UDM_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/models
export UDM_MODEL_PATH PATH
script=$(cd "$(dirname "$0")/../.." && pwd)/examples/relink.py
command -v ffmpeg >/dev/null || { echo 'skipped: there is no ffmpeg'; exit 77; }
rm -rf "$work" && mkdir -p "$work/a" "$work/b" && cd "$work" || exit 1

fail() {
    echo "$1"
    exit 1
}

frames_of() { # file
    ffprobe -v error -count_frames -select_streams v -show_entries stream=nb_read_frames -of csv=p=0 "$1"
}

for folder in a b; do
    ffmpeg -v error -f lavfi -i testsrc=size=64x48:rate=25:duration=0.4 -f lavfi -i sine=duration=0.4 \
        -vf noise=alls=30:allf=t -c:v libx264 "$folder/clip & more.mp4" || fail 'no clip'
done
ffmpeg -v error -f lavfi -i sine=duration=1 sound.wav
cat >film.mlt <<END
<?xml version="1.0" encoding="utf-8"?>
<mlt LC_NUMERIC="C" version="7.12.0" root="$work" producer="main">
  <profile width="64" height="48" frame_rate_num="25" frame_rate_den="1" progressive="1"/>
  <producer id="p0" in="0" out="9"><property name="length">10</property>
    <property name="resource">a/clip &amp; more.mp4</property>
    <property name="mlt_service">avformat-novalidate</property><property name="shotcut:hash">1234</property></producer>
  <chain id="p1" in="0" out="9"><property name="length">10</property>
    <property name="resource">$work/b/clip &amp; more.mp4</property>
    <property name="mlt_service">avformat</property><property name="kdenlive:file_hash">1</property>
    <property name="kdenlive:file_size">2</property>
    <property name="kdenlive:originalurl">$work/b/clip &amp; more.mp4</property></chain>
  <producer id="p2" in="0" out="9"><property name="length">10</property>
    <property name="resource">a/clip &amp; more.mp4</property>
    <property name="mlt_service">avformat</property></producer>
  <producer id="p3"><property name="resource">sound.wav</property><property name="mlt_service">avformat</property>
    <property name="video_index">-1</property></producer>
  <producer id="p4"><property name="resource">0</property><property name="mlt_service">color</property></producer>
  <playlist id="main"><entry producer="p0" in="0" out="9"/><entry producer="p1" in="2" out="5"/></playlist>
</mlt>
END
sum=$(cksum film.mlt)
python3 "$script" film.mlt --model tiny-denoise --noise-level 20 --quiet >log 2>&1 || fail "$(cat log)"
[ "$(cksum film.mlt)" = "$sum" ] || fail 'the project was changed'
[ "$(ls restored | wc -l)" -eq 2 ] || fail "restored: $(ls restored)"
[ "$(grep -c "$work/restored/clip &amp; more-" film-restored.mlt)" -eq 4 ] || fail 'not all paths are new'
grep -q 'sound.wav' film-restored.mlt || fail 'the sound has gone'
grep -q 'file_hash\|file_size\|shotcut:hash' film-restored.mlt && fail 'the new project has checks of old files'
for file in restored/*; do
    [ "$(frames_of "$file")" = 10 ] || fail "$file has not 10 frames"
done
before=$(stat -c %Y.%i restored/*)
python3 "$script" film.mlt --model tiny-denoise --noise-level 20 --quiet >log 2>&1 || fail "$(cat log)"
[ "$(stat -c %Y.%i restored/*)" = "$before" ] || fail 'clips were restored again'
if command -v melt >/dev/null; then
    melt film-restored.mlt -consumer avformat:out.mkv vcodec=ffv1 an=1 >log 2>&1 || fail "melt: $(cat log)"
    [ "$(frames_of out.mkv)" = 14 ] || fail 'melt rendered another number of frames'
fi
echo '<svg/>' >wrong.mlt
python3 "$script" wrong.mlt >log 2>&1 && fail 'anything is a project'
grep -q 'its root is <svg>' log || fail "$(cat log)"
