# SPDX-License-Identifier: LGPL-2.1-or-later
# What the tests of an installed udm share. Each is run with the prefix that udm is installed in, from anywhere, and
# works in an empty directory with a clean environment.
#
# Set here: $root, the source tree; $prefix; $work, the directory, which goes when the test ends.
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
prefix=${1:?usage: sh "$0" PREFIX}
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work" || exit 1

fail() {
    echo "$(basename "$0"): $1" >&2
    exit 1
}

# Runs a command with nothing set but what every user has. GStreamer looks for plugins in its own prefix, so one
# variable more is needed for another; a link in the user's folder of plugins does as well (UDM_TEST_LINK).
clean() {
    plugin=$(find "$prefix"/lib* -path '*/gstreamer-1.0/libgstudm.so' | head -n 1)
    [ "$plugin" ] || fail "there is no plugin in $prefix"
    if [ "$prefix" = /usr ]; then
        set -- "$@"
    elif [ "$UDM_TEST_LINK" ]; then
        mkdir -p home/.local/share/gstreamer-1.0/plugins
        ln -sf "$plugin" home/.local/share/gstreamer-1.0/plugins/
    else
        set -- "GST_PLUGIN_PATH=$(dirname "$plugin")" "$@"
    fi
    env -i PATH="$prefix/bin:/usr/bin:/bin" HOME="$work/home" GST_REGISTRY="$work/registry" "$@" </dev/null
}
