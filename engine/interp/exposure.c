// SPDX-License-Identifier: LGPL-2.1-or-later
#include "interp/exposure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PICTURES = 32 };

#define STEP 1.25        // pixels between pictures: those of an edge run into each other
#define LEAST_MOTION .25 // that is seen

struct udm_exposure {
    size_t floats;
    double seconds;
    float sums[];
};

udm_exposure *udm_exposure_new(size_t floats, udm_error *error)
{
    udm_exposure *exposure = calloc(1, sizeof *exposure + floats * sizeof(float));
    if (exposure)
        exposure->floats = floats;
    else
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to expose a frame");
    return exposure;
}

void udm_exposure_free(udm_exposure *exposure)
{
    free(exposure);
}

int udm_exposure_pictures(double motion)
{
    if (motion < LEAST_MOTION)
        return 1;
    return motion < STEP * (MOST_PICTURES - 1) ? 1 + (int)ceil(motion / STEP) : MOST_PICTURES;
}

void udm_exposure_add(udm_exposure *exposure, size_t first, const float *values, size_t count, double seconds)
{
    const bool begins = first == 0 && exposure->seconds == 0;
    if (begins)
        memset(exposure->sums, 0, exposure->floats * sizeof(float));
    for (size_t i = 0; i < count; i++)
        exposure->sums[first + i] += (float)seconds * values[i];
    exposure->seconds += first == 0 ? seconds : 0;
}

double udm_exposure_seconds(const udm_exposure *exposure)
{
    return exposure->seconds;
}

const float *udm_exposure_develop(udm_exposure *exposure)
{
    const float scale = exposure->seconds > 0 ? (float)(1 / exposure->seconds) : 0;
    for (size_t i = 0; i < exposure->floats; i++)
        exposure->sums[i] *= scale;
    exposure->seconds = 0;
    return exposure->sums;
}
