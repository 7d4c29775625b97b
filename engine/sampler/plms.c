// SPDX-License-Identifier: LGPL-2.1-or-later
// PLMS: F-PNDM whose beginning is cheaper: pseudo improved Euler, then multi-step methods of two and three estimates.
// What latent diffusion runs (Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", 2021,
// their code), and skip_prk_steps in scheduler_config.json.
#include "sampler/pseudo.h"

static int stages(int index, int steps)
{
    return index == 0 && steps > 1 ? 2 : 1;
}

static void mix(const udm_step *step, udm_mix *mix)
{
    if (step->index == 0)
        udm_improved_euler(step, mix);
    else
        udm_multi_step(step, step->count, mix);
}

const udm_sampler udm_sampler_plms = {
    .name = "plms",
    .about = "PNDM, four estimates of the noise after a cheaper start",
    .order = 2,
    .mix = mix,
    .looks = 4,
    .of_noise = true,
    .stages = stages,
};
