// SPDX-License-Identifier: LGPL-2.1-or-later
// A Kalman filter for each pixel. The guess g has a variance p: that of the noise which is left in it, and one more by
// which a network doubts it. It meets a frame y of noise s:
//
//     mean = g + k (y - g),   k = p / (p + s),   of variance k s.
//
// Each time it is moved it becomes a little wrong, which does not average out: so the variance grows by FADE from frame
// to frame (a filter of fading memory; it was worth 0.15 dB, and 0.4 no more).
//
// The mean is moved along the motion and is the next guess. Variances are relative to the signal: level^2 / (1 -
// level^2).
#include "stream/guess.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "network/network.h"
#include "stream/motion.h"
#include "stream/warp.h"

enum { PART = 4096 };

#define FADE 0.15f

static const float unknown = 1e4f; // a variance of which nothing is known; finite, so that it can be interpolated

struct udm_guess {
    int width, height, channels;
    size_t pixels;
    bool began, made;
    udm_pool *pool;
    udm_motion *motion;
    float *memory;
    float *mean, *moved, *planes;              // [channels, height, width]
    float *flow;                               // [2, height, width]
    float *mean_variance, *variance, *level;   // [height, width]
    float *valid, *preview, *previous_preview; // [height, width]
};

static bool allocate(udm_guess *guess, udm_error *error)
{
    size_t plane, floats, bytes;
    bool fits = !__builtin_mul_overflow((size_t)guess->width, (size_t)guess->height, &plane) &&
                !__builtin_mul_overflow(plane, 3 * (size_t)guess->channels + 8, &floats) &&
                !__builtin_mul_overflow(floats, sizeof(float), &bytes);
    if (!fits || !(guess->memory = calloc(1, bytes)))
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a guess of %d planes of %d x %d", guess->channels,
                        guess->width, guess->height);
    float **const parts[] = {
        &guess->mean,     &guess->moved, &guess->planes, &guess->flow,    &guess->mean_variance,
        &guess->variance, &guess->level, &guess->valid,  &guess->preview, &guess->previous_preview
    };
    float *next = guess->memory;
    for (int i = 0; i < 10; i++) {
        *parts[i] = next;
        next += plane * (i < 3 ? (size_t)guess->channels : i == 3 ? 2 : 1);
    }
    guess->pixels = plane;
    return true;
}

udm_guess *udm_guess_new(int width, int height, int channels, udm_pool *pool, udm_error *error)
{
    if (width < 1 || height < 1 || channels < 1) {
        udm_fail(error, UDM_ERROR_SETTINGS, "there is no guess of %d planes of %d x %d", channels, width, height);
        return NULL;
    }
    udm_guess *guess = calloc(1, sizeof *guess);
    if (!guess) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a guess");
        return NULL;
    }
    guess->width = width;
    guess->height = height;
    guess->channels = channels;
    guess->pool = pool;
    if (!allocate(guess, error) || !(guess->motion = udm_motion_new(width, height, pool, error))) {
        udm_guess_free(guess);
        return NULL;
    }
    return guess;
}

void udm_guess_free(udm_guess *guess)
{
    if (!guess)
        return;
    udm_motion_free(guess->motion);
    free(guess->memory);
    free(guess);
}

void udm_guess_reset(udm_guess *guess)
{
    guess->began = guess->made = false;
}

static int parts(const udm_guess *guess)
{
    return (int)((guess->pixels + PART - 1) / PART);
}

static size_t part_end(const udm_guess *guess, int index)
{
    size_t end = ((size_t)index + 1) * PART;
    return end < guess->pixels ? end : guess->pixels;
}

// exp() of what the network says, within reason.
static float doubt_variance(float doubt)
{
    return expf(fminf(fmaxf(doubt + UDM_DOUBT_BIAS, -16), 4));
}

typedef struct scale_job {
    udm_guess *guess;
    float growth;       // of the variance
    const float *doubt; // or NULL
} scale_job;

// What was moved, at the level that its variance deserves.
static void scale_part(void *context, int index, int worker)
{
    const scale_job *job = context;
    udm_guess *guess = job->guess;
    for (size_t i = (size_t)index * PART; i < part_end(guess, index); i++) {
        float doubt = job->doubt ? doubt_variance(job->doubt[i]) : 0;
        float variance = guess->valid[i] > 0 ? job->growth * guess->variance[i] + doubt : unknown;
        bool known = variance < unknown;
        float signal = known ? 1 / sqrtf(1 + variance) : 0;
        guess->variance[i] = variance;
        guess->level[i] = known ? sqrtf(variance) * signal : 1;
        for (size_t c = 0; c < (size_t)guess->channels; c++)
            guess->planes[c * guess->pixels + i] = signal * guess->moved[c * guess->pixels + i];
    }
}

bool udm_guess_make(udm_guess *guess, const float *preview)
{
    memcpy(guess->preview, preview, guess->pixels * sizeof *preview);
    guess->made = guess->began;
    if (!guess->began)
        return false;
    udm_motion_estimate(guess->motion, guess->preview, guess->previous_preview, guess->flow);
    udm_moving what = { guess->width, guess->height, guess->channels, UDM_LANCZOS_3, guess->flow, guess->mean };
    udm_warp(guess->pool, &what, guess->moved, guess->valid);
    what = (udm_moving){ guess->width, guess->height, 1, UDM_BILINEAR, guess->flow, guess->mean_variance };
    udm_warp(guess->pool, &what, guess->variance, NULL);
    udm_pool_run(guess->pool, parts(guess), scale_part, &(scale_job){ guess, 1 + FADE, NULL });
    return true;
}

void udm_guess_doubt(udm_guess *guess, const float *doubt)
{
    udm_pool_run(guess->pool, parts(guess), scale_part, &(scale_job){ guess, 1, doubt });
}

typedef struct learn_job {
    udm_guess *guess;
    const float *frame, *level;
} learn_job;

static float noise_variance(float level)
{
    float square = level * level;
    return square < 1 ? fminf(square / (1 - square), unknown) : unknown;
}

static void learn_part(void *context, int index, int worker)
{
    const learn_job *job = context;
    udm_guess *guess = job->guess;
    for (size_t i = (size_t)index * PART; i < part_end(guess, index); i++) {
        float noise = noise_variance(job->level[i]);
        float gain = guess->made && guess->valid[i] > 0 ? guess->variance[i] / (guess->variance[i] + noise) : 1;
        guess->mean_variance[i] = gain * noise;
        for (size_t at = i; at < guess->pixels * (size_t)guess->channels; at += guess->pixels) {
            float known = guess->made ? guess->moved[at] : 0;
            guess->mean[at] = known + gain * (job->frame[at] - known);
        }
    }
}

void udm_guess_learn(udm_guess *guess, const float *frame, const float *level)
{
    learn_job job = { guess, frame, level };
    udm_pool_run(guess->pool, parts(guess), learn_part, &job);
    float *before = guess->previous_preview;
    guess->previous_preview = guess->preview;
    guess->preview = before;
    guess->began = true;
    guess->made = false;
}

const float *udm_guess_planes(const udm_guess *guess)
{
    return guess->planes;
}

const float *udm_guess_flow(const udm_guess *guess)
{
    return guess->flow;
}

const float *udm_guess_level(const udm_guess *guess)
{
    return guess->level;
}
