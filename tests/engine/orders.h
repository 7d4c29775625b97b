// SPDX-License-Identifier: LGPL-2.1-or-later
// How far a deterministic sampler is from the exact solution after a number of steps, and the order that shows in it.
#ifndef UDM_TESTS_ORDERS_H
#define UDM_TESTS_ORDERS_H

#include <stdlib.h>

#include "exact.h"

enum { ORDERS_SAMPLES = 24 };

// The spacing that the orders are measured with: equal steps in time and in log(signal / noise), from START to the
// first of 1000 steps; not to 0, since no method has an order where log(signal / noise) goes to infinity.
#define ORDERS_START 0.98

static inline udm_timesteps orders_timesteps(const udm_noise *noise, const udm_spacing *spacing, int steps)
{
    return (udm_timesteps){ .spacing = spacing, .noise = noise, .steps = steps, .wide = true, .short_of_zero = true };
}

static inline udm_point orders_point(const udm_timesteps *timesteps, double k)
{
    const udm_timestep timestep = udm_timesteps_at(timesteps, ORDERS_START, k);
    return (udm_point){ timestep.time, sqrt(timestep.alpha_bar), sqrt(1 - timestep.alpha_bar) };
}

// The states all methods begin with, and where they should end; [dim, ORDERS_SAMPLES].
static inline void orders_begin(const exact *world, float *x)
{
    udm_normal(11, 0, 0, 0, (size_t)world->dim * ORDERS_SAMPLES, x);
}

static inline void orders_truth(const exact *world, const udm_timesteps *timesteps, const float *x, double *truth)
{
    const udm_point from = orders_point(timesteps, 0), to = orders_point(timesteps, timesteps->steps);
    double one[EXACT_DIM];
    for (int i = 0; i < ORDERS_SAMPLES; i++) {
        for (int d = 0; d < world->dim; d++)
            one[d] = x[d * ORDERS_SAMPLES + i];
        exact_flow(world, from, to, one);
        for (int d = 0; d < world->dim; d++)
            truth[d * ORDERS_SAMPLES + i] = one[d];
    }
}

// The root of the mean square error; a negative number if it could not be run.
static inline double orders_error(const exact *world, const udm_sampler *sampler, const udm_timesteps *timesteps,
                                  const double *truth)
{
    static float x[EXACT_DIM * ORDERS_SAMPLES], times[ORDERS_SAMPLES];
    const udm_loop_settings settings = {
        .process = &udm_process_gaussian,
        .sampler = sampler,
        .timesteps = *timesteps,
        .channels = world->dim,
        .pixels = ORDERS_SAMPLES,
    };
    const udm_loop_calls calls = { .context = (void *)world, .estimate = exact_estimate };
    udm_loop *loop = udm_loop_new(&settings, NULL);
    double squares = -1;
    orders_begin(world, x);
    for (int i = 0; i < ORDERS_SAMPLES; i++)
        times[i] = (float)ORDERS_START;
    if (loop && udm_loop_run(loop, &calls, times, x, NULL)) {
        squares = 0;
        for (int i = 0; i < world->dim * ORDERS_SAMPLES; i++)
            squares += (x[i] - truth[i]) * (x[i] - truth[i]);
    }
    udm_loop_free(loop);
    return squares < 0 ? -1 : sqrt(squares / world->dim / ORDERS_SAMPLES);
}

// The slope of log(error) over -log(steps), by least squares.
static inline double orders_slope(int count, const int *steps, const double *errors)
{
    double n = 0, e = 0, ne = 0, nn = 0;
    for (int i = 0; i < count; i++) {
        const double x = log(steps[i]), y = log(errors[i]);
        n += x, e += y, ne += x * y, nn += x * x;
    }
    return (n * e / count - ne) / (nn - n * n / count);
}

#endif
