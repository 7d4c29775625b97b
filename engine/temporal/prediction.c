// SPDX-License-Identifier: LGPL-2.1-or-later
// A Kalman filter for each pixel. The prediction g has a variance p: that of the noise left in it, and that of its
// error, which a network predicts. With a frame y of noise s:
//
//     mean = g + k (y - g),   k = p / (p + s),   of variance k s.
//
// If the illumination changed, that is corrected first (illumination.c), and what both noises have in common is taken
// out (correlation.c). Each warp adds a small error that does not average out: so the variance grows by FADE from frame
// to frame (a filter of fading memory; it was worth 0.15 dB, and 0.4 no more), and by less where it is at rest.
//
// The mean is moved along the motion and is the next prediction. Two predictions g and h made of different frames, with
// the variances p and q, are worth (q g + p h) / (p + q) of variance p q / (p + q). Variances are relative to the
// signal: level^2 / (1 - level^2).
//
// There is memory for two pictures and their variances only: the mean, and the prediction. While the prediction is in
// use the mean is not, and its memory holds what networks are given.
#include "temporal/prediction.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "network/network.h"
#include "temporal/illumination.h"
#include "temporal/variance.h"
#include "flow/warp.h"

enum { PART = 1024, LANES = 4 }; // pixels of a job; of a vector, as every machine has them

#include "base/exponential.h"

#define FADE 0.15f
#define FADE_AT_REST 0.03f // where the flow is exactly 0

static const float unknown = 1e4f; // a variance of which nothing is known; finite, so that it can be interpolated

struct udm_predictor {
    int width, height, channels;
    size_t pixels;
    bool began, made; // there is a mean; there is a prediction
    udm_pool *pool;
    udm_warper *warper;
    udm_illumination *illumination;
    udm_correlation *correlation;
    float *memory;
    float *mean, *moved; // [channels, height, width]
    float *mean_variance,
        *variance; // [height, width]; that of the prediction is `unknown` or more where it is not known
};

udm_predictor *udm_predictor_new(int width, int height, int channels, udm_device *device, udm_pool *pool,
                                 udm_error *error)
{
    if (width < 1 || height < 1 || channels < 1) {
        udm_fail(error, UDM_ERROR_SETTINGS, "%d planes of %d x %d cannot be predicted", channels, width, height);
        return NULL;
    }
    size_t plane, floats, bytes;
    bool fits = !__builtin_mul_overflow((size_t)width, (size_t)height, &plane) &&
                !__builtin_mul_overflow(plane, 2 * ((size_t)channels + 1), &floats) &&
                !__builtin_mul_overflow(floats, sizeof(float), &bytes);
    udm_predictor *predictor = fits ? calloc(1, sizeof *predictor) : NULL;
    const bool have = predictor && (predictor->memory = malloc(bytes));
    if (!have)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a prediction of %d planes of %d x %d", channels, width,
                 height);
    if (!have || !(predictor->warper = udm_warper_new(device, error)) ||
        !(predictor->illumination = udm_illumination_new(width, height, channels, pool, error)) ||
        !(predictor->correlation = udm_correlation_new(width, height, channels, pool, error))) {
        udm_predictor_free(predictor);
        return NULL;
    }
    predictor->width = width;
    predictor->height = height;
    predictor->channels = channels;
    predictor->pixels = plane;
    predictor->pool = pool;
    predictor->mean = predictor->memory;
    predictor->moved = predictor->mean + plane * (size_t)channels;
    predictor->mean_variance = predictor->moved + plane * (size_t)channels;
    predictor->variance = predictor->mean_variance + plane;
    return predictor;
}

void udm_predictor_free(udm_predictor *predictor)
{
    if (!predictor)
        return;
    udm_correlation_free(predictor->correlation);
    udm_illumination_free(predictor->illumination);
    udm_warper_free(predictor->warper);
    free(predictor->memory);
    free(predictor);
}

void udm_predictor_reset(udm_predictor *predictor)
{
    predictor->began = predictor->made = false;
}

size_t udm_predictor_memory(const udm_predictor *predictor)
{
    const size_t pictures = 2 * ((size_t)predictor->channels + 1) * predictor->pixels * sizeof(float);
    return pictures + udm_illumination_memory(predictor->illumination) + udm_correlation_memory(predictor->correlation);
}

static int parts(const udm_predictor *predictor)
{
    return (int)((predictor->pixels + PART - 1) / PART);
}

static size_t part_length(const udm_predictor *predictor, int index)
{
    const size_t left = predictor->pixels - (size_t)index * PART;
    return left < PART ? left : PART;
}

typedef struct fade_job {
    udm_predictor *predictor;
    const float *flow;
} fade_job;

// The variance grows; it is `unknown` where the flow came from outside, which mean_variance marks with 0 for now.
static void fade_part(void *context, int index, int worker)
{
    const fade_job *job = context;
    const udm_predictor *predictor = job->predictor;
    const size_t first = (size_t)index * PART, count = part_length(predictor, index);
    const float *valid = predictor->mean_variance + first, *u = job->flow + first, *v = u + predictor->pixels;
    float *restrict variance = predictor->variance + first;
    for (size_t i = 0; i < count; i++) {
        const float fade = u[i] == 0 && v[i] == 0 ? FADE_AT_REST : FADE;
        variance[i] = valid[i] > 0 ? (1 + fade) * variance[i] : unknown;
    }
}

bool udm_predictor_predict(udm_predictor *predictor, const float *flow, udm_error *error)
{
    const udm_warp_input spread = {
        predictor->width, predictor->height, 1, UDM_BILINEAR, flow, predictor->mean_variance
    };
    const udm_warp_input mean = { predictor->width, predictor->height, predictor->channels, UDM_LANCZOS_3, flow,
                                  predictor->mean };
    if (!predictor->began || predictor->made)
        return true;
    if (!udm_warper_run(predictor->warper, &spread, predictor->variance, NULL, error) ||
        !udm_warper_run(predictor->warper, &mean, predictor->moved, predictor->mean_variance, error))
        return false;
    udm_pool_run(predictor->pool, parts(predictor), fade_part, &(fade_job){ predictor, flow });
    predictor->made = true;
    return true;
}

bool udm_predictor_has_prediction(const udm_predictor *predictor)
{
    return predictor->made;
}

void udm_predictor_match_illumination(udm_predictor *predictor, const float *frame, const float *level)
{
    const udm_illumination_input input = { frame, level, predictor->variance, unknown };
    if (predictor->made)
        udm_illumination_match(predictor->illumination, &input, predictor->moved);
}

void udm_predictor_decorrelate(udm_predictor *predictor, const udm_correlation_input *input)
{
    if (predictor->made && udm_correlation_measure(predictor->correlation, input))
        udm_correlation_remove(predictor->correlation, input->frame, input->level, unknown, predictor->moved,
                               predictor->variance);
}

typedef struct log_variance_job {
    udm_predictor *predictor;
    const float *log_variance;
} log_variance_job;

// exp() of the network's output, clamped.
static void log_variance_part(void *context, int index, int worker)
{
    const log_variance_job *job = context;
    const size_t first = (size_t)index * PART, count = part_length(job->predictor, index);
    const float *log_variance = job->log_variance + first;
    float *restrict variance = job->predictor->variance + first;
    for (size_t i = 0; i < count; i++) {
        const float log = log_variance[i] + UDM_LOG_VARIANCE_BIAS, least = log > -16 ? log : -16;
        variance[i] += exp_float(least < 4 ? least : 4);
    }
}

void udm_predictor_add_variance(udm_predictor *predictor, const float *log_variance)
{
    udm_pool_run(predictor->pool, parts(predictor), log_variance_part, &(log_variance_job){ predictor, log_variance });
}

typedef struct learn_job {
    udm_predictor *predictor;
    const float *frame, *level;
} learn_job;

// What is known of a pixel: its variance is below `unknown`, which that of noise never exceeds.
static void learn_part(void *context, int index, int worker)
{
    const learn_job *job = context;
    const udm_predictor *predictor = job->predictor;
    const size_t first = (size_t)index * PART, count = part_length(predictor, index);
    const float *level = job->level + first, *variance = predictor->variance + first;
    float *restrict mean_variance = predictor->mean_variance + first;
    float gain[PART];
    for (size_t i = 0; i < count; i++) {
        const float noise = variance_of(level[i], unknown);
        const float both = variance[i] + noise, known = both > 0 ? variance[i] / both : 0.5f;
        gain[i] = predictor->made && variance[i] < unknown ? known : 1;
        mean_variance[i] = gain[i] * noise;
    }
    for (size_t at = first; at < predictor->pixels * (size_t)predictor->channels; at += predictor->pixels) {
        const float *frame = job->frame + at, *moved = predictor->moved + at;
        float *restrict mean = predictor->mean + at;
        if (predictor->made)
            for (size_t i = 0; i < count; i++)
                mean[i] = moved[i] + gain[i] * (frame[i] - moved[i]);
        else
            memcpy(mean, frame, count * sizeof *mean);
    }
}

void udm_predictor_update(udm_predictor *predictor, const float *frame, const float *level)
{
    udm_pool_run(predictor->pool, parts(predictor), learn_part, &(learn_job){ predictor, frame, level });
    predictor->began = true;
    predictor->made = false;
}

typedef struct join_job {
    udm_predictor *predictor;
    const udm_predictor *other;
} join_job;

static void join_part(void *context, int index, int worker)
{
    const join_job *job = context;
    const udm_predictor *predictor = job->predictor;
    const size_t first = (size_t)index * PART, count = part_length(predictor, index);
    const float *theirs = job->other->variance + first;
    float *restrict ours = predictor->variance + first;
    float share[PART]; // of the other
    for (size_t i = 0; i < count; i++) {
        const float p = ours[i], q = theirs[i], both = p + q, ratio = both > 0 ? p / both : 0.5f;
        share[i] = q >= unknown ? 0 : p >= unknown ? 1 : ratio;
        ours[i] = q >= unknown ? p : share[i] * q;
    }
    for (size_t at = first; at < predictor->pixels * (size_t)predictor->channels; at += predictor->pixels) {
        const float *other = job->other->moved + at;
        float *restrict moved = predictor->moved + at;
        for (size_t i = 0; i < count; i++)
            moved[i] += share[i] * (other[i] - moved[i]);
    }
}

void udm_predictor_fuse(udm_predictor *predictor, const udm_predictor *other)
{
    udm_pool_run(predictor->pool, parts(predictor), join_part, &(join_job){ predictor, other });
}

typedef struct show_job {
    const udm_predictor *predictor;
    float *planes, *level;
} show_job;

// The warped mean at the level of its variance; may be computed in place.
static void show_part(void *context, int index, int worker)
{
    const show_job *job = context;
    const udm_predictor *predictor = job->predictor;
    const size_t first = (size_t)index * PART, count = part_length(predictor, index);
    float signal[PART];
    for (size_t i = 0; i < count; i++) {
        const float variance = predictor->variance[first + i], ratio = 1 / sqrtf(1 + variance);
        signal[i] = variance < unknown ? ratio : 0;
        job->level[first + i] = variance < unknown ? sqrtf(variance) * ratio : 1;
    }
    for (size_t at = first; at < predictor->pixels * (size_t)predictor->channels; at += predictor->pixels)
        for (size_t i = 0; i < count; i++)
            job->planes[at + i] = signal[i] * predictor->moved[at + i];
}

udm_predicted udm_predictor_get(udm_predictor *predictor)
{
    float *planes = predictor->made ? predictor->mean : predictor->moved;
    float *level = predictor->made ? predictor->mean_variance : predictor->variance;
    udm_pool_run(predictor->pool, parts(predictor), show_part, &(show_job){ predictor, planes, level });
    return (udm_predicted){ planes, level };
}
