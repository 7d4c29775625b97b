// SPDX-License-Identifier: LGPL-2.1-or-later
// S-PNDM: the pseudo linear multi-step method of two estimates, begun by pseudo improved Euler. Liu, Ren, Lin, Zhao,
// "Pseudo Numerical Methods for Diffusion Models on Manifolds", 2022, appendix A.4, eq. 22 and 23.
#include "sampler/pseudo.h"

static int stages(int index, int steps)
{
    return index == 0 && steps > 1 ? 2 : 1;
}

static void mix(const udm_step *step, udm_mix *mix)
{
    if (step->index == 0) // also where it is the only step, with its one stage
        udm_improved_euler(step, mix);
    else
        udm_multi_step(step, 2, mix);
}

const udm_sampler udm_sampler_s_pndm = {
    .name = "s_pndm",
    .about = "PNDM, second order: two estimates of the noise",
    .order = 2,
    .mix = mix,
    .looks = 2,
    .of_noise = true,
    .stages = stages,
};
