// SPDX-License-Identifier: LGPL-2.1-or-later
// Which operations there are, and which this machine can run.
#include "stream/motion/level.h"

extern const udm_motion_ops udm_motion_ops_reference;

#if defined(__x86_64__)
extern const udm_motion_ops udm_motion_ops_sse2, udm_motion_ops_avx2, udm_motion_ops_avx512;

static const udm_motion_ops *const all[] = { &udm_motion_ops_avx512, &udm_motion_ops_avx2, &udm_motion_ops_sse2,
                                             &udm_motion_ops_reference, NULL };

const udm_motion_ops *const *udm_motion_ops_list(void)
{
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        return all;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? all + 1 : all + 2;
}
#else
extern const udm_motion_ops udm_motion_ops_generic;

static const udm_motion_ops *const all[] = { &udm_motion_ops_generic, &udm_motion_ops_reference, NULL };

const udm_motion_ops *const *udm_motion_ops_list(void)
{
    return all;
}
#endif
