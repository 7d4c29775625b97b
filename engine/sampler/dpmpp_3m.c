// SPDX-License-Identifier: LGPL-2.1-or-later
// DPM-Solver++ (3M): as 2M, with x0 on the parabola through the last three estimates, integrated exactly. Lu et al.,
// "DPM-Solver++", 2022, appendix A, eq. 4.1 with k = 3. The code of the paper, and diffusers after it, halve the weight
// of the second difference, which costs it the third order; this does not.
#include "sampler/exponential.h"

static void mix(const udm_step *step, udm_mix *mix)
{
    *mix = udm_mix_towards_x0(step);
    if (step->count < 2 || step->order < 2 || step->to.noise == 0)
        return;
    // With y = (lambda - lambda_from) / h: x0(y) = sum of c_i y^i, and the integral of h exp(-h (1 - y)) y^i over [0,
    // 1] is h i! phi_{i+1}(-h). The weights w_k of the estimates, which lie at y_k, solve sum_k w_k y_k^i = that
    // integral.
    const double lambda = udm_point_lambda(step->from), h = udm_point_lambda(step->to) - lambda;
    const int n = step->count < step->order ? step->count : step->order;
    double phi[4], powers[UDM_MAX_ORDER][UDM_MAX_ORDER], w[UDM_MAX_ORDER];
    udm_phi(-h, 4, phi);
    for (int k = 0; k < n; k++) {
        const double y = (udm_point_lambda(step->seen[k]) - lambda) / h;
        powers[0][k] = 1, powers[1][k] = y, powers[2][k] = y * y;
    }
    w[0] = h * phi[1], w[1] = h * phi[2], w[2] = 2 * h * phi[3];
    udm_solve(n, powers, w);
    for (int k = 0; k < n; k++)
        mix->estimates[k] = step->to.signal * w[k];
}

const udm_sampler udm_sampler_dpmpp_3m = {
    .name = "dpmpp_3m",
    .about = "DPM-Solver++, three estimates back",
    .order = 3,
    .mix = mix,
    .looks = 3,
    .uses = 3,
};
