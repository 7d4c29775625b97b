#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs a test program in one process under GStreamer's leaks tracer: fails if it fails or leaves objects alive.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
CK_FORK=no GST_TRACERS=leaks GST_DEBUG=GST_TRACER:7 GST_DEBUG_NO_COLOR=1 GST_DEBUG_FILE="$log" "$@" || exit 1
if ! grep -q 'leaks' "$log"; then
    echo "the leaks tracer said nothing: is it installed?"
    exit 1
fi
if grep 'object-alive, type-name=(string)[A-Za-z]' "$log"; then
    exit 1
fi
