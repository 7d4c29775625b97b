// SPDX-License-Identifier: LGPL-2.1-or-later
// The rows that a field lacks; fields/guess.c has the equations.
#include <string.h>

#include "base/macros.h"
#include "base/maths.h"
#include "fields/kernels/kernels.h"

#define LANES 4 // taps of a cubic

#include "base/simd.h"

enum { REACH = 3, RUN = 64 }; // pixels to each side that differences are averaged over; that are moved at a time

// The mean over clips changes by less than 0.3 dB within half or twice these.
#define SPACE 0.25f // of s: what rows at half the distance leave of it
#define DOUBT 0.5f  // share of the squared difference of P and N that is theirs to answer for
#define ALONE 2.f   // times t where there is no other side to compare with
#define REST 0.1f   // of (T - S)^2, which s is at least where nothing moves
#define STILL 4.f   // times a squared motion, of four pixels at once: from 1 on that is not rest
#define LEAST 2e-5f // of a squared difference: half a code of 8 bits

INLINE const float *row_of(const float *plane, const udm_guess_job *j, int r)
{
    const int known = udm_clamp_index(r, udm_field_rows(j->height));
    return plane + (size_t)udm_field_row(known, j->parity, j->height) * (size_t)j->width;
}

// (-1 9 9 -1) / 16 of four rows
INLINE void between(const float *const rows[4], int width, float *restrict out)
{
    const float *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3];
    for (int x = 0; x < width; x++)
        out[x] = (9 * (b[x] + c[x]) - a[x] - d[x]) * 0.0625f;
}

// The row of the field that is above row y of the picture, which it lacks.
INLINE int row_above(const udm_guess_job *j, int y)
{
    return j->parity == 0 ? y / 2 : y / 2 - 1;
}

void NAME(udm_field_space)(void *context, int i, int worker)
{
    const udm_guess_job *j = context;
    const int y = 2 * i + 1 - j->parity;
    if (y >= j->height)
        return;
    const float *rows[4];
    for (int k = 0; k < 4; k++)
        rows[k] = row_of(j->plane, j, row_above(j, y) - 1 + k);
    between(rows, j->width, j->plane + (size_t)y * (size_t)j->width);
}

// ---- along motion

typedef struct picture {
    const float *first;
    int width, height;
    ptrdiff_t stride; // floats
} picture;

// Where a run of pixels comes from: the second of four columns, of four rows, and the part beyond it.
typedef struct places {
    int left[RUN], top[RUN];
    float x[RUN], y[RUN];
} places;

INLINE void find_place(const picture *from, float x, float y, int i, places *found)
{
    x = udm_clamp(x, 0, (float)(from->width - 1)), y = udm_clamp(y, 0, (float)(from->height - 1));
    found->left[i] = (int)x, found->top[i] = (int)y;
    found->x[i] = x - (float)found->left[i], found->y[i] = y - (float)found->top[i];
}

// Catmull and Rom's cubic, at t of the way from the second sample to the third.
INLINE vec cubic(float t)
{
    return (((vec){ -0.5f, 1.5f, -1.5f, 0.5f } * t + (vec){ 1, -2.5f, 2, -0.5f }) * t + (vec){ -0.5f, 0, 0.5f, 0 }) *
               t +
           (vec){ 0, 1, 0, 0 };
}

// 4x4 pixels of which some lie beyond the border, which is repeated.
static void copy_at_border(const picture *from, int left, int top, float *to)
{
    for (int k = 0; k < LANES; k++)
        for (int i = 0; i < LANES; i++)
            to[k * LANES + i] = from->first[udm_clamp_index(top + k, from->height) * from->stride +
                                            udm_clamp_index(left + i, from->width)];
}

INLINE void move(const picture *from, const places *at, int count, float *restrict out)
{
    float sums[RUN][LANES], border[LANES * LANES];
    for (int i = 0; i < count; i++) {
        const int left = at->left[i] - 1, top = at->top[i] - 1;
        const bool inside = (left >= 0) & (top >= 0) & (left + LANES <= from->width) & (top + LANES <= from->height);
        const float *rows = inside ? from->first + top * from->stride + left : border;
        const ptrdiff_t stride = inside ? from->stride : LANES;
        if (!inside)
            copy_at_border(from, left, top, border);
        const vec down = cubic(at->y[i]);
        const vec mean = (load(rows) * down[0] + load(rows + stride) * down[1]) +
                         (load(rows + 2 * stride) * down[2] + load(rows + 3 * stride) * down[3]);
        store(sums[i], mean * cubic(at->x[i]));
    }
    INDEPENDENT
    for (int i = 0; i < count; i++)
        out[i] = (sums[i][0] + sums[i][2]) + (sums[i][1] + sums[i][3]);
}

INLINE float mean_around(const float *in, int x, int width)
{
    float sum = 0;
    for (int i = -REACH; i <= REACH; i++)
        sum += in[udm_clamp_index(x + i, width)];
    return sum * (1.f / (2 * REACH + 1));
}

// Means over 2 REACH + 1 pixels of a row.
INLINE void smooth(const float *in, int width, float *restrict out)
{
    const int last = udm_max(width - REACH, udm_min(REACH, width)); // of which all pixels are within the row
    for (int x = 0; x < udm_min(REACH, width); x++)
        out[x] = mean_around(in, x, width);
    for (int x = REACH; x < last; x++)
        out[x] = (((in[x - 3] + in[x - 2]) + (in[x - 1] + in[x])) + ((in[x + 1] + in[x + 2]) + in[x + 3])) *
                 (1.f / (2 * REACH + 1));
    for (int x = last; x < width; x++)
        out[x] = mean_around(in, x, width);
}

INLINE void square_difference(const float *a, const float *b, int width, float *restrict out)
{
    for (int x = 0; x < width; x++)
        out[x] = (a[x] - b[x]) * (a[x] - b[x]);
}

// Row r of p or n.
INLINE void measure_side(const udm_guess_job *j, int r, int side, const float *here, float *lines)
{
    const udm_guess *g = j->guess;
    const int width = j->width;
    const size_t map = (size_t)udm_field_rows(j->height) * (size_t)width, start = (size_t)r * (size_t)width;
    const picture beyond = { row_of(g->beyond[side], j, 0), width, (j->height - j->parity + 1) / 2, 2 * width };
    const float *u = g->motion[side] + start, *v = u + map;
    float *moved = lines, *apart = lines + width;
    places from;
    for (int first = 0; first < width; first += RUN) {
        const int count = udm_min(width - first, RUN);
        for (int i = 0; i < count; i++)
            find_place(&beyond, (float)(first + i) + u[first + i], (float)r + v[first + i], i, &from);
        move(&beyond, &from, count, moved + first);
    }
    square_difference(moved, here, width, apart);
    smooth(apart, width, j->maps + (size_t)side * map + start);
}

// Row r of p, n and s.
void NAME(udm_field_measure)(void *context, int r, int worker)
{
    const udm_guess_job *j = context;
    const int width = j->width;
    const size_t map = (size_t)udm_field_rows(j->height) * (size_t)width;
    const float *here = row_of(j->guess->here, j, r), *around[4];
    float *line = j->lines + (size_t)worker * UDM_GUESS_LINES * (size_t)width, *apart = line + width;
    for (int s = 0; s < UDM_FIELD_SIDES; s++)
        if (j->guess->beside[s])
            measure_side(j, r, s, here, line);
    for (int k = 0; k < 4; k++)
        around[k] = row_of(j->guess->here, j, r - 3 + 2 * k);
    between(around, width, line);
    square_difference(line, here, width, apart);
    smooth(apart, width, j->maps + UDM_FIELD_SIDES * map + (size_t)r * (size_t)width);
}

// P or N at row y, and how far that is from rest.
INLINE void follow_row(const udm_guess_job *j, int y, int side, float *restrict out, float *restrict rest)
{
    const udm_guess *g = j->guess;
    const int width = j->width, rows = udm_field_rows(j->height), above = row_above(j, y);
    const size_t map = (size_t)rows * (size_t)width;
    const picture beside = { g->beside[side], width, j->height, width };
    const float part = g->part[side];
    const float *u0 = g->motion[side] + (size_t)udm_clamp_index(above, rows) * (size_t)width, *v0 = u0 + map;
    const float *u1 = g->motion[side] + (size_t)udm_clamp_index(above + 1, rows) * (size_t)width, *v1 = u1 + map;
    places from;
    for (int x = 0; x < width; x++) {
        const float u = u0[x] + u1[x], v = v0[x] + v1[x];
        rest[x] *= udm_clamp(1 - STILL * (u * u + v * v), 0, 1);
    }
    for (int first = 0; first < width; first += RUN) {
        const int count = udm_min(width - first, RUN);
        for (int i = 0; i < count; i++) { // two rows of a picture are one of a field
            const int x = first + i;
            find_place(&beside, (float)x + part * 0.5f * (u0[x] + u1[x]), (float)y + part * (v0[x] + v1[x]), i, &from);
        }
        move(&beside, &from, count, out + first);
    }
}

// Row y of the picture, between two rows of the maps.
typedef struct gap {
    const float *above, *below; // in the map of p
    size_t map;                 // floats from map to map
    const float *rest;          // [width]: 1 where nothing moves, to 0
} gap;

// What is seen of an error there: the mean of what is seen of it in the rows of the field above and below.
INLINE float error_at(const gap *at, int map, int x)
{
    const size_t i = (size_t)map * at->map + (size_t)x;
    return 0.5f * (at->above[i] + at->below[i]);
}

// S, given T and its variance. What is at rest is not judged by the rows that are there: a line may lie between them.
INLINE float believe(const gap *at, int x, float space, float mean, float t)
{
    const float off = mean - space;
    const float s = SPACE * error_at(at, UDM_FIELD_SIDES, x) + LEAST + REST * at->rest[x] * off * off;
    return space + off * s / (s + t);
}

// out: S before, the guess afterwards. apart: (P - N)^2.
INLINE void join_both(const gap *at, int width, const float *p, const float *n, const float *apart, float *restrict out)
{
    INDEPENDENT
    for (int x = 0; x < width; x++) {
        const float before = 1 / (error_at(at, UDM_FIELD_BEFORE, x) + LEAST);
        const float after = 1 / (error_at(at, UDM_FIELD_AFTER, x) + LEAST);
        const float share = before / (before + after), other = 1 - share;
        const float t = 1 / (before + after) + DOUBT * apart[x] * (share * share + other * other);
        out[x] = believe(at, x, out[x], share * p[x] + other * n[x], t);
    }
}

INLINE void join_one(const gap *at, int width, int side, const float *from, float *restrict out)
{
    INDEPENDENT
    for (int x = 0; x < width; x++)
        out[x] = believe(at, x, out[x], from[x], ALONE * (error_at(at, side, x) + LEAST));
}

void NAME(udm_field_fill)(void *context, int i, int worker)
{
    const udm_guess_job *j = context;
    const udm_guess *g = j->guess;
    const int width = j->width, rows = udm_field_rows(j->height), y = 2 * i + 1 - j->parity;
    if (y >= j->height)
        return;
    float *line = j->lines + (size_t)worker * UDM_GUESS_LINES * (size_t)width, *sides[] = { line, line + width };
    float *apart = line + 2 * (size_t)width, *mean = apart + width, *rest = mean + width;
    float *out = j->plane + (size_t)y * (size_t)width;
    const gap at = { j->maps + (size_t)udm_clamp_index(row_above(j, y), rows) * (size_t)width,
                     j->maps + (size_t)udm_clamp_index(row_above(j, y) + 1, rows) * (size_t)width,
                     (size_t)rows * (size_t)width, rest };
    memcpy(out, g->here + (size_t)y * (size_t)width, (size_t)width * sizeof(float));
    for (int x = 0; x < width; x++)
        rest[x] = 1;
    for (int s = 0; s < UDM_FIELD_SIDES; s++)
        if (g->beside[s])
            follow_row(j, y, s, sides[s], rest);
    if (g->beside[0] && g->beside[1]) {
        square_difference(sides[0], sides[1], width, apart);
        smooth(apart, width, mean);
        join_both(&at, width, sides[0], sides[1], mean, out);
    } else if (g->beside[0] || g->beside[1]) {
        const int side = g->beside[0] ? UDM_FIELD_BEFORE : UDM_FIELD_AFTER;
        join_one(&at, width, side, sides[side], out);
    }
}

// ---- motion of fewer samples

void NAME(udm_field_narrow)(void *context, int r, int worker)
{
    const udm_narrowing_job *n = context;
    const int across = udm_divide_up(n->full, n->width), down = udm_divide_up(n->all, n->rows);
    const int whole = n->full / across; // samples of which all that they share are there
    for (int k = 0; k < 2; k++) {
        const float scale = 1.f / ((float)(across * down) * (float)(k ? down : across));
        float *restrict to = n->to + ((size_t)k * (size_t)n->rows + (size_t)r) * (size_t)n->width;
        memset(to, 0, (size_t)n->width * sizeof *to);
        for (int j = 0; j < down; j++) {
            const float *from =
                n->motion +
                ((size_t)k * (size_t)n->all + (size_t)udm_clamp_index(r * down + j, n->all)) * (size_t)n->full;
            for (int x = 0; across == 2 && x < whole; x++)
                to[x] += from[2 * x] + from[2 * x + 1];
            for (int x = across == 2 ? whole : 0; x < n->width; x++)
                for (int i = 0; i < across; i++)
                    to[x] += from[udm_clamp_index(x * across + i, n->full)];
        }
        for (int x = 0; x < n->width; x++)
            to[x] *= scale;
    }
}

extern const udm_field_ops NAME(udm_field_ops);

const udm_field_ops NAME(udm_field_ops) = {
    .name = TEXT(UDM_ISA),
    .space = NAME(udm_field_space),
    .measure = NAME(udm_field_measure),
    .fill = NAME(udm_field_fill),
    .narrow = NAME(udm_field_narrow),
};
