# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what is missing of Debian's packages to build, and of those named as arguments; then builds.
#     sh tests/setup.sh [-DOPTION=VALUE...] [PACKAGE...]
cd "$(dirname "$0")/.." || exit 1
exec </dev/null
options='' packages='gcc libc6-dev meson ninja-build pkgconf libjansson-dev libutf8proc-dev
    libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev gstreamer1.0-tools gstreamer1.0-plugins-base
    ocl-icd-opencl-dev check libpng-dev libjpeg-dev libavformat-dev libavcodec-dev libavutil-dev libswresample-dev'
for argument in "$@"; do
    case $argument in
    -D*) options="$options $argument" ;;
    *) packages="$packages $argument" ;;
    esac
done

fail() { # what went wrong; the end of the log says why
    tail -n 30 "$log" >&2
    echo "setup: $1 (all of it is in $log)" >&2
    exit 1
}

# shellcheck disable=SC2086 # one word per package
sh tests/packages.sh $packages || exit 1

log=build/setup.log
: >"$log" || exit 1
# shellcheck disable=SC2086 # one word per option
if [ ! -e build/build.ninja ]; then
    echo 'setup: configuring'
    meson setup build $options >"$log" 2>&1 || fail 'meson setup failed'
elif [ -n "$options" ]; then
    meson configure build $options >"$log" 2>&1 || fail 'meson configure failed'
fi
echo 'setup: building'
ninja -C build >"$log" 2>&1 || fail 'the build failed'
