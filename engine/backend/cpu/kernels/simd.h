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

#include "base/exponential.h"
#include "base/simd.h"

INLINE vec activate(udm_activation activation, vec x)
{
    if (activation == UDM_RELU)
        return choose(x > 0, x, broadcast(0));
    if (activation == UDM_SILU)
        return x / (1 + exp_vec(-x));
    return x;
}

#endif
