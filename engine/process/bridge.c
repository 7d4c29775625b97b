// SPDX-License-Identifier: LGPL-2.1-or-later
// The Brownian bridge from a picture x0 to another, the anchor y: x_t = (1 - m) x0 + m y + sqrt(m (1 - m)) e with m = 1
// - alpha_bar. Li, Xue, Liu, Lai, "BBDM: Image-to-Image Translation with Brownian Bridge Diffusion Models", 2023, eq.
// 4, with s = 1 / 2 there. With that m, DDPM's v gives the bridge's own posterior (their eq. 7): x_s = x0 + (s / t)
// (x_t - x0)
// + sqrt(s (t - s) / t) e.
#include <math.h>

#include "process/process.h"

static void forward(const udm_levels *at, int channels, const float *x0, const float *e, float *out)
{
    for (size_t i = 0; i < at->pixels; i++) {
        const double m = udm_levels_share(at, i);
        const float own = (float)(1 - m), other = (float)m, noise = (float)sqrt(m * (1 - m));
        for (int c = 0; c < channels; c++) {
            const size_t k = c * at->pixels + i;
            out[k] = own * x0[k] + other * at->anchor[k] + noise * e[k];
        }
    }
}

static void inverse(const udm_levels *at, int channels, const float *x0, const float *xt, float *out)
{
    for (size_t i = 0; i < at->pixels; i++) {
        const double m = udm_levels_share(at, i), noise = sqrt(m * (1 - m));
        for (int c = 0; c < channels; c++) {
            const size_t k = c * at->pixels + i;
            out[k] = noise > 0 ? (float)((xt[k] - (1 - m) * x0[k] - m * at->anchor[k]) / noise) : 0;
        }
    }
}

// q(x_u | x_t), u > t: the bridge from x_t to y.
static void advance(const udm_levels *from, const udm_levels *to, int channels, const float *xt, const float *e,
                    float *out)
{
    for (size_t i = 0; i < from->pixels; i++) {
        const double t = udm_levels_share(from, i), u = udm_levels_share(to, i);
        const double keep = t < 1 ? (1 - u) / (1 - t) : 0, noise = sqrt(fmax((u - t) * keep, 0));
        for (int c = 0; c < channels; c++) {
            const size_t k = c * from->pixels + i;
            out[k] = (float)(keep * xt[k] + (1 - keep) * from->anchor[k] + noise * e[k]);
        }
    }
}

const udm_process udm_process_bridge = {
    .name = "bridge",
    .about = "Brownian bridge between two pictures",
    .forward = forward,
    .inverse = inverse,
    .advance = advance,
    .anchored = true,
};
