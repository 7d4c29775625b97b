// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sampler/pseudo.h"

void udm_transfer(const udm_step *step, int count, const double *gradient, udm_mix *mix)
{
    *mix = udm_mix_along_noise(step);
    const double all = mix->estimates[0];
    for (int k = 0; k < count; k++)
        mix->estimates[k] = all * gradient[k];
}

void udm_multi_step(const udm_step *step, int count, udm_mix *mix)
{
    // Adams and Bashforth, orders 1 to 4.
    static const double gradients[4][4] = {
        { 1 },
        { 3 / 2., -1 / 2. },
        { 23 / 12., -16 / 12., 5 / 12. },
        { 55 / 24., -59 / 24., 37 / 24., -9 / 24. },
    };
    udm_transfer(step, count, gradients[count - 1], mix);
}

void udm_improved_euler(const udm_step *step, udm_mix *mix)
{
    static const double gradients[2][2] = { { 1 }, { 1 / 2., 1 / 2. } };
    udm_transfer(step, step->stage + 1, gradients[step->stage], mix);
}
