// SPDX-License-Identifier: LGPL-2.1-or-later
// A frame y has noise of variance s, and the prediction g of it noise of variance p; both noises have the covariance c.
// What is left of the prediction without the part b = c / s that it shares with the frame,
//
//     g' = (g - b y) / (1 - b)   of variance   (p - b c) / (1 - b)^2,
//
// has noise that is independent of the frame's, as the filter and the networks take it for granted. Where the frame is
// all that the prediction was made of, b is 1 and nothing is left: the frame stands alone.
//
// The mean of a Kalman filter has as much in common with the last frame that it was updated with as is its variance: so
// c = r p, where r is the correlation of the noise of that frame with this one's. In each block of BLOCK x BLOCK pixels
//
//     r = 1 - D / 2 N,
//
// D being the variance of the difference of both frames along the motion, in luma, and N the mean square of what an
// estimate without noise leaves of the frame: its noise, and some texture, for which r counts only from SOME on, in
// full from MOST. Where the level is right, fresh noise has a D of 2 s, so r counts only where D is well below that.
#include "temporal/correlation.h"

#include <math.h>
#include <stdlib.h>

#include "temporal/kernels/kernels.h"
#include "temporal/variance.h"

enum { BLOCK = UDM_CORRELATION_BLOCK };

#define SHARED 0.9f // of b: from here on what is left of the prediction is worth less than a tenth of the frame
struct udm_correlation {
    int width, height, channels, columns, rows; // pixels; blocks
    udm_pool *pool;
    float shared[]; // r as far as it counts, [rows, columns]
};

udm_correlation *udm_correlation_new(int width, int height, int channels, udm_pool *pool, udm_error *error)
{
    const int columns = (width - 1) / BLOCK + 1, rows = (height - 1) / BLOCK + 1;
    const size_t bytes = sizeof(udm_correlation) + (size_t)columns * (size_t)rows * sizeof(float);
    udm_correlation *correlation = malloc(bytes);
    if (!correlation) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for what two frames share");
        return NULL;
    }
    *correlation = (udm_correlation){
        .width = width, .height = height, .channels = channels, .columns = columns, .rows = rows, .pool = pool
    };
    return correlation;
}

void udm_correlation_free(udm_correlation *correlation)
{
    free(correlation);
}

size_t udm_correlation_memory(const udm_correlation *correlation)
{
    return sizeof *correlation + (size_t)correlation->columns * (size_t)correlation->rows * sizeof(float);
}

bool udm_correlation_measure(udm_correlation *correlation, const udm_correlation_input *input)
{
    const int blocks = correlation->columns * correlation->rows;
    udm_correlation_job job = { .width = correlation->width,
                                .height = correlation->height,
                                .channels = correlation->channels,
                                .columns = correlation->columns,
                                .rows = correlation->rows,
                                .frame = input->frame,
                                .beside = input->beside,
                                .level = input->level,
                                .clean = input->clean,
                                .flow = input->flow,
                                .repeat = input->repeat,
                                .step = input->step > 1 ? input->step : 1,
                                .shared = correlation->shared };
    udm_pool_run(correlation->pool, correlation->rows * udm_block_parts(correlation->columns),
                 udm_temporal_ops_for(correlation->pool)->correlate, &job);
    for (int i = 0; i < blocks; i++)
        if (correlation->shared[i] > 0)
            return true;
    return false;
}

typedef struct remove_job {
    const udm_correlation *correlation;
    const float *frame, *level;
    float unknown;
    float *predicted, *variance;
} remove_job;

static int within(int at, int count)
{
    return at < 0 ? 0 : at < count ? at : count - 1;
}

// r at a pixel, between the middles of the blocks around it.
static float shared_at(const udm_correlation *correlation, int x, int y)
{
    const float bx = ((float)x + 0.5f) / BLOCK - 0.5f, by = ((float)y + 0.5f) / BLOCK - 0.5f;
    const int column = (int)floorf(bx), row = (int)floorf(by);
    const float right = bx - (float)column, down = by - (float)row;
    const float *above = correlation->shared + (size_t)within(row, correlation->rows) * (size_t)correlation->columns;
    const float *below =
        correlation->shared + (size_t)within(row + 1, correlation->rows) * (size_t)correlation->columns;
    const int l = within(column, correlation->columns), r = within(column + 1, correlation->columns);
    const float upper = above[l] + right * (above[r] - above[l]), lower = below[l] + right * (below[r] - below[l]);
    return upper + down * (lower - upper);
}

// Whether none of the blocks around a row of pixels has anything in common.
static bool shares_nothing(const udm_correlation *correlation, int y)
{
    const int row = (int)floorf(((float)y + 0.5f) / BLOCK - 0.5f);
    for (int k = 0; k < 2; k++) {
        const size_t first = (size_t)within(row + k, correlation->rows) * (size_t)correlation->columns;
        for (int i = 0; i < correlation->columns; i++)
            if (correlation->shared[first + (size_t)i] > 0)
                return false;
    }
    return true;
}

static void remove_row(void *context, int index, int worker)
{
    const remove_job *job = context;
    const udm_correlation *correlation = job->correlation;
    const size_t plane = (size_t)correlation->width * (size_t)correlation->height;
    const size_t first = (size_t)index * (size_t)correlation->width;
    if (shares_nothing(correlation, index))
        return;
    for (int x = 0; x < correlation->width; x++) {
        const size_t at = first + (size_t)x;
        const float noise = variance_of(job->level[at], job->unknown), p = job->variance[at];
        const float c = shared_at(correlation, x, index) * p;
        if (c <= 0 || p >= job->unknown || noise <= 0)
            continue;
        const float share = c / noise;
        if (share >= SHARED) {
            job->variance[at] = job->unknown;
            continue;
        }
        const float rest = 1 / (1 - share);
        job->variance[at] = (p - share * c) * rest * rest;
        for (size_t i = at; i < plane * (size_t)correlation->channels; i += plane)
            job->predicted[i] = (job->predicted[i] - share * job->frame[i]) * rest;
    }
}

void udm_correlation_remove(const udm_correlation *correlation, const float *frame, const float *level, float unknown,
                            float *predicted, float *variance)
{
    udm_pool_run(correlation->pool, correlation->height, remove_row,
                 &(remove_job){ correlation, frame, level, unknown, predicted, variance });
}
