// SPDX-License-Identifier: LGPL-2.1-or-later
// The matrix product at the heart of every convolution: c[m, n] = sum over k of a[m, k] b[k, n], n < 16 or 32.
#ifndef UDM_BACKEND_CPU_KERNELS_GEMM_H
#define UDM_BACKEND_CPU_KERNELS_GEMM_H

#include "backend/cpu/cpu.h"
#include "backend/cpu/kernels/simd.h"

// `rows` (at most MICRO_ROWS) rows by `vectors` (1 or 2) vectors, which stay in registers.
INLINE void multiply_block(const float *a, size_t row, const float *b, int width, float *c, int depth, const int rows,
                           const int vectors)
{
    vec sum[MICRO_ROWS][2] = { 0 };
    for (int k = 0; k < depth; k++, b += width) {
        vec b0 = load(b), b1 = vectors == 2 ? load(b + LANES) : b0;
#pragma GCC unroll 16
        for (int m = 0; m < rows; m++) {
            vec value = broadcast(a[m * row + k]);
            sum[m][0] += value * b0;
            if (vectors == 2)
                sum[m][1] += value * b1;
        }
    }
#pragma GCC unroll 16
    for (int m = 0; m < rows; m++) {
        store(c + m * UDM_CPU_GROUP, sum[m][0]);
        if (vectors == 2)
            store(c + m * UDM_CPU_GROUP + LANES, sum[m][1]);
    }
}

INLINE void multiply_rows(const float *a, size_t row, const float *b, int width, float *c, int depth, const int rows)
{
    enum { STEP = 2 * LANES };
    if (width < STEP)
        multiply_block(a, row, b, width, c, depth, rows, 1);
    else
        for (int n = 0; n < width; n += STEP)
            multiply_block(a, row, b + n, width, c + n, depth, rows, 2);
}

// a: [rows][row], of which depth count; b: [depth][width]; c: [rows][UDM_CPU_GROUP]. Works on whole thirds of
// MICRO_ROWS: what is past `rows` is scratch memory.
static void multiply(const float *a, size_t row, const float *b, int width, float *c, int rows, int depth)
{
    enum { THIRD = MICRO_ROWS / 3 };
    int m = 0;
    for (; rows - m > 2 * THIRD; m += MICRO_ROWS)
        multiply_rows(a + m * row, row, b, width, c + m * UDM_CPU_GROUP, depth, MICRO_ROWS);
    if (rows - m > THIRD)
        multiply_rows(a + m * row, row, b, width, c + m * UDM_CPU_GROUP, depth, 2 * THIRD);
    else if (rows > m)
        multiply_rows(a + m * row, row, b, width, c + m * UDM_CPU_GROUP, depth, THIRD);
}

#endif
