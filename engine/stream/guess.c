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

enum { MISS_RADIUS = 4, CLEAN_RADIUS = 2, BIN_SHIFT = 19, BINS = 1 << (31 - BIN_SHIFT), BAND = 8 };

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

static int inside(int i, int size)
{
    return i < 0 ? 0 : i < size ? i : size - 1;
}

static inline float positive(float x) // 0 for what is not a number
{
    return x > 0 ? x : 0;
}

static int bands(int height)
{
    return (height + BAND - 1) / BAND;
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
