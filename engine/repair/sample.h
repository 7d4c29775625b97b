// SPDX-License-Identifier: LGPL-2.1-or-later
// A plane between its pixels: the cubic of Catmull and Rom, which leaves straight what is straight, and goes on beyond
// the border with the pixels there.
#ifndef UDM_REPAIR_SAMPLE_H
#define UDM_REPAIR_SAMPLE_H

#include <math.h>

#include "base/maths.h"

typedef struct udm_taps {
    int at[4];
    float weight[4];
} udm_taps;

static inline udm_taps udm_taps_at(float place, int size)
{
    const float whole = floorf(udm_clamp(place, -2, (float)size + 1)), f = udm_clamp(place - whole, 0, 1);
    const int first = (int)whole - 1;
    udm_taps taps = { .weight = { f * (-0.5f + f * (1 - 0.5f * f)), 1 + f * f * (1.5f * f - 2.5f),
                                  f * (0.5f + f * (2 - 1.5f * f)), f * f * (0.5f * f - 0.5f) } };
    for (int k = 0; k < 4; k++)
        taps.at[k] = udm_clamp_index(first + k, size);
    return taps;
}

static inline float udm_sample(const float *plane, int width, int height, float x, float y)
{
    const udm_taps across = udm_taps_at(x, width), down = udm_taps_at(y, height);
    float sum = 0;
    for (int j = 0; j < 4; j++) {
        const float *row = plane + (size_t)down.at[j] * (size_t)width;
        float line = 0;
        for (int i = 0; i < 4; i++)
            line += across.weight[i] * row[across.at[i]];
        sum += down.weight[j] * line;
    }
    return sum;
}

// ... by the four pixels around, for what is smooth.
static inline float udm_sample_linear(const float *plane, int width, int height, float x, float y)
{
    x = udm_clamp(x, 0, (float)(width - 1)), y = udm_clamp(y, 0, (float)(height - 1));
    const int x0 = (int)x, y0 = (int)y, x1 = udm_min(x0 + 1, width - 1), y1 = udm_min(y0 + 1, height - 1);
    const float fx = x - (float)x0, fy = y - (float)y0;
    const float *up = plane + (size_t)y0 * (size_t)width, *down = plane + (size_t)y1 * (size_t)width;
    const float above = up[x0] + fx * (up[x1] - up[x0]), below = down[x0] + fx * (down[x1] - down[x0]);
    return above + fy * (below - above);
}

#endif
