# SPDX-License-Identifier: LGPL-2.1-or-later
# Debian's libraries for aarch64, unpacked beside the build folders: nothing of the system changes, nobody need be root.
# The compiler brings libc and its own libraries, so apt is told that those are there.
#     sh tests/aarch64.sh
cd "$(dirname "$0")/.." || exit 1
folder=$PWD/build-aarch64-libraries
[ -e "$folder/root" ] && exit

get() {
    apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root \
        -o Debug::NoLocking=true -o Dir::State::Lists="$folder/lists" -o Dir::State::Status="$folder/status" \
        -o Dir::Cache="$folder/cache" "$@"
}

rm -rf "$folder"
mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial" || exit
for package in libc6 libc6-dev libc-dev libgcc-s1; do
    printf 'Package: %s\nStatus: install ok installed\nArchitecture: arm64\nMulti-Arch: same\nVersion: 99\n\n' $package
done >"$folder/status"
get update && get --download-only -y --no-install-recommends install check libjansson-dev libutf8proc-dev \
    libpng-dev libjpeg-dev ocl-icd-opencl-dev || exit
for package in "$folder"/cache/archives/*.deb; do
    dpkg-deb -x "$package" "$folder/unpacked" || exit
done
printf "[constants]\nlibraries = '%s'\n" "$folder/root" >"$folder/where.txt"
mv "$folder/unpacked" "$folder/root"
rm -rf "$folder/lists" "$folder/cache"
