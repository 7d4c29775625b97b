// SPDX-License-Identifier: LGPL-2.1-or-later
// The Gaussian process x_t = sqrt(alpha_bar_t) x0 + sqrt(1 - alpha_bar_t) e. Ho, Jain, Abbeel, "Denoising Diffusion
// Probabilistic Models", 2020, eq. 4; signal and noise need not be variance preserving here.
#include "process/gaussian.h"

#include <math.h>

static void factors(double alpha_bar, double *signal, double *noise)
{
    *signal = sqrt(alpha_bar);
    *noise = sqrt(1 - alpha_bar);
}

void udm_gaussian_forward(const udm_levels *at, int channels, const float *x0, const float *e, float *out)
{
    for (int c = 0; c < channels; c++)
        for (size_t i = 0; i < at->pixels; i++) {
            size_t k = c * at->pixels + i;
            out[k] = at->signal[i] * x0[k] + at->noise[i] * e[k];
        }
}

void udm_gaussian_inverse(const udm_levels *at, int channels, const float *x0, const float *xt, float *out)
{
    for (int c = 0; c < channels; c++)
        for (size_t i = 0; i < at->pixels; i++) {
            size_t k = c * at->pixels + i;
            out[k] = at->noise[i] > 0 ? (xt[k] - at->signal[i] * x0[k]) / at->noise[i] : 0;
        }
}

// q(x_u | x_t) for u > t: signal and noise shrink together, and new noise makes up the variance.
void udm_gaussian_advance(const udm_levels *from, const udm_levels *to, int channels, const float *xt, const float *e,
                          float *out)
{
    for (size_t i = 0; i < from->pixels; i++) {
        float ratio = from->signal[i] > 0 ? to->signal[i] / from->signal[i] : 0;
        float kept = ratio * from->noise[i], added = to->noise[i] * to->noise[i] - kept * kept;
        float fresh = added > 0 ? sqrtf(added) : 0;
        for (int c = 0; c < channels; c++) {
            size_t k = c * from->pixels + i;
            out[k] = ratio * xt[k] + fresh * e[k];
        }
    }
}

const udm_process udm_process_gaussian = {
    .name = "gaussian",
    .about = "white Gaussian noise, variance preserving",
    .factors = factors,
    .forward = udm_gaussian_forward,
    .inverse = udm_gaussian_inverse,
    .advance = udm_gaussian_advance,
};
