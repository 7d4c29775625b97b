// SPDX-License-Identifier: LGPL-2.1-or-later
// Vectors of LANES floats, which whoever includes this has defined.
#ifndef UDM_BASE_SIMD_H
#define UDM_BASE_SIMD_H

#include <stdint.h>

#include "base/macros.h"

typedef float vec __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t vec_int __attribute__((vector_size(LANES * sizeof(float))));
typedef float vec_unaligned __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

INLINE vec load(const float *at)
{
    return *(const vec_unaligned *)at;
}

INLINE void store(float *at, vec value)
{
    *(vec_unaligned *)at = value;
}

INLINE vec broadcast(float value)
{
    return value - (vec){ 0 }; // not +, which would lose the sign of -0 and so be an addition
}

// condition: all bits of a lane, or none
INLINE vec choose(vec_int condition, vec yes, vec no)
{
    return (vec)((condition & (vec_int)yes) | (~condition & (vec_int)no));
}

#endif
