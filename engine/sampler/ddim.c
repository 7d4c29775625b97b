// SPDX-License-Identifier: LGPL-2.1-or-later
// DDIM: the noise that is estimated is kept, v = 0, or renewed in part: v = eta times that of DDPM. Song, Meng, Ermon,
// "Denoising Diffusion Implicit Models", 2021, eq. 12 and 16.
#include "sampler/sampler.h"

static double fresh(double alpha_bar_t, double alpha_bar_s, double eta)
{
    return eta > 0 ? eta * udm_posterior(alpha_bar_t, alpha_bar_s) : 0;
}

const udm_sampler udm_sampler_ddim = {
    .name = "ddim",
    .about = "deterministic; keeps the estimated noise",
    .stochastic = false, // but see eta
    .order = 1,
    .fresh = fresh,
};
