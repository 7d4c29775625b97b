// SPDX-License-Identifier: LGPL-2.1-or-later
// The jobs that each instruction set has, and how one of a convolution is laid out.
#ifndef UDM_BACKEND_CPU_KERNELS_KERNELS_H
#define UDM_BACKEND_CPU_KERNELS_KERNELS_H

#include "backend/cpu/cpu.h"
#include "backend/cpu/kernels/simd.h"
#include "backend/host.h"

void NAME(udm_cpu_direct)(void *run, int index, int worker);
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
    float *dst;            // [H][W][16]
    const float *residual; // or NULL
    const float *bias;     // [16]
    udm_activation activation;
} output;

// plane: floats of a block.
INLINE output output_of(const udm_cpu_run *run, int block, size_t plane)
{
    const udm_conv *conv = run->conv;
    return (output){
        .dst = udm_host_data(&conv->dst) + block * plane,
        .residual = conv->residual ? udm_host_data(conv->residual) + block * plane : NULL,
        .bias = run->weights->bias + block * UDM_CPU_BLOCK,
        .activation = conv->activation,
    };
}

// Writes LANES channels, from `lane`, of the pixel at `at` (in floats).
INLINE void finish(const output *out, size_t at, int lane, vec sum)
{
    vec value = activate(out->activation, sum + load(out->bias + lane));
    if (out->residual)
        value += load(out->residual + at + lane);
    if (out->activation == UDM_RELU_OF_SUM)
        value = choose(value > 0, value, broadcast(0));
    store(out->dst + at + lane, value);
}

#endif
