# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds the Debian packages, has lintian look at them, installs them, uses what is there, and removes them again. That
# changes the machine, so it is done only by root, and in CI (CI=true) or where UDM_TEST_PACKAGE is set.
#     UDM_TEST_PACKAGE=1 sh tests/install/package.sh
cd "$(dirname "$0")/../.." || exit 1
work=build-package

fail() {
    echo "package.sh: $1" >&2
    exit 1
}

skip() {
    echo "skip: $1"
    exit 77
}

[ "$(id -u)" -eq 0 ] || skip 'packages are installed by root only'
[ "$CI$UDM_TEST_PACKAGE" ] || skip 'set UDM_TEST_PACKAGE=1 to install packages on this machine'
for program in dh dpkg-buildpackage lintian c++ pkg-config gst-launch-1.0; do
    command -v $program >/dev/null || skip "there is no $program"
done
packages=$(sed -n 's/^Package: //p' debian/control)
for package in $packages; do
    case $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) in
    '' | not-installed) ;;
    *) skip "$package is installed already" ;;
    esac
done

# A clean copy: what git tracks or would track, and has not been removed.
rm -rf $work
mkdir -p $work/source || exit 1
git ls-files -z --cached --others --exclude-standard >$work/files && [ -s $work/files ] ||
    fail 'git does not say what the sources are'
tar -cf - --null --ignore-failed-read -T $work/files | tar -xf - -C $work/source || fail 'the sources cannot be copied'
# gzip, as weights hardly get smaller and xz takes half a minute for that.
(cd $work/source && DPKG_DEB_COMPRESSOR_TYPE=gzip dpkg-buildpackage -us -uc -b) >$work/build.log 2>&1 || {
    tail -n 30 $work/build.log >&2
    fail "the packages could not be built (all of it is in $work/build.log)"
}
lintian --allow-root --fail-on error,warning $work/*.changes || fail 'lintian found errors'

version=$(dpkg-parsechangelog -S Version)
# shellcheck disable=SC2064,SC2086 # now; a word per package
trap "dpkg --purge $(echo $packages) >>$work/dpkg.log 2>&1" EXIT
trap 'exit 1' INT TERM
for package in $packages; do
    set -- "$@" "$(ls $work/"${package}_${version}"_*.deb)"
done
dpkg -i "$@" >$work/dpkg.log 2>&1 || {
    tail -n 20 $work/dpkg.log >&2
    fail 'the packages could not be installed'
}
[ "$(env -i /usr/bin/udm --version)" = "udm $version" ] || fail 'debian/changelog and meson.build differ in the version'
sh tests/install/models.sh /usr && sh tests/install/programs.sh /usr || exit 1
dpkg -L udm-tools | grep -q '/man1/udm\.1' || fail 'there is no man page of udm'

trap - EXIT
# shellcheck disable=SC2086 # a word per package
dpkg --purge $packages >>$work/dpkg.log 2>&1 || fail "the packages could not be removed: see $work/dpkg.log"
left=$(find /usr/share/udm /usr/include/udm /usr/bin/udm /usr/share/gstreamer-1.0/presets/GstUdm* 2>/dev/null)
[ -z "$left" ] || fail "the packages left behind: $left"
