// SPDX-License-Identifier: LGPL-2.1-or-later
// Distributions whose E[x0 | x_t] is known exactly, for samplers to be run on as if by a perfect network.
#ifndef UDM_TESTS_EXACT_H
#define UDM_TESTS_EXACT_H

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/random.h"
#include "sampler/loop.h"

enum { EXACT_PARTS = 3, EXACT_DIM = 64 };

// A mixture of Gaussians with diagonal covariance. A sample is a pixel, a dimension is a channel.
typedef struct exact {
    const char *name;
    int dim, parts;
    double share[EXACT_PARTS], mean[EXACT_PARTS][EXACT_DIM], variance[EXACT_PARTS][EXACT_DIM];
    uint64_t seed; // of the noise that is drawn
} exact;

// One Gaussian; each dimension has another mean and variance.
static inline exact exact_gaussian(int dim)
{
    exact world = { .name = dim == 2 ? "Gaussian, 2-D" : "Gaussian, 64-D", .dim = dim, .parts = 1, .share = { 1 } };
    for (int d = 0; d < dim; d++) {
        world.mean[0][d] = 0.6 * cos(d);
        world.variance[0][d] = 0.02 + 0.4 * (d + 1) / dim;
    }
    return world;
}

static inline exact exact_mixture(int dim)
{
    exact world = { .name = dim == 2 ? "mixture, 2-D" : "mixture, 64-D", .dim = dim, .parts = 3 };
    const double spread = dim == 2 ? 1 : 0.2;
    for (int k = 0; k < world.parts; k++) {
        world.share[k] = (k + 1) / 6.0;
        for (int d = 0; d < dim; d++) {
            world.mean[k][d] = spread * cos(2.1 * k + 1.3 * d);
            world.variance[k][d] = 0.05 + 0.05 * k;
        }
    }
    return world;
}

// E[x0 | x_t] of one sample, x_t = signal x0 + noise e.
static inline void exact_x0(const exact *world, double signal, double noise, const double *x, double *x0)
{
    double log_share[EXACT_PARTS], most = -INFINITY, sum = 0;
    for (int k = 0; k < world->parts; k++) {
        log_share[k] = log(world->share[k]);
        for (int d = 0; d < world->dim; d++) {
            const double total = signal * signal * world->variance[k][d] + noise * noise;
            const double off = x[d] - signal * world->mean[k][d];
            log_share[k] -= (off * off / total + log(total)) / 2;
        }
        most = fmax(most, log_share[k]);
    }
    memset(x0, 0, sizeof *x0 * world->dim);
    for (int k = 0; k < world->parts; k++)
        sum += exp(log_share[k] - most);
    for (int k = 0; k < world->parts; k++) {
        const double share = exp(log_share[k] - most) / sum;
        for (int d = 0; d < world->dim; d++) {
            const double variance = world->variance[k][d], mean = world->mean[k][d];
            const double gain = signal * variance / (signal * signal * variance + noise * noise);
            x0[d] += share * (mean + gain * (x[d] - signal * mean));
        }
    }
}

// udm_loop_calls for a world.
static inline bool exact_estimate(void *context, int number, const udm_levels *at, const float *xt, float *x0,
                                  udm_error *error)
{
    const exact *world = context;
    double x[EXACT_DIM], out[EXACT_DIM];
    (void)number, (void)error;
    for (size_t i = 0; i < at->pixels; i++) {
        for (int d = 0; d < world->dim; d++)
            x[d] = xt[d * at->pixels + i];
        exact_x0(world, at->signal[i], at->noise[i], x, out);
        for (int d = 0; d < world->dim; d++)
            x0[d * at->pixels + i] = (float)out[d];
    }
    return true;
}

// The probability-flow equation in u = log(noise / signal), dy / du = y - x0 with y = x / signal, by the classical
// Runge-Kutta method in double precision; exact to far below what a float holds.
static inline void exact_flow(const exact *world, udm_point from, udm_point to, double *x)
{
    enum { STEPS = 2000 };
    const double u0 = log(from.noise / from.signal), h = (log(to.noise / to.signal) - u0) / STEPS;
    double y[EXACT_DIM], slope[4][EXACT_DIM] = { { 0 } }, at[EXACT_DIM], out[EXACT_DIM];
    const double along[4] = { 0, 0.5, 0.5, 1 };
    for (int d = 0; d < world->dim; d++)
        y[d] = x[d] / from.signal;
    for (int n = 0; n < STEPS; n++) {
        for (int stage = 0; stage < 4; stage++) {
            for (int d = 0; d < world->dim; d++)
                at[d] = y[d] + (stage ? h * along[stage] * slope[stage - 1][d] : 0);
            exact_x0(world, 1, exp(u0 + (n + along[stage]) * h), at, out);
            for (int d = 0; d < world->dim; d++)
                slope[stage][d] = at[d] - out[d];
        }
        for (int d = 0; d < world->dim; d++)
            y[d] += h / 6 * (slope[0][d] + 2 * slope[1][d] + 2 * slope[2][d] + slope[3][d]);
    }
    for (int d = 0; d < world->dim; d++)
        x[d] = y[d] * to.signal;
}

#endif
