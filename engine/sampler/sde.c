// SPDX-License-Identifier: LGPL-2.1-or-later
// The reverse stochastic equation by Euler and Maruyama, drift and diffusion integrated over a step as the step forward
// has them. Song et al., "Score-Based Generative Modeling through Stochastic Differential Equations", 2021, eq. 46
// ("reverse diffusion sampler") with the score (signal x0 - x) / noise^2.
#include "sampler/sde.h"

udm_mix udm_mix_reverse_diffusion(const udm_step *step)
{
    if (step->to.noise == 0)
        return udm_mix_towards_x0(step);
    double small, large;
    udm_mix_posterior(step, &small, &large);
    const double share = large * large / (step->from.noise * step->from.noise);
    return (udm_mix){
        .start = 2 - step->from.signal / step->to.signal - share,
        .estimates = { share * step->from.signal },
        .fresh = large,
    };
}

static void mix(const udm_step *step, udm_mix *mix)
{
    *mix = udm_mix_reverse_diffusion(step);
}

const udm_sampler udm_sampler_sde = {
    .name = "sde",
    .about = "Euler and Maruyama's method on the reverse stochastic equation",
    .stochastic = true,
    .order = 1,
    .mix = mix,
};
