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

INLINE void take_motions(const udm_packed *from, const places *at, int count, motions *to)
{
    for (int i = 0; i < count; i++) {
        const pixel value = take_at(from, at, i);
        to->u[i] = value[0], to->v[i] = value[1];
    }
    for (int i = count; i < RUN; i++)
        to->u[i] = to->v[i] = 0;
}

// ---- where a pixel of the instant is in the pictures

// From there straight to a picture, as a part of the motion from the first to the second.
INLINE float way_to(const udm_synthesis_job *job, int k)
{
    return k ? job->distance[1] : -job->distance[0];
}

// The acceleration of what a picture shows there.
INLINE void take_accelerations(const udm_synthesis_job *job, int k, span of, const motions *motion, motions *to)
{
    const udm_packed *from = &job->views[k].acceleration;
    const float side = UDM_SYNTHESIS_BEND, half = 0.5f, way = way_to(job, k);
    motions where;
    places at;
    for (int i = 0; i < RUN; i++) {
        where.u[i] = inside(((float)(of.x + i) + way * motion->u[i] + half) / side - half, from->width);
        where.v[i] = inside(((float)of.y + way * motion->v[i] + half) / side - half, from->height);
    }
    find_places(from, &where, &at);
    take_motions(from, &at, of.count, to);
}

// How far off the straight way the pixels lie.
INLINE void find_curves(const udm_synthesis_job *job, span of, const motions *motion, motions *curve)
{
    const bool known[2] = { job->views[0].accelerated, job->views[1].accelerated };
    motions a, b;
    if (known[0])
        take_accelerations(job, 0, of, motion, &a);
    if (known[1])
        take_accelerations(job, 1, of, motion, &b);
    if (known[0] && known[1]) {
        for (int i = 0; i < RUN; i++) {
            const float u = (a.u[i] + b.u[i]) * 0.5f, v = (a.v[i] + b.v[i]) * 0.5f;
            const float du = (a.u[i] - b.u[i]) * 0.5f, dv = (a.v[i] - b.v[i]) * 0.5f;
            const float agreed = u * u + v * v, apart = du * du + dv * dv;
            const float share = job->curve * agreed / (agreed + apart + UDM_LEAST_ACCELERATION);
            curve->u[i] = u * share, curve->v[i] = v * share;
        }
    } else if (known[0] || known[1]) {
        const motions *one = known[0] ? &a : &b;
        for (int i = 0; i < RUN; i++) {
            const float squared = one->u[i] * one->u[i] + one->v[i] * one->v[i];
            const float share = UDM_ONE_SIDED * job->curve * squared / (squared + fabsf(job->curve) + UDM_TINY);
            curve->u[i] = one->u[i] * share, curve->v[i] = one->v[i] * share;
        }
    } else {
        memset(curve, 0, sizeof *curve);
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
    find_places(&view->pixels, &where, &at); // those of the motion, too, which is packed alike
    take_motions(&view->motion, &at, of.count, &there);
    for (int i = 0; i < RUN; i++) {
        const float du = sign * there.u[i] - motion->u[i], dv = sign * there.v[i] - motion->v[i];
        const float apart = least(du * du + dv * dv, UDM_MOST_INCONSISTENCY);
        const bool inside = (from.u[i] == where.u[i]) & (from.v[i] == where.v[i]);
        to->variance[i] = inside ? away * (UDM_WARP_VARIANCE + UDM_OCCLUSION_VARIANCE * apart) : UDM_OUTSIDE_VARIANCE;
    }
    take_colours(job, &view->pixels, &at, of.count, to->colours);
}

// ---- rows

// Adds to the cell of a run by how much the pictures differ there.
INLINE void note_change(const udm_synthesis_job *job, span of, const shown both[2])
{
    float changes[RUN] = { 0 };
    pixel still = { 0 };
    for (int c = 0; c < 4; c++)
        for (int i = 0; i < RUN; i++) { // which are 0 beyond the picture
            const float change = both[1].colours[c][i] - both[0].colours[c][i];
            changes[i] += change * change;
        }
    for (int half = RUN / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            changes[i] += changes[half + i];
    for (int i = 0; i < of.count; i++) {
        const pixel change = get(&job->views[1].pixels, of.x + i, of.y) - get(&job->views[0].pixels, of.x + i, of.y);
        still += change * change;
    }
    const int column = of.x / UDM_SYNTHESIS_CELL, row = of.y / UDM_SYNTHESIS_CELL;
    const pixel sums = { changes[0] / 3, (still[0] + still[1] + still[2] + still[3]) / 3, (float)of.count, 0 };
    set(&job->cells, column, row, (of.y % UDM_SYNTHESIS_CELL ? get(&job->cells, column, row) : (pixel){ 0 }) + sums);
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
    memset(&motion, 0, sizeof motion);
    for (int i = 0; i < of.count; i++) {
        const pixel filled = get(job->filled, of.x + i, of.y);
        motion.u[i] = filled[1], motion.v[i] = filled[2];
        job->views[0].support[at + i] = (filled[0] - filled[3]) * gains[0];
        job->views[1].support[at + i] = filled[3] * gains[1];
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
