// SPDX-License-Identifier: LGPL-2.1-or-later
// Cosine: alpha_bar falls as a squared cosine. Nichol and Dhariwal, "Improved Denoising Diffusion Probabilistic
// Models", 2021, eq. 17: alpha_bar(t) = f(t) / f(0), f(t) = cos((t + s) / (1 + s) pi / 2)^2, s = 0.008; a discrete beta
// is 1 - alpha_bar(t) / alpha_bar(t - 1), at most 0.999.
#include "schedule/schedule.h"

#include <math.h>

static double squared_cosine(double t)
{
    const double pi = 3.14159265358979323846, s = 0.008;
    double root = cos((t + s) / (1 + s) * pi / 2);
    return root * root;
}

static double alpha_bar(udm_betas betas, double t)
{
    (void)betas;
    return squared_cosine(t) / squared_cosine(0);
}

static double beta(udm_betas betas, int i, int n)
{
    (void)betas;
    return fmin(1 - squared_cosine((i + 1.0) / n) / squared_cosine((double)i / n), 0.999);
}

const udm_schedule udm_schedule_cosine = {
    .name = "cosine",
    .diffusers_name = "squaredcos_cap_v2",
    .about = "improved DDPM: alpha_bar falls as a squared cosine",
    .defaults = { 0.0001, 0.02 },
    .alpha_bar = alpha_bar,
    .beta = beta,
};
