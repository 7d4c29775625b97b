#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# gst-inspect-1.0 shows the plugin and its elements, without a single warning.
if ! command -v gst-inspect-1.0 >/dev/null; then
    echo 'skipped: there is no gst-inspect-1.0 (Debian: gstreamer1.0-tools)'
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

gst-inspect-1.0 coreelements >/dev/null 2>&1 # finds all plugins; what others say then is none of ours
for name in udm udmdenoise udminterp udmslowmotion udmsrc udmupscale; do
    if ! G_DEBUG=fatal-warnings gst-inspect-1.0 "$name" >"$work/out" 2>"$work/err" || [ -s "$work/err" ]; then
        cat "$work/err"
        echo "gst-inspect-1.0 $name fails or warns"
        exit 1
    fi
    if ! grep -q '(diffusion)' "$work/out"; then # the long names
        cat "$work/out"
        echo "gst-inspect-1.0 $name does not show it"
        exit 1
    fi
done
