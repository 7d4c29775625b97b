// SPDX-License-Identifier: LGPL-2.1-or-later
// Layer normalisation, pixel by pixel: 16 sums side by side, whatever the vectors, so that all give the same bits.
#include <math.h>

#include "backend/cpu/kernels/kernels.h"

enum { BLOCK = UDM_CPU_BLOCK };

typedef struct pixel {
    const float *src; // its channels lie in blocks that are `plane` floats apart
    float *dst;
    size_t plane;
    int channels;
} pixel;

// Of x, or of its squared distance from `mean`.
INLINE double sum_of(const pixel *at, float mean, bool squares)
{
    float sums[BLOCK] = { 0 };
    int c = 0;
    for (; c + BLOCK <= at->channels; c += BLOCK) {
        const float *x = at->src + (size_t)(c / BLOCK) * at->plane;
        for (int lane = 0; lane < BLOCK; lane += LANES) {
            const vec value = load(x + lane) - mean;
            store(sums + lane, load(sums + lane) + (squares ? value * value : value));
        }
    }
    for (int lane = 0; c + lane < at->channels; lane++) {
        const float value = at->src[(size_t)(c / BLOCK) * at->plane + lane] - mean;
        sums[lane] += squares ? value * value : value;
    }
    double sum = 0;
    for (int lane = 0; lane < BLOCK; lane++)
        sum += sums[lane];
    return sum;
}

INLINE void normalise(const pixel *at, const float *affine, float mean, float gain)
{
    int c = 0;
    for (; c + BLOCK <= at->channels; c += BLOCK)
        for (int lane = 0; lane < BLOCK; lane += LANES) {
            const size_t place = (size_t)(c / BLOCK) * at->plane + lane;
            const float *gamma = affine + c + lane;
            store(at->dst + place, (load(at->src + place) - mean) * gain * load(gamma) + load(gamma + at->channels));
        }
    for (int lane = 0; c < at->channels && lane < BLOCK; lane++) {
        const size_t place = (size_t)(c / BLOCK) * at->plane + lane;
        const bool there = c + lane < at->channels;
        at->dst[place] =
            there ? (at->src[place] - mean) * gain * affine[c + lane] + affine[at->channels + c + lane] : 0;
    }
}

// index: of UDM_CPU_LAYER_PART pixels
void NAME(udm_cpu_layer_norm)(void *context, int index, int worker)
{
    const udm_layer_norm *norm = context;
    const udm_shape shape = norm->dst.shape;
    const size_t pixels = (size_t)shape.h * shape.w, first = (size_t)index * UDM_CPU_LAYER_PART;
    const size_t end = pixels - first < UDM_CPU_LAYER_PART ? pixels : first + UDM_CPU_LAYER_PART;
    const float *affine = udm_host_data(&norm->affine);
    for (size_t p = first; p < end; p++) {
        const pixel at = { udm_host_data(&norm->src) + p * BLOCK, udm_host_data(&norm->dst) + p * BLOCK, pixels * BLOCK,
                           shape.c };
        const float mean = (float)(sum_of(&at, 0, false) / shape.c);
        const double variance = sum_of(&at, mean, true) / shape.c;
        normalise(&at, affine, mean, (float)(1 / sqrt(variance + norm->eps)));
    }
}
