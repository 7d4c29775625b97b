// SPDX-License-Identifier: LGPL-2.1-or-later
// How far each sampler is from the exact answer after a number of steps; a line each: where, sampler, order, steps,
// error. For samplers that draw noise it is the error of the mean and of the deviation on a Gaussian, found exactly.
#include <stdio.h>

#include "../engine/moments.h"
#include "../engine/orders.h"

static const int STEPS[] = { 10, 20, 40, 80, 160 };
enum { COUNT = sizeof STEPS / sizeof *STEPS };

static void print(const char *where, const udm_sampler *sampler, int steps, double error)
{
    printf("%s\t%s\t%d\t%d\t%.6g\n", where, sampler->name, sampler->order, steps, error);
}

static void solvers(const exact *world, const udm_noise *noise)
{
    static double truth[EXACT_DIM * ORDERS_SAMPLES];
    static float x[EXACT_DIM * ORDERS_SAMPLES];
    udm_timesteps timesteps = orders_timesteps(noise, &udm_spacing_log_snr, 1);
    orders_begin(world, x);
    orders_truth(world, &timesteps, x, truth);
    for (const udm_sampler *const *sampler = udm_samplers; *sampler; sampler++)
        for (int i = 0; i < COUNT && !(*sampler)->stochastic && !(*sampler)->run; i++) {
            timesteps.steps = STEPS[i];
            print(world->name, *sampler, STEPS[i], orders_error(world, *sampler, &timesteps, truth));
        }
}

int main(void)
{
    const exact worlds[] = { exact_gaussian(2), exact_gaussian(64), exact_mixture(2), exact_mixture(64) };
    udm_noise noise = moments_noise();
    for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++)
        solvers(&worlds[i], &noise);
    for (const udm_sampler *const *sampler = udm_samplers; *sampler; sampler++)
        for (int i = 0; i < COUNT && (*sampler)->stochastic && (*sampler)->order > 0; i++)
            print("distribution", *sampler, STEPS[i], moments_off_by(*sampler, &noise, STEPS[i]));
    udm_noise_clear(&noise);
    return 0;
}
