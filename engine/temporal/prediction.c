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
#include "temporal/halving.h"
#include "temporal/illumination.h"
#include "temporal/kernels/kernels.h"
#include "flow/warp.h"

struct udm_predictor {
    int width, height, channels;
    size_t pixels;
    bool began, made; // there is a mean; there is a prediction
    udm_pool *pool;
    const udm_temporal_ops *ops;
    udm_warper *warper;
    udm_illumination *illumination;
    udm_correlation *correlation;
    float *memory;
    float *mean, *moved; // [channels, height, width]
    float *mean_variance,
        *variance; // [height, width]; that of the prediction is UDM_UNKNOWN_VARIANCE or more where it is not known
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
    predictor->ops = udm_temporal_ops_for(pool);
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

// What all jobs have in common.
static udm_prediction_job job_of(const udm_predictor *predictor)
{
    return (udm_prediction_job){ .pixels = predictor->pixels,
                                 .channels = predictor->channels,
                                 .made = predictor->made,
                                 .mean = predictor->mean,
                                 .mean_variance = predictor->mean_variance,
                                 .moved = predictor->moved,
                                 .variance = predictor->variance };
}

static void run(const udm_predictor *predictor, udm_job job, udm_prediction_job *about)
{
    udm_pool_run(predictor->pool, udm_temporal_parts(predictor->pixels), job, about);
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
    udm_prediction_job fading = job_of(predictor);
    fading.flow = flow;
    run(predictor, predictor->ops->fade, &fading);
    predictor->made = true;
    return true;
}

bool udm_predictor_has_prediction(const udm_predictor *predictor)
{
    return predictor->made;
}

void udm_predictor_match_illumination(udm_predictor *predictor, const float *frame, const float *level, int step)
{
    const udm_illumination_input input = { frame, level, predictor->variance, UDM_UNKNOWN_VARIANCE, step };
    if (predictor->made)
        udm_illumination_match(predictor->illumination, &input, predictor->moved);
}

void udm_predictor_decorrelate(udm_predictor *predictor, const udm_correlation_input *input)
{
    if (predictor->made && udm_correlation_measure(predictor->correlation, input))
        udm_correlation_remove(predictor->correlation, input->frame, input->level, UDM_UNKNOWN_VARIANCE,
                               predictor->moved, predictor->variance);
}

void udm_predictor_add_variance(udm_predictor *predictor, const float *log_variance)
{
    udm_prediction_job job = job_of(predictor);
    job.log_variance = log_variance;
    run(predictor, predictor->ops->add_variance, &job);
}

void udm_predictor_halve(const udm_predictor *predictor, float *small, float *small_level)
{
    udm_halve_prediction(predictor->moved, predictor->variance, predictor->channels, predictor->width,
                         predictor->height, small, small_level, predictor->pool);
}

void udm_predictor_update(udm_predictor *predictor, const float *frame, const float *level)
{
    udm_prediction_job job = job_of(predictor);
    job.frame = frame, job.level = level;
    run(predictor, predictor->ops->learn, &job);
    predictor->began = true;
    predictor->made = false;
}

void udm_predictor_fuse(udm_predictor *predictor, const udm_predictor *other)
{
    udm_prediction_job job = job_of(predictor);
    job.other = other->moved, job.other_variance = other->variance;
    run(predictor, predictor->ops->join, &job);
}

// The warped mean at the level of its variance; may be computed in place.
udm_predicted udm_predictor_get(udm_predictor *predictor)
{
    float *planes = predictor->made ? predictor->mean : predictor->moved;
    float *level = predictor->made ? predictor->mean_variance : predictor->variance;
    udm_prediction_job job = job_of(predictor);
    job.shown = planes, job.shown_level = level;
    run(predictor, predictor->ops->show, &job);
    return (udm_predicted){ planes, level };
}
