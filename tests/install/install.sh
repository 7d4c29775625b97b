# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs into an empty prefix and uses what is there, from an empty directory with a clean environment; then again
# where the prefix was moved to.
#     sh tests/install/install.sh
cd "$(dirname "$0")/../.." || exit 1
build=build-install

fail() {
    echo "install.sh: $1" >&2
    exit 1
}

for program in c++ pkg-config gst-launch-1.0; do
    command -v $program >/dev/null || {
        echo "skip: there is no $program"
        exit 77
    }
done

prefix=$PWD/$build/prefix
rm -rf "$prefix" "$prefix-moved"
mkdir -p "$build" || exit 1
if [ -e $build/build.ninja ]; then
    meson configure $build --prefix="$prefix" -Dtests=false
else
    meson setup $build --prefix="$prefix" -Dtests=false
fi >$build/install.log 2>&1 && meson install -C $build >>$build/install.log 2>&1 || {
    tail -n 20 $build/install.log >&2
    fail "the build could not be installed (all of it is in $build/install.log)"
}

# The pages tell of every option.
pages() { # program, what it prints
    options=$(echo "$2" | grep -oE -e '--[a-z][a-z-]*' | sort -u)
    [ "$options" ] || fail "$prefix/bin/$1 does not run"
    for option in $options; do
        grep -q "Fl Fl ${option#--}" "$prefix/share/man/man1/$1.1" || fail "$1.1 says nothing of $option"
    done
}
pages udm "$("$prefix/bin/udm" --help && "$prefix/bin/udm" sample 2>&1)"
[ ! -e "$prefix/bin/udm-restore" ] || pages udm-restore "$("$prefix/bin/udm-restore" --help)"

sh tests/install/models.sh "$prefix" && sh tests/install/programs.sh "$prefix" || exit 1
mv "$prefix" "$prefix-moved" || exit 1
UDM_TEST_LINK=1 sh tests/install/models.sh "$prefix-moved"
