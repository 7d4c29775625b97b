// SPDX-License-Identifier: LGPL-2.1-or-later
// Karras: equal steps of sigma^(1/7), sigma = noise / signal. Karras et al., "Elucidating the Design Space of
// Diffusion-Based Generative Models", 2022, eq. 5 with rho = 7.
#include "schedule/spacing.h"

#include <math.h>

static udm_rung rung(const udm_ladder *ladder, double start, double k)
{
    const double rho = 7;
    const udm_rung top = { start, udm_noise_alpha_bar(ladder->noise, start) };
    if (k == 0)
        return top;
    const double least = udm_ladder_least_ratio(ladder, start);
    const double most = udm_rung_ratio((udm_rung){ start, fmax(top.alpha_bar, UDM_LEAST_ALPHA_BAR) });
    const double high = pow(most, 1 / rho), low = pow(least, 1 / rho);
    const double sigma = pow(high + udm_ladder_share(ladder, k) * (low - high), rho);
    return udm_ladder_at_ratio(ladder, sigma * fmin(ladder->steps - k, 1));
}

const udm_spacing udm_spacing_karras = {
    .name = "karras",
    .about = "equal steps of the seventh root of sigma",
    .rung = rung,
    .first = udm_ladder_time_one,
};
