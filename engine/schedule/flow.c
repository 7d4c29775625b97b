// SPDX-License-Identifier: LGPL-2.1-or-later
// Flow: noise / signal = t / (1 - t), so that t is the share of the noise on the straight lines of process "flow".
// Lipman et al., "Flow Matching for Generative Modeling", 2023, eq. 22. A discrete beta is at most 0.999, as in
// cosine.c.
#include "schedule/schedule.h"

#include <math.h>

static double alpha_bar(udm_betas betas, double t)
{
    (void)betas;
    return (1 - t) * (1 - t) / ((1 - t) * (1 - t) + t * t);
}

static double beta(udm_betas betas, int i, int n)
{
    return fmin(1 - alpha_bar(betas, (i + 1.0) / n) / alpha_bar(betas, (double)i / n), 0.999);
}

const udm_schedule udm_schedule_flow = {
    .name = "flow",
    .diffusers_name = "flow",
    .about = "noise / signal = t / (1 - t), as in flow matching",
    .defaults = { 0.0001, 0.02 },
    .alpha_bar = alpha_bar,
    .beta = beta,
};
