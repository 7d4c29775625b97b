// SPDX-License-Identifier: LGPL-2.1-or-later
// Leading: equal steps in time that end at the schedule's first, and so begin below its last. What DDIM's code does;
// Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed", 2023, table 2.
#include "schedule/spacing.h"

static udm_rung rung(const udm_ladder *ladder, double start, double k)
{
    return udm_ladder_on_line(ladder, start, ladder->offset, k);
}

static double first(const udm_ladder *ladder)
{
    const int total = udm_ladder_total(ladder), parts = ladder->wide ? ladder->steps : ladder->steps - 1;
    return (double)(parts * (total / (parts + 1)) + ladder->offset + 1) / total;
}

const udm_spacing udm_spacing_leading = {
    .name = "leading",
    .about = "equal steps in time that end at the schedule's first",
    .rung = rung,
    .first = first,
};
