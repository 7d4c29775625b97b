# SPDX-License-Identifier: LGPL-2.1-or-later
# A folder of engine/ includes only itself and what stands above it; the engine knows no GLib and no GStreamer; and of
# the engine, gst/ and elements/ know only the public headers.
cd "$(dirname "$0")/.." || exit 1
failed=0

wrong() { # pattern, reason, folder
    if grep -rnE --include='*.[ch]' "$1" "$3"; then
        echo "layers: $2"
        failed=1
    fi
}

below='(udm\.h|common\.h|held\.h'
for folder in stream network model sampler backend tensor schedule process base; do
    wrong "^ *# *include \"$below)" "engine/$folder includes what stands below it in docs/ARCHITECTURE.md" \
        "engine/$folder"
    below="$below|$folder/"
done
wrong '^ *# *include [<"](glib|gst/|gobject|gio/)' 'the engine includes GLib or GStreamer' engine
for folder in gst elements examples; do
    wrong '^ *# *include "(process|schedule|backend|sampler|model|network|stream)/' \
        "$folder includes what is inside the engine" "$folder"
done
exit $failed
