// SPDX-License-Identifier: LGPL-2.1-or-later
// Heun's method on the probability-flow equation dy / d sigma = (y - x0) / sigma, y = x / signal, sigma = noise /
// signal. Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models", 2022, algorithm 1 without
// churn. Two estimates a step, one for the last.
#include "sampler/sampler.h"

static int stages(int index, int steps)
{
    return index + 1 < steps ? 2 : 1;
}

static void mix(const udm_step *step, udm_mix *mix)
{
    if (step->stage == 0) {
        *mix = udm_mix_towards_x0(step);
        return;
    }
    // The mean of both slopes, (y - x0) / sigma and (r y + (1 - r) x0 - x0') / sigma', with r = sigma' / sigma.
    const double r = udm_point_ratio(step->to) / udm_point_ratio(step->from), half = (1 - r) / (2 * r);
    *mix = (udm_mix){
        .start = step->to.noise / step->from.noise,
        .estimates = { step->to.signal * half, step->to.signal * half * (2 * r - 1) },
    };
}

const udm_sampler udm_sampler_heun = {
    .name = "heun",
    .about = "Heun's method on the probability-flow equation, two estimates a step",
    .order = 2,
    .mix = mix,
    .looks = 2,
    .stages = stages,
};
