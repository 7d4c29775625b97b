// SPDX-License-Identifier: LGPL-2.1-or-later
// Trailing: equal steps from the start down to 0. Lin et al., "Common Diffusion Noise Schedules and Sample Steps are
// Flawed", 2023, table 2.
#include "schedule/spacing.h"

#include <math.h>

static udm_timestep timestep(const udm_timesteps *timesteps, double start, double k)
{
    double gone = k / timesteps->steps;
    if (timesteps->grid > 0)
        gone = floor(gone * timesteps->grid + 1e-9) / timesteps->grid;
    const double left = start * udm_timesteps_total(timesteps) * (1 - gone);
    return udm_timesteps_at_step(timesteps, (timesteps->noise->steps > 0 ? rint(left) : left) - 1);
}

const udm_spacing udm_spacing_trailing = {
    .name = "trailing",
    .about = "equal steps in time, from the start down to 0",
    .timestep = timestep,
    .first = udm_timesteps_time_one,
};
