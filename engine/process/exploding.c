// SPDX-License-Identifier: LGPL-2.1-or-later
// Variance exploding: x_t = x0 + sigma e. Song et al., "Score-Based Generative Modeling through Stochastic Differential
// Equations", 2021, eq. 9; the sigma of Karras et al. 2022. sigma^2 = 1 / alpha_bar - 1.
#include <math.h>

#include "process/gaussian.h"

static void factors(double alpha_bar, double *signal, double *noise)
{
    *signal = 1;
    *noise = sqrt(1 / alpha_bar - 1);
}

const udm_process udm_process_exploding = {
    .name = "exploding",
    .about = "white Gaussian noise, variance exploding",
    .factors = factors,
    .forward = udm_gaussian_forward,
    .inverse = udm_gaussian_inverse,
    .advance = udm_gaussian_advance,
};
