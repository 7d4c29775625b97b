// SPDX-License-Identifier: LGPL-2.1-or-later
// Any convolution as one matrix product: a row of the left matrix is all that an output pixel sees, [taps][sources]
// [channels].
#include <string.h>

#include "backend/cpu/kernels/cells.h"
#include "backend/cpu/kernels/kernels.h"

// Appends the channels of a source at pixel (y, x), zeros outside of it; up to 15 zeros more, which the next
// overwrites.
INLINE void gather_pixel(cell *row, const udm_tensor *src, int y, int x)
{
    udm_shape shape = src->shape;
    int blocks = udm_cpu_blocks(shape.c);
    size_t plane = (size_t)shape.h * shape.w * UDM_CPU_BLOCK;
    bool within = y >= 0 && y < shape.h && x >= 0 && x < shape.w;
    if (src->layout == UDM_HALVES) { // as rows have it
        const uint16_t *halves = (const uint16_t *)(const void *)udm_host_data(src);
        for (int b = 0; b < blocks; b++) {
            if (within)
                memcpy(row + b * UDM_CPU_BLOCK, halves + b * plane + ((size_t)y * shape.w + x) * UDM_CPU_BLOCK,
                       UDM_CPU_BLOCK * sizeof *halves);
            else
                memset(row + b * UDM_CPU_BLOCK, 0, UDM_CPU_BLOCK * sizeof *halves);
        }
        return;
    }
    const float *from = within ? udm_host_data(src) + ((size_t)y * shape.w + x) * UDM_CPU_BLOCK : NULL;
    for (int b = 0; b < blocks; b++)
        for (int lane = 0; lane < UDM_CPU_BLOCK; lane += LANES)
            store_cells(row + b * UDM_CPU_BLOCK + lane, within ? load(from + b * plane + lane) : broadcast(0));
}

static void gather(const udm_cpu_run *run, int pixel, cell *row)
{
    const udm_conv_weights *weights = run->weights;
    int width = run->conv->dst.shape.w;
    int top = pixel / width * weights->stride - weights->padding,
        left = pixel % width * weights->stride - weights->padding;
    for (int ky = 0; ky < weights->size; ky++)
        for (int kx = 0; kx < weights->size; kx++)
            for (int s = 0; s < weights->sources; s++) {
                gather_pixel(row, &run->conv->src[s], top + ky, left + kx);
                row += weights->in[s];
            }
}

// The sums of group g for the pixels [first, first + count).
static void scatter(const udm_cpu_run *run, const float *sums, int first, int count, int g)
{
    udm_shape shape = run->conv->dst.shape;
    size_t plane = (size_t)shape.h * shape.w * UDM_CPU_BLOCK;
    for (int half = 0; half < udm_cpu_width(run->weights, g) / UDM_CPU_BLOCK; half++) {
        int block = 2 * g + half;
        output out = output_of(run, block, plane);
        for (int i = 0; i < count; i++)
            for (int lane = 0; lane < UDM_CPU_BLOCK; lane += LANES)
                finish(&out, (size_t)(first + i) * UDM_CPU_BLOCK, lane,
                       load(sums + i * UDM_CPU_GROUP + half * UDM_CPU_BLOCK + lane));
    }
}

// As multiply_cells(), with weights of 16 bits, some of which become floats at a time in `wide`. Elements are summed in
// the same order.
static void multiply_halves(const udm_conv_weights *weights, const cell *cells, int g, float *sums, float *wide,
                            int count)
{
    const float *rows = (const float *)(const void *)cells;
    const uint16_t *panel = udm_cpu_half_panel(weights, g, 0);
    const int width = udm_cpu_width(weights, g);
    for (int k = 0; k < weights->steps; k += UDM_CPU_HALF_STEPS) {
        const int steps = weights->steps - k < UDM_CPU_HALF_STEPS ? weights->steps - k : UDM_CPU_HALF_STEPS;
        widen(panel + (size_t)k * width, (size_t)steps * width, wide, weights->kind);
        if (k == 0)
            multiply(rows, weights->row, wide, width, sums, count, steps, false, false);
        else
            multiply(rows + k, weights->row, wide, width, sums, count, steps, false, true);
    }
}

void NAME(udm_cpu_direct)(void *context, int index, int worker)
{
    const udm_cpu_run *run = context;
    const udm_conv_weights *weights = run->weights;
    job_part part = part_of(run, index);
    cell *rows = (cell *)(run->scratch + worker * run->per_worker);
    float *sums = (float *)rows + udm_cpu_rows_floats(weights, run->batch);
    float *wide = sums + udm_cpu_sums_stride(run->batch);
    for (int first = part.first; first < part.end; first += run->batch) {
        int count = part.end - first < run->batch ? part.end - first : run->batch;
        for (int i = 0; i < count; i++)
            gather(run, first + i, rows + (size_t)i * weights->row);
        for (int g = part.first_group; g < part.end_group; g++) {
            if (weights->kind)
                multiply_halves(weights, rows, g, sums, wide, count);
            else
                multiply_cells(weights, rows, g, 0, sums, count);
            scatter(run, sums, first, count, g);
        }
    }
}
