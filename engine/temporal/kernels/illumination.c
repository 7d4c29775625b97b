// SPDX-License-Identifier: LGPL-2.1-or-later
// Illumination that changed; temporal/illumination.c has the equations.
#include <stdbool.h>
#include <stddef.h>

#include "temporal/kernels/jobs.h"
#include "temporal/variance.h"

enum { BLOCK = UDM_ILLUMINATION_BLOCK, MOST_CHANNELS = UDM_ILLUMINATION_CHANNELS };

#define FAR 3.f
#define SURE 4.f
#define LEAST 1e-6f // variance: a tenth of a grey level

static size_t blocks(const udm_illumination_job *job)
{
    return (size_t)job->columns * (size_t)job->rows;
}

// Sums over the pixels of a column of a block: of w, of w^2 u and, for each channel, of w d.
typedef struct sums {
    float weight[BLOCK], variance[BLOCK], difference[MOST_CHANNELS][BLOCK];
} sums;

static inline void add_pixels(const udm_illumination_job *job, size_t first, int count, sums *restrict sums)
{
    const size_t plane = (size_t)job->width * (size_t)job->height;
    const float *frame = job->frame + first, *predicted = job->predicted + first;
    const float *level = job->level + first, *variance = job->variance + first, unknown = job->unknown;
    float square[BLOCK] = { 0 }, weight[BLOCK];
    for (int c = 0; c < job->channels; c++)
        for (int i = 0; i < count; i++) {
            const float d = frame[(size_t)c * plane + i] - predicted[(size_t)c * plane + i];
            square[i] += d * d;
        }
    const float share = 1 / (FAR * FAR * (float)job->channels);
    for (int i = 0; i < count; i++) {
        const float both = variance_of(level[i], unknown) + variance[i], u = both > LEAST ? both : LEAST;
        const float near = u / (u + share * square[i]);
        weight[i] = variance[i] < unknown ? near * near / u : 0;
        sums->weight[i] += weight[i];
        sums->variance[i] += weight[i] * weight[i] * u;
    }
    for (int c = 0; c < job->channels; c++)
        for (int i = 0; i < count; i++)
            sums->difference[c][i] += weight[i] * (frame[(size_t)c * plane + i] - predicted[(size_t)c * plane + i]);
}

// All but the last block of a line are whole, which the compiler should know.
static void add_row(const udm_illumination_job *job, size_t first, int count, sums *restrict sums)
{
    if (count == BLOCK)
        add_pixels(job, first, BLOCK, sums);
    else
        add_pixels(job, first, count, sums);
}

static float sum(const float values[BLOCK])
{
    float total = 0;
    for (int i = 0; i < BLOCK; i++)
        total += values[i];
    return total;
}

static void find_offsets(const udm_illumination_job *job, const sums *sums, size_t block)
{
    const float weight = sum(sums->weight), threshold = SURE * sum(sums->variance);
    for (int c = 0; c < job->channels; c++) {
        const float total = sum(sums->difference[c]), excess = total * total - threshold;
        job->offsets[(size_t)c * blocks(job) + block] = excess > 0 ? excess / (total * weight) : 0;
    }
}

// Blocks side by side row by row, as memory has them.
void NAME(udm_temporal_measure_light)(void *context, int index, int worker)
{
    enum { TOGETHER = UDM_BLOCKS_TOGETHER };
    const udm_illumination_job *job = context;
    const int parts = udm_block_parts(job->columns), row = index / parts, first = index % parts * TOGETHER;
    const int count = job->columns - first < TOGETHER ? job->columns - first : TOGETHER, top = row * BLOCK;
    const int bottom = job->height - top < BLOCK ? job->height : top + BLOCK;
    sums sums[TOGETHER] = { 0 };
    for (int y = top; y < bottom; y += job->step)
        for (int b = 0; b < count; b++) {
            const int left = (first + b) * BLOCK;
            add_row(job, (size_t)y * (size_t)job->width + (size_t)left,
                    job->width - left < BLOCK ? job->width - left : BLOCK, &sums[b]);
        }
    for (int b = 0; b < count; b++)
        find_offsets(job, &sums[b], (size_t)(row * job->columns + first + b));
}

static int within(int at, int count)
{
    return at < 0 ? 0 : at < count ? at : count - 1;
}

static float between(float a, float b, float share)
{
    return a + share * (b - a);
}

// How far a pixel is beyond the middle of a block, in blocks.
static float beyond(int pixel, int block)
{
    return ((float)pixel + 0.5f) / BLOCK - 0.5f - (float)block;
}

// One line of a plane, from the middle of a block to that of the next.
static void shift_line(const udm_illumination_job *job, int y, const float *above, const float *below, float down,
                       float *predicted)
{
    const float *variance = job->variance + (size_t)y * (size_t)job->width, unknown = job->unknown;
    for (int b = -1, first = 0; first < job->width; b++) {
        const int l = within(b, job->columns), r = within(b + 1, job->columns);
        const int next = (b + 1) * BLOCK + BLOCK / 2, end = next < job->width ? next : job->width;
        const float from = between(above[l], below[l], down), step = between(above[r], below[r], down) - from;
        for (int x = first; x < end; x++) {
            const float offset = from + step * beyond(x, b);
            predicted[x] += variance[x] < unknown ? offset : 0;
        }
        first = end;
    }
}

// Whether no block of a row of them is brighter or darker, as most are not.
static bool stays(const udm_illumination_job *job, const float *above, const float *below)
{
    for (int i = 0; i < job->columns; i++)
        if (above[i] != 0 || below[i] != 0)
            return false;
    return true;
}

void NAME(udm_temporal_shift_light)(void *context, int index, int worker)
{
    const udm_illumination_job *job = context;
    const size_t plane = (size_t)job->width * (size_t)job->height;
    const int block = (index + BLOCK / 2) / BLOCK - 1; // the last whose middle is not below
    const size_t above = (size_t)within(block, job->rows) * (size_t)job->columns;
    const size_t below = (size_t)within(block + 1, job->rows) * (size_t)job->columns;
    for (int c = 0; c < job->channels; c++) {
        const float *offsets = job->offsets + (size_t)c * blocks(job);
        float *predicted = job->predicted + (size_t)c * plane + (size_t)index * (size_t)job->width;
        if (!stays(job, offsets + above, offsets + below))
            shift_line(job, index, offsets + above, offsets + below, beyond(index, block), predicted);
    }
}
