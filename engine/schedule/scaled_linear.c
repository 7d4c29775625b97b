// SPDX-License-Identifier: LGPL-2.1-or-later
// Scaled linear: the square root of beta_i rises in equal steps. Rombach et al., "High-Resolution Image Synthesis with
// Latent Diffusion Models", 2021 (their code). Its limit for many steps, as in linear.c, with a = sqrt(start), d =
// sqrt(end) - a, beta(s) = (a + s d)^2:
//     alpha_bar(t) = exp(-1000 t (a^2 + a d t + d^2 t^2 / 3)).
#include "schedule/schedule.h"

#include <math.h>

static double alpha_bar(udm_betas betas, double t)
{
    double a = sqrt(betas.start), d = sqrt(betas.end) - a;
    return exp(-1000 * t * (a * a + a * d * t + d * d * t * t / 3));
}

static double beta(udm_betas betas, int i, int n)
{
    double s = n > 1 ? (double)i / (n - 1) : 0;
    double root = sqrt(betas.start) + s * (sqrt(betas.end) - sqrt(betas.start));
    return root * root;
}

const udm_schedule udm_schedule_scaled_linear = {
    .name = "scaled_linear",
    .diffusers_name = "scaled_linear",
    .about = "latent diffusion: the square root of beta rises linearly",
    .defaults = { 0.0001, 0.02 },
    .alpha_bar = alpha_bar,
    .beta = beta,
};
