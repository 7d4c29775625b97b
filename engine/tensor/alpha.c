// SPDX-License-Identifier: LGPL-2.1-or-later
// With alpha a in [0, 1] and colour c in [-1, 1], black being -1, the premultiplied one is (c + 1) a - 1.
#include "tensor/alpha.h"

#include "base/maths.h"
#include "tensor/planes.h"

#define LEAST_ALPHA (1 / 1024.f) // below this no colour can be told
#define OPAQUE (1 - 1e-5f)       // what interpolation of opaque pixels gives, too

static float alpha_of(float plane)
{
    return udm_clamp(0.5f * (plane + 1), 0, 1);
}

void udm_alpha_premultiply(float *planes, size_t pixels)
{
    const float *alpha = planes + 3 * pixels;
    for (int c = 0; c < 3; c++)
        for (size_t i = 0; i < pixels; i++)
            planes[c * pixels + i] = (planes[c * pixels + i] + 1) * alpha_of(alpha[i]) - 1;
}

void udm_alpha_straighten(const float *premultiplied, const float *colours, size_t pixels, float *planes)
{
    for (size_t i = 0; i < pixels; i++) {
        const float alpha = alpha_of(premultiplied[3 * pixels + i]);
        const float gain = 1 / (alpha > LEAST_ALPHA ? alpha : LEAST_ALPHA);
        for (int c = 0; c < 3; c++) {
            const float colour = (premultiplied[c * pixels + i] + 1) * gain - 1;
            planes[c * pixels + i] = alpha > OPAQUE ? colours[c * pixels + i] : colour;
        }
        planes[3 * pixels + i] = alpha > OPAQUE ? 1 : 2 * alpha - 1;
    }
}

// Over -2, which is as far from black as black is from grey: luma of c a - 2 (1 - a).
void udm_alpha_luma(const float *premultiplied, size_t pixels, float *luma)
{
    const float *alpha = premultiplied + 3 * pixels;
    udm_planes_to_luma(premultiplied, 3, pixels, luma);
    for (size_t i = 0; i < pixels; i++)
        luma[i] -= 1 - alpha_of(alpha[i]);
}
