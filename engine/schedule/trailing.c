// SPDX-License-Identifier: LGPL-2.1-or-later
// Trailing: equal steps from the start down to 0. Lin et al., "Common Diffusion Noise Schedules and Sample Steps are
// Flawed", 2023, table 2.
#include "schedule/spacing.h"

#include <math.h>

static udm_rung rung(const udm_ladder *ladder, double start, double k)
{
    double gone = k / ladder->steps;
    if (ladder->grid > 0)
        gone = floor(gone * ladder->grid + 1e-9) / ladder->grid;
    const double left = start * udm_ladder_total(ladder) * (1 - gone);
    return udm_ladder_at_step(ladder, (ladder->noise->steps > 0 ? rint(left) : left) - 1);
}

const udm_spacing udm_spacing_trailing = {
    .name = "trailing",
    .about = "equal steps in time, from the start down to 0",
    .rung = rung,
    .first = udm_ladder_time_one,
};
