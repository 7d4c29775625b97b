// SPDX-License-Identifier: LGPL-2.1-or-later
// Euler's method on the probability-flow equation d(x / signal) / d sigma = e, sigma = noise / signal. Karras et al.,
// "Elucidating the Design Space of Diffusion-Based Generative Models", 2022, eq. 1 and algorithm 1 without its line 7.
// In these variables it is DDIM's step (Song et al. 2021, section 4.3).
#include "sampler/sampler.h"

static void mix(const udm_step *step, udm_mix *mix)
{
    *mix = udm_mix_towards_x0(step);
}

const udm_sampler udm_sampler_euler = {
    .name = "euler",
    .about = "Euler's method on the probability-flow equation",
    .order = 1,
    .mix = mix,
};
