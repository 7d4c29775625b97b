// SPDX-License-Identifier: LGPL-2.1-or-later
// Predictor and corrector: a step of "sde", then one of Langevin dynamics at the new time. Song et al., "Score-Based
// Generative Modeling through Stochastic Differential Equations", 2021, algorithms 3 and 5. The size of the corrector's
// step is 2 (r |z| / |score|)^2 there; here it has the expectation of the norms, 2 (r noise)^2, so that pixels do not
// depend on each other through it.
#include "sampler/sde.h"

#include <math.h>

static int stages(int index, int steps)
{
    return index + 1 < steps ? 2 : 1;
}

static void mix(const udm_step *step, udm_mix *mix)
{
    const double ratio = 0.16; // r, of their section G
    if (step->stage == 0) {
        *mix = udm_mix_reverse_diffusion(step);
        return;
    }
    const double share = 2 * ratio * ratio;
    *mix = (udm_mix){
        .now = 1 - share,
        .estimates = { share * step->to.signal },
        .fresh = sqrt(2 * share) * step->to.noise,
    };
}

const udm_sampler udm_sampler_sde_pc = {
    .name = "sde_pc",
    .about = "as sde, with a Langevin step after each, two estimates a step",
    .stochastic = true,
    .order = 1,
    .mix = mix,
    .looks = 2,
    .stages = stages,
};
