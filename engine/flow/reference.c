// SPDX-License-Identifier: LGPL-2.1-or-later
// The operations on a level as plain loops: what search.c and refine.c are tested against, where the equations stand.
#include <math.h>

#include "flow/level.h"

enum { PAD = UDM_FLOW_PAD, PATCH = UDM_FLOW_PATCH };

typedef struct match {
    float u, v, error, mean;
} match;

// A pixel of a plane; beyond the borders, the nearest one.
static float *pixel(const udm_flow_level *level, float *plane, int x, int y)
{
    return plane + udm_clamp_index(y, level->height) * level->stride + udm_clamp_index(x, level->width);
}

// The same of a split plane.
static float *cell(const udm_flow_level *level, float *plane, int x, int y)
{
    x = udm_clamp_index(x, level->width);
    y = udm_clamp_index(y, level->height);
    return plane + y * level->stride + x / 2 + (x % 2 ? level->odd : 0);
}

// `to` between pixels
static float sample(const udm_flow_level *level, float x, float y)
{
    x = udm_clamp(x, -PAD, level->width + PAD);
    y = udm_clamp(y, -PAD, level->height + PAD);
    int ix = (int)floorf(x), iy = (int)floorf(y);
    float fx = x - ix, fy = y - iy;
    float above = (1 - fx) * *pixel(level, level->to, ix, iy) + fx * *pixel(level, level->to, ix + 1, iy);
    float below = (1 - fx) * *pixel(level, level->to, ix, iy + 1) + fx * *pixel(level, level->to, ix + 1, iy + 1);
    return (1 - fy) * above + fy * below;
}

static void gradient(const udm_flow_level *level, int y)
{
    for (int x = 1 - PAD; x < level->width + PAD - 1; x++) {
        float *from = level->from;
        level->dx[y * level->stride + x] = (*pixel(level, from, x + 1, y) - *pixel(level, from, x - 1, y)) / 2;
        level->dy[y * level->stride + x] = (*pixel(level, from, x, y + 1) - *pixel(level, from, x, y - 1)) / 2;
    }
}

static float expanded(const udm_flow_level *level, float *plane, int x, int y)
{
    const udm_flow_level *from = level->coarser;
    int left = (x - 1) >> 1, above = (y - 1) >> 1;
    float fx = x % 2 ? 0.25f : 0.75f, fy = y % 2 ? 0.25f : 0.75f;
    return 2 * ((1 - fy) * ((1 - fx) * *pixel(from, plane, left, above) + fx * *pixel(from, plane, left + 1, above)) +
                fy * ((1 - fx) * *pixel(from, plane, left, above + 1) + fx * *pixel(from, plane, left + 1, above + 1)));
}

static void expand(const udm_flow_level *level, int y)
{
    for (int x = 0; x < level->width; x++) {
        *pixel(level, level->u, x, y) = expanded(level, level->coarser->u, x, y);
        *pixel(level, level->v, x, y) = expanded(level, level->coarser->v, x, y);
    }
}

// What pixel (x, y) of the patch at (left, top), moved by (u, v), misses.
static float miss_at(const udm_flow_level *level, int left, int top, int x, int y, const match *m)
{
    float px = udm_clamp(left + m->u, 1 - PAD, level->width + PAD - PATCH - 2);
    float py = udm_clamp(top + m->v, 1 - PAD, level->height + PAD - PATCH - 2);
    return sample(level, px + x, py + y) - *pixel(level, level->from, left + x, top + y);
}

// A step from a match, and by how much less it leaves of the error and of the mean, were all linear.
typedef struct step {
    float u, v, gain, brighter;
} step;

// Fills in error and mean; the step: -H^-1 sum S^T (to - T - mean)
static step compare(const udm_flow_level *level, int left, int top, match *m)
{
    float mean = 0, error = 0, dx_mean = 0, dy_mean = 0, area = PATCH * PATCH;
    for (int i = 0; i < PATCH * PATCH; i++) {
        ptrdiff_t at = (top + i / PATCH) * level->stride + left + i % PATCH;
        mean += miss_at(level, left, top, i % PATCH, i / PATCH, m) / area;
        dx_mean += level->dx[at] / area;
        dy_mean += level->dy[at] / area;
    }
    float h11 = level->care.damp, h12 = 0, h22 = level->care.damp, sx = 0, sy = 0;
    for (int i = 0; i < PATCH * PATCH; i++) {
        ptrdiff_t at = (top + i / PATCH) * level->stride + left + i % PATCH;
        float miss = miss_at(level, left, top, i % PATCH, i / PATCH, m) - mean;
        float dx = level->dx[at] - dx_mean, dy = level->dy[at] - dy_mean;
        error += miss * miss;
        h11 += dx * dx;
        h12 += dx * dy;
        h22 += dy * dy;
        sx += miss * dx;
        sy += miss * dy;
    }
    m->error = error;
    m->mean = mean;
    const float u = -(h22 * sx - h12 * sy) / (h11 * h22 - h12 * h12);
    const float v = -(h11 * sy - h12 * sx) / (h11 * h22 - h12 * h12);
    return (step){ u, v, -(u * sx + v * sy), u * dx_mean + v * dy_mean };
}

static match descend(const udm_flow_level *level, int left, int top, match start, int iterations)
{
    match best = { start.u, start.v, INFINITY, 0 }, m = start;
    for (int i = 0; i < iterations; i++) {
        const step s = compare(level, left, top, &m);
        if (!(m.error < best.error))
            break;
        best = m;
        if (s.u * s.u + s.v * s.v < UDM_FLOW_STOP * UDM_FLOW_STOP)
            break;
        m.u += s.u;
        m.v += s.v;
        if (s.gain < level->effort.least_gain * m.error)
            return (match){ m.u, m.v, m.error - s.gain, m.mean + s.brighter };
    }
    return best;
}

// Fills in xx, xy, yy.
static void find_slopes(const udm_flow_level *level, int left, int top, float sums[3])
{
    float dx_mean = 0, dy_mean = 0, area = PATCH * PATCH;
    for (int i = 0; i < PATCH * PATCH; i++) {
        ptrdiff_t at = (top + i / PATCH) * level->stride + left + i % PATCH;
        dx_mean += level->dx[at] / area;
        dy_mean += level->dy[at] / area;
    }
    sums[0] = sums[1] = sums[2] = 0;
    for (int i = 0; i < PATCH * PATCH; i++) {
        ptrdiff_t at = (top + i / PATCH) * level->stride + left + i % PATCH;
        float dx = level->dx[at] - dx_mean, dy = level->dy[at] - dy_mean;
        sums[0] += dx * dx;
        sums[1] += dx * dy;
        sums[2] += dy * dy;
    }
}

static float squared_length(match m)
{
    return m.u * m.u + m.v * m.v;
}

static match shorten(const udm_flow_level *level, int left, int top, match found)
{
    float sums[3];
    if (squared_length(found) < 1)
        return found;
    match m = descend(level, left, top, (match){ 0 }, level->effort.search);
    find_slopes(level, left, top, sums);
    float du = m.u - found.u, dv = m.v - found.v, apart = du * du + dv * dv;
    float slopes = sums[0] * du * du + 2 * sums[1] * du * dv + sums[2] * dv * dv;
    bool fits = slopes > UDM_FLOW_LEAST_SLOPES * apart && m.error * apart < UDM_FLOW_EXPLAINED * slopes;
    return fits && squared_length(m) < squared_length(found) ? m : found;
}

static void keep(const udm_flow_level *level, int at, match m)
{
    level->patch_u[at] = m.u;
    level->patch_v[at] = m.v;
    level->patch_error[at] = m.error;
    level->patch_mean[at] = m.mean;
}

static void search(const udm_flow_level *level, int row)
{
    int top = udm_flow_patch_at(row, level->height);
    for (int i = 0; i < level->columns; i++) {
        int left = udm_flow_patch_at(i, level->width);
        match start = { .u = *pixel(level, level->u, left + PATCH / 2, top + PATCH / 2),
                        .v = *pixel(level, level->v, left + PATCH / 2, top + PATCH / 2) };
        match found = descend(level, left, top, start, level->effort.search);
        keep(level, row * level->columns + i, level->effort.from_rest ? shorten(level, left, top, found) : found);
    }
}

static void propagate(const udm_flow_level *level, int row)
{
    static const int offsets[4][2] = { { 0, -1 }, { -1, 0 }, { 1, 0 }, { 0, 1 } };
    int top = udm_flow_patch_at(row, level->height);
    for (int i = 0; i < level->columns; i++) {
        int at = row * level->columns + i, left = udm_flow_patch_at(i, level->width);
        match best = { level->seen_u[at], level->seen_v[at], level->seen_error[at], level->seen_mean[at] };
        for (int k = 0; k < 4 && level->seen_error[at] >= level->effort.good; k++) {
            int column = i + offsets[k][0], line = row + offsets[k][1];
            if (column < 0 || line < 0 || column >= level->columns || line >= level->rows)
                continue;
            match m = { .u = level->seen_u[line * level->columns + column],
                        .v = level->seen_v[line * level->columns + column] };
            float du = m.u - best.u, dv = m.v - best.v;
            compare(level, left, top, &m);
            bool longer = level->effort.from_rest && squared_length(m) > squared_length(best);
            if (du * du + dv * dv >= UDM_FLOW_APART * UDM_FLOW_APART &&
                m.error < (longer ? UDM_FLOW_BETTER : 1) * best.error)
                best = m;
        }
        keep(level, at,
             best.error < level->seen_error[at] ? descend(level, left, top, best, level->effort.again) : best);
    }
}

static void densify(const udm_flow_level *level, int y)
{
    for (int x = 0; x < level->width; x++) {
        float u = 0, v = 0, sum = 0;
        for (int at = 0; at < level->rows * level->columns; at++) {
            int left = udm_flow_patch_at(at % level->columns, level->width);
            int top = udm_flow_patch_at(at / level->columns, level->height);
            if (x < left || y < top || x >= left + PATCH || y >= top + PATCH)
                continue;
            match m = { level->patch_u[at], level->patch_v[at], level->patch_error[at], level->patch_mean[at] };
            float miss = fabsf(miss_at(level, left, top, x - left, y - top, &m) - m.mean);
            float weight = 1 / (fmaxf(miss, level->care.least_miss) * (UDM_FLOW_LEAST_ERROR + m.error));
            u += weight * m.u;
            v += weight * m.v;
            sum += weight;
        }
        *pixel(level, level->u, x, y) = u / sum;
        *pixel(level, level->v, x, y) = v / sum;
    }
}

static void prepare(const udm_flow_level *level, int y)
{
    for (int x = 0; x < level->width; x++) {
        float *u = level->u, *v = level->v, from = *pixel(level, level->from, x, y);
        float warped = sample(level, x + *pixel(level, u, x, y), y + *pixel(level, v, x, y));
        *pixel(level, level->mean, x, y) = (from + warped) / 2;
        *pixel(level, level->change, x, y) = warped - from;
        float ux = (*pixel(level, u, x + 1, y) - *pixel(level, u, x - 1, y)) / 2;
        float uy = (*pixel(level, u, x, y + 1) - *pixel(level, u, x, y - 1)) / 2;
        float vx = (*pixel(level, v, x + 1, y) - *pixel(level, v, x - 1, y)) / 2;
        float vy = (*pixel(level, v, x, y + 1) - *pixel(level, v, x, y - 1)) / 2;
        *pixel(level, level->diffusivity, x, y) =
            UDM_FLOW_SMOOTHNESS / sqrtf(ux * ux + uy * uy + vx * vx + vy * vy + UDM_FLOW_KINK * UDM_FLOW_KINK);
    }
}

// Of the link from (x, y) to the pixel next to it; 0 where there is none.
static float link_to(const udm_flow_level *level, int x, int y, int dx, int dy)
{
    if (x + dx < 0 || y + dy < 0 || x + dx >= level->width || y + dy >= level->height)
        return 0;
    return (*pixel(level, level->diffusivity, x, y) + *pixel(level, level->diffusivity, x + dx, y + dy)) / 2;
}

static void assemble(const udm_flow_level *level, int y)
{
    for (int x = 0; x < level->width; x++) {
        float u = *pixel(level, level->u, x, y), v = *pixel(level, level->v, x, y);
        float ix = (*pixel(level, level->mean, x + 1, y) - *pixel(level, level->mean, x - 1, y)) / 2;
        float iy = (*pixel(level, level->mean, x, y + 1) - *pixel(level, level->mean, x, y - 1)) / 2;
        float change = *pixel(level, level->change, x, y), norm = 1 / (ix * ix + iy * iy + level->care.contrast);
        bool inside = x + u > -0.5f && y + v > -0.5f && x + u < level->width - 0.5f && y + v < level->height - 0.5f;
        float kink = UDM_FLOW_KINK;
        float force = inside ? UDM_FLOW_DATA * norm / sqrtf(change * change * norm + kink * kink) : 0;
        float links = 1e-6f + link_to(level, x, y, -1, 0) + link_to(level, x, y, 1, 0) + link_to(level, x, y, 0, -1) +
                      link_to(level, x, y, 0, 1);
        *cell(level, level->right, x, y) = link_to(level, x, y, 1, 0);
        *cell(level, level->below, x, y) = link_to(level, x, y, 0, 1);
        *cell(level, level->a12, x, y) = force * ix * iy;
        *cell(level, level->b1, x, y) = force * ix * (ix * u + iy * v - change) + 1e-6f * u;
        *cell(level, level->b2, x, y) = force * iy * (ix * u + iy * v - change) + 1e-6f * v;
        *cell(level, level->scale1, x, y) = UDM_FLOW_OMEGA / (force * ix * ix + links);
        *cell(level, level->scale2, x, y) = UDM_FLOW_OMEGA / (force * iy * iy + links);
        *cell(level, level->split_u, x, y) = u;
        *cell(level, level->split_v, x, y) = v;
    }
}

// What the neighbours of (x, y) pull it to.
static float pull(const udm_flow_level *level, float *plane, int x, int y)
{
    float left = x > 0 ? *cell(level, level->right, x - 1, y) : 0,
          above = y > 0 ? *cell(level, level->below, x, y - 1) : 0;
    return left * *cell(level, plane, x - 1, y) + above * *cell(level, plane, x, y - 1) +
           *cell(level, level->right, x, y) * *cell(level, plane, x + 1, y) +
           *cell(level, level->below, x, y) * *cell(level, plane, x, y + 1);
}

static void relax(const udm_flow_level *level, int y, int first)
{
    for (int x = first; x < level->width; x += 2) {
        float *u = cell(level, level->split_u, x, y), *v = cell(level, level->split_v, x, y);
        float a12 = *cell(level, level->a12, x, y), keep_share = 1 - UDM_FLOW_OMEGA;
        float right1 = *cell(level, level->b1, x, y) + pull(level, level->split_u, x, y);
        float right2 = *cell(level, level->b2, x, y) + pull(level, level->split_v, x, y);
        *u = keep_share * *u + *cell(level, level->scale1, x, y) * (right1 - a12 * *v);
        *v = keep_share * *v + *cell(level, level->scale2, x, y) * (right2 - a12 * *u);
    }
}

static void relax_red(const udm_flow_level *level, int y)
{
    relax(level, y, y & 1);
}

static void relax_black(const udm_flow_level *level, int y)
{
    relax(level, y, !(y & 1));
}

static void join(const udm_flow_level *level, int y)
{
    for (int x = 0; x < level->width; x++) {
        *pixel(level, level->u, x, y) = *cell(level, level->split_u, x, y);
        *pixel(level, level->v, x, y) = *cell(level, level->split_v, x, y);
    }
}

extern const udm_flow_ops udm_flow_ops_reference;

const udm_flow_ops udm_flow_ops_reference = {
    .name = "reference",
    .gradient = gradient,
    .expand = expand,
    .search = search,
    .propagate = propagate,
    .densify = densify,
    .prepare = prepare,
    .assemble = assemble,
    .relax_red = relax_red,
    .relax_black = relax_black,
    .join = join,
};
