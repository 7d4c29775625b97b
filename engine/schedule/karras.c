// SPDX-License-Identifier: LGPL-2.1-or-later
// Karras: equal steps of sigma^(1/7), sigma = noise / signal. Karras et al., "Elucidating the Design Space of
// Diffusion-Based Generative Models", 2022, eq. 5 with rho = 7.
#include "schedule/spacing.h"

#include <math.h>

static udm_timestep timestep(const udm_timesteps *timesteps, double start, double k)
{
    const double rho = 7;
    const udm_timestep top = { start, udm_noise_alpha_bar(timesteps->noise, start) };
    if (k == 0)
        return top;
    const double least = udm_timesteps_least_ratio(timesteps, start);
    const double most = udm_timestep_ratio((udm_timestep){ start, fmax(top.alpha_bar, UDM_LEAST_ALPHA_BAR) });
    const double high = pow(most, 1 / rho), low = pow(least, 1 / rho);
    const double sigma = pow(high + udm_timesteps_share(timesteps, k) * (low - high), rho);
    return udm_timesteps_at_ratio(timesteps, sigma * fmin(timesteps->steps - k, 1));
}

const udm_spacing udm_spacing_karras = {
    .name = "karras",
    .about = "equal steps of the seventh root of sigma",
    .timestep = timestep,
    .first = udm_timesteps_time_one,
};
