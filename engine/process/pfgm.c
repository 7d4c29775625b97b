// SPDX-License-Identifier: LGPL-2.1-or-later
// Poisson flow: x_t = x0 + sigma e, where e falls off as the field of a charge does. Xu et al., "Poisson Flow
// Generative Models", 2022; Xu et al., "PFGM++", 2023, eq. 4 and its section 3.2: of D more dimensions, at the distance
// r = sigma sqrt(D), the field has the density (|x_t - x0|^2 + r^2)^-((N + D) / 2), which is Student's t in N
// dimensions: a normal e times sqrt(D / chi^2_D), with one chi^2 for all N. D = 1 is PFGM, D to infinity is diffusion.
// The equation of the field lines in sigma is that of the probability flow (their theorem 4.1), so all deterministic
// samplers serve.
#include <math.h>

#include "base/random.h"
#include "process/gaussian.h"

static void factors(double alpha_bar, double *signal, double *noise)
{
    *signal = 1;
    *noise = sqrt(1 / alpha_bar - 1);
}

// The numbers that are drawn beyond e are those after its own.
static void scale(int dimensions, uint64_t seed, uint64_t frame, uint32_t step, size_t count, float *e)
{
    double chi2 = 0;
    for (int i = 0; i < dimensions; i++) {
        float more;
        udm_normal(seed, frame, step, count + i, 1, &more);
        chi2 += (double)more * more;
    }
    const float by = (float)sqrt(dimensions / chi2);
    for (size_t i = 0; i < count; i++)
        e[i] *= by;
}

static void shape_1(uint64_t seed, uint64_t frame, uint32_t step, size_t count, float *e)
{
    scale(1, seed, frame, step, count, e);
}

static void shape_128(uint64_t seed, uint64_t frame, uint32_t step, size_t count, float *e)
{
    scale(128, seed, frame, step, count, e);
}

const udm_process udm_process_pfgm = {
    .name = "pfgm",
    .about = "Poisson flow, one more dimension (PFGM)",
    .factors = factors,
    .forward = udm_gaussian_forward,
    .inverse = udm_gaussian_inverse,
    .shape = shape_1,
};

const udm_process udm_process_pfgmpp = {
    .name = "pfgmpp",
    .about = "Poisson flow, 128 more dimensions (PFGM++)",
    .factors = factors,
    .forward = udm_gaussian_forward,
    .inverse = udm_gaussian_inverse,
    .shape = shape_128,
};
