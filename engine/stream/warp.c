// SPDX-License-Identifier: LGPL-2.1-or-later
// Planes that are moved along a flow.
#include "stream/warp.h"

#include <math.h>
#include <stddef.h>

enum { BAND = 8, MAX_TAPS = 6, PHASES = 64 };

typedef struct warp_job {
    const udm_moving *what;
    float *out, *valid;
} warp_job;

static int inside(int i, int size)
{
    return i < 0 ? 0 : i < size ? i : size - 1;
}

static inline float positive(float x) // 0 for what is not a number
{
    return x > 0 ? x : 0;
}

// A coordinate, brought into the picture.
static inline float clamped(float x, int size)
{
    float last = (float)(size - 1), at = positive(x);
    return at < last ? at : last;
}

// Lanczos windows the sinc: sinc(d) sinc(d / 3) within 3 pixels. With 2 taps, a tent.
static float kernel(int taps, float distance)
{
    float reach = (float)taps / 2, d = fabsf(distance), pi = 3.14159265f;
    if (taps == 2 || d < 1e-4f)
        return d < 1e-4f ? 1 : fmaxf(1 - d, 0);
    return d < reach ? sinf(pi * d) * sinf(pi * d / reach) * reach / (pi * pi * d * d) : 0;
}

// The weights of the taps, which add up to 1, for every PHASES-th of a pixel.
typedef struct phases {
    float weight[PHASES + 1][MAX_TAPS];
} phases;

static void tabulate(int taps, phases *out)
{
    for (int k = 0; k <= PHASES; k++) {
        float sum = 0;
        for (int i = 0; i < taps; i++)
            sum += out->weight[k][i] = kernel(taps, (float)k / PHASES - (float)(i - taps / 2 + 1));
        for (int i = 0; i < taps; i++)
            out->weight[k][i] /= sum;
    }
}

// Where a value is taken from, along one axis: pixels, and how much of each.
typedef struct taps_at {
    int pixel[MAX_TAPS];
    float weight[MAX_TAPS];
} taps_at;

static inline taps_at place(const phases *table, int taps, float at, int size)
{
    taps_at placed;
    int whole = (int)at, phase = (int)((at - (float)whole) * PHASES);
    float between = (at - (float)whole) * PHASES - (float)phase;
    for (int i = 0; i < taps; i++) {
        float weight = table->weight[phase][i];
        placed.pixel[i] = inside(whole + i - taps / 2 + 1, size);
        placed.weight[i] = weight + (table->weight[phase + 1][i] - weight) * between;
    }
    return placed;
}

// 1 if it lay within the picture
static inline float warp_pixel(const warp_job *job, const phases *table, int taps, int x, int y)
{
    const udm_moving *what = job->what;
    size_t plane = (size_t)what->width * (size_t)what->height, at = (size_t)y * (size_t)what->width + (size_t)x;
    float from_x = (float)x + what->flow[at], from_y = (float)y + what->flow[plane + at];
    float px = clamped(from_x, what->width), py = clamped(from_y, what->height);
    taps_at across = place(table, taps, px, what->width), down = place(table, taps, py, what->height);
    for (int c = 0; c < what->channels; c++) {
        float sum = 0;
        for (int j = 0; j < taps; j++) {
            const float *row = what->planes + (size_t)c * plane + (size_t)down.pixel[j] * (size_t)what->width;
            float line = 0;
            for (int i = 0; i < taps; i++)
                line += across.weight[i] * row[across.pixel[i]];
            sum += down.weight[j] * line;
        }
        job->out[(size_t)c * plane + at] = sum;
    }
    return from_x == px && from_y == py;
}

static inline void warp_rows(const warp_job *job, int taps, int first)
{
    const udm_moving *what = job->what;
    phases table;
    tabulate(taps, &table);
    for (int y = first; y < first + BAND && y < what->height; y++) {
        for (int x = 0; x < what->width; x++) {
            float within = warp_pixel(job, &table, taps, x, y);
            if (job->valid)
                job->valid[(size_t)y * (size_t)what->width + (size_t)x] = within;
        }
    }
}

static void warp_band(void *context, int index, int worker)
{
    const warp_job *job = context;
    if (job->what->filter == UDM_BILINEAR)
        warp_rows(job, 2, index * BAND);
    else
        warp_rows(job, 6, index * BAND);
}

static int bands(int height)
{
    return (height + BAND - 1) / BAND;
}

void udm_warp(udm_pool *pool, const udm_moving *what, float *out, float *valid)
{
    udm_pool_run(pool, bands(what->height), warp_band, &(warp_job){ what, out, valid });
}
