// SPDX-License-Identifier: LGPL-2.1-or-later
// With F the motion from the frame before to the one after, what is at p in the frame was at p - m(p) and will be at
// p + m(p), where m(p) = F(p - m(p)) / 2, if it moves evenly. A few rounds of that equation find m.
#include "repair/around.h"

#include <stdlib.h>
#include <string.h>

#include "flow/optical_flow.h"
#include "repair/sample.h"
#include "tensor/planes.h"

enum {
    ROUNDS = 3, // of the equation above
    REACH = 4,  // of the mean of differences, in pixels
    BLOCK = 32, // of the light, in pixels,
    EVERY = 4,  // and of which pixels of a block it is the median
    SAMPLES = (BLOCK / EVERY) * (BLOCK / EVERY),
    PLANES = 13,
};

#define LEVEL (2 / 255.f)
#define GRAIN (2 * LEVEL) // deviation of the noise that motion is found in

udm_around *udm_around_new(int width, int height, udm_pool *pool, udm_error *error)
{
    udm_around *a = calloc(1, sizeof *a);
    const size_t n = (size_t)width * (size_t)height;
    if (a) {
        *a = (udm_around){ .width = width, .height = height, .pixels = n, .pool = pool };
        a->memory = malloc(PLANES * n * sizeof *a->memory);
    }
    if (!a || !a->memory) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to look for dirt");
        udm_around_free(a);
        return NULL;
    }
    float **const planes[] = { &a->luma[0],  &a->luma[1], &a->luma[2], &a->u,          &a->v,         &a->moved[0],
                               &a->moved[1], &a->light,   &a->spread,  &a->scratch[0], &a->scratch[1] };
    float *at = a->memory + 2 * n; // the motion between both
    for (size_t i = 0; i < sizeof planes / sizeof *planes; i++, at += n)
        *planes[i] = at;
    a->flow = udm_flow_new(width, height, pool, error);
    if (a->flow)
        return a;
    udm_around_free(a);
    return NULL;
}

void udm_around_free(udm_around *a)
{
    if (!a)
        return;
    udm_flow_free(a->flow);
    free(a->memory);
    free(a);
}

size_t udm_around_memory(const udm_around *a)
{
    return sizeof *a + PLANES * a->pixels * sizeof(float) + udm_flow_memory(a->flow);
}

typedef struct smoothing {
    const udm_around *around;
    const float *from;
    float *to;
} smoothing;

static void smooth_row(void *context, int y, int worker)
{
    const smoothing *job = context;
    (void)worker;
    const int width = job->around->width, height = job->around->height;
    const float *row = job->from + (size_t)y * (size_t)width;
    const float *up = y > 0 ? row - width : row, *down = y < height - 1 ? row + width : row;
    float *to = job->to + (size_t)y * (size_t)width;
    for (int x = 0; x < width; x++) {
        const int l = udm_max(x - 1, 0), r = udm_min(x + 1, width - 1);
        to[x] = (up[l] + up[r] + down[l] + down[r] + 2 * (up[x] + down[x] + row[l] + row[r]) + 4 * row[x]) / 16;
    }
}

static void smooth(const udm_around *a, const float *from, float *to)
{
    smoothing job = { a, from, to };
    udm_pool_run(a->pool, a->height, smooth_row, &job);
}

static void halve_row(void *context, int y, int worker)
{
    const udm_around *a = context;
    (void)worker;
    const float *u = a->memory, *v = u + a->pixels;
    for (int x = 0; x < a->width; x++) {
        const size_t i = (size_t)y * (size_t)a->width + (size_t)x;
        float mx = u[i] / 2, my = v[i] / 2;
        for (int round = 0; round < ROUNDS; round++) {
            const float px = (float)x - mx, py = (float)y - my;
            mx = udm_sample_linear(u, a->width, a->height, px, py) / 2;
            my = udm_sample_linear(v, a->width, a->height, px, py) / 2;
        }
        a->u[i] = mx, a->v[i] = my;
        a->moved[0][i] = udm_sample(a->luma[0], a->width, a->height, (float)x - mx, (float)y - my);
        a->moved[1][i] = udm_sample(a->luma[2], a->width, a->height, (float)x + mx, (float)y + my);
    }
}

// ---- light

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static int blocks_of(int size)
{
    return udm_divide_up(size, BLOCK);
}

// The median of a row of blocks: most of a block is no dirt.
static void measure_blocks(void *context, int row, int worker)
{
    const udm_around *a = context;
    (void)worker;
    for (int column = 0; column < blocks_of(a->width); column++) {
        float samples[SAMPLES];
        size_t count = 0;
        for (int y = row * BLOCK; y < udm_min((row + 1) * BLOCK, a->height); y += EVERY)
            for (int x = column * BLOCK; x < udm_min((column + 1) * BLOCK, a->width); x += EVERY) {
                const size_t i = (size_t)y * (size_t)a->width + (size_t)x;
                samples[count++] = a->luma[1][i] - (a->moved[0][i] + a->moved[1][i]) / 2;
            }
        qsort(samples, count, sizeof *samples, by_value);
        a->scratch[0][row * blocks_of(a->width) + column] = samples[count / 2];
    }
}

static void light_row(void *context, int y, int worker)
{
    const udm_around *a = context;
    (void)worker;
    const int columns = blocks_of(a->width), rows = blocks_of(a->height);
    for (int x = 0; x < a->width; x++)
        a->light[(size_t)y * (size_t)a->width + (size_t)x] = udm_sample_linear(
            a->scratch[0], columns, rows, ((float)x + 0.5f) / BLOCK - 0.5f, ((float)y + 0.5f) / BLOCK - 0.5f);
}

// ---- how far both differ

static void spread_across(void *context, int y, int worker)
{
    const udm_around *a = context;
    (void)worker;
    const size_t at = (size_t)y * (size_t)a->width;
    float sum = 0;
    for (int x = -REACH - 1; x < a->width; x++) {
        const int in = x + REACH, out = x - REACH - 1;
        if (in < a->width && in >= 0)
            sum += fabsf(a->moved[0][at + (size_t)in] - a->moved[1][at + (size_t)in]);
        if (out >= 0)
            sum -= fabsf(a->moved[0][at + (size_t)out] - a->moved[1][at + (size_t)out]);
        if (x >= 0)
            a->scratch[1][at + (size_t)x] = sum / (float)(udm_min(x + REACH, a->width - 1) - udm_max(x - REACH, 0) + 1);
    }
}

static void spread_down(void *context, int y, int worker)
{
    const udm_around *a = context;
    (void)worker;
    const int first = udm_max(y - REACH, 0), last = udm_min(y + REACH, a->height - 1);
    for (int x = 0; x < a->width; x++) {
        float sum = 0;
        for (int row = first; row <= last; row++)
            sum += a->scratch[1][(size_t)row * (size_t)a->width + (size_t)x];
        a->spread[(size_t)y * (size_t)a->width + (size_t)x] = udm_clamp(sum, 0, 1e6f) / (float)(last - first + 1);
    }
}

void udm_around_look(udm_around *a, int channels, const float *const planes[3])
{
    for (int i = 0; i < 3; i++)
        udm_planes_to_luma(planes[i], channels, a->pixels, a->luma[i]);
    smooth(a, a->luma[0], a->scratch[0]);
    smooth(a, a->luma[2], a->scratch[1]);
    udm_flow_estimate(a->flow, a->scratch[0], a->scratch[1], GRAIN * GRAIN, a->memory);
    udm_pool_run(a->pool, a->height, halve_row, a);
    udm_pool_run(a->pool, blocks_of(a->height), measure_blocks, a);
    udm_pool_run(a->pool, a->height, light_row, a);
    udm_pool_run(a->pool, a->height, spread_across, a);
    udm_pool_run(a->pool, a->height, spread_down, a);
}
