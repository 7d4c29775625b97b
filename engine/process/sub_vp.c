// SPDX-License-Identifier: LGPL-2.1-or-later
// Sub-variance preserving: x_t = a x0 + (1 - a^2) e. Song et al., "Score-Based Generative Modeling through Stochastic
// Differential Equations", 2021, eq. 12 and 29. a follows from the ratio (1 - a^2) / a = sqrt(1 / alpha_bar - 1).
#include <math.h>

#include "process/gaussian.h"

static void factors(double alpha_bar, double *signal, double *noise)
{
    const double ratio = sqrt(1 / alpha_bar - 1);
    *signal = 2 / (ratio + sqrt(ratio * ratio + 4));
    *noise = *signal * ratio;
}

const udm_process udm_process_sub_vp = {
    .name = "sub_vp",
    .about = "white Gaussian noise, below variance preserving",
    .factors = factors,
    .forward = udm_gaussian_forward,
    .inverse = udm_gaussian_inverse,
    .advance = udm_gaussian_advance,
};
