// SPDX-License-Identifier: LGPL-2.1-or-later
// Packing, splatting, hole filling and what lies still (reference.c has the equations), compiled once for each
// instruction set.
#include "interp/kernels/packed.h"

#include "base/exponential.h"

enum { BORDER = UDM_SYNTHESIS_BORDER };

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

// ---- importance

// The mean of a square of 2x2 pixels; where there are fewer, the border repeats them.
INLINE pixel mean_of_square(const udm_packed *from, int x, int y)
{
    const float *above = from->at + 4 * (2 * y * from->stride + 2 * x), *below = above + 4 * from->stride;
    return ((get_at(above) + get_at(above + 4)) + (get_at(below) + get_at(below + 4))) * 0.25f;
}

// The exponents of the importance of some squares: nothing is left below the lowest.
INLINE void find_certainties(const udm_synthesis_job *job, const udm_packed *there, span of, float own[4][RUN],
                             float to[RUN])
{
    const float lowest = -60, half = 0.5f;
    float other[4][RUN];
    motions where;
    places at;
    for (int i = 0; i < RUN; i++) {
        where.u[i] = inside((float)(2 * (of.x + i)) + half + own[0][i], job->width);
        where.v[i] = inside((float)(2 * of.y) + half + own[1][i], job->height);
    }
    find_places(there, &where, &at);
    for (int first = 0; first < RUN; first += 4) {
        pixel four[4];
        for (int i = 0; i < 4; i++)
            four[i] = first + i < of.count ? take_at(there, &at, first + i) : (pixel){ 0 };
        unpack(four, other, first);
    }
    for (int i = 0; i < RUN; i++) {
        const float u = own[0][i] + other[0][i], v = own[1][i] + other[1][i], miss = other[2][i] - own[2][i];
        const float inconsistency = least(u * u + v * v, UDM_MOST_INCONSISTENCY);
        const float exponent = -UDM_IMPORTANCE_LUMA * miss * miss - UDM_IMPORTANCE_CONSISTENCY * inconsistency;
        to[i] = exponent > lowest ? exponent : lowest;
    }
}

INLINE void importance_run(const udm_synthesis_job *job, int k, span of)
{
    const udm_packed *here = &job->views[k].motion;
    float own[4][RUN], to[RUN];
    for (int first = 0; first < RUN; first += 4) {
        pixel four[4];
        for (int i = 0; i < 4; i++)
            four[i] = first + i < of.count ? mean_of_square(here, of.x + first + i, of.y) : (pixel){ 0 };
        unpack(four, own, first);
    }
    find_certainties(job, &job->views[!k].motion, of, own, to);
    for (int i = 0; i < RUN; i++)
        to[i] = UDM_LEAST_IMPORTANCE + exp_float(to[i]);
    for (int y = 2 * of.y; y < 2 * of.y + 2 && y < job->height; y++)
        for (int i = 0; i < of.count; i++)
            for (int x = 2 * (of.x + i); x < 2 * (of.x + i) + 2 && x < job->width; x++)
                here->at[4 * (y * here->stride + x) + 3] = to[i];
}

static void importance_row(const udm_synthesis_job *job, int k, int y)
{
    const int squares = (job->width + 1) / 2;
    int x = 0;
    for (; x + RUN <= squares; x += RUN)
        importance_run(job, k, (span){ x, y, RUN });
    if (x < squares)
        importance_run(job, k, (span){ x, y, squares - x });
}

// ---- the motion at an instant

// The sign is that of motion from the first to the second.
static void splat_row(const udm_synthesis_job *job, int k, int y)
{
    const udm_packed *motion = &job->views[k].motion, *to = &job->views[k].splatted;
    const float distance = 0.5f * job->distance[k], sign = k ? -1.f : 1.f, near = nearness(job, k);
    for (int x = 0; x < to->width; x++) {
        const pixel mean = mean_of_square(motion, x, y);
        const float to_x = (float)x + distance * mean[0], to_y = (float)y + distance * mean[1];
        if (!(to_x > -1 && to_x < (float)to->width && to_y > -1 && to_y < (float)to->height))
            continue;
        const int left = (int)(to_x + 1) - 1, top = (int)(to_y + 1) - 1;
        const float fx = to_x - (float)left, fy = to_y - (float)top;
        const pixel what = (pixel){ 1, sign * mean[0], sign * mean[1], 0 } * (near * get(motion, 2 * x, 2 * y)[3]);
        const pixel above = what * (1 - fy), below = what * fy;
        set(to, left, top, get(to, left, top) + above * (1 - fx));
        set(to, left + 1, top, get(to, left + 1, top) + above * fx);
        set(to, left, top + 1, get(to, left, top + 1) + below * (1 - fx));
        set(to, left + 1, top + 1, get(to, left + 1, top + 1) + below * fx);
    }
}

static void merge_row(const udm_synthesis_job *job, int k, int y)
{
    for (int x = 0; x < job->fine->width; x++) {
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

// ---- what lies still

// x^1.5 is x sqrt(x).
INLINE void weigh_cells(const udm_packed *cells, int y, float cost)
{
    for (int x = 0; x < cells->width; x++) {
        pixel sum = { 0 };
        for (int j = -1; j <= 1; j++)
            for (int i = -1; i <= 1; i++)
                if (x + i >= 0 && y + j >= 0 && x + i < cells->width && y + j < cells->height)
                    sum += get(cells, x + i, y + j) * (float)((2 - i * i) * (2 - j * j));
        const float moved = sum[0] / sum[2] + UDM_LEAST_CHANGE, still = sum[1] / sum[2] + UDM_LEAST_CHANGE;
        const float by_motion = moved * sqrtf(moved), by_still = cost * still * sqrtf(cost * still);
        cells->at[4 * (y * cells->stride + x) + 3] = by_motion / (by_motion + by_still);
    }
}

static void weigh_still_row(const udm_synthesis_job *job, int k, int y)
{
    weigh_cells(&job->cells, y, UDM_STILL_COST);
    weigh_cells(&job->tints, y, UDM_STILL_COST_OF_TINTS);
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

// Pixels of a row between the middles of two cells.
INLINE void take_shares(const udm_packed *cells, int y, int cell, int first, int end, float *to)
{
    const shares around = shares_around(cells, y);
    const float left = share_at(&around, cell > 0 ? cell - 1 : 0);
    const float right = share_at(&around, cell < cells->width ? cell : cell - 1);
    const float slope = (right - left) / UDM_SYNTHESIS_CELL;
    const float origin = (float)(cell * UDM_SYNTHESIS_CELL - UDM_SYNTHESIS_CELL / 2) - 0.5f;
    for (int x = first; x < end; x++)
        to[x - first] = left + slope * ((float)x - origin);
}

// The cross-fade of a plane less its mean.
INLINE float beyond_mean(const udm_synthesis_job *job, size_t at, float position)
{
    const float a = job->views[0].picture[at], b = job->views[1].picture[at];
    return a + position * (b - a) - job->mean[at];
}

// at: of the first pixel.
INLINE void blend_plane(const udm_synthesis_job *job, size_t at, int count, float position, const float *still)
{
    float *restrict mean = job->mean + at;
    for (int i = 0; i < count; i++)
        mean[i] += still[i] * beyond_mean(job, at + (size_t)i, position);
}

INLINE void blend_colours(const udm_synthesis_job *job, size_t at, int count, float position, const float *still,
                          const float *tint)
{
    const size_t n = (size_t)job->width * job->height;
    float *restrict red = job->mean + at, *restrict green = red + n, *restrict blue = green + n;
    for (int i = 0; i < count; i++) {
        const float r = beyond_mean(job, at + (size_t)i, position), g = beyond_mean(job, at + n + (size_t)i, position);
        const float b = beyond_mean(job, at + 2 * n + (size_t)i, position);
        const float grey = (still[i] - tint[i]) * (1 / 3.f) * (r + g + b);
        red[i] += tint[i] * r + grey, green[i] += tint[i] * g + grey, blue[i] += tint[i] * b + grey;
    }
}

static void blend_still_row(const udm_synthesis_job *job, int k, int y)
{
    enum { SIDE = UDM_SYNTHESIS_CELL };
    const size_t n = (size_t)job->width * job->height, row = (size_t)y * job->width;
    const float position = job->position < 0 ? 0 : job->position < 1 ? job->position : 1;
    for (int cell = 0; cell <= job->cells.width; cell++) {
        const int first = cell > 0 ? cell * SIDE - SIDE / 2 : 0, after = cell * SIDE + SIDE / 2;
        const int end = after < job->width ? after : job->width;
        float still[SIDE] = { 0 }, tint[SIDE] = { 0 };
        take_shares(&job->cells, y, cell, first, end, still);
        take_shares(&job->tints, y, cell, first, end, tint);
        for (int x = first; x < end; x++)
            job->still[row + x] = still[x - first];
        if (job->channels == 1)
            blend_plane(job, row + first, end - first, position, still);
        else
            blend_colours(job, row + first, end - first, position, still, tint);
        if (job->channels == 4)
            blend_plane(job, 3 * n + row + first, end - first, position, still);
    }
}

// ---- the table

extern const udm_synthesis_ops NAME(udm_synthesis_ops);
void NAME(udm_warp_row)(const udm_synthesis_job *job, int k, int y);
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
    .warp = NAME(udm_warp_row),
    .weigh_still = weigh_still_row,
    .blend_still = blend_still_row,
    .blend = NAME(udm_blend_row),
    .reblend = NAME(udm_reblend_row),
};
