# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what is missing of Debian's packages to build and test, and of those named as arguments; then builds.
#     sh tests/setup.sh [PACKAGE...]
cd "$(dirname "$0")/.." || exit 1
exec </dev/null
mkdir -p build || exit 1
log=build/setup.log
: >"$log" || exit 1

fail() { # what went wrong; the end of the log says why
    tail -n 30 "$log" >&2
    echo "setup: $1 (all of it is in $log)" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

missing=
for package in gcc libc6-dev meson ninja-build pkgconf libjansson-dev libopenblas-dev libgstreamer1.0-dev \
    libgstreamer-plugins-base1.0-dev gstreamer1.0-tools gstreamer1.0-plugins-base \
    ocl-icd-opencl-dev "$@"; do
    case $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) in
    installed) ;;
    *) missing="$missing $package" ;;
    esac
done

if [ -n "$missing" ]; then
    command -v apt-get >/dev/null || fail "no apt-get here; install what Debian 12 calls:$missing"
    echo "setup: installing$missing"
    as_root apt-get -qq update >"$log" 2>&1 || fail 'apt-get update failed'
    # shellcheck disable=SC2086 # one word per package
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $missing >"$log" 2>&1 ||
        fail "these packages could not be installed:$missing"
fi

if [ ! -e build/build.ninja ]; then
    echo 'setup: configuring'
    meson setup build >"$log" 2>&1 || fail 'meson setup failed'
fi
echo 'setup: building'
ninja -C build >"$log" 2>&1 || fail 'the build failed'
