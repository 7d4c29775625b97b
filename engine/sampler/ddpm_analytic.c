// SPDX-License-Identifier: LGPL-2.1-or-later
// Analytic-DPM: DDPM with the optimal variance. Bao, Li, Zhu, Zhang, "Analytic-DPM", 2022, theorem 1: beyond that of
// the posterior, x0 is uncertain by (noise / signal)^2 (1 - E|e|^2), e being the noise as estimated.
#include "sampler/sampler.h"

#include <math.h>

static void mix(const udm_step *step, udm_mix *mix)
{
    double small, large;
    *mix = udm_mix_posterior(step, &small, &large);
    const double unsure = mix->estimates[0] * udm_point_ratio(step->from);
    mix->fresh = sqrt(small * small + unsure * unsure * fmin(fmax(1 - step->power, 0), 1));
}

const udm_sampler udm_sampler_ddpm_analytic = {
    .name = "ddpm_analytic",
    .about = "DDPM with the optimal variance, for models with a noise_power",
    .stochastic = true,
    .order = 1,
    .mix = mix,
    .needs_power = true,
};
