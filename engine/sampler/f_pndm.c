// SPDX-License-Identifier: LGPL-2.1-or-later
// F-PNDM: the pseudo linear multi-step method of four estimates, begun by three pseudo Runge-Kutta steps of four
// estimates each. Liu, Ren, Lin, Zhao, "Pseudo Numerical Methods for Diffusion Models on Manifolds", 2022, eq. 12, 13
// and algorithm 2.
#include "sampler/pseudo.h"

// The first steps begin; the last never does, as its middle would lie where there is nothing left to learn.
static bool begins(int index, int steps)
{
    return index < 3 && index + 1 < steps;
}

static int stages(int index, int steps)
{
    return begins(index, steps) ? 4 : 1;
}

static double reach(int index, int steps, int stage)
{
    return begins(index, steps) && stage < 2 ? 0.5 : 1;
}

static void runge_kutta(const udm_step *step, udm_mix *mix)
{
    static const double newest[] = { 1 }, all[] = { 1 / 6., 1 / 3., 1 / 3., 1 / 6. };
    if (step->stage < 3)
        udm_transfer(step, 1, newest, mix);
    else
        udm_transfer(step, 4, all, mix);
}

static void mix(const udm_step *step, udm_mix *mix)
{
    if (begins(step->index, step->steps))
        runge_kutta(step, mix);
    else
        udm_multi_step(step, step->count < 4 ? step->count : 4, mix);
}

const udm_sampler udm_sampler_f_pndm = {
    .name = "f_pndm",
    .about = "PNDM, four estimates of the noise after a pseudo Runge-Kutta start",
    .order = 2,
    .mix = mix,
    .looks = 6, // four stages, and the first of two steps before
    .of_noise = true,
    .stages = stages,
    .reach = reach,
};
