// SPDX-License-Identifier: LGPL-2.1-or-later
// Estimate x0, correct, repeat.
#include "stream/reverse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

// Signal and noise of every pixel; both point into one allocation.
typedef struct levels {
    float *signal, *noise;
} levels;

struct udm_reverse {
    udm_reverse_settings settings;
    udm_tiles *tiles;
    size_t pixels, elements; // height * width, and times channels
    float *memory;           // all of the following
    levels from, to;
    float *x0, *e, *scratch; // [C, height, width]; x0 has the network's other output after it
    float *doubt;            // [height, width], or NULL
    const float *guess, *guess_level;
    uint64_t frame; // counted from 0 since the last clear
};

static bool allocate(udm_reverse *reverse, udm_error *error)
{
    const udm_reverse_settings *s = &reverse->settings;
    size_t n = reverse->pixels, c = reverse->elements, beyond = s->network->doubts ? n : 0;
    reverse->memory = calloc(4 * n + 3 * c + 2 * beyond, sizeof(float));
    if (!reverse->memory)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", s->width, s->height);
    float *at = reverse->memory;
    reverse->from = (levels){ at, at + n };
    reverse->to = (levels){ at + 2 * n, at + 3 * n };
    reverse->x0 = at + 4 * n;
    reverse->e = reverse->x0 + c + beyond;
    reverse->scratch = reverse->e + c;
    reverse->doubt = beyond ? reverse->scratch + c : NULL;
    return true;
}

udm_reverse *udm_reverse_new(const udm_reverse_settings *settings, udm_error *error)
{
    udm_shape shape = { settings->network->channels, settings->height, settings->width };
    udm_reverse *reverse = calloc(1, sizeof *reverse);
    if (!reverse || udm_shape_elements(shape) == 0) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", settings->width, settings->height);
        free(reverse);
        return NULL;
    }
    reverse->settings = *settings;
    reverse->pixels = (size_t)settings->width * settings->height;
    reverse->elements = udm_shape_elements(shape);
    reverse->tiles = udm_tiles_new(settings->network, settings->width, settings->height, settings->steps,
                                   settings->memory_limit, error);
    if (!reverse->tiles || !allocate(reverse, error)) {
        udm_reverse_free(reverse);
        return NULL;
    }
    return reverse;
}

void udm_reverse_free(udm_reverse *reverse)
{
    if (!reverse)
        return;
    udm_tiles_free(reverse->tiles);
    free(reverse->memory);
    free(reverse);
}

const udm_tiles *udm_reverse_tiles(const udm_reverse *reverse)
{
    return reverse->tiles;
}

void udm_reverse_clear(udm_reverse *reverse)
{
    udm_tiles_clear(reverse->tiles);
    reverse->frame = 0;
}

void udm_reverse_guess(udm_reverse *reverse, const float *guess, const float *level)
{
    reverse->guess = guess;
    reverse->guess_level = level;
}

const float *udm_reverse_doubt(const udm_reverse *reverse)
{
    return reverse->doubt;
}

static udm_levels view(const udm_reverse *reverse, levels at)
{
    return (udm_levels){ reverse->pixels, at.signal, at.noise };
}

// The levels at times * share. Neighbours mostly share their time, so the last one is remembered.
static void levels_at(const udm_reverse *reverse, const float *times, double share, levels out)
{
    float last = -1, signal = 1, noise = 0;
    for (size_t i = 0; i < reverse->pixels; i++) {
        if (times[i] != last) {
            last = times[i];
            double alpha_bar = udm_noise_alpha_bar(reverse->settings.noise, last * share);
            signal = (float)sqrt(alpha_bar), noise = (float)sqrt(1 - alpha_bar);
        }
        out.signal[i] = signal;
        out.noise[i] = noise;
    }
}

static void swap_levels(udm_reverse *reverse)
{
    levels other = reverse->from;
    reverse->from = reverse->to;
    reverse->to = other;
}

static bool cancelled(const atomic_bool *cancel, udm_error *error)
{
    if (!cancel || !atomic_load_explicit(cancel, memory_order_relaxed))
        return false;
    udm_fail(error, UDM_ERROR_CANCELLED, "cancelled");
    return true;
}

// New noise into e, a part at a time, as a large frame takes a while. False if cancelled.
static bool draw(const udm_reverse *reverse, uint64_t number, uint32_t step, const atomic_bool *cancel,
                 udm_error *error)
{
    enum { PART = 1 << 20 };
    const udm_reverse_settings *s = &reverse->settings;
    const size_t count = s->grey ? reverse->pixels : reverse->elements;
    for (size_t done = 0; done < count; done += PART) {
        if (cancelled(cancel, error))
            return false;
        udm_normal(s->seed, number, step, done, count - done < PART ? count - done : PART, reverse->e + done);
    }
    for (size_t done = count; done < reverse->elements; done += count)
        memcpy(reverse->e + done, reverse->e, count * sizeof *reverse->e);
    return true;
}

// Adds noise where the time is below `share` of the highest one, and puts the clock forward. False if cancelled.
static bool strengthen(udm_reverse *reverse, uint64_t number, float *frame, float *times, double share,
                       const atomic_bool *cancel, udm_error *error)
{
    const udm_reverse_settings *s = &reverse->settings;
    const float least = (float)(share * udm_noise_time(s->noise, s->network->max_level));
    if (!draw(reverse, number, 0, cancel, error))
        return false;
    for (size_t i = 0; i < reverse->pixels; i++)
        times[i] = times[i] < least ? least : times[i];
    levels_at(reverse, times, 1, reverse->to);
    udm_levels from = view(reverse, reverse->from), to = view(reverse, reverse->to);
    s->process->advance(&from, &to, s->network->channels, frame, reverse->e, frame);
    swap_levels(reverse);
    return true;
}

static void clamp(float *x, size_t count, float most)
{
    for (size_t i = 0; i < count; i++)
        x[i] = x[i] < -most ? -most : x[i] > most ? most : x[i];
}

// x0 as the network sees it; pixels that are known stay as they are.
static bool estimate(udm_reverse *reverse, int step, const float *xt, const atomic_bool *cancel, udm_error *error)
{
    const udm_reverse_settings *s = &reverse->settings;
    const udm_seen seen = { xt, reverse->from.noise, reverse->guess, reverse->guess_level };
    if (!udm_tiles_run(reverse->tiles, step, reverse->frame, &seen, reverse->x0, cancel, error))
        return false;
    if (step == 0 && reverse->doubt)
        memcpy(reverse->doubt, reverse->x0 + reverse->elements, reverse->pixels * sizeof *reverse->doubt);
    udm_levels at = view(reverse, reverse->from);
    udm_predict_x0(s->prediction, &at, s->network->channels, reverse->x0, xt, reverse->x0);
    if (s->clip > 0)
        clamp(reverse->x0, reverse->elements, (float)s->clip);
    for (float *x0 = reverse->x0; x0 < reverse->x0 + reverse->elements; x0 += at.pixels, xt += at.pixels)
        for (size_t i = 0; i < at.pixels; i++)
            x0[i] = at.noise[i] == 0 ? xt[i] : x0[i];
    return true;
}

// One more step from x0, towards 1 - (step + 1) / steps of the times the frame entered at. False if cancelled.
static bool correct(udm_reverse *reverse, uint64_t number, int step, float *frame, const float *times,
                    const atomic_bool *cancel, udm_error *error)
{
    const udm_reverse_settings *s = &reverse->settings;
    levels_at(reverse, times, 1 - (step + 1.0) / s->steps, reverse->to);
    if (s->sampler->stochastic && !draw(reverse, number, (uint32_t)step + 1, cancel, error))
        return false;
    udm_levels from = view(reverse, reverse->from), to = view(reverse, reverse->to);
    udm_reverse_step(s->process, s->sampler, &from, &to, s->network->channels, reverse->x0, frame, reverse->e,
                     reverse->scratch, frame);
    swap_levels(reverse);
    return true;
}

static bool any_time(const udm_reverse *reverse, const float *times)
{
    for (size_t i = 0; i < reverse->pixels; i++)
        if (times[i] > 0)
            return true;
    return false;
}

bool udm_reverse_run(udm_reverse *reverse, uint64_t number, float *frame, float *times, double strength,
                     const atomic_bool *cancel, udm_error *error)
{
    const udm_reverse_settings *s = &reverse->settings;
    if (strength <= 0 && !any_time(reverse, times))
        return true;
    levels_at(reverse, times, 1, reverse->from);
    for (float *x = frame; x < frame + reverse->elements; x += reverse->pixels)
        for (size_t i = 0; i < reverse->pixels; i++)
            x[i] *= reverse->from.signal[i];
    if (strength > 0 && !strengthen(reverse, number, frame, times, strength, cancel, error))
        return false;
    for (int step = 0; step < s->steps; step++) {
        if (!estimate(reverse, step, frame, cancel, error))
            return false;
        if (step + 1 < s->steps && !correct(reverse, number, step, frame, times, cancel, error))
            return false;
    }
    memcpy(frame, reverse->x0, reverse->elements * sizeof *frame); // at time 0, F_0(x0, e) = x0
    reverse->frame++;
    return true;
}
