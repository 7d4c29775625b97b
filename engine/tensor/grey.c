// SPDX-License-Identifier: LGPL-2.1-or-later
// What is grey stays grey. A network of colour adds a little chroma to grey pixels, even if all of them are. Let c be
// what a pixel's red, green and blue differ from their mean, before and after; what a pixel is allowed of the change
//
//     c = before + weight (after - before),  weight = around + (1 - around) min(1, |before| / SURE)
//
// rises smoothly from 0 to 1 with the share of the pixels around it that have any chroma. So grey pixels that few
// coloured ones lie among stay grey, coloured ones keep at least the colour that they had, and where most have chroma,
// as noise of three colours makes it, nothing changes.
#include "tensor/planes.h"

#include <math.h>
#include <stdbool.h>

#include "base/maths.h"

enum {
    REACH = 8, // pixels around one to each side
    TILE = 256,
    BAND = 64,
};

static const float sure = 4 * 2 / 255.f; // chroma that is no accident: 4 levels of 8 bits
static const float least_share = 0.25f,
                   most_share = 3 / 4.f; // one sample of 4:2:0 spreads over 0.22 of the surroundings

typedef struct keeping {
    const float *in;
    float *out;
    int width, height;
} keeping;

static inline bool is_coloured(const keeping *k, size_t at)
{
    const size_t n = (size_t)k->width * k->height;
    return k->in[at] != k->in[n + at] || k->in[n + at] != k->in[2 * n + at];
}

// Counts row y in, or out again.
static void count_row(const keeping *k, int y, int first, int count, int sign, int *columns)
{
    if (y < 0 || y >= k->height)
        return;
    for (int i = 0; i < count; i++)
        columns[i] += sign * is_coloured(k, (size_t)y * k->width + first + i);
}

static float weight_around(int coloured, int all)
{
    const float share = (float)coloured / (float)all;
    const float t = udm_clamp((share - least_share) / (most_share - least_share), 0, 1);
    return t * t * (3 - 2 * t);
}

static void weigh_change(const keeping *k, size_t at, float around)
{
    const size_t n = (size_t)k->width * k->height;
    float before[3], after[3], size = 0, mean_before = 0, mean = 0;
    for (int c = 0; c < 3; c++) {
        before[c] = k->in[c * n + at], after[c] = k->out[c * n + at];
        mean_before += before[c], mean += after[c];
    }
    mean_before /= 3, mean /= 3;
    const bool coloured = is_coloured(k, at);
    for (int c = 0; c < 3; c++) {
        before[c] = coloured ? before[c] - mean_before : 0;
        size = fmaxf(size, fabsf(before[c]));
    }
    const float weight = around + (1 - around) * (size < sure ? size / sure : 1);
    for (int c = 0; c < 3 && weight < 1; c++)
        k->out[c * n + at] = mean + (before[c] + weight * (after[c] - mean - before[c]));
}

// The pixels [left, right) of rows [top, bottom).
static void keep_tile(const keeping *k, int left, int right, int top, int bottom)
{
    int columns[TILE + 2 * REACH] = { 0 };
    const int first = udm_max(left - REACH, 0), count = udm_min(right + REACH, k->width) - first;
    for (int y = top - REACH; y < top + REACH; y++)
        count_row(k, y, first, count, 1, columns);
    for (int y = top; y < bottom; y++) {
        count_row(k, y + REACH, first, count, 1, columns);
        const int rows = udm_min(y + REACH + 1, k->height) - udm_max(y - REACH, 0);
        int coloured = 0;
        for (int i = 0; i < udm_min(left + REACH - first, count); i++)
            coloured += columns[i];
        for (int x = left; x < right; x++) {
            const int begin = udm_max(x - REACH, 0), end = udm_min(x + REACH + 1, k->width);
            coloured += x + REACH < k->width ? columns[x + REACH - first] : 0;
            const int all = rows * (end - begin);
            if (4 * coloured < 3 * all) // else all of the change is allowed
                weigh_change(k, (size_t)y * k->width + x, weight_around(coloured, all));
            coloured -= x >= REACH ? columns[begin - first] : 0;
        }
        count_row(k, y - REACH, first, count, -1, columns);
    }
}

static void keep_band(void *context, int index, int worker)
{
    const keeping *k = context;
    const int top = index * BAND, bottom = udm_min(top + BAND, k->height);
    for (int left = 0; left < k->width; left += TILE)
        keep_tile(k, left, udm_min(left + TILE, k->width), top, bottom);
}

void udm_planes_keep_grey(const float *in, float *out, int width, int height, udm_pool *pool)
{
    udm_pool_run(pool, udm_divide_up(height, BAND), keep_band, &(keeping){ in, out, width, height });
}
