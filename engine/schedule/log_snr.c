// SPDX-License-Identifier: LGPL-2.1-or-later
// Log-SNR: equal steps of the logarithm of signal / noise. Lu et al., "DPM-Solver", 2022, section 3.4 ("logSNR").
#include "schedule/spacing.h"

#include <math.h>

static udm_timestep timestep(const udm_timesteps *timesteps, double start, double k)
{
    const udm_timestep top = { start, udm_noise_alpha_bar(timesteps->noise, start) };
    if (k == 0)
        return top;
    const double least = udm_timesteps_least_ratio(timesteps, start);
    const double most = udm_timestep_ratio((udm_timestep){ start, fmax(top.alpha_bar, UDM_LEAST_ALPHA_BAR) });
    const double sigma = most * pow(least / most, udm_timesteps_share(timesteps, k));
    return udm_timesteps_at_ratio(timesteps, sigma * fmin(timesteps->steps - k, 1));
}

const udm_spacing udm_spacing_log_snr = {
    .name = "log_snr",
    .about = "equal steps of log(signal / noise)",
    .timestep = timestep,
    .first = udm_timesteps_time_one,
};
