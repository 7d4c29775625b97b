// SPDX-License-Identifier: LGPL-2.1-or-later
// What each tone gains, between two knots of a curve; nothing at black and white and beyond.
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "temporal/kernels/jobs.h"

enum { KNOTS = UDM_TONE_KNOTS };

// Knots are few, so each is asked for by itself: compilers make selections of vectors of that, and no table is read.
void NAME(udm_temporal_add_tone)(void *context, int index, int worker)
{
    const udm_tone_job *job = context;
    const int parts = udm_temporal_parts(job->pixels), plane = index / parts;
    const size_t first = (size_t)(index % parts) * UDM_TEMPORAL_PART, left = job->pixels - first;
    const size_t count = left < UDM_TEMPORAL_PART ? left : UDM_TEMPORAL_PART;
    float *restrict values = job->planes + (size_t)plane * job->pixels + first, bias[KNOTS], slope[KNOTS - 1];
    memcpy(bias, job->bias[plane], sizeof bias);
    for (int k = 0; k < KNOTS - 1; k++)
        slope[k] = bias[k + 1] - bias[k];
    for (size_t i = 0; i < count; i++) {
        const float value = values[i], inside = fabsf(value) < 1 ? value : 0;
        const float at = (inside + 1) * ((KNOTS - 1) / 2.f);
        float from = 0, base = bias[0], rise = slope[0];
#pragma GCC unroll 8
        for (int k = 1; k < KNOTS - 1; k++) {
            const bool beyond = at >= (float)k;
            from = beyond ? (float)k : from, base = beyond ? bias[k] : base, rise = beyond ? slope[k] : rise;
        }
        const float added = base + (at - from) * rise;
        values[i] = fabsf(value) < 1 ? value + added : value;
    }
}
