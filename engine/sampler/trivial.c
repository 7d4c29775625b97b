// SPDX-License-Identifier: LGPL-2.1-or-later
// The trivial sampler: x_s = F_s(x0, e) with noise that is drawn anew, v = 1. The reverse step of cold diffusion
// (Bansal et al. 2022, algorithm 1) and of multistep consistency sampling (Song et al. 2023, algorithm 1).
#include "sampler/sampler.h"

static double fresh(double alpha_bar_t, double alpha_bar_s, double eta)
{
    (void)alpha_bar_t, (void)alpha_bar_s, (void)eta;
    return 1;
}

const udm_sampler udm_sampler_trivial = {
    .name = "trivial",
    .about = "draws new noise at each step",
    .stochastic = true,
    .fresh = fresh,
};
