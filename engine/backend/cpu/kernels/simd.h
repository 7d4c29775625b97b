// SPDX-License-Identifier: LGPL-2.1-or-later
// Vectors as wide as the instruction set that this file is compiled for.
#ifndef UDM_BACKEND_CPU_KERNELS_SIMD_H
#define UDM_BACKEND_CPU_KERNELS_SIMD_H

#include <stddef.h>

#include "backend/backend.h"

#if defined(__AVX512F__)
#define LANES 16
enum { MICRO_ROWS = 12 }; // 12 x 2 sums in 32 registers
#elif defined(__AVX2__)
#define LANES 8
enum { MICRO_ROWS = 6 }; // 6 x 2 sums in 16 registers
#else
#define LANES 4
enum { MICRO_ROWS = 6 };
#endif

#include "base/exponential.h"
#include "base/simd.h"

// 1 - erf(x) for x >= 0 is polynomial(t) e^(-x^2), t = 1 / (1 + P x), to 1.5e-7 (Abramowitz and Stegun 1964, 7.1.26).
// Of x / sqrt(2), half of it is Phi(-x).
INLINE vec gelu(vec x)
{
    const vec size = choose(x > 0, x, -x) * 0.707106781f;
    const vec t = 1 / (1 + size * 0.3275911f);
    vec sum = t * 1.061405429f - 1.453152027f;
    sum = sum * t + 1.421413741f;
    sum = sum * t - 0.284496736f;
    sum = sum * t + 0.254829592f;
    const vec tail = sum * t * exp_vec(-size * size) * .5f;
    return x * choose(x > 0, 1 - tail, tail);
}

INLINE vec activate(udm_activation activation, vec x)
{
    if (activation == UDM_RELU)
        return choose(x > 0, x, broadcast(0));
    if (activation == UDM_SILU)
        return x / (1 + exp_vec(-x));
    if (activation == UDM_GELU)
        return gelu(x);
    if (activation == UDM_QUICK_GELU)
        return x / (1 + exp_vec(x * -1.702f));
    return x;
}

#endif
