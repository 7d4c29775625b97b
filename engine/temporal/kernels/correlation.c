// SPDX-License-Identifier: LGPL-2.1-or-later
// What the noise of two frames has in common; temporal/correlation.c has the equations.
#include <math.h>

#include "temporal/kernels/jobs.h"
#include "temporal/variance.h"

enum { BLOCK = UDM_CORRELATION_BLOCK };

#define SOME 0.3f
#define MOST 0.6f
#define FRESH 0.85f  // share of the least D that fresh noise has: from here on r does not count, and in full up to
#define NEARLY 0.7f  // ... this
#define LEAST 1e-12f // mean square: that of a frame without noise

static const float luma_weights[3] = { 0.299f, 0.587f, 0.114f };

// Sums over the pixels of a column of a block that have a partner.
typedef struct sums {
    float difference[BLOCK], residual[BLOCK], squares[2][BLOCK]; // squares: of the first two
    float noise[BLOCK], count[BLOCK];
} sums;

// The pixels in the other frame that those of a line of a block have moved to, to the nearest; -1: beyond its border.
// True if they lie side by side there, too.
static inline bool partners(const udm_correlation_job *job, int left, int y, int count, int *to)
{
    const int width = job->width;
    const size_t first = (size_t)y * (size_t)width + (size_t)left;
    const float *u = job->flow + first, *v = u + (size_t)width * (size_t)job->height;
    int apart = 0;
    for (int i = 0; i < count; i++) {
        const float px = (float)(left + i) + u[i] + 0.5f, py = (float)y + v[i] + 0.5f;
        const bool within = (px >= 0) & (py >= 0) & (px < (float)width) & (py < (float)job->height);
        const int x = (int)(within ? px : 0), row = (int)(within ? py : 0);
        to[i] = within ? row * width + x : -1;
    }
    for (int i = 0; i < count; i++)
        apart |= (to[i] - i - to[0]) | (to[i] < 0);
    return apart == 0;
}

static inline void add_pixels(const udm_correlation_job *job, int left, int y, int count, sums *restrict sums)
{
    const size_t plane = (size_t)job->width * (size_t)job->height;
    const size_t first = (size_t)y * (size_t)job->width + (size_t)left;
    const float *level = job->level + first, *clean = job->clean + first;
    int to[BLOCK] = { 0 };
    float luma[BLOCK] = { 0 }, other[BLOCK] = { 0 }, has[BLOCK], noise[BLOCK];
    const bool together = partners(job, left, y, count, to);
    for (int i = 0; i < count; i++)
        has[i] = to[i] >= 0 ? 1.f : 0.f;
    for (int c = 0; c < job->channels; c++) {
        const float weight = job->channels == 1 ? 1 : luma_weights[c];
        const float *frame = job->frame + (size_t)c * plane + first;
        const float *beside = job->beside + (size_t)c * plane;
        for (int i = 0; i < count; i++)
            luma[i] += weight * frame[i];
        for (int i = 0; i < count && together; i++)
            other[i] += weight * beside[to[0] + i];
        for (int i = 0; i < count && !together; i++)
            other[i] += weight * beside[to[i] < 0 ? 0 : to[i]];
    }
    for (int i = 0; i < count; i++)
        noise[i] = has[i] * variance_of(level[i], 1);
    INDEPENDENT
    for (int i = 0; i < count; i++) {
        const float d = has[i] * (luma[i] - other[i]), n = has[i] * (luma[i] - clean[i]);
        sums->difference[i] += d, sums->squares[0][i] += d * d;
        sums->residual[i] += n, sums->squares[1][i] += n * n;
        sums->noise[i] += noise[i], sums->count[i] += has[i];
    }
}

// All but the last block of a line are whole, which the compiler should know.
static void add_row(const udm_correlation_job *job, int left, int y, int count, sums *restrict sums)
{
    if (count == BLOCK)
        add_pixels(job, left, y, BLOCK, sums);
    else
        add_pixels(job, left, y, count, sums);
}

static float sum(const float values[BLOCK])
{
    float total = 0;
    for (int i = 0; i < BLOCK; i++)
        total += values[i];
    return total;
}

// The sum of squares about the mean.
static float deviation(const float values[BLOCK], const float squares[BLOCK], float count)
{
    const float total = sum(values);
    return count > 0 ? sum(squares) - total * total / count : 0;
}

// 0 up to `from`, 1 from `to` on.
static float ramp(float value, float from, float to)
{
    const float share = (value - from) / (to - from);
    return share < 0 ? 0 : share < 1 ? share : 1;
}

// The least variance that noise of variance 1 has in luma: that of independent channels.
static float least_luma(int channels)
{
    float total = 0;
    for (int c = 0; c < channels; c++)
        total += luma_weights[c] * luma_weights[c];
    return channels == 1 ? 1 : total;
}

static float correlation_of(const udm_correlation_job *job, const sums *sums)
{
    const float pixels = sum(sums->count), fresh = 2 * least_luma(job->channels) * sum(sums->noise);
    const float difference = deviation(sums->difference, sums->squares[0], pixels);
    const float twice = 2 * deviation(sums->residual, sums->squares[1], pixels);
    const float below = difference < fresh ? 1 - ramp(difference / fresh, NEARLY, FRESH) : 0;
    const float r = twice > LEAST * pixels && difference < twice ? 1 - difference / twice : 0;
    return job->repeat && difference < fresh ? 1 : below * r * ramp(r, SOME, MOST);
}

// Blocks side by side row by row, as memory has them.
void NAME(udm_temporal_correlate)(void *context, int index, int worker)
{
    enum { TOGETHER = UDM_BLOCKS_TOGETHER };
    const udm_correlation_job *job = context;
    const int parts = udm_block_parts(job->columns), row = index / parts, first = index % parts * TOGETHER;
    const int blocks = job->columns - first < TOGETHER ? job->columns - first : TOGETHER, top = row * BLOCK;
    const int bottom = job->height - top < BLOCK ? job->height : top + BLOCK;
    sums sums[TOGETHER] = { 0 };
    for (int y = top; y < bottom; y += job->step)
        for (int b = 0; b < blocks; b++) {
            const int left = (first + b) * BLOCK;
            add_row(job, left, y, job->width - left < BLOCK ? job->width - left : BLOCK, &sums[b]);
        }
    for (int b = 0; b < blocks; b++)
        job->shared[row * job->columns + first + b] = correlation_of(job, &sums[b]);
}
