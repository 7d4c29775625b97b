// SPDX-License-Identifier: LGPL-2.1-or-later
// DDIM: the noise that is estimated is kept, v = 0. Song, Meng, Ermon, "Denoising Diffusion Implicit Models", 2021, eq.
// 12 with sigma = 0.
#include "sampler/sampler.h"

static double fresh(double alpha_bar_t, double alpha_bar_s)
{
    (void)alpha_bar_t, (void)alpha_bar_s;
    return 0;
}

const udm_sampler udm_sampler_ddim = {
    .name = "ddim",
    .about = "deterministic; the same noise all the way",
    .stochastic = false,
    .fresh = fresh,
};
