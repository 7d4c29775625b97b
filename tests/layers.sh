# SPDX-License-Identifier: LGPL-2.1-or-later
# A folder of engine/ includes only the public headers, itself, and what stands above it in docs/ARCHITECTURE.md. The
# engine knows no GLib and no GStreamer; gst/, elements/ and the programs know only the public headers of the engine.
cd "$(dirname "$0")/.." || exit 1
failed=0
rooms='base process schedule tensor backend sampler model text network flow analysis repair runner temporal interp'
rooms="$rooms fields diffusion convert api"

wrong() { # pattern, reason, folder
    if grep -rnE --include='*.[ch]' "$1" "$3"; then
        echo "layers: $2"
        failed=1
    fi
}

if grep -rn --include='*.h' '^ *# *include "' engine/include | grep -v '"udm/'; then
    echo 'layers: a public header includes what is not installed'
    failed=1
fi

above=udm
for room in $rooms; do
    above="$above|$room"
    [ -d "engine/$room" ] || {
        echo "layers: there is no engine/$room"
        failed=1
        continue
    }
    # Names with a slash are of a room; one without lies in the same folder.
    if grep -rnE --include='*.[ch]' '^ *# *include "[^"]*/' "engine/$room" | grep -vE "include \"($above)/"; then
        echo "layers: engine/$room includes what stands below it"
        failed=1
    fi
done

for room in engine/*/; do
    case " $rooms include cli " in
    *" $(basename "$room") "*) ;;
    *)
        echo "layers: $room has no place in the order"
        failed=1
        ;;
    esac
done

wrong '^ *# *include [<"](glib|gst/|gobject|gio/)' 'the engine includes GLib or GStreamer' engine
# What gst/, elements/ and the programs include with a folder's name is public, or their own.
for folder in gst elements engine/cli; do
    if grep -rnoE --include='*.[ch]' '^ *# *include "[^"]*/[^"]*"' "$folder" | grep -v '"udm/' |
        while IFS='"' read -r at name _; do
            [ -e "engine/$name" ] && [ ! -e "$folder/$name" ] && [ "${name#cli/}" = "$name" ] && echo "$at\"$name\""
        done | grep .; then
        echo "layers: $folder includes what is inside the engine"
        failed=1
    fi
done
exit $failed
