// SPDX-License-Identifier: LGPL-2.1-or-later
// Splatting, hole filling and warping (reference.c has the equations), compiled once for each instruction set.
#include "interp/kernels/kernels.h"

#include <math.h>

#define LANES 8

#include "base/exponential.h"
#include "base/maths.h"

enum { BORDER = UDM_SYNTHESIS_BORDER, TAPS = UDM_SYNTHESIS_TAPS, PHASES = UDM_SYNTHESIS_PHASES };

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

// ---- packing

INLINE void repeat_ends(const udm_packed *to, int y)
{
    for (int i = 1; i <= BORDER; i++) {
        set(to, -i, y, get(to, 0, y));
        set(to, to->width - 1 + i, y, get(to, to->width - 1, y));
    }
}

INLINE void repeat_row(const udm_packed *to, int from, int y)
{
    for (int x = -BORDER; x < to->width + BORDER; x++)
        set(to, x, y, get(to, x, from));
}

INLINE void close_border(const udm_packed *to, int y)
{
    repeat_ends(to, y);
    for (int i = 1; i <= BORDER; i++) {
        if (y == 0)
            repeat_row(to, y, -i);
        if (y == to->height - 1)
            repeat_row(to, y, y + i);
    }
}

static void pack_row(const udm_synthesis_job *job, int k, int y)
{
    const udm_synthesis_view *view = &job->views[k];
    const size_t n = (size_t)job->width * job->height, row = (size_t)y * job->width;
    const size_t green = job->channels > 1 ? n : 0, blue = 2 * green;
    for (int x = 0; x < job->width; x++) {
        const float *from = view->picture + row + x;
        set(&view->pixels, x, y, (pixel){ from[0], from[green], from[blue], job->channels == 4 ? from[3 * n] : 0 });
        set(&view->motion, x, y, (pixel){ view->flow[row + x], view->flow[n + row + x], view->luma[row + x], 0 });
    }
    close_border(&view->pixels, y);
    close_border(&view->motion, y);
}

// ---- taking from between pixels

// A coordinate, brought into the picture; what is not a number goes to 0.
INLINE float inside(float at, int size)
{
    return udm_clamp(at, 0, (float)(size - 1));
}

INLINE pixel take_bilinear(const udm_packed *from, float x, float y)
{
    const int left = (int)x, top = (int)y;
    const float fx = x - (float)left, fy = y - (float)top;
    const pixel a = get(from, left, top), b = get(from, left + 1, top);
    const pixel c = get(from, left, top + 1), d = get(from, left + 1, top + 1);
    const pixel above = a + (b - a) * fx, below = c + (d - c) * fx;
    return above + (below - above) * fy;
}

// The weights of the taps at a coordinate, whose whole part is left out.
INLINE vec weights_at(const udm_synthesis_job *job, float part)
{
    const float phase = part * PHASES;
    const int whole = (int)phase;
    const vec here = load(job->lanczos[whole]), next = load(job->lanczos[whole + 1]);
    return here + (next - here) * (phase - (float)whole);
}

INLINE pixel take_lanczos(const udm_synthesis_job *job, const udm_packed *from, float x, float y)
{
    const int left = (int)x, top = (int)y;
    const vec across = weights_at(job, x - (float)left), down = weights_at(job, y - (float)top);
    const vec first = __builtin_shufflevector(across, across, 0, 0, 0, 0, 1, 1, 1, 1);
    const vec second = __builtin_shufflevector(across, across, 2, 2, 2, 2, 3, 3, 3, 3);
    const vec third = __builtin_shufflevector(across, across, 4, 4, 4, 4, 5, 5, 5, 5);
    const float *row = from->at + 4 * ((top - TAPS / 2 + 1) * from->stride + left - TAPS / 2 + 1);
    vec sum = { 0 };
    for (int i = 0; i < TAPS; i++, row += 4 * from->stride)
        sum = add_product(add_product(first, load(row), add_product(second, load(row + 8), third * load(row + 16))),
                          broadcast(down[i]), sum);
    return __builtin_shufflevector(sum, sum, 0, 1, 2, 3) + __builtin_shufflevector(sum, sum, 4, 5, 6, 7);
}

// ---- acceleration

static void accelerate_row(const udm_synthesis_job *job, int k, int y)
{
    enum { SIDE = UDM_SYNTHESIS_BEND };
    const udm_synthesis_view *view = &job->views[k];
    const size_t n = (size_t)job->width * job->height;
    const float outer = 1 / view->outer_gap, gain = 2 / (1 + view->outer_gap);
    const int top = y * SIDE, bottom = top + SIDE < job->height ? top + SIDE : job->height;
    for (int x = 0; x < view->acceleration.width; x++) {
        const int left = x * SIDE, right = left + SIDE < job->width ? left + SIDE : job->width;
        pixel sum = { 0 };
        for (int j = top; j < bottom; j++)
            for (int i = left; i < right; i++) {
                const size_t at = (size_t)j * job->width + i;
                sum += (pixel){ view->flow[at] + outer * view->outer_flow[at],
                                view->flow[n + at] + outer * view->outer_flow[n + at], 0, 0 };
            }
        set(&view->acceleration, x, y, sum * (gain / (float)((right - left) * (bottom - top))));
    }
    close_border(&view->acceleration, y);
}

INLINE pixel acceleration_of(const udm_packed *acceleration, float x, float y)
{
    const float side = UDM_SYNTHESIS_BEND, half = 0.5f;
    return take_bilinear(acceleration, inside((x + half) / side - half, acceleration->width),
                         inside((y + half) / side - half, acceleration->height));
}

// How far off the straight way the pixel (x, y) of the instant lies. ways: from there to either picture.
INLINE pixel curve_at(const udm_synthesis_job *job, float x, float y, const pixel ways[2])
{
    const udm_synthesis_view *first = &job->views[0], *second = &job->views[1];
    const pixel none = { 0 };
    if (!first->accelerated && !second->accelerated)
        return none;
    const pixel a = first->accelerated ? acceleration_of(&first->acceleration, x + ways[0][0], y + ways[0][1]) : none;
    const pixel b = second->accelerated ? acceleration_of(&second->acceleration, x + ways[1][0], y + ways[1][1]) : none;
    if (!first->accelerated || !second->accelerated) {
        const pixel one = a + b;
        const float known = one[0] * one[0] + one[1] * one[1];
        return one * (UDM_ONE_SIDED * job->curve * known / (known + fabsf(job->curve) + UDM_TINY));
    }
    const pixel mean = (a + b) * 0.5f, half = (a - b) * 0.5f;
    const float agreed = mean[0] * mean[0] + mean[1] * mean[1], apart = half[0] * half[0] + half[1] * half[1];
    return mean * (job->curve * agreed / (agreed + apart + UDM_LEAST_ACCELERATION));
}

// ---- importance

INLINE float least(float a, float b)
{
    return a < b ? a : b;
}

// The exponent of the importance of a pixel.
INLINE float certainty(const udm_synthesis_job *job, const udm_packed *there, float x, float y, pixel own)
{
    const pixel other = take_bilinear(there, inside(x + own[0], job->width), inside(y + own[1], job->height));
    const float u = own[0] + other[0], v = own[1] + other[1], miss = other[2] - own[2];
    const float inconsistency = least(u * u + v * v, UDM_MOST_INCONSISTENCY);
    return -UDM_IMPORTANCE_LUMA * miss * miss - UDM_IMPORTANCE_CONSISTENCY * inconsistency;
}

static void importance_row(const udm_synthesis_job *job, int k, int y)
{
    enum { RUN = 256, LOWEST = -60 }; // below which nothing is left
    const udm_packed *here = &job->views[k].motion, *there = &job->views[!k].motion;
    for (int first = 0; first < job->width; first += RUN) {
        const int count = job->width - first < RUN ? job->width - first : RUN;
        float of[RUN];
        for (int i = 0; i < count; i++)
            of[i] = certainty(job, there, (float)(first + i), (float)y, get(here, first + i, y));
        for (int i = 0; i < count; i++)
            of[i] = UDM_LEAST_IMPORTANCE + exp_float(of[i] > LOWEST ? of[i] : LOWEST);
        for (int i = 0; i < count; i++)
            here->at[4 * (y * here->stride + first + i) + 3] = of[i];
    }
}

// ---- the motion at an instant

// A picture's share in the motion at the instant.
INLINE float nearness(const udm_synthesis_job *job, int k)
{
    return fmaxf(1 - fabsf(job->distance[k]), UDM_LEAST_NEARNESS);
}

// The sign is that of motion from the first to the second.
static void splat_row(const udm_synthesis_job *job, int k, int y)
{
    const udm_packed *motion = &job->views[k].motion, *to = &job->views[k].splatted;
    const float distance = job->distance[k], sign = k ? -1.f : 1.f, near = nearness(job, k);
    for (int x = 0; x < job->width; x++) {
        const pixel own = get(motion, x, y);
        const float to_x = (float)x + distance * own[0], to_y = (float)y + distance * own[1];
        if (!(to_x > -1 && to_x < (float)job->width && to_y > -1 && to_y < (float)job->height))
            continue;
        const int left = (int)(to_x + 1) - 1, top = (int)(to_y + 1) - 1;
        const float fx = to_x - (float)left, fy = to_y - (float)top;
        const pixel what = (pixel){ 1, sign * own[0], sign * own[1], 0 } * (near * own[3]);
        const pixel above = what * (1 - fy), below = what * fy;
        set(to, left, top, get(to, left, top) + above * (1 - fx));
        set(to, left + 1, top, get(to, left + 1, top) + above * fx);
        set(to, left, top + 1, get(to, left, top + 1) + below * (1 - fx));
        set(to, left + 1, top + 1, get(to, left + 1, top + 1) + below * fx);
    }
}

static void merge_row(const udm_synthesis_job *job, int k, int y)
{
    for (int x = 0; x < job->width; x++) {
        const pixel second = get(&job->views[1].splatted, x, y);
        pixel both = get(&job->views[0].splatted, x, y) + second;
        both[3] = second[0];
        set(job->fine, x, y, both);
    }
}

static void pull_row(const udm_synthesis_job *job, int k, int y)
{
    const udm_packed *fine = job->fine, *coarse = job->coarse;
    for (int x = 0; x < coarse->width; x++) {
        pixel sum = get(fine, 2 * x, 2 * y);
        if (2 * x + 1 < fine->width)
            sum += get(fine, 2 * x + 1, 2 * y);
        if (2 * y + 1 < fine->height)
            sum += get(fine, 2 * x, 2 * y + 1);
        if (2 * x + 1 < fine->width && 2 * y + 1 < fine->height)
            sum += get(fine, 2 * x + 1, 2 * y + 1);
        set(coarse, x, y, sum);
    }
}

static void push_row(const udm_synthesis_job *job, int k, int y)
{
    const udm_packed *fine = job->fine, *coarse = job->coarse;
    for (int x = 0; x < fine->width; x++) {
        const pixel sum = get(fine, x, y), around = coarse ? get(coarse, x / 2, y / 2) : (pixel){ 0 };
        const float lack = (sum[0] < UDM_LEAST_SUPPORT ? UDM_LEAST_SUPPORT - sum[0] : 0) + UDM_TINY;
        pixel mean = (sum + around * lack) / (sum[0] + lack);
        mean[0] = sum[0], mean[3] = sum[3];
        set(fine, x, y, mean);
    }
}

// ---- the pictures at an instant

typedef struct warped {
    pixel colour;
    float variance;
} warped;

// From a pixel of the instant straight to where a picture shows it.
INLINE pixel way_to(const udm_synthesis_job *job, int k, pixel motion)
{
    const float far = k ? job->distance[1] : -job->distance[0];
    return (pixel){ far * motion[1], far * motion[2], 0, 0 };
}

INLINE warped warp(const udm_synthesis_job *job, int k, float from_x, float from_y, pixel motion)
{
    const udm_synthesis_view *view = &job->views[k];
    const float sign = k ? -1.f : 1.f, away = job->distance[k];
    const float at_x = inside(from_x, job->width), at_y = inside(from_y, job->height);
    const pixel there = take_bilinear(&view->motion, at_x, at_y);
    const float du = sign * there[0] - motion[1], dv = sign * there[1] - motion[2];
    const float apart = least(du * du + dv * dv, UDM_MOST_INCONSISTENCY);
    return (warped){ take_lanczos(job, &view->pixels, at_x, at_y),
                     from_x == at_x && from_y == at_y
                         ? away * away * (UDM_WARP_VARIANCE + UDM_OCCLUSION_VARIANCE * apart)
                         : UDM_OUTSIDE_VARIANCE };
}

INLINE float square_of(pixel a)
{
    const pixel square = a * a;
    return (square[0] + square[1] + square[2] + square[3]) / 3;
}

// Adds to the cell of a pixel by how much the pictures differ there.
INLINE void note_change(const udm_synthesis_job *job, int x, int y, pixel moved)
{
    const pixel still = get(&job->views[1].pixels, x, y) - get(&job->views[0].pixels, x, y);
    const int column = x / UDM_SYNTHESIS_CELL, row = y / UDM_SYNTHESIS_CELL;
    set(&job->cells, column, row, get(&job->cells, column, row) + (pixel){ square_of(moved), square_of(still), 1, 0 });
}

static void warp_row(const udm_synthesis_job *job, int k, int y)
{
    const udm_synthesis_view *views = job->views;
    const size_t n = (size_t)job->width * job->height, row = (size_t)y * job->width;
    const float gains[2] = { 1 / nearness(job, 0), 1 / nearness(job, 1) };
    for (int x = 0; y % UDM_SYNTHESIS_CELL == 0 && x < job->cells.width; x++)
        set(&job->cells, x, y / UDM_SYNTHESIS_CELL, (pixel){ 0 });
    for (int x = 0; x < job->width; x++) {
        const pixel motion = get(job->filled, x, y);
        const pixel ways[2] = { way_to(job, 0, motion), way_to(job, 1, motion) };
        const pixel here = (pixel){ (float)x, (float)y, 0, 0 } - curve_at(job, (float)x, (float)y, ways);
        const warped a = warp(job, 0, here[0] + ways[0][0], here[1] + ways[0][1], motion);
        const warped b = warp(job, 1, here[0] + ways[1][0], here[1] + ways[1][1], motion);
        const pixel mean = a.colour + (b.colour - a.colour) * (a.variance / (a.variance + b.variance + UDM_TINY));
        note_change(job, x, y, b.colour - a.colour);
        views[0].variance[row + x] = a.variance;
        views[1].variance[row + x] = b.variance;
        views[0].support[row + x] = (motion[0] - motion[3]) * gains[0];
        views[1].support[row + x] = motion[3] * gains[1];
        for (int c = 0; c < job->channels; c++) {
            views[0].warped[c * n + row + x] = a.colour[c];
            views[1].warped[c * n + row + x] = b.colour[c];
            job->mean[c * n + row + x] = mean[c];
        }
    }
}

// ---- what lies still

// x^1.5 is x sqrt(x).
static void weigh_still_row(const udm_synthesis_job *job, int k, int y)
{
    const udm_packed *cells = &job->cells;
    for (int x = 0; x < cells->width; x++) {
        pixel sum = { 0 };
        for (int j = -1; j <= 1; j++)
            for (int i = -1; i <= 1; i++)
                if (x + i >= 0 && y + j >= 0 && x + i < cells->width && y + j < cells->height)
                    sum += get(cells, x + i, y + j) * (float)((2 - i * i) * (2 - j * j));
        const float moved = sum[0] / sum[2] + UDM_LEAST_CHANGE, still = sum[1] / sum[2] + UDM_LEAST_CHANGE;
        const float by_motion = moved * sqrtf(moved), by_still = UDM_STILL_COST * still * sqrtf(UDM_STILL_COST * still);
        cells->at[4 * (y * cells->stride + x) + 3] = by_motion / (by_motion + by_still);
    }
}

// The share of what lies still along a row of pixels is linear from cell to cell.
typedef struct shares {
    const float *above, *below; // of the cells around the row
    float down;
} shares;

INLINE float share_at(const shares *s, int cell)
{
    return s->above[4 * cell + 3] + s->down * (s->below[4 * cell + 3] - s->above[4 * cell + 3]);
}

INLINE shares shares_around(const udm_packed *cells, int y)
{
    const float at = inside(((float)y + 0.5f) / UDM_SYNTHESIS_CELL - 0.5f, cells->height);
    const int above = (int)at, below = above + 1 < cells->height ? above + 1 : above;
    return (shares){ cells->at + 4 * above * cells->stride, cells->at + 4 * below * cells->stride, at - (float)above };
}

static void blend_still_row(const udm_synthesis_job *job, int k, int y)
{
    const size_t n = (size_t)job->width * job->height, row = (size_t)y * job->width;
    const shares around = shares_around(&job->cells, y);
    const float position = job->position < 0 ? 0 : job->position < 1 ? job->position : 1;
    for (int cell = 0; cell <= job->cells.width; cell++) {
        const int half = UDM_SYNTHESIS_CELL / 2, first = cell > 0 ? cell * UDM_SYNTHESIS_CELL - half : 0;
        const int after = cell * UDM_SYNTHESIS_CELL + half, end = after < job->width ? after : job->width;
        const float left = share_at(&around, cell > 0 ? cell - 1 : 0);
        const float right = share_at(&around, cell < job->cells.width ? cell : cell - 1);
        const float slope = (right - left) / UDM_SYNTHESIS_CELL,
                    origin = (float)(cell * UDM_SYNTHESIS_CELL - half) - 0.5f;
        for (int x = first; x < end; x++)
            job->still[row + x] = left + slope * ((float)x - origin);
        for (int c = 0; c < job->channels; c++) {
            const float *a = job->views[0].picture + c * n + row, *b = job->views[1].picture + c * n + row;
            float *restrict mean = job->mean + c * n + row;
            for (int x = first; x < end; x++)
                mean[x] += job->still[row + x] * (a[x] + position * (b[x] - a[x]) - mean[x]);
        }
    }
}

// ---- the table

extern const udm_synthesis_ops NAME(udm_synthesis_ops);
void NAME(udm_blend_row)(const udm_blending_job *job, int y);
void NAME(udm_reblend_row)(const udm_blending_job *job, int y);

const udm_synthesis_ops NAME(udm_synthesis_ops) = {
    .name = TEXT(UDM_ISA),
    .pack = pack_row,
    .accelerate = accelerate_row,
    .importance = importance_row,
    .splat = splat_row,
    .merge = merge_row,
    .pull = pull_row,
    .push = push_row,
    .warp = warp_row,
    .weigh_still = weigh_still_row,
    .blend_still = blend_still_row,
    .blend = NAME(udm_blend_row),
    .reblend = NAME(udm_reblend_row),
};
