// SPDX-License-Identifier: LGPL-2.1-or-later
// Both pictures, warped to the instant, and their cross-fade are three estimates of a frame; their mean, weighted by
// what is known of each, is the prediction. A network is shown by how much they differ from it, and gives a logit for
// each:
//
//     prediction = sum_k weight_k estimate_k
//     better     = sum_k weight_k e^(8 logit_k) estimate_k / sum_k weight_k e^(8 logit_k)
//     x0         = what it makes of frame and prediction + (the prediction's part in that) (better - prediction)
//
// Where the frame is known, a prediction has no part in it (backend/fusion.h).
#include "interp/blending.h"

#include <math.h>
#include <stdlib.h>

#include "base/maths.h"
#include "interp/kernels/kernels.h"

enum { BAND = 16 }; // rows of a job

#define NOMINAL_RATE 24
#define MOST_BIAS .125f // of a network, in [-1, 1]: more is what it draws

struct udm_blending {
    udm_blending_job job;
    size_t pixels;
    const udm_network *network;
    udm_pool *pool;
    float *memory;
};

bool udm_blending_check(const udm_network *network, udm_error *error)
{
    enum { CONTEXT = UDM_BLENDING_CONTEXT, ESTIMATES = UDM_BLENDING_ESTIMATES };
    if (network && ((network->context != 0 && network->context != CONTEXT) ||
                    (network->mixes != 0 && network->mixes != ESTIMATES)))
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "a network that interpolates has %d planes of context or none, and mixes %d estimates or none; "
                        "this one has %d and %d",
                        CONTEXT, ESTIMATES, network->context, network->mixes);
    return true;
}

udm_blending *udm_blending_new(int width, int height, int channels, const udm_network *network, udm_pool *pool,
                               udm_error *error)
{
    if (!udm_blending_check(network, error))
        return NULL;
    const size_t n = (size_t)width * height;
    const int wide = network ? network->channels : channels;
    udm_blending *e = calloc(1, sizeof *e);
    float *memory = calloc(n * (wide + 1 + UDM_BLENDING_CONTEXT), sizeof(float));
    if (!e || !memory) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for frames of %dx%d", width, height);
        free(memory);
        free(e);
        return NULL;
    }
    e->job = (udm_blending_job){ .width = width, .height = height, .channels = channels, .wide = wide };
    e->pixels = n, e->network = network, e->pool = pool, e->memory = memory;
    e->job.predicted = memory, e->job.level = memory + n * wide, e->job.context = e->job.level + n;
    return e;
}

void udm_blending_free(udm_blending *blending)
{
    if (!blending)
        return;
    free(blending->memory);
    free(blending);
}

typedef struct band_job {
    const udm_blending_job *job;
    udm_blending_row row;
} band_job;

static void run_band(void *context, int index, int worker)
{
    const band_job *b = context;
    for (int y = index * BAND; y < (index + 1) * BAND && y < b->job->height; y++)
        b->row(b->job, y);
}

static void for_rows(const udm_blending *e, const udm_blending_job *job, udm_blending_row row)
{
    udm_pool_run(e->pool, udm_divide_up(job->height, BAND), run_band, &(band_job){ job, row });
}

static void fill(float *plane, size_t pixels, float value)
{
    for (size_t i = 0; i < pixels; i++)
        plane[i] = value;
}

// The logarithm of the time between the pictures, within reason; 0 at 24 frames a second.
static float time_plane(double seconds)
{
    const double gaps = seconds > 0 ? log2(seconds * NOMINAL_RATE) : 0;
    return (float)((gaps < -6 ? -6 : gaps < 6 ? gaps : 6) / 3);
}

void udm_blending_run(udm_blending *e, const udm_synthesis *synthesis, const float *const pictures[2], double position,
                      double seconds)
{
    udm_blending_job *job = &e->job;
    for (int k = 0; k < 2; k++) {
        job->warped[k] = udm_synthesis_warped(synthesis, k), job->variance[k] = udm_synthesis_variance(synthesis, k);
        job->support[k] = udm_synthesis_support(synthesis, k);
        job->pictures[k] = pictures[k];
    }
    job->mean = udm_synthesis_mean(synthesis), job->still = udm_synthesis_still(synthesis);
    job->position = (float)(position < 0 ? 0 : position < 1 ? position : 1);
    for_rows(e, job, udm_synthesis_ops_for(e->pool)->blend);
    float *constants = job->context + UDM_BLENDING_PLANES * e->pixels;
    fill(constants, e->pixels, (float)position - 0.5f);
    fill(constants + e->pixels, e->pixels, time_plane(seconds));
}

const float *udm_blending_mean(const udm_blending *blending)
{
    return blending->job.predicted;
}

const float *udm_blending_level(const udm_blending *blending)
{
    return blending->job.level;
}

const float *udm_blending_context(const udm_blending *blending)
{
    return blending->network && blending->network->context ? blending->job.context : NULL;
}

const float *udm_blending_planes(const udm_blending *blending)
{
    return blending->job.context;
}

typedef struct channel_job {
    const udm_blending_job *job;
    float *frame;
} channel_job;

static void keep_channel(void *context, int c, int worker)
{
    const channel_job *b = context;
    const size_t width = (size_t)b->job->width, n = width * (size_t)b->job->height;
    const float *mean = b->job->mean + (c < b->job->channels ? (size_t)c * n : 0);
    float *frame = b->frame + (size_t)c * n;
    double brighter = 0;
    for (size_t y = 0; y < n; y += width) {
        float row = 0;
        for (size_t x = y; x < y + width; x++)
            row += frame[x] - mean[x];
        brighter += row;
    }
    const float excess = (float)(brighter / (double)n);
    for (size_t i = 0; fabsf(excess) < MOST_BIAS && i < n; i++)
        frame[i] -= excess;
}

void udm_blending_keep_brightness(const udm_blending *e, float *frame)
{
    udm_pool_run(e->pool, e->job.wide, keep_channel, &(channel_job){ &e->job, frame });
}

void udm_blending_refine(const udm_blending *e, const float *level, const float *output, float *x0)
{
    if (!e->network || e->network->mixes == 0)
        return;
    udm_blending_job job = e->job;
    job.frame_level = level, job.x0 = x0;
    job.logits = output + (udm_network_outputs(e->network) - e->network->mixes) * e->pixels;
    for_rows(e, &job, udm_synthesis_ops_for(e->pool)->reblend);
}
