// SPDX-License-Identifier: LGPL-2.1-or-later
// Both pictures at an instant (reference.c has the equations), compiled once for each instruction set. A run of pixels
// lies in one cell. What is computed of each is in plain loops over arrays, for compilers to vectorise; what is read at
// places that follow from it is in loops of its own.
#include "interp/kernels/packed.h"

#include <string.h>

enum { TAPS = UDM_SYNTHESIS_TAPS, PHASES = UDM_SYNTHESIS_PHASES };

// What a picture shows.
typedef struct shown {
    float colours[4][RUN];
    float variance[RUN];
} shown;

// What the pixels lie nearest to; where: inside of the picture.
INLINE void take_nearest(const udm_packed *from, const motions *where, int count, motions *to)
{
    const int stride = (int)from->stride;
    int at[RUN];
    for (int i = 0; i < RUN; i++)
        at[i] = (int)(where->v[i] + 0.5f) * stride + (int)(where->u[i] + 0.5f);
    for (int i = 0; i < count; i++) {
        const float *there = from->at + 4 * (ptrdiff_t)at[i];
        to->u[i] = there[0], to->v[i] = there[1];
    }
    for (int i = count; i < RUN; i++)
        to->u[i] = to->v[i] = 0;
}

// The motion at the instant, and its weights: bilinear between the middles of squares.
INLINE void take_filled(const udm_packed *from, span of, float to[4][RUN])
{
    const int above = udm_clamp_index((of.y - 1) >> 1, from->height);
    const int below = udm_clamp_index((of.y + 1) >> 1, from->height);
    const float fy = of.y & 1 ? 0.25f : 0.75f;
    pixel column[RUN / 2 + 2], four[4];
    for (int i = 0; i < RUN / 2 + 2; i++) {
        const int x = udm_clamp_index(of.x / 2 - 1 + i, from->width);
        const pixel a = get(from, x, above);
        column[i] = a + (get(from, x, below) - a) * fy;
    }
    for (int first = 0; first < RUN; first += 4) {
        for (int i = 0; i < 4; i++) {
            const pixel near = column[(first + i) / 2 + 1], far = column[(first + i) / 2 + (i & 1 ? 2 : 0)];
            four[i] = near + (far - near) * 0.25f;
        }
        unpack(four, to, first);
    }
}

// ---- where a pixel of the instant is in the pictures

// From there straight to a picture, as a part of the motion from the first to the second.
INLINE float way_to(const udm_synthesis_job *job, int k)
{
    return k ? job->distance[1] : -job->distance[0];
}

// Four pixels beside each other have one curve, that of the third.
enum { BESIDE = 4, CURVES = RUN / BESIDE };

typedef struct curves {
    float u[CURVES], v[CURVES];
} curves;

// The accelerations of what a picture shows there.
INLINE void take_accelerations(const udm_synthesis_job *job, int k, span of, const motions *motion, curves *to)
{
    const udm_packed *from = &job->views[k].acceleration;
    const float side = UDM_SYNTHESIS_BEND, half = 0.5f, way = way_to(job, k);
    for (int i = 0; i < CURVES; i++) {
        const int third = BESIDE * i + BESIDE / 2;
        const float x = inside(((float)(of.x + third) + way * motion->u[third] + half) / side - half, from->width);
        const float y = inside(((float)of.y + way * motion->v[third] + half) / side - half, from->height);
        const int left = (int)x, top = (int)y;
        const float *above = from->at + 4 * (top * from->stride + left), *below = above + 4 * from->stride;
        const pixel a = get_at(above) + (get_at(above + 4) - get_at(above)) * (x - (float)left);
        const pixel b = get_at(below) + (get_at(below + 4) - get_at(below)) * (x - (float)left);
        const pixel found = a + (b - a) * (y - (float)top);
        to->u[i] = found[0], to->v[i] = found[1];
    }
}

INLINE void spread_curves(const curves *from, const float shares[CURVES], motions *to)
{
    for (int i = 0; i < RUN; i++) {
        to->u[i] = from->u[i / BESIDE] * shares[i / BESIDE];
        to->v[i] = from->v[i / BESIDE] * shares[i / BESIDE];
    }
}

// How far off the straight way the pixels lie.
INLINE void find_curves(const udm_synthesis_job *job, span of, const motions *motion, motions *to)
{
    const bool known[2] = { job->views[0].accelerated, job->views[1].accelerated };
    float shares[CURVES];
    curves a, b;
    if (known[0])
        take_accelerations(job, 0, of, motion, &a);
    if (known[1])
        take_accelerations(job, 1, of, motion, &b);
    if (known[0] && known[1]) {
        for (int i = 0; i < CURVES; i++) {
            const float u = (a.u[i] + b.u[i]) * 0.5f, v = (a.v[i] + b.v[i]) * 0.5f;
            const float du = (a.u[i] - b.u[i]) * 0.5f, dv = (a.v[i] - b.v[i]) * 0.5f;
            const float agreed = u * u + v * v, apart = du * du + dv * dv;
            shares[i] = job->curve * agreed / (agreed + apart + UDM_LEAST_ACCELERATION);
            a.u[i] = u, a.v[i] = v;
        }
        spread_curves(&a, shares, to);
    } else if (known[0] || known[1]) {
        const curves *one = known[0] ? &a : &b;
        for (int i = 0; i < CURVES; i++) {
            const float squared = one->u[i] * one->u[i] + one->v[i] * one->v[i];
            shares[i] = UDM_ONE_SIDED * job->curve * squared / (squared + fabsf(job->curve) + UDM_TINY);
        }
        spread_curves(one, shares, to);
    } else {
        memset(to, 0, sizeof *to);
    }
}

// ---- what is there

// A picture's phases of the taps.
typedef struct phases {
    int whole[RUN];
    float part[RUN];
} phases;

INLINE void find_phases(const float of[RUN], phases *to)
{
    for (int i = 0; i < RUN; i++) {
        const float phase = of[i] * PHASES;
        to->whole[i] = (int)phase;
        to->part[i] = phase - (float)to->whole[i];
    }
}

INLINE vec weights_at(const udm_synthesis_job *job, const phases *of, int i)
{
    const vec here = load(job->lanczos[of->whole[i]]), next = load(job->lanczos[of->whole[i] + 1]);
    return here + (next - here) * of->part[i];
}

// Two pixels at a time, down and then across.
INLINE pixel take_lanczos(const float *corner, ptrdiff_t stride, vec across, vec down)
{
    float weights[LANES];
    vec first = { 0 }, second = { 0 }, third = { 0 };
    store(weights, down);
    for (int i = 0; i < TAPS; i++, corner += 4 * stride) {
        const vec weight = broadcast(weights[i]);
        first = add_product(load(corner), weight, first);
        second = add_product(load(corner + 8), weight, second);
        third = add_product(load(corner + 16), weight, third);
    }
    const vec of_first = __builtin_shufflevector(across, across, 0, 0, 0, 0, 1, 1, 1, 1);
    const vec of_second = __builtin_shufflevector(across, across, 2, 2, 2, 2, 3, 3, 3, 3);
    const vec of_third = __builtin_shufflevector(across, across, 4, 4, 4, 4, 5, 5, 5, 5);
    const vec sum = add_product(of_first, first, add_product(of_second, second, of_third * third));
    return __builtin_shufflevector(sum, sum, 0, 1, 2, 3) + __builtin_shufflevector(sum, sum, 4, 5, 6, 7);
}

INLINE void take_colours(const udm_synthesis_job *job, const udm_packed *from, const places *at, int count,
                         float to[4][RUN])
{
    phases across, down;
    find_phases(at->fx, &across);
    find_phases(at->fy, &down);
    const float *corner = from->at - 4 * (ptrdiff_t)(TAPS / 2 - 1) * (from->stride + 1);
    for (int first = 0; first < RUN; first += 4) {
        pixel four[4];
        for (int i = 0; i < 4; i++)
            four[i] = first + i < count
                          ? take_lanczos(corner + 4 * (ptrdiff_t)at->at[first + i], from->stride,
                                         weights_at(job, &across, first + i), weights_at(job, &down, first + i))
                          : (pixel){ 0 };
        unpack(four, to, first);
    }
}

INLINE void show(const udm_synthesis_job *job, int k, span of, const motions *motion, const motions *curve, shown *to)
{
    const udm_synthesis_view *view = &job->views[k];
    const float sign = k ? -1.f : 1.f, way = way_to(job, k), away = job->distance[k] * job->distance[k];
    motions from, where, there;
    places at;
    for (int i = 0; i < RUN; i++) {
        from.u[i] = (float)(of.x + i) - curve->u[i] + way * motion->u[i];
        from.v[i] = (float)of.y - curve->v[i] + way * motion->v[i];
        where.u[i] = inside(from.u[i], job->width), where.v[i] = inside(from.v[i], job->height);
    }
    find_places(&view->pixels, &where, &at);
    take_nearest(&view->motion, &where, of.count, &there);
    for (int i = 0; i < RUN; i++) {
        const float du = sign * there.u[i] - motion->u[i], dv = sign * there.v[i] - motion->v[i];
        const float apart = least(du * du + dv * dv, UDM_MOST_INCONSISTENCY);
        const bool inside = (from.u[i] == where.u[i]) & (from.v[i] == where.v[i]);
        to->variance[i] = inside ? away * (UDM_WARP_VARIANCE + UDM_OCCLUSION_VARIANCE * apart) : UDM_OUTSIDE_VARIANCE;
    }
    take_colours(job, &view->pixels, &at, of.count, to->colours);
}

// ---- rows

INLINE void add_to_cell(const udm_packed *cells, span of, float moved, float still)
{
    const int column = of.x / UDM_SYNTHESIS_CELL, row = of.y / UDM_SYNTHESIS_CELL;
    const pixel sums = { moved / 3, still / 3, (float)of.count, 0 };
    set(cells, column, row, (of.y % UDM_SYNTHESIS_CELL ? get(cells, column, row) : (pixel){ 0 }) + sums);
}

// Adds to the cell of a run by how much the pictures differ there. Beyond the picture they do not.
INLINE void note_change(const udm_synthesis_job *job, span of, const shown both[2])
{
    float grey[RUN], all[RUN];
    for (int i = 0; i < RUN; i++) {
        const float r = both[1].colours[0][i] - both[0].colours[0][i],
                    g = both[1].colours[1][i] - both[0].colours[1][i];
        const float b = both[1].colours[2][i] - both[0].colours[2][i],
                    a = both[1].colours[3][i] - both[0].colours[3][i];
        const float sum = r + g + b;
        grey[i] = sum * sum * (1 / 3.f) + a * a;
        all[i] = r * r + g * g + b * b + a * a;
    }
    for (int half = RUN / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            grey[i] += grey[half + i], all[i] += all[half + i];
    const float *first = job->views[0].pixels.at + 4 * (of.y * job->views[0].pixels.stride + of.x);
    const float *second = job->views[1].pixels.at + 4 * (of.y * job->views[1].pixels.stride + of.x);
    pixel still_all = { 0 };
    float still_grey = 0;
    for (int i = 0; i < of.count; i++) {
        const pixel change = get_at(second + 4 * i) - get_at(first + 4 * i);
        const float sum = change[0] + change[1] + change[2];
        still_all += change * change, still_grey += sum * sum;
    }
    still_grey = still_grey * (1 / 3.f) + still_all[3];
    add_to_cell(&job->cells, of, grey[0], still_grey);
    add_to_cell(&job->tints, of, most(all[0] - grey[0], 0),
                most(still_all[0] + still_all[1] + still_all[2] + still_all[3] - still_grey, 0));
}

INLINE void write_run(const udm_synthesis_job *job, span of, const shown both[2])
{
    const size_t n = (size_t)job->width * job->height, at = (size_t)of.y * job->width + of.x;
    const size_t bytes = (size_t)of.count * sizeof(float);
    float mean[RUN], share[RUN];
    for (int i = 0; i < RUN; i++)
        share[i] = both[0].variance[i] / (both[0].variance[i] + both[1].variance[i] + UDM_TINY);
    for (int c = 0; c < job->channels; c++) {
        for (int i = 0; i < RUN; i++)
            mean[i] = both[0].colours[c][i] + (both[1].colours[c][i] - both[0].colours[c][i]) * share[i];
        memcpy(job->mean + c * n + at, mean, bytes);
        for (int k = 0; k < 2; k++)
            memcpy(job->views[k].warped + c * n + at, both[k].colours[c], bytes);
    }
    for (int k = 0; k < 2; k++)
        memcpy(job->views[k].variance + at, both[k].variance, bytes);
}

INLINE void warp_run(const udm_synthesis_job *job, span of)
{
    const size_t at = (size_t)of.y * job->width + of.x;
    const float gains[2] = { 1 / nearness(job, 0), 1 / nearness(job, 1) };
    motions motion, curve;
    shown both[2];
    float filled[4][RUN];
    take_filled(job->filled, of, filled);
    memcpy(motion.u, filled[1], sizeof motion.u);
    memcpy(motion.v, filled[2], sizeof motion.v);
    for (int i = 0; i < of.count; i++) {
        job->views[0].support[at + i] = (filled[0][i] - filled[3][i]) * gains[0];
        job->views[1].support[at + i] = filled[3][i] * gains[1];
    }
    find_curves(job, of, &motion, &curve);
    for (int k = 0; k < 2; k++)
        show(job, k, of, &motion, &curve, &both[k]);
    note_change(job, of, both);
    write_run(job, of, both);
}

void NAME(udm_warp_row)(const udm_synthesis_job *job, int k, int y)
{
    int x = 0;
    for (; x + RUN <= job->width; x += RUN)
        warp_run(job, (span){ x, y, RUN });
    if (x < job->width)
        warp_run(job, (span){ x, y, job->width - x });
}
