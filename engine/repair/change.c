// SPDX-License-Identifier: LGPL-2.1-or-later
// Motion and light of the whole picture at once, from coarse to fine: with b the frame and a the one before, black
// being 0, b(p + d) = g a(p) is solved for d and g by steps of Gauss and Newton (Lucas and Kanade, IJCAI 1981), pixels
// that do not fit weighing less each time (Geman and McClure). Then the light of each part, along that motion.
#include "repair/change.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "repair/sample.h"
#include "tensor/planes.h"

enum {
    LEVELS = 6,
    LEAST_SIDE = 24, // of the coarsest level
    STEPS = 8,       // on each
    SUMS = 9,        // of products in a row: those of dx, dy and the gain, and with what is left
    OF_LIGHT = 3,    // rounds for the light of parts
    BORDER = 2,
    MANY_ROWS = 200, // of which every second one, or fewer, is looked at
};

#define NEAR 0.02f    // what is left of a pixel that fits, at the least
#define DARKEST 0.03f // what is darker, or brighter, tells nothing of the light
#define BRIGHTEST 0.97f
#define BELIEF 0.05 // share of a part that says what the whole does

typedef struct level {
    int width, height;
    float *now, *before;
} level;

struct udm_changes {
    udm_pool *pool;
    int levels;
    level level[LEVELS];
    float *memory;
    size_t floats;
    double *sums; // [height, SUMS] or [height, columns, 2]
    // of the job
    const level *at;
    double x, y, gain;
    double local[UDM_CHANGE_CELLS];
    float near;
    int every; // rows
    bool has_before;
};

udm_changes *udm_changes_new(int width, int height, udm_pool *pool, udm_error *error)
{
    udm_changes *c = calloc(1, sizeof *c);
    if (!c) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to look at frames as a whole");
        return NULL;
    }
    c->pool = pool;
    for (int w = width, h = height; c->levels < LEVELS && (c->levels == 0 || udm_min(w, h) >= LEAST_SIDE);
         w = (w + 1) / 2, h = (h + 1) / 2) {
        c->level[c->levels++] = (level){ .width = w, .height = h };
        c->floats += 2 * (size_t)w * (size_t)h;
    }
    c->memory = malloc(c->floats * sizeof *c->memory);
    c->sums = malloc((size_t)height * 2 * UDM_CHANGE_COLUMNS * sizeof *c->sums);
    if (!c->memory || !c->sums) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to look at frames as a whole");
        udm_changes_free(c);
        return NULL;
    }
    float *at = c->memory;
    for (int k = 0; k < c->levels; k++) {
        const size_t n = (size_t)c->level[k].width * (size_t)c->level[k].height;
        c->level[k].now = at, c->level[k].before = at + n;
        at += 2 * n;
    }
    return c;
}

void udm_changes_free(udm_changes *c)
{
    if (!c)
        return;
    free(c->memory);
    free(c->sums);
    free(c);
}

size_t udm_changes_memory(const udm_changes *c)
{
    return sizeof *c + c->floats * sizeof *c->memory +
           (size_t)c->level[0].height * 2 * UDM_CHANGE_COLUMNS * sizeof *c->sums;
}

static void halve(const level *from, const level *to)
{
    for (int y = 0; y < to->height; y++)
        for (int x = 0; x < to->width; x++) {
            const int x1 = udm_min(2 * x + 1, from->width - 1), y1 = udm_min(2 * y + 1, from->height - 1);
            const float *up = from->now + 2 * (size_t)y * (size_t)from->width;
            const float *down = from->now + (size_t)y1 * (size_t)from->width;
            to->now[(size_t)y * (size_t)to->width + (size_t)x] = (up[2 * x] + up[x1] + down[2 * x] + down[x1]) / 4;
        }
}

static void take(udm_changes *c, int channels, const float *planes)
{
    const level *finest = &c->level[0];
    const size_t n = (size_t)finest->width * (size_t)finest->height;
    for (int k = 0; k < c->levels; k++) {
        float *last = c->level[k].now;
        c->level[k].now = c->level[k].before, c->level[k].before = last;
    }
    udm_planes_to_luma(planes, channels, n, finest->now);
    for (size_t i = 0; i < n; i++)
        finest->now[i] = (finest->now[i] + 1) / 2;
    for (int k = 1; k < c->levels; k++)
        halve(&c->level[k - 1], &c->level[k]);
}

// ---- motion

static void sum_row(void *context, int y, int worker)
{
    const udm_changes *c = context;
    const level *l = c->at;
    (void)worker;
    double *sums = c->sums + (size_t)y * SUMS;
    memset(sums, 0, SUMS * sizeof *sums);
    const float py = (float)(y + c->y), gain = (float)c->gain;
    if (y % c->every != 0 || py < BORDER || py > (float)(l->height - 1 - BORDER))
        return;
    for (int x = 0; x < l->width; x++) {
        const float px = (float)(x + c->x);
        if (px < BORDER || px > (float)(l->width - 1 - BORDER))
            continue;
        const float a = l->before[(size_t)y * (size_t)l->width + (size_t)x];
        const float dx = (udm_sample_linear(l->now, l->width, l->height, px + 1, py) -
                          udm_sample_linear(l->now, l->width, l->height, px - 1, py)) /
                         2;
        const float dy = (udm_sample_linear(l->now, l->width, l->height, px, py + 1) -
                          udm_sample_linear(l->now, l->width, l->height, px, py - 1)) /
                         2;
        const float left = gain * a - udm_sample(l->now, l->width, l->height, px, py);
        float weight = c->near * c->near / (c->near * c->near + left * left);
        weight *= weight;
        sums[0] += (double)(weight * dx * dx), sums[1] += (double)(weight * dx * dy);
        sums[2] += (double)(weight * dy * dy), sums[3] -= (double)(weight * dx * a);
        sums[4] -= (double)(weight * dy * a), sums[5] += (double)(weight * a * a);
        sums[6] += (double)(weight * dx * left), sums[7] += (double)(weight * dy * left);
        sums[8] -= (double)(weight * a * left);
    }
}

// Of a symmetric 3x3 system, by Cramer's rule. False where it says next to nothing.
static bool solve(const double s[SUMS], double by[3])
{
    const double a = s[0] + 1e-3, b = s[1], d = s[2] + 1e-3, c = s[3], e = s[4], f = s[5] + 1e-3;
    const double det = a * (d * f - e * e) - b * (b * f - e * c) + c * (b * e - d * c);
    if (!(det > 1e-9))
        return false;
    by[0] = (s[6] * (d * f - e * e) - b * (s[7] * f - e * s[8]) + c * (s[7] * e - d * s[8])) / det;
    by[1] = (a * (s[7] * f - e * s[8]) - s[6] * (b * f - e * c) + c * (b * s[8] - s[7] * c)) / det;
    by[2] = (a * (d * s[8] - s[7] * e) - b * (b * s[8] - s[7] * c) + s[6] * (b * e - d * c)) / det;
    return true;
}

static void find_motion(udm_changes *c)
{
    c->x = c->y = 0, c->gain = 1;
    for (int k = c->levels - 1; k >= 0; k--) {
        const level *l = c->at = &c->level[k];
        c->every = l->height / MANY_ROWS + 1;
        c->x *= k == c->levels - 1 ? 1 : 2, c->y *= k == c->levels - 1 ? 1 : 2;
        for (int step = 0; step < STEPS; step++) {
            c->near = NEAR * (step < 2 ? 4.f : step < 4 ? 2.f : 1.f);
            double sums[SUMS] = { 0 }, by[3];
            udm_pool_run(c->pool, l->height, sum_row, c);
            for (int y = 0; y < l->height; y++)
                for (int i = 0; i < SUMS; i++)
                    sums[i] += c->sums[(size_t)y * SUMS + (size_t)i];
            if (!solve(sums, by)) { // too little of the pictures lies upon each other
                c->x = c->y = 0, c->gain = 1;
                return;
            }
            c->x += by[0], c->y += by[1], c->gain += by[2];
            if (fabs(by[0]) + fabs(by[1]) < 2e-3 && step >= 4)
                break;
        }
    }
}

// ---- light

static int cell_of(int x, int y, const level *l)
{
    return y * UDM_CHANGE_ROWS / l->height * UDM_CHANGE_COLUMNS + x * UDM_CHANGE_COLUMNS / l->width;
}

static void light_row(void *context, int y, int worker)
{
    const udm_changes *c = context;
    const level *l = c->at;
    (void)worker;
    double *sums = c->sums + (size_t)y * 2 * UDM_CHANGE_COLUMNS;
    memset(sums, 0, 2 * UDM_CHANGE_COLUMNS * sizeof *sums);
    for (int x = 0; x < l->width; x++) {
        const float a = l->before[(size_t)y * (size_t)l->width + (size_t)x];
        const float b = udm_sample_linear(l->now, l->width, l->height, (float)(x + c->x), (float)(y + c->y));
        if (a < DARKEST || a > BRIGHTEST || b < DARKEST || b > BRIGHTEST)
            continue;
        const float left = (float)(c->gain * c->local[cell_of(x, y, l)]) * a - b;
        const double weight = 1 / (1 + (double)(left * left) / (NEAR * NEAR));
        const int column = x * UDM_CHANGE_COLUMNS / l->width;
        sums[2 * column] += weight * (double)(a * b);
        sums[2 * column + 1] += weight * (double)(a * a);
    }
}

// The gain of the whole is that of most of it.
static void find_light(udm_changes *c)
{
    const level *l = c->at = &c->level[c->levels > 1 ? 1 : 0];
    if (c->levels > 1)
        c->x /= 2, c->y /= 2;
    for (int i = 0; i < UDM_CHANGE_CELLS; i++)
        c->local[i] = 1;
    for (int round = 0; round < OF_LIGHT; round++) {
        double products[UDM_CHANGE_CELLS] = { 0 }, squares[UDM_CHANGE_CELLS] = { 0 }, product = 0, square = 0;
        udm_pool_run(c->pool, l->height, light_row, c);
        for (int y = 0; y < l->height; y++)
            for (int k = 0; k < UDM_CHANGE_COLUMNS; k++) {
                const double *sums = c->sums + ((size_t)y * UDM_CHANGE_COLUMNS + (size_t)k) * 2;
                const int cell = y * UDM_CHANGE_ROWS / l->height * UDM_CHANGE_COLUMNS + k;
                products[cell] += sums[0], squares[cell] += sums[1];
                product += sums[0], square += sums[1];
            }
        c->gain = square > 0 ? product / square : 1;
        for (int i = 0; i < UDM_CHANGE_CELLS; i++) {
            const double belief = BELIEF * square / UDM_CHANGE_CELLS + 1e-9;
            c->local[i] = (products[i] + belief * c->gain) / (squares[i] + belief) / c->gain;
        }
    }
    if (c->levels > 1)
        c->x *= 2, c->y *= 2;
}

void udm_changes_look(udm_changes *c, int channels, const float *planes, udm_change *found)
{
    take(c, channels, planes);
    if (c->has_before) {
        find_motion(c);
        find_light(c);
        *found = (udm_change){ .x = c->x, .y = c->y, .gain = c->gain };
        memcpy(found->local, c->local, sizeof c->local);
    }
    c->has_before = true;
}
