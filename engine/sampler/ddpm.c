// SPDX-License-Identifier: LGPL-2.1-or-later
// DDPM: the posterior q(x_s | x_t, x0), whose variance is (1 - alpha_bar_s) v^2 with v^2 = (1 - alpha_bar_t /
// alpha_bar_s) / (1 - alpha_bar_t). Ho, Jain, Abbeel, "Denoising Diffusion Probabilistic Models", 2020, eq. 6 and 7
// ("fixed small").
#include "sampler/sampler.h"

static double fresh(double alpha_bar_t, double alpha_bar_s, double eta)
{
    (void)eta;
    return udm_posterior(alpha_bar_t, alpha_bar_s);
}

const udm_sampler udm_sampler_ddpm = {
    .name = "ddpm",
    .about = "ancestral; draws from the posterior of each step",
    .stochastic = true,
    .order = 1,
    .fresh = fresh,
};
