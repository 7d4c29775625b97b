// SPDX-License-Identifier: LGPL-2.1-or-later
// Log-SNR: equal steps of the logarithm of signal / noise. Lu et al., "DPM-Solver", 2022, section 3.4 ("logSNR").
#include "schedule/spacing.h"

#include <math.h>

static udm_rung rung(const udm_ladder *ladder, double start, double k)
{
    const udm_rung top = { start, udm_noise_alpha_bar(ladder->noise, start) };
    if (k == 0)
        return top;
    const double least = udm_ladder_least_ratio(ladder, start);
    const double most = udm_rung_ratio((udm_rung){ start, fmax(top.alpha_bar, UDM_LEAST_ALPHA_BAR) });
    const double sigma = most * pow(least / most, udm_ladder_share(ladder, k));
    return udm_ladder_at_ratio(ladder, sigma * fmin(ladder->steps - k, 1));
}

const udm_spacing udm_spacing_log_snr = {
    .name = "log_snr",
    .about = "equal steps of log(signal / noise)",
    .rung = rung,
    .first = udm_ladder_time_one,
};
