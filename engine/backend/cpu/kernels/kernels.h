// SPDX-License-Identifier: LGPL-2.1-or-later
// The jobs that each instruction set has, and how one of a convolution is laid out.
#ifndef UDM_BACKEND_CPU_KERNELS_KERNELS_H
#define UDM_BACKEND_CPU_KERNELS_KERNELS_H

#include "backend/cpu/cpu.h"
#include "backend/cpu/kernels/cells.h"
#include "backend/cpu/kernels/simd.h"
#include "backend/host.h"

void NAME(udm_cpu_direct)(void *run, int index, int worker);
void NAME(udm_cpu_pack)(void *packing, int index, int worker);
void NAME(udm_cpu_peak)(void *steps, int index, int worker);
void NAME(udm_cpu_winograd)(void *run, int index, int worker);
void NAME(udm_cpu_moments)(void *run, int index, int worker);
void NAME(udm_cpu_normalise)(void *run, int index, int worker);
void NAME(udm_cpu_attend)(void *run, int index, int worker);
void NAME(udm_cpu_layer_norm)(void *run, int index, int worker);
void NAME(udm_cpu_resample)(void *run, int index, int worker);
void NAME(udm_cpu_observe)(void *run, int index, int worker);
void NAME(udm_cpu_restore)(void *run, int index, int worker);
void NAME(udm_cpu_shuffle_add)(void *run, int index, int worker);
void NAME(udm_cpu_warp)(void *run, int index, int worker);

// A part of a convolution: rows [first, end) for the groups [first_group, end_group).
typedef struct job_part {
    int first, end;
    int first_group, end_group;
} job_part;

INLINE job_part part_of(const udm_cpu_run *run, int index)
{
    int rows = run->chunk * run->batch, at = index / run->splits, split = index % run->splits;
    int first = at * rows;
    return (job_part){
        .first = first,
        .end = run->rows - first < rows ? run->rows : first + rows,
        .first_group = run->weights->groups * split / run->splits,
        .end_group = run->weights->groups * (split + 1) / run->splits,
    };
}

// Where the result goes: one block of 16 channels of dst, with what is added to it.
typedef struct output {
    void *dst;            // [H][W][16], of floats,
    bool half;            // ... or of bf16,
    const void *residual; // and so is this; or NULL
    const float *bias;    // [16]
    udm_activation activation;
} output;

// The first value of a block of features, of `plane` values each.
INLINE void *block_of(const udm_tensor *features, int block, size_t plane)
{
    const size_t value = features->layout == UDM_HALVES ? sizeof(uint16_t) : sizeof(float);
    return (char *)udm_host_data(features) + (size_t)block * plane * value;
}

// plane: values of a block.
INLINE output output_of(const udm_cpu_run *run, int block, size_t plane)
{
    const udm_conv *conv = run->conv;
    return (output){
        .dst = block_of(&conv->dst, block, plane),
        .half = conv->dst.layout == UDM_HALVES,
        .residual = conv->residual ? block_of(conv->residual, block, plane) : NULL,
        .bias = run->weights->bias + block * UDM_CPU_BLOCK,
        .activation = conv->activation,
    };
}

// Writes LANES channels, from `lane`, of the pixel at `at` (in values). Only what multiplies bf16 writes it.
INLINE void finish(const output *out, size_t at, int lane, vec sum)
{
    vec value = activate(out->activation, sum + load(out->bias + lane));
    if (out->residual && out->half)
        value += load_halves((const uint16_t *)out->residual + at + lane, UDM_BFLOAT16);
    else if (out->residual)
        value += load((const float *)out->residual + at + lane);
    if (out->activation == UDM_RELU_OF_SUM)
        value = choose(value > 0, value, broadcast(0));
    if (out->half)
        store_cells((cell *)out->dst + at + lane, value);
    else
        store((float *)out->dst + at + lane, value);
}

#endif
