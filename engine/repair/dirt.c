// SPDX-License-Identifier: LGPL-2.1-or-later
// A pixel contradicts its neighbours if it lies outside of the range that both have around the place where it was and
// will be, by more than noise and uncertain motion explain, which is how far the neighbours differ themselves. Those
// are the seeds; regions.c says what is dirt. Dirt has soft edges, so what is next to it is mixed with what fills it.
//
// Spike detection along motion: Kokaram, Morris, Fitzgerald, Rayner, "Detection of Missing Data in Image Sequences",
// IEEE TIP 1995; ranges: Nadenau, Mitra, "Blotch and Scratch Detection in Image Sequences based on Rank Ordered
// Differences", 1996.
#include "repair/dirt.h"

#include <stdlib.h>
#include <string.h>

#include "repair/sample.h"

enum { EDGE = 2 }; // pixels around dirt that are mixed

#define LEVEL (2 / 255.f)
#define LEAST 8.f     // levels that a seed stands out by, with an amount of 1,
#define MORE 24.f     // and how many more with 0
#define UNCERTAIN 2.f // times what the neighbours differ by
#define FAINT 0.4f    // of what a seed stands out by: what belongs to the region
#define FAINT_LEAST 4.f

struct udm_dirt {
    int channels;
    float least;
    udm_around *around;
    udm_regions *regions;
    uint8_t *marks;    // [height, width]
    float *low, *high; // of both neighbours
    const float *const *planes;
    float *out;
    size_t *counts; // [height]: pixels of dirt
};

udm_dirt *udm_dirt_new(int channels, int width, int height, double amount, udm_pool *pool, udm_error *error)
{
    udm_dirt *d = calloc(1, sizeof *d);
    if (!d) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to look for dirt");
        return NULL;
    }
    d->channels = channels;
    d->least = (LEAST + MORE * (1 - (float)amount)) * LEVEL;
    d->around = udm_around_new(width, height, pool, error);
    d->regions = d->around ? udm_regions_new(d->around, error) : NULL;
    if (!d->regions) {
        udm_dirt_free(d);
        return NULL;
    }
    d->marks = malloc(d->around->pixels);
    d->low = malloc(2 * d->around->pixels * sizeof *d->low);
    d->counts = malloc((size_t)height * sizeof *d->counts);
    if (d->marks && d->low && d->counts) {
        d->high = d->low + d->around->pixels;
        return d;
    }
    udm_fail(error, UDM_ERROR_MEMORY, "no memory to look for dirt");
    udm_dirt_free(d);
    return NULL;
}

void udm_dirt_free(udm_dirt *d)
{
    if (!d)
        return;
    udm_regions_free(d->regions);
    udm_around_free(d->around);
    free(d->marks);
    free(d->low);
    free(d->counts);
    free(d);
}

size_t udm_dirt_memory(const udm_dirt *d)
{
    return sizeof *d + udm_around_memory(d->around) + udm_regions_memory(d->regions) +
           d->around->pixels * (1 + 2 * sizeof(float)) + (size_t)d->around->height * sizeof *d->counts;
}

void udm_dirt_listen(udm_dirt *d, udm_region_listener listener, void *context)
{
    udm_regions_listen(d->regions, listener, context);
}

// ---- what contradicts

static void range_row(void *context, int y, int worker)
{
    udm_dirt *d = context;
    const udm_around *a = d->around;
    (void)worker;
    for (int x = 0; x < a->width; x++) {
        float low = 1e6f, high = -1e6f;
        for (int py = udm_max(y - 1, 0); py <= udm_min(y + 1, a->height - 1); py++)
            for (int px = udm_max(x - 1, 0); px <= udm_min(x + 1, a->width - 1); px++)
                for (int k = 0; k < 2; k++) {
                    const float value = a->moved[k][(size_t)py * (size_t)a->width + (size_t)px];
                    low = value < low ? value : low, high = value > high ? value : high;
                }
        const size_t i = (size_t)y * (size_t)a->width + (size_t)x;
        d->low[i] = low, d->high[i] = high;
    }
}

static void mark_row(void *context, int y, int worker)
{
    udm_dirt *d = context;
    const udm_around *a = d->around;
    (void)worker;
    for (int x = 0; x < a->width; x++) {
        const size_t i = (size_t)y * (size_t)a->width + (size_t)x;
        const float value = a->luma[1][i] - a->light[i];
        const float uncertain = UNCERTAIN * a->spread[i], seed = d->least + uncertain;
        const float apart = value - (a->moved[0][i] + a->moved[1][i]) / 2;
        const float faint = udm_clamp(FAINT * seed, FAINT_LEAST * LEVEL, seed);
        uint8_t mark = 0;
        if (fabsf(apart) > faint)
            mark = (uint8_t)(UDM_REGION_FAINT | (apart > 0 ? UDM_REGION_BRIGHT : 0));
        if (value > d->high[i] + seed || value < d->low[i] - seed)
            mark |= UDM_REGION_CORE;
        d->marks[i] = mark;
    }
}

// ---- what fills it

// How much of a pixel is filled: dirt and what touches it, all of it; around, the less the further away.
static float share_of(const udm_dirt *d, int x, int y)
{
    const udm_around *a = d->around;
    int nearest = (EDGE + 1) * (EDGE + 1);
    for (int py = udm_max(y - EDGE, 0); py <= udm_min(y + EDGE, a->height - 1); py++)
        for (int px = udm_max(x - EDGE, 0); px <= udm_min(x + EDGE, a->width - 1); px++)
            if (d->marks[(size_t)py * (size_t)a->width + (size_t)px] & UDM_REGION_DIRT)
                nearest = udm_min(nearest, (px - x) * (px - x) + (py - y) * (py - y));
    return udm_clamp((EDGE + 1 - sqrtf((float)nearest)) / EDGE, 0, 1);
}

static void fill_row(void *context, int y, int worker)
{
    udm_dirt *d = context;
    const udm_around *a = d->around;
    (void)worker;
    d->counts[y] = 0;
    for (int x = 0; x < a->width; x++) {
        const size_t i = (size_t)y * (size_t)a->width + (size_t)x;
        const float share = share_of(d, x, y), px = (float)x, py = (float)y;
        d->counts[y] += share > 0;
        for (int c = 0; share > 0 && c < d->channels; c++) {
            const size_t plane = (size_t)c * a->pixels;
            const float before = udm_sample(d->planes[0] + plane, a->width, a->height, px - a->u[i], py - a->v[i]);
            const float after = udm_sample(d->planes[2] + plane, a->width, a->height, px + a->u[i], py + a->v[i]);
            const float known = d->planes[1][plane + i];
            d->out[plane + i] = known + share * ((before + after) / 2 + a->light[i] - known);
        }
    }
}

size_t udm_dirt_remove(udm_dirt *d, const float *const planes[3], float *out)
{
    const udm_around *a = d->around;
    size_t count = 0;
    d->planes = planes, d->out = out;
    memcpy(out, planes[1], (size_t)d->channels * a->pixels * sizeof *out);
    udm_around_look(d->around, d->channels, planes);
    udm_pool_run(a->pool, a->height, range_row, d);
    udm_pool_run(a->pool, a->height, mark_row, d);
    udm_regions_judge(d->regions, d->marks);
    udm_pool_run(a->pool, a->height, fill_row, d);
    for (int y = 0; y < a->height; y++)
        count += d->counts[y];
    return count;
}
