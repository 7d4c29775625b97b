// SPDX-License-Identifier: LGPL-2.1-or-later
// Which kernels there are, and which this machine can run: those whose motion it can run.
#include <string.h>

#include "stream/midway/kernels.h"
#include "stream/motion/level.h"

#if defined(__x86_64__)
extern const udm_midway_ops udm_midway_ops_sse2, udm_midway_ops_avx2, udm_midway_ops_avx512;

static const udm_midway_ops *const all[] = { &udm_midway_ops_avx512, &udm_midway_ops_avx2, &udm_midway_ops_sse2, NULL };
#else
extern const udm_midway_ops udm_midway_ops_generic;

static const udm_midway_ops *const all[] = { &udm_midway_ops_generic, NULL };
#endif

const udm_midway_ops *const *udm_midway_ops_list(void)
{
    const char *fastest = udm_motion_ops_list()[0]->name;
    const udm_midway_ops *const *ops = all;
    while (strcmp((*ops)->name, fastest) != 0)
        ops++;
    return ops;
}
