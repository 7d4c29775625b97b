// SPDX-License-Identifier: LGPL-2.1-or-later
// DEIS (log-rho-AB, order 3): the equation d(x / signal) / d rho = e, rho = noise / signal, with e on the polynomial in
// log(rho) through the last three estimates, integrated exactly. Zhang and Chen, "Fast Sampling of Diffusion Models
// with Exponential Integrator", 2023, eq. 15. The last step, which goes to rho = 0, uses one estimate.
#include "sampler/exponential.h"

#include <math.h>

// With u = log(rho): the integral of u^i d rho up to rho = exp(u), for i = 0, 1, 2.
static void integrals(double u, double out[UDM_MAX_ORDER])
{
    const double rho = exp(u);
    out[0] = rho;
    out[1] = rho * (u - 1);
    out[2] = rho * (u * u - 2 * u + 2);
}

static void mix(const udm_step *step, udm_mix *mix)
{
    *mix = udm_mix_along_noise(step);
    if (step->count < 2 || step->order < 2 || step->to.noise == 0)
        return;
    const int n = step->count < step->order ? step->count : step->order;
    const double u = -udm_point_lambda(step->from);
    double powers[UDM_MAX_ORDER][UDM_MAX_ORDER], w[UDM_MAX_ORDER], begin[UDM_MAX_ORDER];
    // u is counted from that of x_from, as the weights are differences of what would be large numbers.
    integrals(-udm_point_lambda(step->to) - u, w);
    integrals(0, begin);
    for (int k = 0; k < n; k++) {
        const double at = -udm_point_lambda(step->seen[k]) - u;
        w[k] = (w[k] - begin[k]) * exp(u) * step->to.signal;
        powers[0][k] = 1, powers[1][k] = at, powers[2][k] = at * at;
    }
    udm_solve(n, powers, w);
    for (int k = 0; k < n; k++)
        mix->estimates[k] = w[k];
}

const udm_sampler udm_sampler_deis = {
    .name = "deis",
    .about = "DEIS, a multi-step method on the estimates of the noise",
    .order = 3,
    .mix = mix,
    .looks = 3,
    .uses = 3,
    .of_noise = true,
};
