// SPDX-License-Identifier: LGPL-2.1-or-later
// A Kalman filter for each pixel. The guess g has a variance p: that of the noise which is left in it, and one more by
// which a network doubts it. It meets a frame y of noise s:
//
//     mean = g + k (y - g),   k = p / (p + s),   of variance k s.
//
// If the light changed, that is put right first (brightness.c). Each time it is moved it becomes a little wrong, which
// does not average out: so the variance grows by FADE from frame to frame (a filter of fading memory; it was worth 0.15
// dB, and 0.4 no more), and by less where it is at rest.
//
// The mean is moved along the motion and is the next guess. Two guesses g and h made of different frames, with the
// variances p and q, are worth (q g + p h) / (p + q) of variance p q / (p + q). Variances are relative to the signal:
// level^2 / (1 - level^2).
//
// There is memory for two pictures and their variances only: the mean, and the guess. While the guess is of use the
// mean is not, and its place holds what networks are shown.
#include "stream/guess.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "network/network.h"
#include "stream/brightness.h"
#include "stream/variance.h"
#include "stream/warp.h"

enum { PART = 1024, LANES = 4 }; // pixels of a job; of a vector, as every machine has them

#include "stream/exponential.h"

#define FADE 0.15f
#define FADE_AT_REST 0.03f // where the flow is exactly 0

static const float unknown = 1e4f; // a variance of which nothing is known; finite, so that it can be interpolated

struct udm_guess {
    int width, height, channels;
    size_t pixels;
    bool began, made; // there is a mean; there is a guess
    udm_pool *pool;
    udm_mover *mover;
    udm_brightness *brightness;
    float *memory;
    float *mean, *moved;             // [channels, height, width]
    float *mean_variance, *variance; // [height, width]; that of the guess is `unknown` or more where it is not known
};

udm_guess *udm_guess_new(int width, int height, int channels, udm_device *device, udm_pool *pool, udm_error *error)
{
    if (width < 1 || height < 1 || channels < 1) {
        udm_fail(error, UDM_ERROR_SETTINGS, "there is no guess of %d planes of %d x %d", channels, width, height);
        return NULL;
    }
    size_t plane, floats, bytes;
    bool fits = !__builtin_mul_overflow((size_t)width, (size_t)height, &plane) &&
                !__builtin_mul_overflow(plane, 2 * ((size_t)channels + 1), &floats) &&
                !__builtin_mul_overflow(floats, sizeof(float), &bytes);
    udm_guess *guess = fits ? calloc(1, sizeof *guess) : NULL;
    const bool have = guess && (guess->memory = malloc(bytes));
    if (!have)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a guess of %d planes of %d x %d", channels, width, height);
    if (!have || !(guess->mover = udm_mover_new(device, error)) ||
        !(guess->brightness = udm_brightness_new(width, height, channels, pool, error))) {
        udm_guess_free(guess);
        return NULL;
    }
    guess->width = width;
    guess->height = height;
    guess->channels = channels;
    guess->pixels = plane;
    guess->pool = pool;
    guess->mean = guess->memory;
    guess->moved = guess->mean + plane * (size_t)channels;
    guess->mean_variance = guess->moved + plane * (size_t)channels;
    guess->variance = guess->mean_variance + plane;
    return guess;
}

void udm_guess_free(udm_guess *guess)
{
    if (!guess)
        return;
    udm_brightness_free(guess->brightness);
    udm_mover_free(guess->mover);
    free(guess->memory);
    free(guess);
}

void udm_guess_reset(udm_guess *guess)
{
    guess->began = guess->made = false;
}

size_t udm_guess_memory(const udm_guess *guess)
{
    const size_t pictures = 2 * ((size_t)guess->channels + 1) * guess->pixels * sizeof(float);
    return pictures + udm_brightness_memory(guess->brightness);
}

static int parts(const udm_guess *guess)
{
    return (int)((guess->pixels + PART - 1) / PART);
}

static size_t part_length(const udm_guess *guess, int index)
{
    const size_t left = guess->pixels - (size_t)index * PART;
    return left < PART ? left : PART;
}

typedef struct fade_job {
    udm_guess *guess;
    const float *flow;
} fade_job;

// The variance grows, and there is none where the flow came from outside, as the plane of the mean's says for now.
static void fade_part(void *context, int index, int worker)
{
    const fade_job *job = context;
    const udm_guess *guess = job->guess;
    const size_t first = (size_t)index * PART, count = part_length(guess, index);
    const float *valid = guess->mean_variance + first, *u = job->flow + first, *v = u + guess->pixels;
    float *restrict variance = guess->variance + first;
    for (size_t i = 0; i < count; i++) {
        const float fade = u[i] == 0 && v[i] == 0 ? FADE_AT_REST : FADE;
        variance[i] = valid[i] > 0 ? (1 + fade) * variance[i] : unknown;
    }
}

bool udm_guess_make(udm_guess *guess, const float *flow, udm_error *error)
{
    const udm_moving spread = { guess->width, guess->height, 1, UDM_BILINEAR, flow, guess->mean_variance };
    const udm_moving mean = { guess->width, guess->height, guess->channels, UDM_LANCZOS_3, flow, guess->mean };
    if (!guess->began || guess->made)
        return true;
    if (!udm_mover_run(guess->mover, &spread, guess->variance, NULL, error) ||
        !udm_mover_run(guess->mover, &mean, guess->moved, guess->mean_variance, error))
        return false;
    udm_pool_run(guess->pool, parts(guess), fade_part, &(fade_job){ guess, flow });
    guess->made = true;
    return true;
}

bool udm_guess_made(const udm_guess *guess)
{
    return guess->made;
}

void udm_guess_light(udm_guess *guess, const float *frame, const float *level)
{
    const udm_lit lit = { frame, level, guess->variance, unknown };
    if (guess->made)
        udm_brightness_match(guess->brightness, &lit, guess->moved);
}

typedef struct doubt_job {
    udm_guess *guess;
    const float *doubt;
} doubt_job;

// exp() of what the network says, within reason.
static void doubt_part(void *context, int index, int worker)
{
    const doubt_job *job = context;
    const size_t first = (size_t)index * PART, count = part_length(job->guess, index);
    const float *doubt = job->doubt + first;
    float *restrict variance = job->guess->variance + first;
    for (size_t i = 0; i < count; i++) {
        const float log = doubt[i] + UDM_DOUBT_BIAS, least = log > -16 ? log : -16;
        variance[i] += exponential(least < 4 ? least : 4);
    }
}

void udm_guess_doubt(udm_guess *guess, const float *doubt)
{
    udm_pool_run(guess->pool, parts(guess), doubt_part, &(doubt_job){ guess, doubt });
}

typedef struct learn_job {
    udm_guess *guess;
    const float *frame, *level;
} learn_job;

// What is known of a pixel: its variance is below `unknown`, which that of noise never exceeds.
static void learn_part(void *context, int index, int worker)
{
    const learn_job *job = context;
    const udm_guess *guess = job->guess;
    const size_t first = (size_t)index * PART, count = part_length(guess, index);
    const float *level = job->level + first, *variance = guess->variance + first;
    float *restrict mean_variance = guess->mean_variance + first;
    float gain[PART];
    for (size_t i = 0; i < count; i++) {
        const float noise = variance_of(level[i], unknown);
        const float both = variance[i] + noise, known = both > 0 ? variance[i] / both : 0.5f;
        gain[i] = guess->made && variance[i] < unknown ? known : 1;
        mean_variance[i] = gain[i] * noise;
    }
    for (size_t at = first; at < guess->pixels * (size_t)guess->channels; at += guess->pixels) {
        const float *frame = job->frame + at, *moved = guess->moved + at;
        float *restrict mean = guess->mean + at;
        if (guess->made)
            for (size_t i = 0; i < count; i++)
                mean[i] = moved[i] + gain[i] * (frame[i] - moved[i]);
        else
            memcpy(mean, frame, count * sizeof *mean);
    }
}

void udm_guess_learn(udm_guess *guess, const float *frame, const float *level)
{
    udm_pool_run(guess->pool, parts(guess), learn_part, &(learn_job){ guess, frame, level });
    guess->began = true;
    guess->made = false;
}

typedef struct join_job {
    udm_guess *guess;
    const udm_guess *other;
} join_job;

static void join_part(void *context, int index, int worker)
{
    const join_job *job = context;
    const udm_guess *guess = job->guess;
    const size_t first = (size_t)index * PART, count = part_length(guess, index);
    const float *theirs = job->other->variance + first;
    float *restrict ours = guess->variance + first;
    float share[PART]; // of the other
    for (size_t i = 0; i < count; i++) {
        const float p = ours[i], q = theirs[i], both = p + q, ratio = both > 0 ? p / both : 0.5f;
        share[i] = q >= unknown ? 0 : p >= unknown ? 1 : ratio;
        ours[i] = q >= unknown ? p : share[i] * q;
    }
    for (size_t at = first; at < guess->pixels * (size_t)guess->channels; at += guess->pixels) {
        const float *other = job->other->moved + at;
        float *restrict moved = guess->moved + at;
        for (size_t i = 0; i < count; i++)
            moved[i] += share[i] * (other[i] - moved[i]);
    }
}

void udm_guess_join(udm_guess *guess, const udm_guess *other)
{
    udm_pool_run(guess->pool, parts(guess), join_part, &(join_job){ guess, other });
}

typedef struct show_job {
    const udm_guess *guess;
    float *planes, *level;
} show_job;

// What was moved, at the level that its variance deserves; may be written where it stands.
static void show_part(void *context, int index, int worker)
{
    const show_job *job = context;
    const udm_guess *guess = job->guess;
    const size_t first = (size_t)index * PART, count = part_length(guess, index);
    float signal[PART];
    for (size_t i = 0; i < count; i++) {
        const float variance = guess->variance[first + i], ratio = 1 / sqrtf(1 + variance);
        signal[i] = variance < unknown ? ratio : 0;
        job->level[first + i] = variance < unknown ? sqrtf(variance) * ratio : 1;
    }
    for (size_t at = first; at < guess->pixels * (size_t)guess->channels; at += guess->pixels)
        for (size_t i = 0; i < count; i++)
            job->planes[at + i] = signal[i] * guess->moved[at + i];
}

udm_shown udm_guess_show(udm_guess *guess)
{
    float *planes = guess->made ? guess->mean : guess->moved;
    float *level = guess->made ? guess->mean_variance : guess->variance;
    udm_pool_run(guess->pool, parts(guess), show_part, &(show_job){ guess, planes, level });
    return (udm_shown){ planes, level };
}
