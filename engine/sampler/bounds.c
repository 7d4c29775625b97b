// SPDX-License-Identifier: LGPL-2.1-or-later
// Static and dynamic thresholding of x0.
#include <math.h>
#include <stdlib.h>

#include "sampler/prediction.h"

static void clamp(float *x, size_t count, float most)
{
    for (size_t i = 0; i < count; i++)
        x[i] = x[i] < -most ? -most : x[i] > most ? most : x[i];
}

// The k-th smallest, by Hoare's selection; reorders values so that those from k on are not smaller.
static float select_nth(float *values, size_t count, size_t k)
{
    size_t low = 0, high = count - 1;
    while (low < high) {
        const float pivot = values[low + (high - low) / 2];
        size_t i = low, j = high;
        for (;; i++, j--) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i >= j)
                break;
            const float other = values[i];
            values[i] = values[j], values[j] = other;
        }
        *(k <= j ? &high : &low) = k <= j ? j : j + 1;
    }
    return values[k];
}

// On the line between the two values next to it.
static double quantile(float *values, size_t count, double ratio)
{
    const double at = ratio * (count - 1);
    const size_t below = (size_t)at;
    const float low = select_nth(values, count, below);
    float high = low;
    for (size_t i = below + 1; i < count; i++)
        high = i == below + 1 || values[i] < high ? values[i] : high;
    return low + (at - below) * (high - low);
}

bool udm_bound_x0(const udm_bounds *bounds, size_t count, float *x0, udm_error *error)
{
    if (bounds->ratio <= 0) {
        if (bounds->clip > 0)
            clamp(x0, count, (float)bounds->clip);
        return true;
    }
    float *sizes = malloc(count * sizeof *sizes);
    if (!sizes)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for dynamic thresholding");
    for (size_t i = 0; i < count; i++)
        sizes[i] = fabsf(x0[i]);
    const double range = fmin(fmax(quantile(sizes, count, bounds->ratio), 1), bounds->most);
    free(sizes);
    clamp(x0, count, (float)range);
    for (size_t i = 0; i < count; i++)
        x0[i] = (float)(x0[i] / range);
    return true;
}
