// SPDX-License-Identifier: LGPL-2.1-or-later
// Flow matching along straight lines: x_t = (1 - s) x0 + s e. Lipman et al., "Flow Matching for Generative Modeling",
// 2023, eq. 22; Liu et al., "Flow Straight and Fast", 2023. s / (1 - s) = sqrt(1 / alpha_bar - 1); s is t with the
// schedule "flow".
#include <math.h>

#include "process/gaussian.h"

static void factors(double alpha_bar, double *signal, double *noise)
{
    const double a = sqrt(alpha_bar), s = sqrt(1 - alpha_bar);
    *signal = a / (a + s);
    *noise = s / (a + s);
}

const udm_process udm_process_flow = {
    .name = "flow",
    .about = "straight lines from the data to white Gaussian noise (flow matching)",
    .factors = factors,
    .forward = udm_gaussian_forward,
    .inverse = udm_gaussian_inverse,
    .advance = udm_gaussian_advance,
};
