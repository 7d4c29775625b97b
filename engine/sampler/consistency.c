// SPDX-License-Identifier: LGPL-2.1-or-later
// Multistep consistency sampling: x0 at once, and back to the next time with new noise, less that of the first time,
// which the network's x0 still has. Song et al., "Consistency Models", 2023, algorithm 1. It converges to the data only
// with the estimates of a network that was trained for it.
#include "sampler/sampler.h"

#include <math.h>

static void mix(const udm_step *step, udm_mix *mix)
{
    const double ratio = udm_point_ratio(step->to), more = ratio * ratio - step->least * step->least;
    *mix = (udm_mix){ .estimates = { step->to.signal }, .fresh = step->to.signal * sqrt(fmax(more, 0)) };
}

const udm_sampler udm_sampler_consistency = {
    .name = "consistency",
    .about = "for consistency networks, one step or more",
    .stochastic = true,
    .mix = mix,
};
