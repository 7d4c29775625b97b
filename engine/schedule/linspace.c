// SPDX-License-Identifier: LGPL-2.1-or-later
// Linspace: equal steps in time from the start to the schedule's first. Lin et al., "Common Diffusion Noise Schedules
// and Sample Steps are Flawed", 2023, table 2.
#include "schedule/spacing.h"

static udm_timestep timestep(const udm_timesteps *timesteps, double start, double k)
{
    return udm_timesteps_on_line(timesteps, start, 0, k);
}

const udm_spacing udm_spacing_linspace = {
    .name = "linspace",
    .about = "equal steps in time, from the start to the schedule's first",
    .timestep = timestep,
    .first = udm_timesteps_time_one,
};
