// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sampler/guidance.h"

#include <math.h>

static double deviation(size_t count, const float *values)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    for (size_t i = 0; i < count; i++)
        squares += (values[i] - sum / count) * (values[i] - sum / count);
    return sqrt(squares / count);
}

void udm_guide(double guidance, double rescale, size_t count, const float *without, float *with)
{
    const double before = rescale > 0 ? deviation(count, with) : 0;
    for (size_t i = 0; i < count; i++)
        with[i] = without[i] + (float)guidance * (with[i] - without[i]);
    const double after = rescale > 0 ? deviation(count, with) : 0;
    const float by = after > 0 ? (float)(rescale * before / after + 1 - rescale) : 1;
    for (size_t i = 0; by != 1 && i < count; i++)
        with[i] *= by;
}
