# SPDX-License-Identifier: LGPL-2.1-or-later
# Lists the C files that clang-format would lay out otherwise, or rewrites them. Its version is pinned, since each lays
# some things out in its own way. Kernels of OpenCL are left alone: it does not understand a macro before a loop.
#     sh tests/format.sh [--fix]
cd "$(dirname "$0")/.." || exit 1
formatter=clang-format-14
failed=0

if ! command -v $formatter >/dev/null; then
    echo "skip: there is no $formatter"
    exit 77
fi

# What git tracks or would track; all files where there is no git.
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    files=$(git ls-files --cached --others --exclude-standard -- '*.c' '*.h')
else
    files=$(find . -name build\* -prune -o -name '*.[ch]' -type f -print)
fi

for file in $files; do
    [ -e "$file" ] || continue # deleted, but not yet for git
    if $formatter "$file" | cmp -s - "$file"; then
        continue
    elif [ "$1" = --fix ]; then
        $formatter -i "$file" && echo "rewritten: $file"
    else
        echo "format: $file differs from what $formatter makes of it (sh tests/format.sh --fix)"
        failed=1
    fi
done
exit $failed
