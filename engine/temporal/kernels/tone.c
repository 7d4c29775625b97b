// SPDX-License-Identifier: LGPL-2.1-or-later
// What each tone gains, between two knots of a curve; nothing at black and white and beyond.
#include <math.h>
#include <string.h>

#include "temporal/kernels/jobs.h"

enum { KNOTS = UDM_TONE_KNOTS };

void NAME(udm_temporal_add_tone)(void *context, int index, int worker)
{
    const udm_tone_job *job = context;
    const int parts = udm_temporal_parts(job->pixels), plane = index / parts;
    const size_t first = (size_t)(index % parts) * UDM_TEMPORAL_PART, left = job->pixels - first;
    const size_t count = left < UDM_TEMPORAL_PART ? left : UDM_TEMPORAL_PART;
    float *restrict values = job->planes + (size_t)plane * job->pixels + first, bias[KNOTS];
    memcpy(bias, job->bias[plane], sizeof bias);
    for (size_t i = 0; i < count; i++) {
        const float value = values[i], inside = fabsf(value) < 1 ? value : 0;
        const float at = (inside + 1) * ((KNOTS - 1) / 2.f);
        const int whole = (int)at, knot = whole < KNOTS - 1 ? whole : KNOTS - 2;
        const float added = bias[knot] + (at - (float)knot) * (bias[knot + 1] - bias[knot]);
        values[i] = fabsf(value) < 1 ? value + added : value;
    }
}
