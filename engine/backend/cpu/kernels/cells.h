// SPDX-License-Identifier: LGPL-2.1-or-later
// What the matrices of a convolution are made of: floats, or bf16 (the upper half of a float) where the instruction set
// that this file is compiled for multiplies those.
#ifndef UDM_BACKEND_CPU_KERNELS_CELLS_H
#define UDM_BACKEND_CPU_KERNELS_CELLS_H

#include "backend/cpu/kernels/gemm.h"

#if defined(__AVX512BF16__)
typedef uint16_t cell;

INLINE void store_cells(cell *at, vec value)
{
    __m256bh rounded = _mm512_cvtneps_pbh((__m512)value);
    __builtin_memcpy(at, &rounded, sizeof rounded);
}
#else
typedef float cell;

INLINE void store_cells(cell *at, vec value)
{
    store(at, value);
}
#endif

// LANES numbers of 16 bits.
INLINE vec load_halves(const uint16_t *at, const udm_half_kind kind)
{
#if defined(__AVX512F__)
    const __m256i bits = _mm256_loadu_si256((const __m256i *)(const void *)at);
    if (kind == UDM_FLOAT16)
        return (vec)_mm512_cvtph_ps(bits);
    return (vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16);
#else
    float values[LANES];
    for (int i = 0; i < LANES; i++)
        values[i] = udm_half_to_float(kind, at[i]);
    return load(values);
#endif
}

// `count` of them, a multiple of LANES.
INLINE void widen(const uint16_t *from, size_t count, float *to, udm_half_kind kind)
{
    if (kind == UDM_FLOAT16)
        for (size_t i = 0; i < count; i += LANES)
            store(to + i, load_halves(from + i, UDM_FLOAT16));
    else
        for (size_t i = 0; i < count; i += LANES)
            store(to + i, load_halves(from + i, UDM_BFLOAT16));
}

// Rows against the panel of group g and product p; sums: [count][UDM_CPU_GROUP].
static __attribute__((unused)) void multiply_cells(const udm_conv_weights *weights, const cell *rows, int g, int p,
                                                   float *sums, int count)
{
    enum { IN_FLOAT = sizeof(float) / sizeof(cell) };
    multiply((const float *)(const void *)rows, weights->row / IN_FLOAT, udm_cpu_panel(weights, g, p),
             udm_cpu_width(weights, g), sums, count, weights->steps, IN_FLOAT > 1, false);
}

#endif
