// SPDX-License-Identifier: LGPL-2.1-or-later
// Vectors of LANES floats, a number that whoever includes this has defined.
#ifndef UDM_BASE_SIMD_H
#define UDM_BASE_SIMD_H

#include <stdint.h>

#include "base/macros.h"

#if defined(__FMA__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

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

// a b + c, rounded once where the instruction set can and vectors are its own, twice elsewhere: AVX2 and AVX-512 agree.
// Products are never made part of a sum but here (-ffp-contract=off).
INLINE vec add_product(vec a, vec b, vec c)
{
#if defined(__AVX512F__) && LANES == 16
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__) && LANES == 8
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__) && LANES == 4
    return (vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

// condition: all bits of a lane, or none
INLINE vec choose(vec_int condition, vec yes, vec no)
{
    return (vec)((condition & (vec_int)yes) | (~condition & (vec_int)no));
}

#endif
