# SPDX-License-Identifier: LGPL-2.1-or-later
# What the compiler does not see: tabs, trailing space, long lines, missing SPDX lines, paths of somebody's machine,
# what is unfinished.
cd "$(dirname "$0")/.." || exit 1
failed=0

# The sources: what git tracks or would track; all files where there is no git.
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    list() { git ls-files --cached --others --exclude-standard -- "$@"; }
else
    list() { for pattern in "$@"; do find . -name build\* -prune -o -name "$pattern" -type f -print; done; }
fi
code=$(list '*.c' '*.h' '*.cl' '*.py' '*.sh' 'meson.build' '*/meson.build' 'meson_options.txt')
text="$code $(list '*.md' '*.prs' '*.json')"

wrong() { # pattern, reason, files
    pattern=$1 reason=$2
    shift 2
    if grep -nE -e "$pattern" /dev/null "$@"; then
        echo "style: $reason"
        failed=1
    fi
}

tab=$(printf '\t')
# shellcheck disable=SC2086 # no name has a space
{
    wrong "$tab" 'a tab; indent by four spaces' $text
    wrong ' $' 'space at the end of a line' $code
    wrong '^.{121}' 'a line of more than 120 columns' $code
    wrong '(^|[^.[:alnum:]])/(work|home|Users|root)/[[:alnum:]]' 'a path of somebody'"'"'s machine' $text
    # Written so that it does not find itself, nor the XXXXXX of mkdtemp.
    wrong '(^|[^[:alnum:]])(TO[D]O|FIX[M]E|XX[X])([^[:alnum:]]|$)' 'something unfinished' $code
    for file in $code; do
        if ! head -n 2 "$file" | grep -q 'SPDX-License-Identifier: LGPL-2.1-or-later'; then
            echo "style: $file does not begin with its SPDX line"
            failed=1
        fi
    done
}
exit $failed
