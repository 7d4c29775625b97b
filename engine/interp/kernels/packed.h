// SPDX-License-Identifier: LGPL-2.1-or-later
// Packed pixels, as the kernels of one instruction set read and write them.
#ifndef UDM_INTERP_KERNELS_PACKED_H
#define UDM_INTERP_KERNELS_PACKED_H

#include <math.h>

#include "interp/kernels/kernels.h"

#define LANES 8

#include "base/maths.h"
#include "base/simd.h"

typedef float pixel __attribute__((vector_size(16)));
typedef float pixel_unaligned __attribute__((vector_size(16), aligned(4), may_alias));

INLINE pixel get(const udm_packed *from, int x, int y)
{
    return *(const pixel_unaligned *)(from->at + 4 * (y * from->stride + x));
}

INLINE void set(const udm_packed *to, int x, int y, pixel value)
{
    *(pixel_unaligned *)(to->at + 4 * (y * to->stride + x)) = value;
}

// A coordinate, brought into the picture; what is not a number goes to 0.
INLINE float inside(float at, int size)
{
    return udm_clamp(at, 0, (float)(size - 1));
}

INLINE float least(float a, float b)
{
    return a < b ? a : b;
}

INLINE float most(float a, float b)
{
    return a > b ? a : b;
}

// A picture's share in the motion at the instant.
INLINE float nearness(const udm_synthesis_job *job, int k)
{
    return fmaxf(1 - fabsf(job->distance[k]), UDM_LEAST_NEARNESS);
}

// ---- runs of pixels, which lie in one cell

enum { RUN = UDM_SYNTHESIS_CELL };

// Where the pixels of a run begin, and how many there are; the others of the arrays hold what does not matter.
typedef struct span {
    int x, y, count;
} span;

typedef struct motions {
    float u[RUN], v[RUN];
} motions;

// Places between pixels: the one to the upper left, and how far from it.
typedef struct places {
    int at[RUN];
    float fx[RUN], fy[RUN];
} places;

// of: x and y, inside of the picture.
INLINE void find_places(const udm_packed *in, const motions *of, places *to)
{
    const int stride = (int)in->stride;
    for (int i = 0; i < RUN; i++) {
        const int left = (int)of->u[i], top = (int)of->v[i];
        to->at[i] = top * stride + left;
        to->fx[i] = of->u[i] - (float)left;
        to->fy[i] = of->v[i] - (float)top;
    }
}

INLINE pixel get_at(const float *from)
{
    return *(const pixel_unaligned *)from;
}

INLINE pixel take_at(const udm_packed *from, const places *at, int i)
{
    const float *above = from->at + 4 * (ptrdiff_t)at->at[i], *below = above + 4 * from->stride;
    const pixel a = get_at(above), b = get_at(below);
    const pixel left = a + (get_at(above + 4) - a) * at->fx[i], right = b + (get_at(below + 4) - b) * at->fx[i];
    return left + (right - left) * at->fy[i];
}

// Four pixels to four runs of components.
INLINE void unpack(const pixel from[4], float to[4][RUN], int at)
{
    const pixel a = __builtin_shufflevector(from[0], from[1], 0, 4, 1, 5);
    const pixel b = __builtin_shufflevector(from[2], from[3], 0, 4, 1, 5);
    const pixel c = __builtin_shufflevector(from[0], from[1], 2, 6, 3, 7);
    const pixel d = __builtin_shufflevector(from[2], from[3], 2, 6, 3, 7);
    *(pixel_unaligned *)(to[0] + at) = __builtin_shufflevector(a, b, 0, 1, 4, 5);
    *(pixel_unaligned *)(to[1] + at) = __builtin_shufflevector(a, b, 2, 3, 6, 7);
    *(pixel_unaligned *)(to[2] + at) = __builtin_shufflevector(c, d, 0, 1, 4, 5);
    *(pixel_unaligned *)(to[3] + at) = __builtin_shufflevector(c, d, 2, 3, 6, 7);
}

#endif
