// SPDX-License-Identifier: LGPL-2.1-or-later
// SDE-DPM-Solver++ (2M): the reverse stochastic equation in lambda = log(signal / noise), x0 on the line through the
// last two estimates. Lu et al., "DPM-Solver++", 2022, section 5 and appendix B.
#include "sampler/sampler.h"

#include <math.h>

static void mix(const udm_step *step, udm_mix *mix)
{
    if (step->to.noise == 0) {
        *mix = udm_mix_towards_x0(step);
        return;
    }
    const double lambda = udm_point_lambda(step->from), h = udm_point_lambda(step->to) - lambda;
    const double gone = -expm1(-2 * h);
    *mix = (udm_mix){
        .start = step->to.noise / step->from.noise * exp(-h),
        .estimates = { step->to.signal * gone },
        .fresh = step->to.noise * sqrt(gone),
    };
    if (step->count < 2 || step->order < 2)
        return;
    const double r = (lambda - udm_point_lambda(step->seen[1])) / h, part = step->to.signal * gone / (2 * r);
    mix->estimates[0] += part;
    mix->estimates[1] -= part;
}

const udm_sampler udm_sampler_dpmpp_2m_sde = {
    .name = "dpmpp_2m_sde",
    .about = "DPM-Solver++ on the stochastic equation, two estimates back",
    .stochastic = true,
    .order = 2,
    .mix = mix,
    .looks = 2,
    .uses = 2,
};
