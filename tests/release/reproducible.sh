#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds and installs the tree twice, in folders of other names and depths, at other times, in other time zones and
# locales, with other numbers of jobs: every installed file has the same bits, and none says where it was built.
#     sh tests/release/reproducible.sh [OPTION OF MESON...]
# Without options it compiles without optimisation, which takes a minute, and shows paths, dates and orders as well;
# -Dbuildtype=release compares what is released. Works in build-reproducible.
cd "$(dirname "$0")/../.." || exit 1
[ $# -gt 0 ] || set -- -Dbuildtype=plain
work=$PWD/build-reproducible
rm -rf "$work"
mkdir -p "$work/one" "$work/of two/deeper/down" || exit 1

fail() {
    echo "reproducible.sh: $1" >&2
    exit 1
}

copy() { # folder: what git tracks, or would track
    mkdir -p "$1" && git ls-files -z --cached --others --exclude-standard |
        tar -cf - --null --ignore-failed-read -T - | tar -xmf - -C "$1"
}

build() { # source, build, where to, jobs, options
    source=$1 build=$2 into=$3 jobs=$4
    shift 4
    CCACHE_DISABLE=1 meson setup "$build" "$source" -Dtests=false -Dprefix=/usr "$@" >"$into.log" 2>&1 &&
        CCACHE_DISABLE=1 ninja -C "$build" -j "$jobs" >>"$into.log" 2>&1 &&
        DESTDIR=$into meson install -C "$build" --no-rebuild >>"$into.log" 2>&1 || {
        tail -n 20 "$into.log" >&2
        fail "it cannot be built in $build"
    }
}

sums() { # folder
    (
        cd "$1" || exit 1
        find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
        find . -type l -printf '%p %l\n' | LC_ALL=C sort
    )
}

copy "$work/one/udm" && copy "$work/of two/deeper/down/a-tree" || fail 'the sources cannot be copied'
(export TZ=UTC LC_ALL=C && build "$work/one/udm" "$work/one/udm/build" "$work/first" 1 "$@") || exit 1
(export TZ=Asia/Tokyo LC_ALL=C.UTF-8 && umask 027 &&
    build "$work/of two/deeper/down/a-tree" "$work/of two/built here" "$work/second" 3 "$@") || exit 1

sums "$work/first" >"$work/first.sums"
sums "$work/second" >"$work/second.sums"
[ -s "$work/first.sums" ] || fail 'nothing was installed'
cmp -s "$work/first.sums" "$work/second.sums" || fail "these differ:
$(diff "$work/first.sums" "$work/second.sums" | sed -n 's/^[<>] [0-9a-f]*//p' | sort -u)"
! grep -rlF -e "$work" -e build-reproducible "$work/first" || fail 'these say where they were built'
echo "$(wc -l <"$work/first.sums") files, the same twice"
rm -rf "$work"
