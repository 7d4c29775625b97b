// SPDX-License-Identifier: LGPL-2.1-or-later
// The matrix product at the heart of every convolution: c[m, n] = sum over k of a[m, k] b[k, n], n < 16 or 32. Where an
// instruction set is compiled for bf16, a step of a convolution takes two k at once, which lie side by side in the
// place of a float: they are multiplied exactly and summed in f32.
#ifndef UDM_BACKEND_CPU_KERNELS_GEMM_H
#define UDM_BACKEND_CPU_KERNELS_GEMM_H

#include "backend/cpu/cpu.h"
#include "backend/cpu/kernels/simd.h"

#if defined(__AVX512BF16__)
// sum + *a b, or the sum of both products of two bf16 that lie in the place of a float
INLINE vec add_step(vec sum, const float *a, vec b, const bool pairs)
{
    if (!pairs)
        return add_product(broadcast(*a), b, sum);
    int32_t pair;
    __builtin_memcpy(&pair, a, sizeof pair);
    return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32(pair), (__m512bh)b);
}
#else
INLINE vec add_step(vec sum, const float *a, vec b, const bool pairs)
{
    return add_product(broadcast(*a), b, sum);
}
#endif

// `rows` (at most MICRO_ROWS) rows by `vectors` (1 or 2) vectors, which stay in registers.
INLINE void multiply_block(const float *a, size_t row, const float *b, int width, float *c, int depth, const int rows,
                           const int vectors, const bool pairs, const bool more)
{
    vec sum[MICRO_ROWS][2] = { 0 };
#pragma GCC unroll 16
    for (int m = 0; more && m < rows; m++) {
        sum[m][0] = load(c + m * UDM_CPU_GROUP);
        if (vectors == 2)
            sum[m][1] = load(c + m * UDM_CPU_GROUP + LANES);
    }
    for (int k = 0; k < depth; k++, b += width) {
        vec b0 = load(b), b1 = vectors == 2 ? load(b + LANES) : b0;
#pragma GCC unroll 16
        for (int m = 0; m < rows; m++) {
            sum[m][0] = add_step(sum[m][0], a + m * row + k, b0, pairs);
            if (vectors == 2)
                sum[m][1] = add_step(sum[m][1], a + m * row + k, b1, pairs);
        }
    }
#pragma GCC unroll 16
    for (int m = 0; m < rows; m++) {
        store(c + m * UDM_CPU_GROUP, sum[m][0]);
        if (vectors == 2)
            store(c + m * UDM_CPU_GROUP + LANES, sum[m][1]);
    }
}

INLINE void multiply_rows(const float *a, size_t row, const float *b, int width, float *c, int depth, const int rows,
                          const bool pairs, const bool more)
{
    enum { STEP = 2 * LANES };
    if (width < STEP)
        multiply_block(a, row, b, width, c, depth, rows, 1, pairs, more);
    else
        for (int n = 0; n < width; n += STEP)
            multiply_block(a, row, b + n, width, c + n, depth, rows, 2, pairs, more);
}

// a: [rows][row], of which depth count; b: [depth][width]; c: [rows][UDM_CPU_GROUP]. Works on whole thirds of
// MICRO_ROWS: what is past `rows` is scratch memory. more: c has a sum to which this is added.
INLINE void multiply(const float *a, size_t row, const float *b, int width, float *c, int rows, int depth,
                     const bool pairs, const bool more)
{
    enum { THIRD = MICRO_ROWS / 3 };
    int m = 0;
    for (; rows - m > 2 * THIRD; m += MICRO_ROWS)
        multiply_rows(a + m * row, row, b, width, c + m * UDM_CPU_GROUP, depth, MICRO_ROWS, pairs, more);
    if (rows - m > THIRD)
        multiply_rows(a + m * row, row, b, width, c + m * UDM_CPU_GROUP, depth, 2 * THIRD, pairs, more);
    else if (rows > m)
        multiply_rows(a + m * row, row, b, width, c + m * UDM_CPU_GROUP, depth, THIRD, pairs, more);
}

#endif
