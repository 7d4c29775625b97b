// SPDX-License-Identifier: LGPL-2.1-or-later
// UniPC with B(h) = e^h - 1 ("bh2") in terms of x0: a multi-step predictor of order 2, or 1 to 3 if set, and a
// corrector that takes in the estimate at the new point without one of its own. Zhao et al., "UniPC: A Unified
// Predictor-Corrector Framework for Fast Sampling of Diffusion Models", 2023, algorithms 5 to 8. A step to noise 0 has
// order 1.
#include "base/maths.h"
#include "sampler/exponential.h"

#include <math.h>

// The estimates others[k] (indices into seen) differ from estimate `base`, made at step->from; each difference over its
// distance r is weighted by rho, sum_k rho_k r_k^i = (i + 1)! h phi_{i+2}(-h) / B. A lone one has 1 / 2, as in the
// paper's code.
static void add_differences(const udm_step *step, int base, int count, const int *others, udm_mix *mix)
{
    const double lambda = udm_point_lambda(step->from), h = udm_point_lambda(step->to) - lambda;
    const double b = expm1(-h); // -B(-h) in the paper
    double phi[UDM_MAX_ORDER + 2], r[UDM_MAX_ORDER], powers[UDM_MAX_ORDER][UDM_MAX_ORDER], rho[UDM_MAX_ORDER];
    double factorial = 1;
    udm_phi(-h, count + 2, phi);
    for (int k = 0; k < count; k++)
        r[k] = (udm_point_lambda(step->seen[others[k]]) - lambda) / h;
    for (int i = 0; i < count; i++) {
        factorial *= i + 1;
        rho[i] = -h * phi[i + 2] * factorial / b;
        for (int k = 0; k < count; k++)
            powers[i][k] = i == 0 ? 1 : powers[i - 1][k] * r[k];
    }
    if (count > 1)
        udm_solve(count, powers, rho);
    else
        rho[0] = 0.5;
    for (int k = 0; k < count; k++) {
        const double part = -step->to.signal * b * rho[k] / r[k];
        mix->estimates[others[k]] += part;
        mix->estimates[base] -= part;
    }
}

static void mix(const udm_step *step, udm_mix *mix)
{
    const int past[] = { 1, 2 }, order = udm_min(udm_min(step->count, step->order), 3);
    *mix = udm_mix_towards_x0(step);
    if (order > 1 && step->to.noise > 0)
        add_differences(step, 0, order - 1, past, mix);
}

// seen[0] is the new estimate, seen[1] the one at the start of the step, and then those before it.
static void correct(const udm_step *step, udm_mix *mix)
{
    const int around[] = { 2, 3, 0 }, late[] = { 2, 0 }, only[] = { 0 };
    const int order = udm_min(udm_min(step->count - 1, step->order), 3);
    const udm_mix towards = udm_mix_towards_x0(step);
    *mix = (udm_mix){ .start = towards.start, .estimates = { 0, towards.estimates[0] } };
    add_differences(step, 1, order, order == 3 ? around : order == 2 ? late : only, mix);
}

const udm_sampler udm_sampler_unipc = {
    .name = "unipc",
    .about = "UniPC, a multi-step predictor and a corrector that cost one estimate",
    .order = 3, // of the corrector: one more than the predictor's
    .mix = mix,
    .looks = 4,
    .uses = 2,
    .correct = correct,
};
