// SPDX-License-Identifier: LGPL-2.1-or-later
// Samplers that draw noise, on a Gaussian. There every step is linear, so what comes out of the true distribution at
// the start has a mean and a variance that are read off exactly: one pixel starts at 0, one at 1, and one for each draw
// is the only one that gets it.
#ifndef UDM_TESTS_MOMENTS_H
#define UDM_TESTS_MOMENTS_H

#include "exact.h"

enum { MOMENTS_DRAWS = 330, MOMENTS_COLUMNS = 2 + MOMENTS_DRAWS };

#define MOMENTS_MEAN 0.5
#define MOMENTS_VARIANCE 0.3

typedef struct moments {
    double mean, deviation;
} moments;

static inline moments moments_at(udm_point at)
{
    return (moments){ at.signal * MOMENTS_MEAN, sqrt(at.signal * at.signal * MOMENTS_VARIANCE + at.noise * at.noise) };
}

static inline bool moments_estimate(void *context, int number, const udm_levels *at, const float *xt, float *x0,
                                    udm_error *error)
{
    (void)context, (void)number, (void)error;
    for (size_t i = 0; i < at->pixels; i++) {
        const double a = at->signal[i], s = at->noise[i];
        x0[i] = (float)(MOMENTS_MEAN +
                        a * MOMENTS_VARIANCE / (a * a * MOMENTS_VARIANCE + s * s) * (xt[i] - a * MOMENTS_MEAN));
    }
    return true;
}

static inline bool moments_draw(void *context, int number, float *e, udm_error *error)
{
    (void)context;
    if (number >= MOMENTS_DRAWS)
        return udm_fail(error, UDM_ERROR_SETTINGS, "more draws than were foreseen");
    memset(e, 0, MOMENTS_COLUMNS * sizeof *e);
    e[2 + number] = 1;
    return true;
}

static inline bool moments_variance(void *context, float *share, udm_error *error)
{
    (void)context, (void)error;
    for (int i = 0; i < MOMENTS_COLUMNS; i++)
        share[i] = 0.25f;
    return true;
}

static inline udm_point moments_point(const udm_timesteps *timesteps, double start, double k)
{
    const udm_timestep timestep = udm_timesteps_at(timesteps, start, k);
    return (udm_point){ timestep.time, sqrt(timestep.alpha_bar), sqrt(1 - timestep.alpha_bar) };
}

// What comes out of the true distribution at the start.
static inline moments moments_run(const udm_loop_settings *settings, const udm_loop_calls *calls, double start)
{
    static float x[MOMENTS_COLUMNS], times[MOMENTS_COLUMNS];
    const moments in = moments_at(moments_point(&settings->timesteps, start, 0));
    udm_loop *loop = udm_loop_new(settings, NULL);
    moments out = { NAN, NAN };
    for (int i = 0; i < MOMENTS_COLUMNS; i++)
        x[i] = i == 1, times[i] = (float)start;
    if (loop && udm_loop_run(loop, calls, times, x, NULL)) {
        double variance = pow((x[1] - x[0]) * in.deviation, 2);
        for (int i = 2; i < MOMENTS_COLUMNS; i++)
            variance += pow(x[i] - x[0], 2);
        out = (moments){ x[0] + (x[1] - x[0]) * in.mean, sqrt(variance) };
    }
    udm_loop_free(loop);
    return out;
}

enum { MOMENTS_POWERS = 1000 };

// E|e|^2 of the noise that moments_estimate() implies.
static inline void moments_powers(const udm_noise *noise, double *powers)
{
    for (int i = 0; i < MOMENTS_POWERS; i++) {
        const double alpha_bar = udm_noise_alpha_bar(noise, (i + 1.0) / MOMENTS_POWERS);
        powers[i] = (1 - alpha_bar) / (alpha_bar * MOMENTS_VARIANCE + 1 - alpha_bar);
    }
}

static inline udm_loop_settings moments_settings(const udm_sampler *sampler, const udm_noise *noise, int steps)
{
    static double powers[MOMENTS_POWERS];
    moments_powers(noise, powers);
    return (udm_loop_settings){
        .process = &udm_process_gaussian,
        .sampler = sampler,
        .timesteps = { &udm_spacing_log_snr, noise, .steps = steps, .wide = true, .short_of_zero = true },
        .repeats = 1,
        .powers = powers,
        .power_count = MOMENTS_POWERS,
        .channels = 1,
        .pixels = MOMENTS_COLUMNS,
    };
}

static inline udm_noise moments_noise(void)
{
    udm_noise noise = { 0 };
    return udm_noise_init(&noise, &udm_schedule_linear, udm_schedule_linear.defaults, 0, NULL) ? noise
                                                                                               : (udm_noise){ 0 };
}

static inline double moments_off_by(const udm_sampler *sampler, const udm_noise *noise, int steps)
{
    const udm_loop_settings settings = moments_settings(sampler, noise, steps);
    const udm_loop_calls calls = { NULL, moments_estimate, moments_draw, moments_variance };
    const moments got = moments_run(&settings, &calls, 0.98),
                  want = moments_at(moments_point(&settings.timesteps, 0.98, steps));
    return fabs(got.mean - want.mean) + fabs(got.deviation - want.deviation);
}

#endif
