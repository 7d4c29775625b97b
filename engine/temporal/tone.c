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
    EVERY = 3,       // pixels, of which one is learnt from,
    MANY = 3 * 10000 // in a frame of more than these
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
    curve curves[CHANNELS];
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

static void learn(curve *curve, const float *frame, const float *made, size_t pixels, float sigma)
{
    for (int k = 0; k < KNOTS; k++)
        curve->sums[k] *= memory, curve->weights[k] *= memory;
    const float inside = 1 - margin * sigma, most = far * sigma;
    for (size_t i = 0; i<pixels; i += pixels> MANY ? EVERY : 1) {
        const float difference = frame[i] - made[i];
        if (!(fabsf(made[i]) < inside && fabsf(difference) < most))
            continue;
        float share;
        const int k = knot_of(made[i], &share);
        curve->sums[k] += (1 - share) * difference, curve->sums[k + 1] += share * difference;
        curve->weights[k] += 1 - share, curve->weights[k + 1] += share;
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

static void learn_plane(void *context, int c, int worker)
{
    job *job = context;
    const size_t at = c * job->pixels;
    learn(&job->tone->curves[c], job->frame + at, job->made + at, job->pixels, job->sigma);
    find_bias(&job->tone->curves[c], job->sigma, job->bias[c]);
}

void udm_tone_keep(udm_tone *tone, const float *frame, float *made, int channels, size_t pixels, float sigma,
                   udm_pool *pool)
{
    job job = { .tone = tone, .frame = frame, .made = made, .pixels = pixels, .sigma = sigma };
    udm_pool_run(pool, channels, learn_plane, &job);
    udm_tone_job adding = { pixels, (const float(*)[KNOTS])job.bias, made };
    udm_pool_run(pool, channels * udm_temporal_parts(pixels), udm_temporal_ops_for(pool)->add_tone, &adding);
}
