// SPDX-License-Identifier: LGPL-2.1-or-later
// The rows of stream/midway.c, compiled once for each instruction set.
#include "interp/kernels/kernels.h"

#include <math.h>

enum { LANES = 8 };

#include "base/simd.h"

enum { BORDER = UDM_SYNTHESIS_BORDER, TAPS = UDM_SYNTHESIS_TAPS, PHASES = UDM_SYNTHESIS_PHASES };

// Chosen on training clips. Luma is in [-1, 1], motion in pixels.
#define MISS_SCALE 10.f       // a motion that misses by a squared luma of 1 / 10 is put down e times more softly,
#define MISMATCH_SCALE 0.3f   // and so is one that the way back misses by 3 squared pixels
#define LEAST_FIT 1e-4f       // but never more softly than this
#define LEAST_HIT 0.01f       // with less than this put down on a pixel, its surroundings have a say
#define NEAR_VARIANCE 1e-2f   // of a picture that is moved by one whole gap,
#define APART_VARIANCE 3e-3f  // and for each squared pixel by which the motions disagree,
#define MOST_MISMATCH 16.f    // which is at most this
#define STILL_SHARE 0.35f     // pictures that differ 0.35 times as much moved as still are half taken still,
#define LEAST_CHANGE 1e-5f    // but not where neither differs (squared value)
#define OUTSIDE_VARIANCE 1e2f // of what lies outside of the picture
#define LEAST_BEND 1e-2f      // accelerations that both pictures agree on count where they are larger (squared pixels)
#define BEND_OF_ONE 0.5f // share of an acceleration that only one of them knows, if it is large for how far it leads

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
    const size_t green = job->channels == 3 ? n : 0, blue = job->channels == 3 ? 2 * n : 0;
    for (int x = 0; x < job->width; x++) {
        const float *from = view->picture + row + x;
        set(&view->pixels, x, y, (pixel){ from[0], from[green], from[blue], 0 });
        set(&view->motion, x, y, (pixel){ view->flow[row + x], view->flow[n + row + x], view->luma[row + x], 0 });
    }
    close_border(&view->pixels, y);
    close_border(&view->motion, y);
}

// ---- taking from between pixels

// A coordinate, brought into the picture; what is not a number goes to 0.
INLINE float inside(float at, int size)
{
    const float last = (float)(size - 1), positive = at > 0 ? at : 0;
    return positive < last ? positive : last;
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
    const vec here = load(job->weights[whole]), next = load(job->weights[whole + 1]);
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
        sum += (first * load(row) + second * load(row + 8) + third * load(row + 16)) * down[i];
    return __builtin_shufflevector(sum, sum, 0, 1, 2, 3) + __builtin_shufflevector(sum, sum, 4, 5, 6, 7);
}

// ---- the bend of motion

// From three instants: with x(t) = v t + a t^2 / 2, x(1) the motion and x(-gap) that to the other side,
// a = 2 (x(1) + x(-gap) / gap) / (1 + gap).
static void accelerate_row(const udm_synthesis_job *job, int k, int y)
{
    const udm_synthesis_view *view = &job->views[k];
    const size_t n = (size_t)job->width * job->height;
    const float outer = 1 / view->outer_gap, gain = 2 / (1 + view->outer_gap);
    const int bottom = (y + 1) * UDM_SYNTHESIS_BEND < job->height ? (y + 1) * UDM_SYNTHESIS_BEND : job->height;
    for (int x = 0; x < view->bend.width; x++) {
        const int right = (x + 1) * UDM_SYNTHESIS_BEND < job->width ? (x + 1) * UDM_SYNTHESIS_BEND : job->width;
        pixel sum = { 0 };
        for (int j = y * UDM_SYNTHESIS_BEND; j < bottom; j++)
            for (int i = x * UDM_SYNTHESIS_BEND; i < right; i++) {
                const size_t at = (size_t)j * job->width + i;
                sum += (pixel){ view->flow[at] + outer * view->outer[at],
                                view->flow[n + at] + outer * view->outer[n + at], 1, 0 };
            }
        set(&view->bend, x, y, sum * (gain / sum[2]));
    }
    close_border(&view->bend, y);
}

INLINE pixel bend_of(const udm_packed *bend, float x, float y)
{
    const float side = UDM_SYNTHESIS_BEND, half = 0.5f;
    return take_bilinear(bend, inside((x + half) / side - half, bend->width),
                         inside((y + half) / side - half, bend->height));
}

// How far the instant's pixel lies from where its straight way would lead: as far as both pictures agree that its
// motion is bent (Xu et al., "Quadratic Video Interpolation", NeurIPS 2019, trust one of them). away: to the pixel in
// either picture.
INLINE pixel bend_at(const udm_synthesis_job *job, float x, float y, const pixel away[2])
{
    const udm_synthesis_view *first = &job->views[0], *second = &job->views[1];
    if (!first->bent && !second->bent)
        return (pixel){ 0 };
    const pixel a = first->bent ? bend_of(&first->bend, x + away[0][0], y + away[0][1]) : (pixel){ 0 };
    const pixel b = second->bent ? bend_of(&second->bend, x + away[1][0], y + away[1][1]) : (pixel){ 0 };
    if (!first->bent || !second->bent) {
        const pixel one = a + b;
        const float known = one[0] * one[0] + one[1] * one[1];
        return one * (BEND_OF_ONE * job->curve * known / (known + fabsf(job->curve) + 1e-12f));
    }
    const pixel mean = (a + b) * 0.5f, half = (a - b) * 0.5f;
    const float agreed = mean[0] * mean[0] + mean[1] * mean[1], apart = half[0] * half[0] + half[1] * half[1];
    return mean * (job->curve * agreed / (agreed + apart + LEAST_BEND));
}

// ---- how well motion fits

INLINE float least(float a, float b)
{
    return a < b ? a : b;
}

// What it finds in the other picture, and how well it agrees with the way back.
static void judge_row(const udm_synthesis_job *job, int k, int y)
{
    const udm_packed *here = &job->views[k].motion, *there = &job->views[!k].motion;
    for (int x = 0; x < job->width; x++) {
        const pixel own = get(here, x, y);
        const pixel other =
            take_bilinear(there, inside((float)x + own[0], job->width), inside((float)y + own[1], job->height));
        const float u = own[0] + other[0], v = own[1] + other[1], miss = other[2] - own[2];
        const float mismatch = least(u * u + v * v, MOST_MISMATCH);
        here->at[4 * (y * here->stride + x) + 3] =
            LEAST_FIT + expf(-MISS_SCALE * miss * miss - MISMATCH_SCALE * mismatch);
    }
}

// ---- the motion at an instant

// A picture's share of what is put down.
INLINE float nearness(const udm_synthesis_job *job, int k)
{
    return fmaxf(1 - fabsf(job->part[k]), 0.05f);
}

// The sign is that of motion from the first to the second.
static void put_row(const udm_synthesis_job *job, int k, int y)
{
    const udm_packed *motion = &job->views[k].motion, *put = &job->views[k].put;
    const float part = job->part[k], sign = k ? -1.f : 1.f, near = nearness(job, k);
    for (int x = 0; x < job->width; x++) {
        const pixel own = get(motion, x, y);
        const float to_x = (float)x + part * own[0], to_y = (float)y + part * own[1];
        if (!(to_x > -1 && to_x < (float)job->width && to_y > -1 && to_y < (float)job->height))
            continue;
        const int left = (int)(to_x + 1) - 1, top = (int)(to_y + 1) - 1;
        const float fx = to_x - (float)left, fy = to_y - (float)top;
        const pixel what = (pixel){ 1, sign * own[0], sign * own[1], 0 } * (near * own[3]);
        const pixel above = what * (1 - fy), below = what * fy;
        set(put, left, top, get(put, left, top) + above * (1 - fx));
        set(put, left + 1, top, get(put, left + 1, top) + above * fx);
        set(put, left, top + 1, get(put, left, top + 1) + below * (1 - fx));
        set(put, left + 1, top + 1, get(put, left + 1, top + 1) + below * fx);
    }
}

static void gather_row(const udm_synthesis_job *job, int k, int y)
{
    for (int x = 0; x < job->width; x++) {
        const pixel second = get(&job->views[1].put, x, y);
        pixel both = get(&job->views[0].put, x, y) + second;
        both[3] = second[0];
        set(job->fine, x, y, both);
    }
}

static void coarsen_row(const udm_synthesis_job *job, int k, int y)
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

// Where too little was put down, what the coarser level has fills up. The coarsest level stands on itself.
static void refine_row(const udm_synthesis_job *job, int k, int y)
{
    const udm_packed *fine = job->fine, *coarse = job->coarse;
    for (int x = 0; x < fine->width; x++) {
        const pixel sum = get(fine, x, y), around = coarse ? get(coarse, x / 2, y / 2) : (pixel){ 0 };
        const float lack = (sum[0] < LEAST_HIT ? LEAST_HIT - sum[0] : 0) + 1e-12f;
        pixel mean = (sum + around * lack) / (sum[0] + lack);
        mean[0] = sum[0], mean[3] = sum[3];
        set(fine, x, y, mean);
    }
}

// ---- the pictures at an instant

typedef struct fetched {
    pixel colour;
    float variance;
} fetched;

// Where a picture shows the pixel (x, y) of the instant, if motion were straight: from there on.
INLINE pixel way_to(const udm_synthesis_job *job, int k, pixel motion)
{
    const float far = k ? job->part[1] : -job->part[0];
    return (pixel){ far * motion[1], far * motion[2], 0, 0 };
}

// A picture that moves otherwise where it is fetched shows something that is hidden at the instant.
INLINE fetched fetch(const udm_synthesis_job *job, int k, float from_x, float from_y, pixel motion)
{
    const udm_synthesis_view *view = &job->views[k];
    const float sign = k ? -1.f : 1.f, away = job->part[k];
    const float at_x = inside(from_x, job->width), at_y = inside(from_y, job->height);
    const pixel there = take_bilinear(&view->motion, at_x, at_y);
    const float du = sign * there[0] - motion[1], dv = sign * there[1] - motion[2];
    const float apart = least(du * du + dv * dv, MOST_MISMATCH);
    return (fetched){ take_lanczos(job, &view->pixels, at_x, at_y),
                      from_x == at_x && from_y == at_y ? away * away * (NEAR_VARIANCE + APART_VARIANCE * apart)
                                                       : OUTSIDE_VARIANCE };
}

INLINE float square_of(pixel a)
{
    const pixel square = a * a;
    return (square[0] + square[1] + square[2]) / 3;
}

// Adds to the cell of a pixel by how much the pictures differ there.
INLINE void note_change(const udm_synthesis_job *job, int x, int y, pixel moved)
{
    const pixel still = get(&job->views[1].pixels, x, y) - get(&job->views[0].pixels, x, y);
    const int column = x / UDM_SYNTHESIS_CELL, row = y / UDM_SYNTHESIS_CELL;
    set(&job->cells, column, row, get(&job->cells, column, row) + (pixel){ square_of(moved), square_of(still), 1, 0 });
}

static void fetch_row(const udm_synthesis_job *job, int k, int y)
{
    const udm_synthesis_view *views = job->views;
    const size_t n = (size_t)job->width * job->height, row = (size_t)y * job->width;
    const float gains[2] = { 1 / nearness(job, 0), 1 / nearness(job, 1) };
    for (int x = 0; y % UDM_SYNTHESIS_CELL == 0 && x < job->cells.width; x++)
        set(&job->cells, x, y / UDM_SYNTHESIS_CELL, (pixel){ 0 });
    for (int x = 0; x < job->width; x++) {
        const pixel motion = get(job->settled, x, y);
        const pixel ways[2] = { way_to(job, 0, motion), way_to(job, 1, motion) };
        const pixel here = (pixel){ (float)x, (float)y, 0, 0 } - bend_at(job, (float)x, (float)y, ways);
        const fetched a = fetch(job, 0, here[0] + ways[0][0], here[1] + ways[0][1], motion);
        const fetched b = fetch(job, 1, here[0] + ways[1][0], here[1] + ways[1][1], motion);
        const pixel mean = a.colour + (b.colour - a.colour) * (a.variance / (a.variance + b.variance + 1e-12f));
        note_change(job, x, y, b.colour - a.colour);
        views[0].variance[row + x] = a.variance;
        views[1].variance[row + x] = b.variance;
        views[0].support[row + x] = (motion[0] - motion[3]) * gains[0];
        views[1].support[row + x] = motion[3] * gains[1];
        for (int c = 0; c < job->channels; c++) {
            views[0].planes[c * n + row + x] = a.colour[c];
            views[1].planes[c * n + row + x] = b.colour[c];
            job->mean[c * n + row + x] = mean[c];
        }
    }
}

// ---- motion against rest

// Where motion brings the pictures no closer to each other than they are without it, it is as likely wrong: both
// estimates are weighted by how much they leave unexplained around the cell, to the power of -1.5.
static void weigh_row(const udm_synthesis_job *job, int k, int y)
{
    const udm_packed *cells = &job->cells;
    for (int x = 0; x < cells->width; x++) {
        pixel sum = { 0 };
        for (int j = -1; j <= 1; j++)
            for (int i = -1; i <= 1; i++)
                if (x + i >= 0 && y + j >= 0 && x + i < cells->width && y + j < cells->height)
                    sum += get(cells, x + i, y + j) * (float)((2 - i * i) * (2 - j * j));
        const float moved = sum[0] / sum[2] + LEAST_CHANGE, still = sum[1] / sum[2] + LEAST_CHANGE;
        const float by_motion = moved * sqrtf(moved), by_rest = STILL_SHARE * still * sqrtf(STILL_SHARE * still);
        cells->at[4 * (y * cells->stride + x) + 3] = by_motion / (by_motion + by_rest);
    }
}

// The share of rest in a row of pixels is linear from cell to cell.
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

static void mix_row(const udm_synthesis_job *job, int k, int y)
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
            job->rest[row + x] = left + slope * ((float)x - origin);
        for (int c = 0; c < job->channels; c++) {
            const float *a = job->views[0].picture + c * n + row, *b = job->views[1].picture + c * n + row;
            float *restrict mean = job->mean + c * n + row;
            for (int x = first; x < end; x++)
                mean[x] += job->rest[row + x] * (a[x] + position * (b[x] - a[x]) - mean[x]);
        }
    }
}

// ---- the table

#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)

extern const udm_synthesis_ops NAME(udm_synthesis_ops);
void NAME(udm_blending_row)(const udm_blending_job *job, int y);
void NAME(udm_blending_refine_row)(const udm_blending_job *job, int y);

const udm_synthesis_ops NAME(udm_synthesis_ops) = {
    .name = TEXT(UDM_ISA),
    .pack = pack_row,
    .accelerate = accelerate_row,
    .judge = judge_row,
    .put = put_row,
    .gather = gather_row,
    .coarsen = coarsen_row,
    .refine = refine_row,
    .fetch = fetch_row,
    .weigh = weigh_row,
    .mix = mix_row,
    .find_blending = NAME(udm_blending_row),
    .mix_blending = NAME(udm_blending_refine_row),
};
