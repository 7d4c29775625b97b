// SPDX-License-Identifier: LGPL-2.1-or-later
// Planes moved along a flow. A pixel of Lanczos-3 is a vector of eight columns of its six rows, summed down, then
// across; so the two columns beyond the six must be there, and weigh 0.
#include <string.h>

#include "backend/cpu/cpu.h"
#include "backend/host.h"
#include "base/maths.h"

#define LANES 8 // UDM_CPU_TAPS

#include "base/simd.h"

enum {
    RUN = 64,
    TAPS = 6,
    BEFORE = 2,
    TOGETHER = 3
}; // BEFORE: pixels left of and above the one at a place's whole part

// Where a run of pixels comes from: the pixel at the whole part, the phase beyond it, and the steps to the pixels to
// its right and below, which are 0 at the border.
typedef struct places {
    int left[RUN], top[RUN], right[RUN], below[RUN];
    float x[RUN], y[RUN];
} places;

INLINE void find_places(const udm_warp *warp, int y, int first, int count, float scale, places *found)
{
    const udm_shape shape = warp->dst.shape;
    const size_t at = (size_t)y * (size_t)shape.w + (size_t)first, plane = (size_t)shape.h * (size_t)shape.w;
    const float *u = udm_host_data(&warp->flow) + at, *v = u + plane;
    const float last_x = (float)(shape.w - 1), last_y = (float)(shape.h - 1);
    float *inside = warp->inside ? udm_host_data(warp->inside) + at : NULL;
    for (int i = 0; i < count; i++) {
        const float x = udm_clamp((float)(first + i) + u[i], 0, last_x), down = udm_clamp((float)y + v[i], 0, last_y);
        found->left[i] = (int)x, found->top[i] = (int)down;
        found->x[i] = (x - (float)found->left[i]) * scale;
        found->y[i] = (down - (float)found->top[i]) * scale;
        found->right[i] = found->left[i] < shape.w - 1;
        found->below[i] = found->top[i] < shape.h - 1 ? shape.w : 0;
    }
    for (int i = 0; inside && i < count; i++) {
        const float x = (float)(first + i) + u[i], down = (float)y + v[i];
        inside[i] = ((x >= 0) & (x <= last_x) & (down >= 0) & (down <= last_y)) ? 1.f : 0.f;
    }
}

INLINE void bilinear(const udm_warp *warp, const places *from, const float *restrict src, float *restrict dst,
                     int count)
{
    const int width = warp->src.shape.w;
    INDEPENDENT
    for (int i = 0; i < count; i++) {
        const int at = from->top[i] * width + from->left[i], next = at + from->right[i];
        const float above = src[at] + (src[next] - src[at]) * from->x[i];
        const float a = src[at + from->below[i]], b = src[next + from->below[i]];
        const float below = a + (b - a) * from->x[i];
        dst[i] = above + (below - above) * from->y[i];
    }
}

// The weights at a place whose part is this many phases.
INLINE vec weights_at(const float (*table)[LANES], float phase)
{
    const int whole = (int)phase;
    const vec here = load(table[whole]), next = load(table[whole + 1]);
    return here + (next - here) * (phase - (float)whole);
}

typedef float quad __attribute__((vector_size(16), may_alias));

// What is left to be summed of a pixel of each plane of a run: four floats.
typedef float quarters[RUN][4];

// Both halves of a vector in one.
INLINE void keep_quarters(float *to, vec x)
{
    *(quad *)to = __builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7);
}

INLINE void sum_quarters(quarters from, int count, float *restrict dst)
{
    INDEPENDENT
    for (int i = 0; i < count; i++)
        dst[i] = (from[i][0] + from[i][2]) + (from[i][1] + from[i][3]);
}

// Where a pixel of Lanczos-3 is read: the first of its rows of eight, and the steps to the next row and plane.
typedef struct block {
    const float *rows;
    size_t row, plane;
} block;

INLINE void lanczos(const block *from, int channels, vec across, vec down, int at, quarters *out)
{
    for (int c = 0; c < channels; c++) {
        const float *rows = from->rows + c * from->plane;
        vec sum = load(rows) * down[0];
#pragma GCC unroll 5
        for (int j = 1; j < TAPS; j++)
            sum = add_product(load(rows + j * from->row), broadcast(down[j]), sum);
        keep_quarters(out[c][at], sum * across);
    }
}

// Eight columns of a row of a plane from `left` on, of which those beyond its ends are repeated: column[i] is the one
// that stands in lane i. `near`: the first of eight within.
INLINE vec load_at_border(const float *row, int width, int near, vec_int lanes, const int column[LANES])
{
#if defined(__AVX2__)
    if (width >= LANES)
        return (vec)_mm256_permutevar8x32_ps((__m256)load(row + near), (__m256i)lanes);
#endif
    float values[LANES];
    for (int i = 0; i < LANES; i++)
        values[i] = row[column[i]];
    return load(values);
}

// A pixel at the border of planes.
static void lanczos_at_border(const float *src, udm_shape shape, int channels, int left, int top, vec across, vec down,
                              int at, quarters *out)
{
    const size_t width = (size_t)shape.w;
    const int last = shape.w > LANES ? shape.w - LANES : 0, near = left < 0 ? 0 : left < last ? left : last;
    int column[LANES];
    vec_int lanes;
    for (int i = 0; i < LANES; i++) {
        column[i] = udm_clamp_index(left + i, shape.w);
        lanes[i] = column[i] - near;
    }
    for (int c = 0; c < channels; c++) {
        const float *plane = src + (size_t)c * (size_t)shape.h * width;
        vec sum = { 0 };
        for (int j = 0; j < TAPS; j++) {
            const float *row = plane + (size_t)udm_clamp_index(top + j, shape.h) * width;
            const vec values = load_at_border(row, shape.w, near, lanes, column);
            sum = j == 0 ? values * down[0] : add_product(values, broadcast(down[j]), sum);
        }
        keep_quarters(out[c][at], sum * across);
    }
}

INLINE void lanczos_run(const udm_cpu_warp *job, const places *from, size_t at, int count, int first,
                        const int channels)
{
    const udm_shape shape = job->warp->src.shape;
    const size_t row = (size_t)shape.w, plane = (size_t)shape.h * row;
    const float *src = udm_host_data(&job->warp->src) + (size_t)first * plane;
    float *dst = udm_host_data(&job->warp->dst) + (size_t)first * plane + at;
    quarters sums[TOGETHER] __attribute__((aligned(UDM_ALIGNMENT)));
    for (int i = 0; i < count; i++) {
        const int left = from->left[i] - BEFORE, top = from->top[i] - BEFORE;
        const vec across = weights_at(job->weights, from->x[i]), down = weights_at(job->weights, from->y[i]);
        const bool below = top + TAPS < shape.h; // the columns that weigh 0 may be those of the next row
        if (left >= 0 && top >= 0 && left + (below ? TAPS : LANES) <= shape.w && top + TAPS <= shape.h)
            lanczos(&(block){ src + (size_t)top * row + (size_t)left, row, plane }, channels, across, down, i, sums);
        else
            lanczos_at_border(src, shape, channels, left, top, across, down, i, sums);
    }
    for (int c = 0; c < channels; c++)
        sum_quarters(sums[c], count, dst + c * plane);
}

// Whether a run is where it was.
INLINE bool rests(const udm_warp *warp, size_t at, int count)
{
    const udm_shape shape = warp->dst.shape;
    const float *u = udm_host_data(&warp->flow) + at, *v = u + (size_t)shape.h * (size_t)shape.w;
    int moved = 0;
    for (int i = 0; i < count; i++)
        moved |= (u[i] != 0) | (v[i] != 0);
    return moved == 0;
}

INLINE void copy_run(const udm_warp *warp, size_t at, int count)
{
    const udm_shape shape = warp->dst.shape;
    const size_t plane = (size_t)shape.h * (size_t)shape.w;
    float *inside = warp->inside ? udm_host_data(warp->inside) + at : NULL;
    for (int c = 0; c < shape.c; c++)
        memcpy(udm_host_data(&warp->dst) + c * plane + at, udm_host_data(&warp->src) + c * plane + at,
               (size_t)count * sizeof(float));
    for (int i = 0; inside && i < count; i++)
        inside[i] = 1;
}

void NAME(udm_cpu_warp)(void *context, int y, int worker)
{
    const udm_cpu_warp *job = context;
    const udm_warp *warp = job->warp;
    const udm_shape shape = warp->dst.shape;
    const size_t plane = (size_t)shape.h * (size_t)shape.w;
    places from;
    for (int x = 0; x < shape.w; x += RUN) {
        const int count = shape.w - x < RUN ? shape.w - x : RUN;
        const size_t at = (size_t)y * (size_t)shape.w + (size_t)x;
        if (rests(warp, at, count)) {
            copy_run(warp, at, count);
            continue;
        }
        find_places(warp, y, x, count, warp->filter == UDM_BILINEAR ? 1 : UDM_CPU_PHASES, &from);
        if (warp->filter == UDM_LANCZOS_3 && shape.c == TOGETHER)
            lanczos_run(job, &from, at, count, 0, TOGETHER);
        for (int c = 0; warp->filter == UDM_LANCZOS_3 && shape.c != TOGETHER && c < shape.c; c++)
            lanczos_run(job, &from, at, count, c, 1);
        for (int c = 0; warp->filter == UDM_BILINEAR && c < shape.c; c++)
            bilinear(warp, &from, udm_host_data(&warp->src) + c * plane, udm_host_data(&warp->dst) + c * plane + at,
                     count);
    }
}
