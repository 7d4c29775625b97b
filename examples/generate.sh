# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes video with udmsrc; installs and builds what is missing first (Debian 12, as root or with sudo).
#
#     sh examples/generate.sh [MODEL]
#
# It leaves three pictures in build: eight samples of each class (generated-wall.png), the way from noise to the first
# frame of three films (generated-path.png), and every hundredth frame of a film of a thousand (generated-long.png).
cd "$(dirname "$0")/.." || exit 1
model=${1:-digits}
work=build/generate

fail() {
    echo "generate: $1" >&2
    exit 1
}

film() { # name, properties of udmsrc
    name=$1
    shift
    GST_PLUGIN_PATH=build/elements UDM_MODEL_PATH=models GST_REGISTRY=build/generate-registry.bin \
        gst-launch-1.0 -q udmsrc model="$model" "$@" ! video/x-raw,format=GRAY8,width=64,height=64,framerate=25/1 \
        ! filesink location="$work/$name.gray" >"$work/log" 2>&1 </dev/null || {
        tail -n 20 "$work/log" >&2
        fail "the film \"$name\" could not be made"
    }
}

picture() { # name, first frame, every, films
    name=$1 first=$2 every=$3 rows=
    shift 3
    for row in "$@"; do
        rows="$rows $work/$row.gray"
    done
    # shellcheck disable=SC2086 # one word per film
    /usr/bin/python3 examples/generate.py "build/generated-$name.png" 64 "$first" "$every" $rows || exit 1
    echo "generate: wrote build/generated-$name.png"
}

sh tests/setup.sh python3 || exit 1
mkdir -p "$work" || exit 1
classes='0 1 2 3 4 5 6 7 8 9'
for class in $classes; do
    film "$class" class-label="$class" seed=1 scene-length=10 num-frames=80
done
# shellcheck disable=SC2086
picture wall 5 10 $classes
for class in 2 5 8; do
    film "path$class" class-label="$class" seed=3 num-frames=1 preview=true
done
picture path 0 1 path2 path5 path8
film long class-label=3 seed=4 scene-length=0 num-frames=1001
picture long 0 100 long
