// SPDX-License-Identifier: LGPL-2.1-or-later
// Vectors as wide as the instruction set that this file is compiled for.
#ifndef UDM_BACKEND_CPU_KERNELS_SIMD_H
#define UDM_BACKEND_CPU_KERNELS_SIMD_H

#include <stddef.h>

#include "backend/backend.h"

#if defined(__AVX512F__)
enum { LANES = 16, MICRO_ROWS = 12 }; // 12 x 2 sums in 32 registers
#elif defined(__AVX2__)
enum { LANES = 8, MICRO_ROWS = 6 }; // 6 x 2 sums in 16 registers
#else
enum { LANES = 4, MICRO_ROWS = 6 };
#endif

#include "base/simd.h"

INLINE vec broadcast(float value)
{
    return value - (vec){ 0 }; // not +, which would lose the sign of -0 and so be an addition
}

// condition: all bits of a lane, or none
INLINE vec choose(vec_int condition, vec yes, vec no)
{
    return (vec)((condition & (vec_int)yes) | (~condition & (vec_int)no));
}

// e^x to 2 ulp for |x| < 87, and the value at that end beyond: x = n log 2 + r, e^x = 2^n e^r, e^r by its Taylor
// series.
INLINE vec exponential(vec x)
{
    vec limit = broadcast(87);
    x = choose(x > limit, limit, x);
    x = choose(x < -limit, -limit, x);
    vec magic = broadcast(12582912); // 1.5 * 2^23: adding it rounds to an integer
    vec shifted = x * 1.44269504f + magic;
    vec n = shifted - magic;
    vec r = (x - n * 0.693359375f) + n * 2.12194440e-4f; // log 2 in two parts
    vec sum = broadcast(1.f / 5040);
    sum = sum * r + 1.f / 720;
    sum = sum * r + 1.f / 120;
    sum = sum * r + 1.f / 24;
    sum = sum * r + 1.f / 6;
    sum = sum * r + .5f;
    sum = sum * r + 1.f;
    sum = sum * r + 1.f;
    vec_int exponent = ((vec_int)shifted - (vec_int)magic) << 23;
    return (vec)((vec_int)sum + exponent);
}

INLINE vec activate(udm_activation activation, vec x)
{
    if (activation == UDM_RELU)
        return choose(x > 0, x, broadcast(0));
    if (activation == UDM_SILU)
        return x / (1 + exponential(-x));
    return x;
}

#endif
