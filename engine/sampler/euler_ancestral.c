// SPDX-License-Identifier: LGPL-2.1-or-later
// Euler ancestral: an Euler step down to below the target, and noise up to it. k-diffusion (Crowson, 2022); in terms of
// sigma = noise / signal it is DDPM's step.
#include "sampler/sampler.h"

static void mix(const udm_step *step, udm_mix *mix)
{
    double small, large;
    *mix = udm_mix_posterior(step, &small, &large);
    mix->fresh = small;
}

const udm_sampler udm_sampler_euler_ancestral = {
    .name = "euler_ancestral",
    .about = "Euler's method with new noise at each step",
    .stochastic = true,
    .order = 1,
    .mix = mix,
};
