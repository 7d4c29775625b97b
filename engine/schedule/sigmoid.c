// SPDX-License-Identifier: LGPL-2.1-or-later
// Sigmoid: beta_i rises from start to end along a logistic curve over [-6, 6]. GeoDiff (Xu et al., 2022, their code);
// "sigmoid" in diffusers. Its limit for many steps, as in linear.c, with the integral of the curve in closed form:
//     alpha_bar(t) = exp(-1000 (start t + (end - start) (log(1 + e^(12 t - 6)) - log(1 + e^-6)) / 12)).
#include "schedule/schedule.h"

#include <math.h>

static double alpha_bar(udm_betas betas, double t)
{
    const double area = (log1p(exp(12 * t - 6)) - log1p(exp(-6))) / 12;
    return exp(-1000 * (betas.start * t + (betas.end - betas.start) * area));
}

static double beta(udm_betas betas, int i, int n)
{
    const double s = n > 1 ? (double)i / (n - 1) : 0;
    return betas.start + (betas.end - betas.start) / (1 + exp(6 - 12 * s));
}

const udm_schedule udm_schedule_sigmoid = {
    .name = "sigmoid",
    .diffusers_name = "sigmoid",
    .about = "beta rises along a logistic curve",
    .defaults = { 0.0001, 0.02 },
    .alpha_bar = alpha_bar,
    .beta = beta,
};
