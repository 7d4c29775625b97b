// SPDX-License-Identifier: LGPL-2.1-or-later
// The search of patches for motion, on a GPU: the steps of flow/search.c, where the equations stand, a pixel or a patch
// of a level an item. All planes lie in one memory.
#ifdef GPU

#define MOTION(name) POINTWISE name(const udm_motion_level at, global float *memory)
#define PATCH UDM_FLOW_PATCH
#define PAD UDM_FLOW_PAD

int padded_rows(const udm_motion_level *at)
{
    return at->height + 2 * PAD;
}

// What is not a number is brought within, too: it becomes an address.
float keep_within(float x, float least, float most)
{
    return fmin(fmax(x, least), most);
}

// (1 3 3 1) / 8 along an axis.
float low_pass(float before, float left, float right, float after)
{
    return (before + after + 3 * (left + right)) * 0.125f;
}

float half_pixel(const udm_motion_level *at, const global float *finer, int x, int y)
{
    const int stride = at->finer_stride;
    const global float *from = finer + 2 * y * stride + 2 * x;
    if (at->denoised)
        return 0.25f * (from[0] + from[1] + from[stride] + from[stride + 1]);
    float column[4];
    for (int i = 0; i < 4; i++)
        column[i] = low_pass(from[i - 1 - stride], from[i - 1], from[i - 1 + stride], from[i - 1 + 2 * stride]);
    return low_pass(column[0], column[1], column[2], column[3]);
}

// Both pictures and their padding, which repeats the borders.
MOTION(motion_picture)
{
    const size_t plane = (size_t)padded_rows(&at) * at.stride;
    const range items = range_of(2 * plane);
    for (size_t i = items.first; i < items.end; i++) {
        const bool second = i >= plane;
        const int place = i % plane, pixels = at.width * at.height;
        const int x = clamp(place % at.stride - PAD, 0, at.width - 1);
        const int y = clamp(place / at.stride - PAD, 0, at.height - 1);
        memory[(second ? at.to : at.from) - PAD * at.stride - PAD + place] =
            at.finer_stride ? half_pixel(&at, memory + (second ? at.finer_to : at.finer_from), x, y)
                            : memory[at.planes + (second ? pixels : 0) + y * at.width + x];
    }
}

// In the padding too, but for its outermost pixels.
MOTION(motion_gradient)
{
    const int width = at.width + 2 * PAD - 2, height = padded_rows(&at) - 2;
    const range items = range_of((size_t)width * height);
    for (size_t i = items.first; i < items.end; i++) {
        const int place = ((int)(i / width) + 1 - PAD) * at.stride + (int)(i % width) + 1 - PAD;
        const global float *from = memory + at.from + place;
        memory[at.dx + place] = 0.5f * (from[1] - from[-1]);
        memory[at.dy + place] = 0.5f * (from[at.stride] - from[-at.stride]);
    }
}

int patch_place(int i, int size)
{
    return min(i * UDM_FLOW_STEP, max(size - PATCH, 0));
}

typedef struct patch {
    int x, y;
    float dx_sum, dy_sum, xx, xy, yy, h11, h12, h22; // as in search.c
} patch;

typedef struct match {
    float u, v, error, mean, sx, sy;
} match;

float sum_of(float8 x)
{
    const float4 by4 = x.lo + x.hi;
    const float2 by2 = by4.lo + by4.hi;
    return by2.x + by2.y;
}

float8 between(const global float *row, float fx)
{
    const float8 left = vload8(0, row);
    return left + (vload8(0, row + 1) - left) * fx;
}

// Where a patch at (x, y) begins in `to`.
const global float *spot_of(const udm_motion_level *at, const global float *memory, float x, float y, float *fx,
                            float *fy)
{
    x = keep_within(x, 1 - PAD, at->width + PAD - PATCH - 2);
    y = keep_within(y, 1 - PAD, at->height + PAD - PATCH - 2);
    const int left = (int)(x + PAD) - PAD, top = (int)(y + PAD) - PAD;
    *fx = x - left;
    *fy = y - top;
    return memory + at->to + top * at->stride + left;
}

match compare_patch(const udm_motion_level *at, const global float *memory, const patch *p, float u, float v)
{
    float fx, fy;
    const global float *spot = spot_of(at, memory, p->x + u, p->y + v, &fx, &fy);
    const int place = p->y * at->stride + p->x;
    float8 sum = 0, squares = 0, sx = 0, sy = 0, above = between(spot, fx);
    for (int y = 0; y < PATCH; y++) {
        const int line = place + y * at->stride;
        const float8 below = between(spot + (y + 1) * at->stride, fx);
        const float8 miss = above + (below - above) * fy - vload8(0, memory + at->from + line);
        above = below;
        sum += miss;
        squares += miss * miss;
        sx += miss * vload8(0, memory + at->dx + line);
        sy += miss * vload8(0, memory + at->dy + line);
    }
    const float mean = sum_of(sum) / (PATCH * PATCH);
    match m = { u, v, sum_of(squares) - mean * mean * (PATCH * PATCH), mean, sum_of(sx) - mean * p->dx_sum,
                sum_of(sy) - mean * p->dy_sum };
    return m;
}

patch patch_of(const udm_motion_level *at, const global float *memory, int column, int row)
{
    patch p = { .x = patch_place(column, at->width), .y = patch_place(row, at->height) };
    const int place = p.y * at->stride + p.x, area = PATCH * PATCH;
    float8 xx = 0, xy = 0, yy = 0, sx = 0, sy = 0;
    for (int y = 0; y < PATCH; y++) {
        const float8 dx = vload8(0, memory + at->dx + place + y * at->stride);
        const float8 dy = vload8(0, memory + at->dy + place + y * at->stride);
        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
        sx += dx;
        sy += dy;
    }
    p.dx_sum = sum_of(sx);
    p.dy_sum = sum_of(sy);
    p.xx = sum_of(xx) - p.dx_sum * p.dx_sum / area;
    p.xy = sum_of(xy) - p.dx_sum * p.dy_sum / area;
    p.yy = sum_of(yy) - p.dy_sum * p.dy_sum / area;
    const float h11 = p.xx + at->damp, h22 = p.yy + at->damp, determinant = h11 * h22 - p.xy * p.xy;
    p.h11 = h22 / determinant;
    p.h12 = -p.xy / determinant;
    p.h22 = h11 / determinant;
    return p;
}

match descend(const udm_motion_level *at, const global float *memory, const patch *p, float u, float v, int iterations)
{
    match best = { u, v, INFINITY, 0, 0, 0 };
    for (int i = 0; i < iterations; i++) {
        const match m = compare_patch(at, memory, p, u, v);
        if (!(m.error < best.error))
            break;
        best = m;
        const float du = p->h11 * m.sx + p->h12 * m.sy, dv = p->h12 * m.sx + p->h22 * m.sy;
        if (du * du + dv * dv < UDM_FLOW_STOP * UDM_FLOW_STOP)
            break;
        u -= du;
        v -= dv;
    }
    return best;
}

float squared_length(match m)
{
    return m.u * m.u + m.v * m.v;
}

match shorten(const udm_motion_level *at, const global float *memory, const patch *p, match found)
{
    if (squared_length(found) < 1)
        return found;
    const match m = descend(at, memory, p, 0, 0, at->search);
    const float du = m.u - found.u, dv = m.v - found.v, apart = du * du + dv * dv;
    const float slopes = p->xx * du * du + 2 * p->xy * du * dv + p->yy * dv * dv;
    const bool fits = slopes > UDM_FLOW_LEAST_SLOPES * apart && m.error * apart < UDM_FLOW_EXPLAINED * slopes;
    return fits && squared_length(m) < squared_length(found) ? m : found;
}

// What the neighbours look at is `seen`, so that none sees what another found meanwhile.
MOTION(motion_search)
{
    const range items = range_of((size_t)at.columns * at.rows);
    for (size_t i = items.first; i < items.end; i++) {
        const patch p = patch_of(&at, memory, i % at.columns, i / at.columns);
        const int middle = min(p.y + PATCH / 2, at.height - 1) * at.stride + min(p.x + PATCH / 2, at.width - 1);
        match found = descend(&at, memory, &p, memory[at.u + middle], memory[at.v + middle], at.search);
        if (at.from_rest)
            found = shorten(&at, memory, &p, found);
        memory[at.seen_u + i] = found.u;
        memory[at.seen_v + i] = found.v;
        memory[at.seen_error + i] = found.error;
        memory[at.seen_mean + i] = found.mean;
    }
}

match consider(const udm_motion_level *at, const global float *memory, const patch *p, int from, match best)
{
    const float u = memory[at->seen_u + from], v = memory[at->seen_v + from], du = u - best.u, dv = v - best.v;
    if (du * du + dv * dv < UDM_FLOW_APART * UDM_FLOW_APART)
        return best;
    const match m = compare_patch(at, memory, p, u, v);
    const bool longer = at->from_rest && squared_length(m) > squared_length(best);
    return m.error < (longer ? UDM_FLOW_BETTER * best.error : best.error) ? m : best;
}

MOTION(motion_propagate)
{
    const range items = range_of((size_t)at.columns * at.rows);
    for (size_t i = items.first; i < items.end; i++) {
        const int column = i % at.columns, row = i / at.columns;
        const patch p = patch_of(&at, memory, column, row);
        const float error = memory[at.seen_error + i];
        match best = { memory[at.seen_u + i], memory[at.seen_v + i], error, memory[at.seen_mean + i], 0, 0 };
        if (row > 0)
            best = consider(&at, memory, &p, i - at.columns, best);
        if (column > 0)
            best = consider(&at, memory, &p, i - 1, best);
        if (column < at.columns - 1)
            best = consider(&at, memory, &p, i + 1, best);
        if (row < at.rows - 1)
            best = consider(&at, memory, &p, i + at.columns, best);
        if (best.error < error)
            best = descend(&at, memory, &p, best.u, best.v, at.again);
        memory[at.patch_u + i] = best.u;
        memory[at.patch_v + i] = best.v;
        memory[at.patch_error + i] = best.error;
        memory[at.patch_mean + i] = best.mean;
    }
}

// The first row or column of patches that ends beyond a pixel.
int first_patch(int pixel)
{
    return pixel < PATCH ? 0 : (pixel - PATCH) / UDM_FLOW_STEP;
}

// How well patch i, at (left, top), fits at a pixel.
float weigh(const udm_motion_level *at, const global float *memory, int i, int left, int top, int x, int y)
{
    float fx, fy;
    const global float *spot =
        spot_of(at, memory, left + memory[at->patch_u + i], top + memory[at->patch_v + i], &fx, &fy) +
        (y - top) * at->stride + x - left;
    const float above = spot[0] + (spot[1] - spot[0]) * fx;
    const float below = spot[at->stride] + (spot[at->stride + 1] - spot[at->stride]) * fx;
    const float miss =
        above + (below - above) * fy - memory[at->from + y * at->stride + x] - memory[at->patch_mean + i];
    return 1 / (fmax(fabs(miss), at->least_miss) * (UDM_FLOW_LEAST_ERROR + memory[at->patch_error + i]));
}

MOTION(motion_densify)
{
    const range items = range_of((size_t)at.width * at.height);
    for (size_t i = items.first; i < items.end; i++) {
        const int x = i % at.width, y = i / at.width;
        float u = 0, v = 0, sum = 0;
        for (int row = first_patch(y); row < at.rows && patch_place(row, at.height) <= y; row++)
            for (int column = first_patch(x); column < at.columns && patch_place(column, at.width) <= x; column++) {
                const int left = patch_place(column, at.width), top = patch_place(row, at.height);
                const int patch = row * at.columns + column;
                if (x >= left + PATCH || y >= top + PATCH)
                    continue;
                const float weight = weigh(&at, memory, patch, left, top, x, y);
                u += weight * memory[at.patch_u + patch];
                v += weight * memory[at.patch_v + patch];
                sum += weight;
            }
        memory[at.u + y * at.stride + x] = u / sum;
        memory[at.v + y * at.stride + x] = v / sum;
    }
}

#endif
