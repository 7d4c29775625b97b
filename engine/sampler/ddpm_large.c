// SPDX-License-Identifier: LGPL-2.1-or-later
// DDPM with the variance of the step forward, beta ("fixed large"), which is right where x0 is white noise. Ho, Jain,
// Abbeel, "Denoising Diffusion Probabilistic Models", 2020, section 3.2.
#include "sampler/sampler.h"

static void mix(const udm_step *step, udm_mix *mix)
{
    double small, large;
    *mix = udm_mix_posterior(step, &small, &large);
    mix->fresh = large;
}

const udm_sampler udm_sampler_ddpm_large = {
    .name = "ddpm_large",
    .about = "DDPM with the larger of its two variances",
    .stochastic = true,
    .order = 1,
    .mix = mix,
};
