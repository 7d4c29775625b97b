# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what is missing of some of Debian's packages: all at once, or, where that fails, one by one, so that the rest
# is there. Says which could not be installed, and fails then.
#     sh tests/packages.sh PACKAGE...
cd "$(dirname "$0")/.." || exit 1
exec </dev/null
mkdir -p build || exit 1
log=build/packages.log
: >"$log" || exit 1

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@" >>"$log" 2>&1
}

missing=
for package in "$@"; do
    case $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) in
    installed) ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "packages: no apt-get here; install what Debian 12 calls:$missing" >&2
    exit 1
fi
echo "packages: installing$missing"
as_root apt-get -qq update >>"$log" 2>&1
# shellcheck disable=SC2086 # one word per package
install $missing && exit 0

failed=
for package in $missing; do
    install "$package" || failed="$failed $package"
done
[ -n "$failed" ] || exit 0
tail -n 30 "$log" >&2
echo "packages: these could not be installed:$failed (all of it is in $log)" >&2
exit 1
