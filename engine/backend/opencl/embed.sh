# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes a C file of kernels: udm_opencl_source() gives them as one text. The compiler's messages name the files.
#     sh embed.sh FILE... >kernels.c
echo '#include "backend/opencl/opencl.h"'
echo 'static const char source[] ='
for file in "$@"; do
    printf '"#line 1 \\"%s\\"\\n"\n' "$(basename "$file")"
    sed 's/\\/\\\\/g; s/"/\\"/g; s/^/"/; s/$/\\n"/' "$file" || exit 1
done
echo ';'
echo 'const char *udm_opencl_source(void) { return source; }'
