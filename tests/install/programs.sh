# SPDX-License-Identifier: LGPL-2.1-or-later
# A program in C and one in C++ are compiled with what pkg-config says of udm, and run.
#     sh tests/install/programs.sh PREFIX
. "$(dirname "$0")/common.sh"

here=$root/tests/install
[ "$prefix" = /usr ] || pkgconfig=$(dirname "$(find "$prefix"/lib* -name udm.pc | head -n 1)")
flags=$(clean env ${pkgconfig:+PKG_CONFIG_PATH="$pkgconfig"} pkg-config --cflags --libs udm) ||
    fail 'pkg-config does not know udm'
# Where the loader does not look by itself, a program has to be told.
[ "$prefix" = /usr ] || flags="$flags -Wl,-rpath,$(dirname "$pkgconfig")"

# shellcheck disable=SC2086 # words
{
    clean cc -std=c11 -Wall -Wextra -Wpedantic -Werror "$here/restore.c" -o c $flags || fail 'C does not compile'
    clean c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror "$here/generate.cpp" -o cpp $flags ||
        fail 'C++ does not compile'
}
clean "$work/c" || fail 'the program in C failed'
clean "$work/cpp" || fail 'the program in C++ failed'

# What the library and the plugin run to try a device.
trial=$(find "$prefix"/lib* -path '*/udm/udm-trial' | head -n 1)
[ "$(clean "$trial" reference 1 60 | tr '\n' ' ')" = 'ready name reference slower ' ] ||
    fail "udm-trial ($trial) says: $(clean "$trial" reference 1 60)"
