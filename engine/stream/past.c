// SPDX-License-Identifier: LGPL-2.1-or-later
// A ring of frames for each stage.
#include "stream/past.h"

#include <stdlib.h>
#include <string.h>

struct udm_past {
    int stages, frames, channels;
    size_t pixels;
    uint64_t *ends; // of each stage: the number after the last frame
    udm_seen *seen; // [stages, frames]: they point into the planes
    float *planes;  // [stages, frames, 2 channels + 2, pixels]: frame, level, guess, its level
};

udm_past *udm_past_new(int stages, int frames, int channels, size_t pixels, udm_error *error)
{
    udm_past *past = calloc(1, sizeof *past);
    const size_t slots = (size_t)stages * frames;
    if (past) {
        *past = (udm_past){ .stages = stages, .frames = frames, .channels = channels, .pixels = pixels };
        past->ends = calloc(stages, sizeof *past->ends);
        past->seen = calloc(slots, sizeof *past->seen);
        past->planes = calloc(slots, (2 * (size_t)channels + 2) * pixels * sizeof(float));
    }
    if (past && past->ends && past->seen && past->planes)
        return past;
    udm_fail(error, UDM_ERROR_MEMORY, "no memory for the frames that a network remembers");
    udm_past_free(past);
    return NULL;
}

void udm_past_free(udm_past *past)
{
    if (!past)
        return;
    free(past->ends);
    free(past->seen);
    free(past->planes);
    free(past);
}

void udm_past_clear(udm_past *past)
{
    memset(past->ends, 0, past->stages * sizeof *past->ends);
}

static size_t slot_of(const udm_past *past, int stage, uint64_t number)
{
    return (size_t)stage * past->frames + number % past->frames;
}

static const float *copy(float *to, const float *from, size_t count)
{
    return from ? memcpy(to, from, count * sizeof *to) : NULL;
}

void udm_past_keep(udm_past *past, int stage, uint64_t number, const udm_seen *seen)
{
    const size_t slot = slot_of(past, stage, number), n = past->pixels, picture = past->channels * n;
    float *planes = past->planes + slot * 2 * (picture + n);
    udm_seen *kept = &past->seen[slot];
    *kept = *seen;
    kept->frame = copy(planes, seen->frame, picture);
    kept->level = copy(planes + picture, seen->level, n);
    kept->guess = copy(planes + picture + n, seen->guess, picture);
    kept->guess_level = copy(planes + 2 * picture + n, seen->guess_level, n);
    kept->context = NULL; // which only networks without a memory have
    past->ends[stage] = number + 1;
}

void udm_past_range(const udm_past *past, int stage, uint64_t *first, uint64_t *end)
{
    *end = past->ends[stage];
    *first = *end > (uint64_t)past->frames ? *end - past->frames : 0;
}

udm_seen udm_past_seen(const udm_past *past, int stage, uint64_t number)
{
    return past->seen[slot_of(past, stage, number)];
}
