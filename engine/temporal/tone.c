// SPDX-License-Identifier: LGPL-2.1-or-later
// For each plane the mean difference between what came in and what was made, by tone: a curve of straight pieces.
#include "temporal/tone.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "temporal/kernels/kernels.h"

enum {
    KNOTS = UDM_TONE_KNOTS,
    CHANNELS = 3,
    EVERY = 3,        // pixels, of which one is learnt from,
    MANY = 3 * 10000, // in a frame of more than these
    PARTS = 16        // of a plane, whose sums are added in their order whatever the threads
};

// Frames before count less by this from one to the next.
static const double memory = 0.875;
// A bias is seldom more than this, two grey levels: with few pixels less of what they show is believed.
static const double usual = 2 / 127.5;
// In deviations of the noise: tones nearer to black or white were clipped, and larger differences are no noise.
static const float margin = 2, far = 4;

typedef struct curve {
    double sums[KNOTS], weights[KNOTS];
} curve;

struct udm_tone {
    curve curves[CHANNELS], parts[CHANNELS][PARTS];
};

udm_tone *udm_tone_new(udm_error *error)
{
    udm_tone *tone = calloc(1, sizeof *tone);
    if (!tone)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a stream");
    return tone;
}

void udm_tone_free(udm_tone *tone)
{
    free(tone);
}

void udm_tone_clear(udm_tone *tone)
{
    memset(tone, 0, sizeof *tone);
}

// Of a value in [-1, 1]: the knot below, and how far it is to the next.
static int knot_of(float value, float *share)
{
    const float at = (value + 1) * ((KNOTS - 1) / 2.f);
    const int knot = at < KNOTS - 1 ? (int)at : KNOTS - 2;
    *share = at - (float)knot;
    return knot;
}

// Of the pixels [first, end).
static curve learn(const float *frame, const float *made, size_t first, size_t end, size_t step, float sigma)
{
    curve found = { 0 };
    const float inside = 1 - margin * sigma, most = far * sigma;
    for (size_t i = first; i < end; i += step) {
        const float difference = frame[i] - made[i];
        if (!(fabsf(made[i]) < inside && fabsf(difference) < most))
            continue;
        float share;
        const int k = knot_of(made[i], &share);
        found.sums[k] += (1 - share) * difference, found.sums[k + 1] += share * difference;
        found.weights[k] += 1 - share, found.weights[k + 1] += share;
    }
    return found;
}

static void add_parts(curve *curve, const struct curve *parts)
{
    for (int k = 0; k < KNOTS; k++) {
        curve->sums[k] *= memory, curve->weights[k] *= memory;
        for (int part = 0; part < PARTS; part++)
            curve->sums[k] += parts[part].sums[k], curve->weights[k] += parts[part].weights[k];
    }
}

static void find_bias(const curve *curve, float sigma, float bias[KNOTS])
{
    const double few = sigma * sigma / (usual * usual);
    for (int k = 0; k < KNOTS; k++)
        bias[k] = (float)(curve->sums[k] / (curve->weights[k] + few));
}

typedef struct job {
    udm_tone *tone;
    const float *frame, *made;
    size_t pixels;
    float sigma;
    float bias[CHANNELS][KNOTS];
} job;

static void learn_part(void *context, int index, int worker)
{
    const job *job = context;
    const int c = index / PARTS, part = index % PARTS;
    const size_t step = job->pixels > MANY ? EVERY : 1, at = c * job->pixels;
    const size_t length = (job->pixels / step / PARTS + 1) * step, first = part * length;
    const size_t end = first + length < job->pixels ? first + length : job->pixels;
    job->tone->parts[c][part] = learn(job->frame + at, job->made + at, first, end, step, job->sigma);
}

void udm_tone_keep(udm_tone *tone, const float *frame, float *made, int channels, size_t pixels, float sigma,
                   udm_pool *pool)
{
    job job = { .tone = tone, .frame = frame, .made = made, .pixels = pixels, .sigma = sigma };
    udm_pool_run(pool, channels * PARTS, learn_part, &job);
    for (int c = 0; c < channels; c++) {
        add_parts(&tone->curves[c], tone->parts[c]);
        find_bias(&tone->curves[c], sigma, job.bias[c]);
    }
    udm_tone_job adding = { pixels, (const float(*)[KNOTS])job.bias, made };
    udm_pool_run(pool, channels * udm_temporal_parts(pixels), udm_temporal_ops_for(pool)->add_tone, &adding);
}
