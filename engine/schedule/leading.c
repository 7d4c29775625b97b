// SPDX-License-Identifier: LGPL-2.1-or-later
// Leading: equal steps in time that end at the schedule's first, and so begin below its last. What DDIM's code does;
// Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed", 2023, table 2.
#include "schedule/spacing.h"

static udm_timestep timestep(const udm_timesteps *timesteps, double start, double k)
{
    return udm_timesteps_on_line(timesteps, start, timesteps->offset, k);
}

static double first(const udm_timesteps *timesteps)
{
    const int total = udm_timesteps_total(timesteps), parts = timesteps->wide ? timesteps->steps : timesteps->steps - 1;
    return (double)(parts * (total / (parts + 1)) + timesteps->offset + 1) / total;
}

const udm_spacing udm_spacing_leading = {
    .name = "leading",
    .about = "equal steps in time that end at the schedule's first",
    .timestep = timestep,
    .first = first,
};
