// SPDX-License-Identifier: LGPL-2.1-or-later
// Latent consistency: the network's x0 is a step of a consistency function with the boundary condition of Luo et al.,
// "Latent Consistency Models", 2023, eq. 9 (sigma_data = 0.5, time scaled by 10), and noise is drawn anew. It converges
// to the data only with the estimates of a network that was distilled for it.
#include "sampler/sampler.h"

#include <math.h>

static void mix(const udm_step *step, udm_mix *mix)
{
    const double data = 0.5, time = 10 * fmax(step->from.time * 1000 - 1, 0), all = sqrt(time * time + data * data);
    const double skip = data * data / (all * all), out = time / all;
    *mix = (udm_mix){
        .start = step->to.signal * skip,
        .estimates = { step->to.signal * out },
        .fresh = step->to.noise,
    };
}

const udm_sampler udm_sampler_lcm = {
    .name = "lcm",
    .about = "for networks distilled to latent consistency",
    .stochastic = true,
    .mix = mix,
};
