# SPDX-License-Identifier: LGPL-2.1-or-later
# Every model that is shipped is found by its name and does its work in a pipeline; so does every preset.
#     sh tests/install/models.sh PREFIX
. "$(dirname "$0")/common.sh"

launch() { # pipeline; whatever it says is a failure
    said=$(clean timeout 1500 gst-launch-1.0 -q "$@" 2>&1) && [ -z "$said" ] || fail "$model: gst-launch-1.0 $*: $said"
}

# Three frames through an element, of which so many bytes have to come out.
frames() { # bytes, caps, element...
    bytes=$1 caps=$2
    shift 2
    launch videotestsrc num-buffers=3 pattern=solid-color foreground-color=0x80808080 ! "video/x-raw,$caps" \
        ! "$@" ! filesink location=out.raw
    [ "$(wc -c <out.raw)" -eq "$bytes" ] || fail "$model: $(wc -c <out.raw) bytes came out of $*, and not $bytes"
}

use() { # a model
    colour=format=RGB,width=64,height=48 grey=format=GRAY8,width=28,height=28
    case $1 in
    auto* | denoise*) frames $((3 * 64 * 48 * 3)) $colour udmdenoise model="$1" ;;
    deblur | super4) frames $((3 * 64 * 48 * 3)) $colour udmdenoise model="$1" amount=2 ;;
    inpaint) frames $((3 * 64 * 48 * 4)) format=RGBA,width=64,height=48 udmdenoise model="$1" ;;
    interp) frames $((6 * 64 * 48 * 3)) $colour,framerate=25/1 udminterp model="$1" factor=2 ;;
    digits*)
        launch udmsrc model="$1" num-frames=2 ! video/x-raw,format=GRAY8,width=64,height=64 ! filesink location=out.raw
        [ "$(wc -c <out.raw)" -eq $((2 * 64 * 64)) ] || fail "$1: $(wc -c <out.raw) bytes came out"
        ;;
    world)
        launch udmsrc model=world prompt="a red circle" num-frames=2 ! video/x-raw,format=RGB,width=64,height=64 \
            ! filesink location=out.raw
        [ "$(wc -c <out.raw)" -eq $((2 * 64 * 64 * 3)) ] || fail "$1: $(wc -c <out.raw) bytes came out"
        ;;
    mnist-noise) frames $((3 * 28 * 28)) $grey udmdenoise model="$1" sampler=ddpm ;;
    mnist-mask | mnist-symbols) # frames of grey have no alpha, and symbols are none, so these have no pipeline
        clean udm sample "$1" out.npy --steps 2 --class 3 || fail "$1: udm sample failed"
        [ "$(wc -c <out.npy)" -gt $((4 * 28 * 28)) ] || fail "$1: no picture came out"
        ;;
    mnist-*) frames $((3 * 28 * 28)) $grey udmdenoise model="$1" amount=2 ;;
    *) fail "no pipeline here is for the model $1: add one" ;;
    esac
    rm -f out.raw out.npy
}

for index in "$root"/models/*/model_index.json; do
    model=$(basename "$(dirname "$index")")
    [ -r "$prefix/share/udm/models/$model/README.md" ] || fail "$model is not installed"
    clean udm info "$model" >about || fail "udm info $model failed"
    grep -q '^network .* weights$' about || fail "udm info $model says: $(cat about)"
    use "$model"
done

# A preset gives the same frames as what it stands for.
model=presets
sed -n 's/^\[\([^_].*\)\]$/\1/p' "$root"/elements/*.prs "$root"/elements/*/*.prs 2>/dev/null >names
[ "$(wc -l <names)" -gt 3 ] || fail "too few presets in $root/elements"
while read -r name; do
    frames 27648 format=RGB,width=64,height=48 udmdenoise "@preset=$name"
done <names
grab() { # file, properties
    file=$1
    shift
    launch videotestsrc num-buffers=2 pattern=snow ! video/x-raw,format=RGB,width=64,height=48 ! udmdenoise "$@" \
        ! filesink location="$file"
}
grab preset '@preset=Low light'
grab properties noise-level=25
grab others
cmp -s preset properties || fail 'the preset "Low light" does not do what it says'
cmp -s preset others && fail 'the preset "Low light" does nothing'
echo "ok: $(find "$root"/models -name model_index.json | wc -l) models and $(wc -l <names) presets from $prefix"
