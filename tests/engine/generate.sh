#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The command `udm generate`: files in, files out, and what it says where something is wrong.
#     sh generate.sh UDM MODEL
udm=$(realpath "$1") model=$(realpath "$2")
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failed=0

wrong() {
    echo "generate: $*"
    failed=1
}

refused() { # what it says, arguments
    says=$1
    shift
    if "$udm" generate "$@" >out.txt 2>&1; then
        wrong "$* succeeded"
    elif ! grep -q "$says" out.txt; then
        wrong "$* said: $(cat out.txt)"
    fi
}

"$udm" info "$model" >info.txt || wrong 'info'
grep -q 'part  *prior: PriorTransformer, 31496 weights' info.txt || wrong 'info says nothing of the prior'
grep -q 'draws  *pictures of 16x16' info.txt || wrong 'info does not say what is drawn'

"$udm" generate "$model" one.npy --prompt 'a red star' --steps 2 --device cpu || wrong 'a picture as .npy'
[ "$(wc -c <one.npy)" -eq $((128 + 4 * 3 * 16 * 16)) ] || wrong 'its size'
"$udm" generate "$model" again.npy --prompt 'a red star' --steps 2 --device cpu --threads 1 || wrong 'once more'
cmp -s one.npy again.npy || wrong 'the same prompt gives another picture'
"$udm" generate "$model" other.npy --prompt 'a red star' --negative-prompt 'blue' --steps 2 --device cpu ||
    wrong 'a negative prompt'
cmp -s one.npy other.npy && wrong 'a negative prompt changes nothing'
"$udm" generate "$model" seed.npy --prompt 'a red star' --seed 1 --steps 2 --device cpu || wrong 'a seed'
cmp -s one.npy seed.npy && wrong 'the seed changes nothing'

"$udm" generate "$model" one.png --prompt 'a red star' --size 32x24 --steps 1 --device cpu || wrong 'a picture as .png'
[ "$(od -An -tx1 -N8 one.png | tr -d ' ')" = 89504e470d0a1a0a ] || wrong 'this is no PNG'
[ "$(od -An -tx1 -j16 -N8 one.png | tr -d ' ')" = 0000002000000018 ] || wrong 'it has not the size that was asked for'

noise=$model/golden/chain-noise.npy
"$udm" generate "$model" a.npy --image "$model/golden/image.npy" --latents "$noise" --device cpu || wrong 'an image'
{
    printf 'P6\n# white\n2 2\n255\n'
    printf '\377\377\377\377\377\377\377\377\377\377\377\377'
} >white.ppm
"$udm" generate "$model" b.npy --image white.ppm --latents "$noise" --device cpu || wrong 'a PPM'
cmp -s a.npy b.npy && wrong 'the image changes nothing'
for white in white.jpg white-grey16.png white-palette.png; do
    "$udm" generate "$model" c.npy --image "$model/golden/$white" --latents "$noise" --device cpu || wrong "$white"
    cmp -s b.npy c.npy || wrong "$white is not the white that the PPM is"
done
"$udm" generate "$model" white.png --image white.ppm --latents "$noise" --device cpu || wrong 'what is read once more'
"$udm" generate "$model" d.npy --image white.png --latents "$noise" --device cpu || wrong 'a PNG of its own'

lora=$model/../tiny-lora/text.safetensors
"$udm" generate "$model" e.npy --image white.ppm --latents "$noise" --device cpu --lora "$lora" || wrong 'a LoRA'
cmp -s b.npy e.npy && wrong 'the LoRA changes nothing'
"$udm" generate "$model" f.npy --image white.ppm --latents "$noise" --device cpu --lora "$lora:1.0" || wrong 'a scale'
cmp -s e.npy f.npy || wrong 'the usual scale of a LoRA is not 1'
"$udm" generate "$model" f.npy --image white.ppm --latents "$noise" --device cpu --lora "$lora:0;$lora:0" || wrong 'two'
cmp -s b.npy f.npy || wrong 'a LoRA with a scale of 0 changes something'
refused 'must be a number' "$model" x.npy --prompt x --lora "$lora:1.2.3"
refused 'No such file' "$model" x.npy --prompt x --lora nothing.safetensors
refused 'made for another model' "$model" x.npy --prompt x --lora "$model/../tiny-lora/new.safetensors"

for film in animate scope; do
    of=$model/../tiny-film/$film
    [ $film = animate ] && frames=24 || frames=6
    "$udm" generate "$of" film.npy --prompt 'a small red seven, and a blue star' --negative-prompt 'a green ring' \
        --steps 4 --frames $frames --size 8x8 --latents "$of/golden/noise.npy" --device cpu || wrong "a film: $film"
    [ "$(wc -c <film.npy)" = "$(wc -c <"$of/golden/film.npy")" ] || wrong "the film has not the size of the golden one"
done
"$udm" generate "$of" long.npy --prompt star --steps 1 --frames 40 --size 8x8 --device cpu || wrong 'a long film'
[ "$(wc -c <long.npy)" = $((128 + 4 * 3 * 40 * 8 * 8)) ] || wrong 'it has not 40 frames'
"$udm" info "$of" | grep -q 'films of 16x16' || wrong 'udm info does not say what it makes'
refused 'must be 1,C,F,H,W' "$of" x.npy --prompt x --frames 4 --latents "$noise"
refused 'must end in .npy' "$of" x.png --prompt x --frames 4
refused 'multiples of 4' "$of" x.npy --prompt x --frames 4 --size 10x10
refused 'makes no films' "$model" x.npy --prompt x --frames 4

head -c 24 white.ppm >short.ppm
refused 'ends too early' "$model" x.npy --image short.ppm
head -c 100 white.png >short.png
refused 'short.png: ' "$model" x.npy --image short.png
for size in 200 630; do
    head -c $size "$model/golden/white.jpg" >short.jpg
    refused 'short.jpg: Premature end' "$model" x.npy --image short.jpg
done
printf 'GIF89a' >picture.png
refused 'give PNG, JPEG, PPM or .npy' "$model" x.npy --image picture.png
refused 'No such file' "$model" x.npy --image nothing.png
refused 'No such file' "$model" no/x.png --prompt x
cp -r "$model" bent
printf '{"resample": 2}' >bent/feature_extractor/preprocessor_config.json
refused '"resample": 2' bent x.npy --prompt x
printf '{"do_center_crop": false}' >bent/feature_extractor/preprocessor_config.json
refused '"do_center_crop": false' bent x.npy --prompt x
refused 'must end in .png or .npy' "$model" x.jpg --prompt x
refused 'must be 6,4,4' "$model" x.npy --prompt x --latents "$noise" --size 8x8
refused 'must be N,C,H,W' "$model" x.npy --prompt x --latents "$model/golden/chain-embedding.npy"
refused 'usage' "$model" x.npy
refused 'knows no text' "$model/../tiny-video" x.npy --prompt x
# Latent diffusion
latents=$model/../tiny-latents
"$udm" info "$latents/sd1" >info.txt || wrong 'info of a pipeline'
grep -q 'part  *vae: AutoencoderKL' info.txt || wrong 'info does not name the autoencoder'
grep -q 'work  *0.00185 GMAC' info.txt || wrong 'info does not say how much work it is'
grep -q 'usual memory  *[0-9]* MiB' info.txt || wrong 'info does not say how much memory it takes'
grep -q 'least memory  *[0-9]* MiB' info.txt || wrong 'info does not say how much memory it takes at least'
"$udm" generate "$latents/sd1" sd.npy --prompt 'a red star' --steps 2 --device cpu || wrong 'a picture of latents'
[ "$(wc -c <sd.npy)" -eq $((128 + 4 * 3 * 16 * 16)) ] || wrong 'its size'
"$udm" generate "$latents/sd1" sd.npy --prompt 'a red star' --latents "$latents/sd1-noise.npy" --steps 2 --device cpu ||
    wrong 'noise that is given'
[ "$(wc -c <sd.npy)" -eq $((128 + 4 * 3 * 16 * 24)) ] || wrong 'its size is not that of the noise'
"$udm" generate "$latents/changed" sd.png --prompt x --image "$latents/picture.npy" --strength 0.5 --steps 2 \
    --device cpu || wrong 'a picture that is changed'
[ "$(od -An -tx1 -j16 -N8 sd.png | tr -d ' ')" = 0000001800000010 ] || wrong 'it has not the size of the picture'
"$udm" generate "$latents/filled" a.npy --image "$latents/holed.png" --steps 2 --device cpu || wrong 'a PNG with holes'
"$udm" generate "$latents/filled" b.npy --image "$latents/holed.npy" --steps 2 --device cpu || wrong 'as .npy'
cmp -s a.npy b.npy && wrong 'the rounding of a PNG changes nothing: its pixels are not seen'
# Karlo
karlo=$model/../tiny-unclip
"$udm" info "$karlo/prompt" >info.txt || wrong 'info of Karlo'
grep -q 'part  *super_res_last: UNet2DModel' info.txt || wrong 'info does not name the networks that enlarge'
grep -q 'pictures of 32x32' info.txt || wrong 'info does not say how large they become'
"$udm" generate "$karlo/prompt" karlo.npy --prompt 'a red star' --steps 2 --prior-steps 2 --super-res-steps 2 \
    --device cpu || wrong 'a picture of Karlo'
[ "$(wc -c <karlo.npy)" -eq $((128 + 4 * 3 * 32 * 32)) ] || wrong 'its size'
"$udm" generate "$karlo/variations" karlo.npy --image "$karlo/image.npy" --steps 2 --device cpu || wrong 'a variation'
refused 'no prior' "$karlo/variations" x.npy --prompt 'a red star' --steps 2
refused 'multiples of 4' "$karlo/prompt" x.npy --prompt x --size 30x32
refused 'enlarges' "$latents/sd1" x.npy --prompt x --super-res-steps 2
# Single files
original=$model/../tiny-original
"$udm" convert "$original/sd1.safetensors" single --with "$original" >said.txt || wrong 'a single file'
grep -q 'Stable Diffusion 1.x' said.txt || wrong 'convert does not say what it found'
"$udm" generate single sd.npy --prompt 'a red star' --latents "$original/noise.npy" --steps 2 --device cpu ||
    wrong 'a picture of what was converted'
"$udm" convert "$original/sd1.safetensors" single 2>said.txt && wrong 'a directory was overwritten'
grep -q 'not overwritten' said.txt || wrong "convert said: $(cat said.txt)"
"$udm" convert "$original/sd1.safetensors" 2>said.txt && wrong 'convert without a directory'
grep -q 'usage: udm convert' said.txt || wrong 'convert does not print its options'
refused 'must be 4,8,8' "$latents/sd1" x.npy --prompt x --latents "$latents/sd1-noise.npy" --size 16x16
refused 'multiples of 2 with this model, the nearest are 18x16' "$latents/sd1" x.npy --prompt x --size 17x16
"$udm" generate "$latents/sd1" sd.npy --prompt x --size 18x22 --steps 1 --device cpu || wrong 'a size of whole latents'
[ "$(wc -c <sd.npy)" -eq $((128 + 4 * 3 * 18 * 22)) ] || wrong 'it is not 18x22'
"$udm" info "$latents/sd1" | grep -q 'sizes  *multiples of 2 pixels' || wrong 'info does not say which sizes there are'
refused 'it is 24x16, and 16x16 is to be drawn' "$latents/sd1" x.npy --image "$latents/picture.npy" --size 16x16
refused 'for a picture' "$latents/sd1" x.npy --prompt x --strength 0.5
refused 'for a picture' "$model" x.npy --prompt x --strength 0.5
least=$("$udm" info "$latents/sd1" | sed -n 's/^least memory *\([0-9]*\) MiB.*/\1/p')
"$udm" generate "$latents/sd1" sd.npy --prompt x --steps 1 --device cpu --memory-limit "$least" ||
    wrong 'the least memory that info says is too little'
refused "at least $least MiB" "$latents/sd1" x.npy --prompt x --device cpu --memory-limit 1MiB
refused 'usage' "$latents/sd1" x.npy --prompt x --memory-limit 1TB
refused 'usage' "$latents/sd1" x.npy --prompt x --memory-limit 0
refused 'write a number of MiB' "$latents/sd1" x.npy --prompt x --memory-limit 1TB
for limited in "$karlo/prompt" "$of"; do
    least=$("$udm" info "$limited" | sed -n 's/^least memory *\([0-9]*\) MiB.*/\1/p')
    frames=$([ "$limited" = "$of" ] && echo --frames 4)
    # shellcheck disable=SC2086 # two words or none
    "$udm" generate "$limited" limited.npy --prompt x $frames --steps 2 --device cpu --memory-limit "$least" ||
        wrong "the least memory that info says is too little: $limited"
    # shellcheck disable=SC2086
    refused "at least" "$limited" x.npy --prompt x $frames --device cpu --memory-limit 1MiB
done
refused 'but for films of embeddings' "$model/../tiny-cascade" x.npy --prompt x --frames 4 --memory-limit 4G
refused '9 channels' "$latents/sd1" x.npy --image "$latents/holed.npy"
refused 'give it a picture, and a mask' "$latents/filled" x.npy --prompt x
refused 'does nothing with alpha' "$model" x.npy --image "$latents/holed.png"
exit $failed
