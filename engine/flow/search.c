// SPDX-License-Identifier: LGPL-2.1-or-later
// Inverse search of patches (Kroeger et al. 2016, section 2.1): the motion w of patch T minimises
// sum (to(x + w) - T(x) - m)^2, m being its mean, by w -= H^-1 sum S^T (to(x + w) - T(x) - m), where S = grad T, and so
// the Hessian H = sum S^T S less its mean, is computed once. Then patches take over what fits better from their
// neighbours, and each pixel takes the mean of the patches over it, weighted by how well they fit there (section 2.2).
#include <math.h>
#include <string.h>

#include "flow/simd.h"

enum { PAD = UDM_FLOW_PAD, PATCH = UDM_FLOW_PATCH, AREA = PATCH * PATCH };

typedef struct patch {
    const float *from, *dx, *dy;
    int x, y;
    float dx_sum, dy_sum;
    float xx, xy, yy;    // sums of products of its slopes, less their mean,
    float h11, h12, h22; // and the inverse of the Hessian that they make
} patch;

// A place between pixels of `to`.
typedef struct spot {
    const float *at;
    float fx, fy;
} spot;

typedef struct match {
    float u, v, error, mean;
    float sx, sy; // sum S^T (to - T)
} match;

void NAME(udm_flow_gradient)(const udm_flow_level *level, int y)
{
    const float *line = level->from + y * level->stride, *above = line - level->stride, *below = line + level->stride;
    float *dx = level->dx + y * level->stride, *dy = level->dy + y * level->stride;
    for (int x = 1 - PAD; x < level->width + PAD - 1; x++) {
        dx[x] = 0.5f * (line[x + 1] - line[x - 1]);
        dy[x] = 0.5f * (below[x] - above[x]);
    }
}

INLINE patch patch_at(const udm_flow_level *level, int column, int row)
{
    int x = udm_flow_patch_at(column, level->width), y = udm_flow_patch_at(row, level->height);
    ptrdiff_t at = y * level->stride + x;
    return (patch){ .from = level->from + at, .dx = level->dx + at, .dy = level->dy + at, .x = x, .y = y };
}

INLINE spot spot_at(const udm_flow_level *level, float x, float y)
{
    x = udm_clamp(x, 1 - PAD, level->width + PAD - PATCH - 2);
    y = udm_clamp(y, 1 - PAD, level->height + PAD - PATCH - 2);
    int left = (int)(x + PAD) - PAD, top = (int)(y + PAD) - PAD;
    return (spot){ level->to + top * level->stride + left, x - left, y - top };
}

INLINE vec between(const float *row, float fx)
{
    vec left = load(row);
    return add_product(load(row + 1) - left, broadcast(fx), left);
}

// The patch against `to`, moved by (u, v). slopes: also sx, sy.
INLINE match compare(const udm_flow_level *level, const patch *p, float u, float v, bool slopes)
{
    spot s = spot_at(level, p->x + u, p->y + v);
    vec sum = { 0 }, squares = { 0 }, sx = { 0 }, sy = { 0 }, down = broadcast(s.fy);
    vec above = between(s.at, s.fx);
    for (ptrdiff_t y = 0; y < PATCH; y++) {
        vec below = between(s.at + (y + 1) * level->stride, s.fx);
        vec miss = add_product(below - above, down, above) - load(p->from + y * level->stride);
        above = below;
        sum += miss;
        squares = add_product(miss, miss, squares);
        if (slopes) {
            sx = add_product(miss, load(p->dx + y * level->stride), sx);
            sy = add_product(miss, load(p->dy + y * level->stride), sy);
        }
    }
    float sums[4];
    sum_each(sum, squares, sx, sy, sums);
    match m = { .u = u, .v = v, .mean = sums[0] / AREA };
    m.error = sums[1] - m.mean * m.mean * AREA;
    m.sx = sums[2] - m.mean * p->dx_sum;
    m.sy = sums[3] - m.mean * p->dy_sum;
    return m;
}

INLINE void measure(const udm_flow_level *level, patch *p)
{
    vec xx = { 0 }, xy = { 0 }, yy = { 0 }, sx = { 0 }, sy = { 0 };
    for (ptrdiff_t y = 0; y < PATCH; y++) {
        vec dx = load(p->dx + y * level->stride), dy = load(p->dy + y * level->stride);
        xx = add_product(dx, dx, xx);
        xy = add_product(dx, dy, xy);
        yy = add_product(dy, dy, yy);
        sx += dx;
        sy += dy;
    }
    float sums[4];
    sum_each(sx, sy, xx, xy, sums);
    p->dx_sum = sums[0];
    p->dy_sum = sums[1];
    p->xx = sums[2] - p->dx_sum * p->dx_sum / AREA;
    p->xy = sums[3] - p->dx_sum * p->dy_sum / AREA;
    p->yy = sum_of(yy) - p->dy_sum * p->dy_sum / AREA;
    float h11 = p->xx + level->care.damp, h12 = p->xy, h22 = p->yy + level->care.damp;
    float determinant = h11 * h22 - h12 * h12;
    p->h11 = h22 / determinant;
    p->h12 = -h12 / determinant;
    p->h22 = h11 / determinant;
}

// A patch on its way from (u, v), for as long as it fits better.
typedef struct descent {
    patch p;
    match best;
    float u, v;
    int iterations; // that are left
    int at;         // the number of the patch
} descent;

INLINE void begin(const udm_flow_level *level, descent *d, float u, float v, int iterations)
{
    measure(level, &d->p);
    d->best = (match){ .u = u, .v = v, .error = INFINITY };
    d->u = u, d->v = v, d->iterations = iterations;
}

// Whether it goes on after the match m at (u, v). The last step is gone without a look at what is there.
INLINE bool go_on(descent *d, match m, float least_gain)
{
    if (!(m.error < d->best.error))
        return false;
    d->best = m;
    float du = d->p.h11 * m.sx + d->p.h12 * m.sy, dv = d->p.h12 * m.sx + d->p.h22 * m.sy;
    float gain = du * m.sx + dv * m.sy;
    d->u -= du, d->v -= dv;
    if (du * du + dv * dv < UDM_FLOW_STOP * UDM_FLOW_STOP)
        return false;
    if (gain >= least_gain * m.error)
        return --d->iterations > 0;
    d->best.u = d->u, d->best.v = d->v;
    d->best.error -= gain;
    d->best.mean -= (du * d->p.dx_sum + dv * d->p.dy_sum) / AREA;
    return false;
}

INLINE match descend(const udm_flow_level *level, const patch *p, float u, float v, int iterations)
{
    descent d = { .p = *p };
    begin(level, &d, u, v, iterations);
    while (go_on(&d, compare(level, &d.p, d.u, d.v, true), level->effort.least_gain))
        ;
    return d.best;
}

INLINE float squared_length(match m)
{
    return m.u * m.u + m.v * m.v;
}

// A grating fits in many places, and where the search begins decides which is found. So it also begins at rest, and of
// two motions, apart along a slope, that both explain the patch, the shorter counts.
INLINE match shorten(const udm_flow_level *level, const patch *p, match found)
{
    if (squared_length(found) < 1)
        return found;
    match m = descend(level, p, 0, 0, level->effort.search);
    float du = m.u - found.u, dv = m.v - found.v, apart = du * du + dv * dv;
    float slopes = p->xx * du * du + 2 * p->xy * du * dv + p->yy * dv * dv; // times that
    return squared_length(m) < squared_length(found) && slopes > UDM_FLOW_LEAST_SLOPES * apart &&
                   m.error * apart < UDM_FLOW_EXPLAINED * slopes
               ? m
               : found;
}

INLINE void keep(const udm_flow_level *level, int at, match m)
{
    level->patch_u[at] = m.u;
    level->patch_v[at] = m.v;
    level->patch_error[at] = m.error;
    level->patch_mean[at] = m.mean;
}

INLINE void begin_search(const udm_flow_level *level, int column, int row, descent *d)
{
    d->p = patch_at(level, column, row);
    d->at = row * level->columns + column;
    ptrdiff_t x = udm_clamp_index(d->p.x + PATCH / 2, level->width);
    ptrdiff_t y = udm_clamp_index(d->p.y + PATCH / 2, level->height);
    ptrdiff_t middle = y * level->stride + x;
    begin(level, d, level->u[middle], level->v[middle], level->effort.search);
}

INLINE void end_search(const udm_flow_level *level, const descent *d)
{
    keep(level, d->at, level->effort.from_rest ? shorten(level, &d->p, d->best) : d->best);
}

// A few patches side by side: each waits for its own sums, and meanwhile those of the others are computed.
void NAME(udm_flow_search)(const udm_flow_level *level, int row)
{
    enum { BESIDE = 4 };
    descent under_way[BESIDE];
    match found[BESIDE];
    int count = 0, next = 0;
    while (count < BESIDE && next < level->columns)
        begin_search(level, next++, row, &under_way[count++]);
    while (count > 0) {
        for (int i = 0; i < count; i++)
            found[i] = compare(level, &under_way[i].p, under_way[i].u, under_way[i].v, true);
        for (int i = count - 1; i >= 0; i--) {
            if (go_on(&under_way[i], found[i], level->effort.least_gain))
                continue;
            end_search(level, &under_way[i]);
            if (next < level->columns)
                begin_search(level, next++, row, &under_way[i]);
            else
                under_way[i] = under_way[--count];
        }
    }
}

// What the neighbour at `from` has seen, if it is another motion and fits better.
INLINE void consider(const udm_flow_level *level, const patch *p, int from, match *best)
{
    float du = level->seen_u[from] - best->u, dv = level->seen_v[from] - best->v;
    if (du * du + dv * dv < UDM_FLOW_APART * UDM_FLOW_APART)
        return;
    match m = compare(level, p, level->seen_u[from], level->seen_v[from], false);
    bool longer = level->effort.from_rest && squared_length(m) > squared_length(*best);
    if (m.error < (longer ? UDM_FLOW_BETTER * best->error : best->error))
        *best = m;
}

void NAME(udm_flow_propagate)(const udm_flow_level *level, int row)
{
    for (int i = 0; i < level->columns; i++) {
        patch p = patch_at(level, i, row);
        int at = row * level->columns + i;
        match best = {
            .u = level->seen_u[at], .v = level->seen_v[at], .error = level->seen_error[at], .mean = level->seen_mean[at]
        };
        if (best.error < level->effort.good) {
            keep(level, at, best);
            continue;
        }
        if (row > 0)
            consider(level, &p, at - level->columns, &best);
        if (i > 0)
            consider(level, &p, at - 1, &best);
        if (i < level->columns - 1)
            consider(level, &p, at + 1, &best);
        if (row < level->rows - 1)
            consider(level, &p, at + level->columns, &best);
        if (best.error < level->seen_error[at])
            best = descend(level, &p, best.u, best.v, level->effort.again);
        keep(level, at, best);
    }
}

// Adds row `line` of a patch to the sums at its pixels.
INLINE void spread(const udm_flow_level *level, int column, int row, int line, float *const sums[3])
{
    patch p = patch_at(level, column, row);
    int at = row * level->columns + column;
    float u = level->patch_u[at], v = level->patch_v[at];
    spot s = spot_at(level, p.x + u, p.y + v);
    vec above = between(s.at + line * level->stride, s.fx), below = between(s.at + (line + 1) * level->stride, s.fx);
    vec miss = above + (below - above) * s.fy - load(p.from + line * level->stride) - level->patch_mean[at];
    vec weight =
        1 / (at_least(absolute(miss), level->care.least_miss) * (UDM_FLOW_LEAST_ERROR + level->patch_error[at]));
    store(sums[0] + p.x, load(sums[0] + p.x) + weight * u);
    store(sums[1] + p.x, load(sums[1] + p.x) + weight * v);
    store(sums[2] + p.x, load(sums[2] + p.x) + weight);
}

void NAME(udm_flow_densify)(const udm_flow_level *level, int y)
{
    ptrdiff_t at = y * level->stride;
    float *const sums[3] = { level->u + at, level->v + at, level->weight + at };
    for (int i = 0; i < 3; i++)
        memset(sums[i], 0, ((size_t)level->width + PATCH) * sizeof(float));
    int first = y < PATCH ? 0 : (y - PATCH) / UDM_FLOW_STEP; // the rows of patches before it end above y
    for (int row = first; row < level->rows; row++) {
        int line = y - udm_flow_patch_at(row, level->height);
        if (line < 0)
            break;
        for (int i = 0; line < PATCH && i < level->columns; i++)
            spread(level, i, row, line, sums);
    }
    for (int x = 0; x < level->width; x++) {
        sums[0][x] /= sums[2][x];
        sums[1][x] /= sums[2][x];
    }
    repeat_ends(sums[0], level->width, 1);
    repeat_ends(sums[1], level->width, 1);
}
