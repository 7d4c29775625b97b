// SPDX-License-Identifier: LGPL-2.1-or-later
// DPM-Solver++ (2M): the equation in lambda = log(signal / noise), its linear part exactly, x0 on the line through the
// last two estimates. Lu et al., "DPM-Solver++", 2022, algorithm 2. The first step and the last, which goes to lambda =
// infinity, use one estimate.
#include "sampler/sampler.h"

#include <math.h>

static void mix(const udm_step *step, udm_mix *mix)
{
    *mix = udm_mix_towards_x0(step);
    if (step->count < 2 || step->order < 2 || step->to.noise == 0)
        return;
    const double lambda = udm_point_lambda(step->from), h = udm_point_lambda(step->to) - lambda;
    const double r = (lambda - udm_point_lambda(step->seen[1])) / h;
    const double part = -step->to.signal * expm1(-h) / (2 * r);
    mix->estimates[0] += part;
    mix->estimates[1] -= part;
}

const udm_sampler udm_sampler_dpmpp_2m = {
    .name = "dpmpp_2m",
    .about = "DPM-Solver++, two estimates back",
    .order = 2,
    .mix = mix,
    .looks = 2,
    .uses = 2,
};
