#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs tests of the Python package with pytest, in an environment into which pip installed it as it is now.
#     sh tests/python/run.sh BUILD TEST.py [PACKAGE...]     PACKAGE: what pip has to install besides
# Ends with 77, which is a skip, where there is no venv or PyPI cannot be reached.
build=$(realpath "$1") || exit 1
test=$2
shift 2
cd "$(dirname "$0")" || exit 1
source=$(realpath ../../python)
folder=$build/tests/python
venv=$folder/venv

skip() { # why
    echo "skip: $1"
    exit 77
}

# Those of ours that changed since they were installed, by their contents.
state() {
    (cd "$source" && find . -name __pycache__ -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
}

prepare() { # what pip has to install besides
    mkdir -p "$folder"
    exec 9>"$folder/lock"
    flock 9
    if [ ! -x "$venv/bin/pip" ]; then
        rm -rf "$venv"
        python3 -m venv "$venv" || skip 'python3 -m venv does not work: install python3-venv'
    fi
    wanted=$*
    set --
    for package in 'numpy>=1.24' 'av>=18' pytest 'setuptools>=70.1' $wanted; do
        grep -qxF "$package" "$venv/had" 2>/dev/null || set -- "$@" "$package"
    done
    if [ $# -gt 0 ]; then
        "$venv/bin/pip" install -q "$@" || skip "$* cannot be had from PyPI"
        printf '%s\n' "$@" >>"$venv/had"
    fi
    state >"$folder/state.now"
    cmp -s "$folder/state.now" "$venv/state" && return
    # From a copy, as pip builds in the folder.
    rm -rf "$folder/package"
    cp -R "$source" "$folder/package"
    "$venv/bin/pip" install -q --no-build-isolation --no-deps --force-reinstall "$folder/package" || exit 1
    mv "$folder/state.now" "$venv/state"
}

prepare "$@"
flock -u 9
exec 9>&-
unset UDM_MODEL_PATH PYTHONPATH
UDM_LIBRARY=$build/engine/libudm.so UDM_BUILD=$build
export UDM_LIBRARY UDM_BUILD
# The estimate of noise depends on it: that of a film's plan is to be compared with the engine's.
export OPENBLAS_NUM_THREADS=1
"$venv/bin/python" -m pytest -q -rs -p no:cacheprovider "$test"
status=$?
[ $status -eq 5 ] && exit 77 # all of it was skipped, with its reason
exit $status
