// SPDX-License-Identifier: LGPL-2.1-or-later
// Vectors as long as a row of a patch.
#ifndef UDM_FLOW_SIMD_H
#define UDM_FLOW_SIMD_H

#include "flow/level.h"

#define LANES 8 // UDM_FLOW_PATCH

#include "base/simd.h"

INLINE vec absolute(vec x)
{
    return (vec)((vec_int)x & 0x7fffffff);
}

INLINE vec at_least(vec x, float least)
{
    vec other = (vec){ 0 } + least;
    vec_int keep = x > other;
    return (vec)((keep & (vec_int)x) | (~keep & (vec_int)other));
}

INLINE float sum_of(vec x)
{
    vec by4 = x + __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3);
    vec by2 = by4 + __builtin_shufflevector(by4, by4, 2, 3, 0, 1, 6, 7, 4, 5);
    return by2[0] + by2[1];
}

// The sums of four, side by side: fewer steps than four times sum_of().
INLINE void sum_each(vec a, vec b, vec c, vec d, float to[4])
{
    vec ab = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13) +
             __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
    vec cd = __builtin_shufflevector(c, d, 0, 8, 1, 9, 4, 12, 5, 13) +
             __builtin_shufflevector(c, d, 2, 10, 3, 11, 6, 14, 7, 15);
    vec abcd = __builtin_shufflevector(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13) +
               __builtin_shufflevector(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
    for (int i = 0; i < 4; i++)
        to[i] = abcd[i] + abcd[4 + i];
}

INLINE void repeat_ends(float *row, int width, int pixels)
{
    for (int i = 1; i <= pixels; i++) {
        row[-i] = row[0];
        row[width - 1 + i] = row[width - 1];
    }
}

void NAME(udm_flow_gradient)(const udm_flow_level *level, int row);
void NAME(udm_flow_expand)(const udm_flow_level *level, int row);
void NAME(udm_flow_search)(const udm_flow_level *level, int row);
void NAME(udm_flow_propagate)(const udm_flow_level *level, int row);
void NAME(udm_flow_densify)(const udm_flow_level *level, int row);
void NAME(udm_flow_prepare)(const udm_flow_level *level, int row);
void NAME(udm_flow_assemble)(const udm_flow_level *level, int row);
void NAME(udm_flow_relax_red)(const udm_flow_level *level, int row);
void NAME(udm_flow_relax_black)(const udm_flow_level *level, int row);
void NAME(udm_flow_join)(const udm_flow_level *level, int row);

#endif
