// SPDX-License-Identifier: LGPL-2.1-or-later
// A Kalman filter for each pixel. The guess g of variance p, which the motion may have made wrong by a variance d,
// meets a frame y of noise s: fused = g + k (y - g), k = (p + d) / (p + d + s), of variance k s.
//
// d is measured twice, each time with what chance alone would give taken off, for a doubt that is never zero would
// leave noise in what stands still. (g - y)^2 - (p + s), averaged over n values, has the mean d and, with d = 0, the
// deviation (p + s) sqrt(2 / n). And the estimates of both frames from themselves differ sharply where the motion is
// wrong, over a floor that is taken from the median of the picture.
#include "stream/guess.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    MISS_RADIUS = 4,
    CLEAN_RADIUS = 2,
    BIN_SHIFT = 19,
    BINS = 1 << (31 - BIN_SHIFT),
    BAND = 8,
    MAX_TAPS = 6,
    PHASES = 64
};

// Below its median a change of the estimates is no doubt; above, the estimates are smoother than what they are of.
static const float change_weight = 2;

struct udm_guess {
    int width, height, channels;
    bool began;
    udm_pool *pool;
    float *memory;
    float *planes, *fused, *moved;            // [channels, height, width]
    float *variance, *fused_variance, *valid; // [height, width]
    float *miss, *change, *across;            // [height, width]
};

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

typedef struct mismatch_job {
    int width, height;
    const float *const *flows;
    float *mismatch;
} mismatch_job;

static void mismatch_band(void *context, int index, int worker)
{
    const mismatch_job *job = context;
    size_t plane = (size_t)job->width * (size_t)job->height;
    for (int y = index * BAND; y < (index + 1) * BAND && y < job->height; y++) {
        for (int x = 0; x < job->width; x++) {
            size_t at = (size_t)y * (size_t)job->width + (size_t)x;
            float u = job->flows[0][at], v = job->flows[0][plane + at];
            float px = clamped((float)x + u, job->width), py = clamped((float)y + v, job->height);
            int ix = (int)px, iy = (int)py, right = inside(ix + 1, job->width);
            size_t above = (size_t)iy * (size_t)job->width,
                   below = (size_t)inside(iy + 1, job->height) * (size_t)job->width;
            float fx = px - (float)ix, fy = py - (float)iy, sum[2] = { u, v };
            for (int k = 0; k < 2; k++) {
                const float *back = job->flows[1] + (size_t)k * plane;
                float a = back[above + (size_t)ix] * (1 - fx) + back[above + (size_t)right] * fx;
                float b = back[below + (size_t)ix] * (1 - fx) + back[below + (size_t)right] * fx;
                sum[k] += a * (1 - fy) + b * fy;
            }
            job->mismatch[at] = sum[0] * sum[0] + sum[1] * sum[1];
        }
    }
}

void udm_flow_mismatch(udm_pool *pool, int width, int height, const float *const flows[2], float *mismatch)
{
    udm_pool_run(pool, bands(height), mismatch_band, &(mismatch_job){ width, height, flows, mismatch });
}

udm_guess *udm_guess_new(int width, int height, int channels, udm_pool *pool, udm_error *error)
{
    size_t plane, floats, bytes;
    if (width < 1 || height < 1 || channels < 1) {
        udm_fail(error, UDM_ERROR_SETTINGS, "there is no guess of %d planes of %d x %d", channels, width, height);
        return NULL;
    }
    udm_guess *guess = calloc(1, sizeof *guess);
    bool fits = !__builtin_mul_overflow((size_t)width, (size_t)height, &plane) &&
                !__builtin_mul_overflow(plane, 3 * (size_t)channels + 6, &floats) &&
                !__builtin_mul_overflow(floats, sizeof(float), &bytes);
    if (!guess || !fits || !(guess->memory = calloc(1, bytes))) {
        udm_guess_free(guess);
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a guess of %d planes of %d x %d", channels, width, height);
        return NULL;
    }
    guess->width = width;
    guess->height = height;
    guess->channels = channels;
    guess->pool = pool;
    float **parts[] = { &guess->planes, &guess->fused, &guess->moved,  &guess->variance, &guess->fused_variance,
                        &guess->valid,  &guess->miss,  &guess->change, &guess->across };
    float *next = guess->memory;
    for (int i = 0; i < 9; i++) {
        *parts[i] = next;
        next += i < 3 ? plane * (size_t)channels : plane;
    }
    return guess;
}

void udm_guess_free(udm_guess *guess)
{
    if (guess)
        free(guess->memory);
    free(guess);
}

void udm_guess_reset(udm_guess *guess)
{
    guess->began = false;
}

typedef struct see_job {
    udm_guess *guess;
    const udm_sight *sight;
    const float *from; // of a blur
    float *to;
    int radius;
    float floor; // of the change
} see_job;

static void begin(udm_guess *guess, const udm_sight *sight)
{
    size_t plane = (size_t)guess->width * (size_t)guess->height;
    memcpy(guess->fused, sight->noisy, plane * (size_t)guess->channels * sizeof(float));
    memcpy(guess->planes, sight->noisy, plane * (size_t)guess->channels * sizeof(float));
    for (size_t i = 0; i < plane; i++) {
        guess->variance[i] = INFINITY;
        guess->fused_variance[i] = sight->variance;
    }
    guess->began = true;
}

// The squared misses, averaged over the channels.
static void compare_band(void *context, int index, int worker)
{
    const see_job *job = context;
    udm_guess *guess = job->guess;
    size_t plane = (size_t)guess->width * (size_t)guess->height, row = (size_t)guess->width;
    for (size_t i = (size_t)index * BAND * row; i < (size_t)(index + 1) * BAND * row && i < plane; i++) {
        float miss = 0, change = 0;
        for (int c = 0; c < guess->channels; c++) {
            size_t at = (size_t)c * plane + i;
            miss += (guess->planes[at] - job->sight->noisy[at]) * (guess->planes[at] - job->sight->noisy[at]);
            change += (guess->moved[at] - job->sight->clean[at]) * (guess->moved[at] - job->sight->clean[at]);
        }
        guess->miss[i] = miss / (float)guess->channels - guess->variance[i] - job->sight->variance;
        guess->change[i] = change / (float)guess->channels;
    }
}

// Means over 2 radius + 1 pixels, along rows.
static void blur_across(void *context, int index, int worker)
{
    const see_job *job = context;
    int width = job->guess->width;
    for (int y = index * BAND; y < (index + 1) * BAND && y < job->guess->height; y++) {
        const float *from = job->from + (size_t)y * (size_t)width;
        float *to = job->guess->across + (size_t)y * (size_t)width;
        for (int x = 0; x < width; x++) {
            float sum = 0;
            for (int d = -job->radius; d <= job->radius; d++)
                sum += from[inside(x + d, width)];
            to[x] = sum / (float)(2 * job->radius + 1);
        }
    }
}

static void blur_down(void *context, int index, int worker)
{
    const see_job *job = context;
    size_t width = (size_t)job->guess->width;
    for (int y = index * BAND; y < (index + 1) * BAND && y < job->guess->height; y++) {
        float *to = job->to + (size_t)y * width;
        memset(to, 0, width * sizeof(float));
        for (int d = -job->radius; d <= job->radius; d++) {
            const float *from = job->guess->across + (size_t)inside(y + d, job->guess->height) * width;
            for (size_t x = 0; x < width; x++)
                to[x] += from[x] / (float)(2 * job->radius + 1);
        }
    }
}

static void blur(see_job *job, float *plane, int radius)
{
    job->from = job->to = plane;
    job->radius = radius;
    udm_pool_run(job->guess->pool, bands(job->guess->height), blur_across, job);
    udm_pool_run(job->guess->pool, bands(job->guess->height), blur_down, job);
}

// The median of a plane of what is not negative, to 1 in 30: the bits of such floats are in order, so a histogram over
// the upper ones will do.
static float median(const float *plane, size_t count)
{
    uint32_t bins[BINS] = { 0 }, bits;
    for (size_t i = 0; i < count; i++) {
        memcpy(&bits, plane + i, sizeof bits);
        bins[(bits & 0x7fffffff) >> BIN_SHIFT]++;
    }
    size_t below = bins[0];
    uint32_t bin = 0;
    while (below * 2 < count)
        below += bins[++bin];
    float middle;
    bits = (bin << BIN_SHIFT) + (1 << (BIN_SHIFT - 1));
    memcpy(&middle, &bits, sizeof middle);
    return bin > 0 ? middle : 0;
}

static void fuse_band(void *context, int index, int worker)
{
    const see_job *job = context;
    udm_guess *guess = job->guess;
    size_t plane = (size_t)guess->width * (size_t)guess->height, row = (size_t)guess->width;
    float side = 2 * MISS_RADIUS + 1, noise = job->sight->variance;
    float chance = sqrtf(2 / (side * side * (float)guess->channels));
    for (size_t i = (size_t)index * BAND * row; i < (size_t)(index + 1) * BAND * row && i < plane; i++) {
        float doubt = positive(guess->miss[i] - (guess->variance[i] + noise) * chance);
        doubt += change_weight * positive(guess->change[i] - job->floor);
        guess->variance[i] = guess->valid[i] > 0 ? guess->variance[i] + doubt : INFINITY;
        float gain = guess->valid[i] > 0 ? guess->variance[i] / (guess->variance[i] + noise) : 1;
        for (int c = 0; c < guess->channels; c++) {
            float known = guess->planes[(size_t)c * plane + i], seen = job->sight->noisy[(size_t)c * plane + i];
            guess->fused[(size_t)c * plane + i] = known + gain * (seen - known);
        }
        guess->fused_variance[i] = gain * noise;
    }
}

void udm_guess_see(udm_guess *guess, const udm_sight *sight)
{
    if (!guess->began) {
        begin(guess, sight);
        return;
    }
    udm_moving what = { .width = guess->width, .height = guess->height, .flow = sight->flow };
    what.channels = guess->channels;
    what.planes = sight->previous;
    udm_warp(guess->pool, &what, guess->moved, guess->valid);
    what.filter = UDM_LANCZOS_3;
    what.planes = guess->fused;
    udm_warp(guess->pool, &what, guess->planes, NULL);
    what.channels = 1;
    what.filter = UDM_BILINEAR;
    what.planes = guess->fused_variance;
    udm_warp(guess->pool, &what, guess->variance, NULL);

    see_job job = { .guess = guess, .sight = sight };
    udm_pool_run(guess->pool, bands(guess->height), compare_band, &job);
    blur(&job, guess->miss, MISS_RADIUS);
    blur(&job, guess->change, CLEAN_RADIUS);
    job.floor = median(guess->change, (size_t)guess->width * (size_t)guess->height);
    udm_pool_run(guess->pool, bands(guess->height), fuse_band, &job);
}

const float *udm_guess_planes(const udm_guess *guess)
{
    return guess->planes;
}

const float *udm_guess_variance(const udm_guess *guess)
{
    return guess->variance;
}

const float *udm_guess_fused(const udm_guess *guess)
{
    return guess->fused;
}

const float *udm_guess_fused_variance(const udm_guess *guess)
{
    return guess->fused_variance;
}
