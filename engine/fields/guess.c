// SPDX-License-Identifier: LGPL-2.1-or-later
// The rows that a field lacks. Motion is known between fields of like parity, which show the same rows, so that what is
// at rest differs by nothing; the fields of unlike parity between them have the rows that are missing. With P and N
// taken from those, along their part of the motion, and S from the rows above and below,
//
//     T = (P / p + N / n) / (1 / p + 1 / n),    guess = S + (T - S) s / (s + t)
//
// p and n are squared differences, around a pixel, of the rows that the field has from those of the fields of like
// parity that the motion leads to; s those from what the rows above and below them would give, at twice the distance;
// and t is the variance of T if p and n are that of P and N, and P and N differ by no more than is seen of them.
#include "fields/guess.h"

#include <string.h>

#include "base/maths.h"

enum { REACH = 3, MAPS = 3, LINES = 5 }; // REACH: pixels to each side that differences are averaged over

// The mean over clips changes by less than 0.3 dB within half or twice these.
#define SPACE 0.25f // of s: what rows at half the distance leave of it
#define DOUBT 0.5f  // share of the squared difference of P and N that is theirs to answer for
#define ALONE 2.f   // times t where there is no other side to compare with
#define REST 0.1f   // of (T - S)^2, which s is at least where nothing moves
#define STILL 4.f   // times a squared motion, of four pixels at once: from 1 on that is not rest
#define LEAST 2e-5f // of a squared difference: half a code of 8 bits

typedef struct job {
    const udm_guess *guess;
    float *plane; // that is filled
    int width, height, parity;
    float *maps, *lines; // [MAPS, rows, width]: p, n, s; [threads, LINES, width]
} job;

static const float *row_of(const float *plane, const job *j, int r)
{
    const int known = udm_clamp_index(r, udm_field_rows(j->height));
    return plane + (size_t)udm_field_row(known, j->parity, j->height) * j->width;
}

// (-1 9 9 -1) / 16 of four rows
static inline float between(const float *const rows[4], int x)
{
    return (9 * (rows[1][x] + rows[2][x]) - rows[0][x] - rows[3][x]) * 0.0625f;
}

// The row of the field that is above row y of the picture, which it lacks.
static int row_above(const job *j, int y)
{
    return j->parity == 0 ? y / 2 : y / 2 - 1;
}

static void space_row(void *context, int i, int worker)
{
    const job *j = context;
    const int y = 2 * i + 1 - j->parity;
    if (y >= j->height)
        return;
    const float *rows[4];
    for (int k = 0; k < 4; k++)
        rows[k] = row_of(j->plane, j, row_above(j, y) - 1 + k);
    float *out = j->plane + (size_t)y * j->width;
    for (int x = 0; x < j->width; x++)
        out[x] = between(rows, x);
}

void udm_guess_in_space(int width, int height, int parity, float *plane, udm_pool *pool)
{
    job j = { .plane = plane, .width = width, .height = height, .parity = parity };
    udm_pool_run(pool, udm_field_rows(height), space_row, &j);
}

// ---- along motion

// Catmull and Rom's cubic, at t of the way from the second sample to the third.
static inline void cubic(float t, float weights[4])
{
    weights[0] = ((-0.5f * t + 1) * t - 0.5f) * t;
    weights[1] = (1.5f * t - 2.5f) * t * t + 1;
    weights[2] = ((-1.5f * t + 2) * t + 0.5f) * t;
    weights[3] = (0.5f * t - 0.5f) * t * t;
}

typedef struct picture {
    const float *first;
    int width, height;
    ptrdiff_t stride; // floats
} picture;

static inline float sample(const picture *from, float x, float y)
{
    x = udm_clamp(x, 0, (float)(from->width - 1)), y = udm_clamp(y, 0, (float)(from->height - 1));
    const int left = (int)x, top = (int)y;
    float across[4], down[4], sum = 0;
    cubic(x - (float)left, across);
    cubic(y - (float)top, down);
    for (int k = 0; k < 4; k++) {
        const float *row = from->first + udm_clamp_index(top - 1 + k, from->height) * from->stride;
        float mean = 0;
        for (int i = 0; i < 4; i++)
            mean += across[i] * row[udm_clamp_index(left - 1 + i, from->width)];
        sum += down[k] * mean;
    }
    return sum;
}

// Means over 2 REACH + 1 pixels of a row.
static void smooth(const float *in, int width, float *out)
{
    for (int x = 0; x < width; x++) {
        float sum = 0;
        for (int i = -REACH; i <= REACH; i++)
            sum += in[udm_clamp_index(x + i, width)];
        out[x] = sum * (1.f / (2 * REACH + 1));
    }
}

static void square_difference(const float *a, const float *b, int width, float *out)
{
    for (int x = 0; x < width; x++)
        out[x] = (a[x] - b[x]) * (a[x] - b[x]);
}

// Row r of p, n and s.
static void measure_row(void *context, int r, int worker)
{
    const job *j = context;
    const udm_guess *g = j->guess;
    const int width = j->width, rows = udm_field_rows(j->height);
    const size_t map = (size_t)rows * width, start = (size_t)r * width;
    const float *here = row_of(g->here, j, r);
    float *line = j->lines + (size_t)worker * LINES * width;
    for (int s = 0; s < UDM_FIELD_SIDES; s++) {
        if (!g->beside[s])
            continue;
        const picture beyond = { row_of(g->beyond[s], j, 0), width, (j->height - j->parity + 1) / 2, 2 * width };
        const float *u = g->motion[s] + start, *v = u + map;
        for (int x = 0; x < width; x++)
            line[x] = sample(&beyond, (float)x + u[x], (float)r + v[x]);
        square_difference(line, here, width, line);
        smooth(line, width, j->maps + s * map + start);
    }
    const float *around[4];
    for (int k = 0; k < 4; k++)
        around[k] = row_of(g->here, j, r - 3 + 2 * k);
    for (int x = 0; x < width; x++)
        line[x] = between(around, x);
    square_difference(line, here, width, line);
    smooth(line, width, j->maps + UDM_FIELD_SIDES * map + start);
}

// P or N at row y, and how far that is from rest.
static void follow_row(const job *j, int y, int side, float *out, float *rest)
{
    const udm_guess *g = j->guess;
    const int width = j->width, rows = udm_field_rows(j->height), above = row_above(j, y);
    const size_t map = (size_t)rows * width;
    const picture beside = { g->beside[side], width, j->height, width };
    const float part = g->part[side];
    const float *u0 = g->motion[side] + (size_t)udm_clamp_index(above, rows) * width, *v0 = u0 + map;
    const float *u1 = g->motion[side] + (size_t)udm_clamp_index(above + 1, rows) * width, *v1 = u1 + map;
    for (int x = 0; x < width; x++) {
        const float u = u0[x] + u1[x], v = v0[x] + v1[x];
        rest[x] *= udm_clamp(1 - STILL * (u * u + v * v), 0, 1);
    }
    for (int x = 0; x < width; x++) // two rows of a picture are one of a field
        out[x] = sample(&beside, (float)x + part * 0.5f * (u0[x] + u1[x]), (float)y + part * (v0[x] + v1[x]));
}

// Row y of the picture, between two rows of the maps.
typedef struct gap {
    const float *above, *below; // in the map of p
    size_t map;                 // floats from map to map
    const float *rest;          // [width]: 1 where nothing moves, to 0
} gap;

// What is seen of an error there: the mean of what is seen of it in the rows of the field above and below.
static inline float error_at(const gap *at, int map, int x)
{
    const size_t i = (size_t)map * at->map + x;
    return 0.5f * (at->above[i] + at->below[i]);
}

// S, given T and its variance. What is at rest is not judged by the rows that are there: a line may lie between them.
static inline float believe(const gap *at, int x, float space, float mean, float t)
{
    const float off = mean - space;
    const float s = SPACE * error_at(at, UDM_FIELD_SIDES, x) + LEAST + REST * at->rest[x] * off * off;
    return space + off * s / (s + t);
}

// out: S before, the guess afterwards. apart: (P - N)^2.
static void join_both(const gap *at, int width, const float *const sides[2], const float *apart, float *out)
{
    for (int x = 0; x < width; x++) {
        const float before = 1 / (error_at(at, UDM_FIELD_BEFORE, x) + LEAST);
        const float after = 1 / (error_at(at, UDM_FIELD_AFTER, x) + LEAST);
        const float share = before / (before + after), other = 1 - share;
        const float t = 1 / (before + after) + DOUBT * apart[x] * (share * share + other * other);
        out[x] = believe(at, x, out[x], share * sides[0][x] + other * sides[1][x], t);
    }
}

static void join_one(const gap *at, int width, int side, const float *from, float *out)
{
    for (int x = 0; x < width; x++)
        out[x] = believe(at, x, out[x], from[x], ALONE * (error_at(at, side, x) + LEAST));
}

static void fill_row(void *context, int i, int worker)
{
    const job *j = context;
    const udm_guess *g = j->guess;
    const int width = j->width, rows = udm_field_rows(j->height), y = 2 * i + 1 - j->parity;
    if (y >= j->height)
        return;
    float *line = j->lines + (size_t)worker * LINES * width, *sides[] = { line, line + width };
    float *apart = line + 2 * width, *mean = line + 3 * width, *rest = line + 4 * width;
    float *out = j->plane + (size_t)y * width;
    const gap at = { j->maps + (size_t)udm_clamp_index(row_above(j, y), rows) * width,
                     j->maps + (size_t)udm_clamp_index(row_above(j, y) + 1, rows) * width, (size_t)rows * width, rest };
    memcpy(out, g->here + (size_t)y * width, width * sizeof(float));
    for (int x = 0; x < width; x++)
        rest[x] = 1;
    for (int s = 0; s < UDM_FIELD_SIDES; s++)
        if (g->beside[s])
            follow_row(j, y, s, sides[s], rest);
    if (g->beside[0] && g->beside[1]) {
        square_difference(sides[0], sides[1], width, apart);
        smooth(apart, width, mean);
        join_both(&at, width, (const float *const *)sides, mean, out);
    } else if (g->beside[0] || g->beside[1]) {
        const int side = g->beside[0] ? UDM_FIELD_BEFORE : UDM_FIELD_AFTER;
        join_one(&at, width, side, sides[side], out);
    }
}

size_t udm_guess_scratch(int width, int height, const udm_pool *pool)
{
    return ((size_t)MAPS * udm_field_rows(height) + (size_t)LINES * udm_pool_threads(pool)) * width;
}

void udm_guess_fill(const udm_guess *guess, float *out, udm_pool *pool)
{
    const int rows = udm_field_rows(guess->height);
    job j = { .guess = guess,
              .plane = out,
              .width = guess->width,
              .height = guess->height,
              .parity = guess->parity,
              .maps = guess->scratch,
              .lines = guess->scratch + (size_t)MAPS * rows * guess->width };
    udm_pool_run(pool, rows, measure_row, &j);
    udm_pool_run(pool, rows, fill_row, &j);
}
