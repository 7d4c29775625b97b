// SPDX-License-Identifier: LGPL-2.1-or-later
// Linear: beta_i rises in equal steps from start to end. Ho, Jain, Abbeel, "Denoising Diffusion Probabilistic Models",
// 2020, section 4. Its limit for many steps is the VP SDE of Song et al., "Score-Based Generative Modeling through
// Stochastic Differential Equations", 2020, eq. 29 to 33, with 1000 beta as the rate:
//     alpha_bar(t) = exp(-integral of 1000 beta(s) ds over [0, t]),   beta(s) = start + s (end - start).
#include "schedule/schedule.h"

#include <math.h>

static double alpha_bar(udm_betas betas, double t)
{
    return exp(-1000 * t * (betas.start + t * (betas.end - betas.start) / 2));
}

static double beta(udm_betas betas, int i, int n)
{
    double s = n > 1 ? (double)i / (n - 1) : 0;
    return betas.start + s * (betas.end - betas.start);
}

const udm_schedule udm_schedule_linear = {
    .name = "linear",
    .diffusers_name = "linear",
    .about = "DDPM: beta rises linearly",
    .defaults = { 0.0001, 0.02 },
    .alpha_bar = alpha_bar,
    .beta = beta,
};
