// SPDX-License-Identifier: LGPL-2.1-or-later
// Group normalisation, with an embedding (the equations are in backend.h).
#include <math.h>

#include "backend/host.h"
#include "backend/reference/reference.h"

// Channel c of the sources that are read as one, and what is added to it before it is normalised.
typedef struct channel {
    const float *pixels;
    float added;
} channel;

static channel channel_of(const udm_norm *norm, int c)
{
    float added = norm->embedding == UDM_EMBED_ADD ? udm_host_data(&norm->vector)[norm->first + c] : 0;
    int s = 0;
    while (c >= norm->src[s].shape.c)
        c -= norm->src[s++].shape.c;
    return (channel){ udm_host_data(&norm->src[s]) + udm_reference_at(norm->src[s].shape, c, 0, 0), added };
}

// of the channels [first, end)
static void find_moments(const udm_norm *norm, int first, int end, double *mean, double *variance)
{
    size_t pixels = (size_t)norm->dst.shape.h * norm->dst.shape.w;
    double count = (double)pixels * (end - first), sum = 0, squares = 0;
    for (int c = first; c < end; c++) {
        channel x = channel_of(norm, c);
        for (size_t i = 0; i < pixels; i++)
            sum += x.pixels[i] + x.added;
    }
    for (int c = first; c < end; c++) {
        channel x = channel_of(norm, c);
        for (size_t i = 0; i < pixels; i++)
            squares += pow(x.pixels[i] + x.added - sum / count, 2);
    }
    *mean = sum / count;
    *variance = squares / count;
}

static void normalise(const udm_norm *norm, int c, double mean, double variance)
{
    udm_shape shape = norm->dst.shape;
    size_t pixels = (size_t)shape.h * shape.w;
    const float *affine = udm_host_data(&norm->affine);
    double gain = affine[c] / sqrt(variance + norm->eps), offset = affine[shape.c + c];
    if (norm->embedding == UDM_EMBED_SCALE) {
        const float *e = udm_host_data(&norm->vector) + norm->first;
        gain *= 1 + e[c];
        offset = offset * (1 + e[c]) + e[shape.c + c];
    }
    channel x = channel_of(norm, c);
    float *dst = udm_host_data(&norm->dst) + udm_reference_at(shape, c, 0, 0);
    for (size_t i = 0; i < pixels; i++)
        dst[i] = udm_reference_activate(norm->activation, (float)((x.pixels[i] + x.added - mean) * gain + offset));
}

void udm_reference_norm(udm_device *device, const udm_norm *norm)
{
    int size = norm->dst.shape.c / norm->groups;
    for (int first = 0; first < norm->dst.shape.c; first += size) {
        double mean, variance;
        find_moments(norm, first, first + size, &mean, &variance);
        for (int c = first; c < first + size; c++)
            normalise(norm, c, mean, variance);
    }
}
