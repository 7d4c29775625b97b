// SPDX-License-Identifier: LGPL-2.1-or-later
// DDPM with a variance that the network chooses between small and large, by their logarithms. Nichol and Dhariwal,
// "Improved Denoising Diffusion Probabilistic Models", 2021, eq. 15 ("learned range").
#include "sampler/sampler.h"

static void mix(const udm_step *step, udm_mix *mix)
{
    double small, large;
    *mix = udm_mix_posterior(step, &small, &large);
    mix->fresh = small;
    mix->fresh_most = large;
}

const udm_sampler udm_sampler_ddpm_learned = {
    .name = "ddpm_learned",
    .about = "DDPM with the variance that the network learned",
    .stochastic = true,
    .order = 1,
    .mix = mix,
    .learned = true,
};
