// SPDX-License-Identifier: LGPL-2.1-or-later
// A ring of frames for each stage.
#include "runner/replay.h"

#include <stdlib.h>
#include <string.h>

struct udm_replay {
    int stages, frames, channels;
    size_t pixels;
    uint64_t *ends;          // of each stage: the number after the last frame
    udm_network_input *seen; // [stages, frames]: they point into the planes
    float *planes;           // [stages, frames, 2 channels + 2, pixels]: frame, level, prediction, its level
};

udm_replay *udm_replay_new(int stages, int frames, int channels, size_t pixels, udm_error *error)
{
    udm_replay *replay = calloc(1, sizeof *replay);
    const size_t slots = (size_t)stages * frames;
    if (replay) {
        *replay = (udm_replay){ .stages = stages, .frames = frames, .channels = channels, .pixels = pixels };
        replay->ends = calloc(stages, sizeof *replay->ends);
        replay->seen = calloc(slots, sizeof *replay->seen);
        replay->planes = calloc(slots, (2 * (size_t)channels + 2) * pixels * sizeof(float));
    }
    if (replay && replay->ends && replay->seen && replay->planes)
        return replay;
    udm_fail(error, UDM_ERROR_MEMORY, "no memory for the frames that a network remembers");
    udm_replay_free(replay);
    return NULL;
}

void udm_replay_free(udm_replay *replay)
{
    if (!replay)
        return;
    free(replay->ends);
    free(replay->seen);
    free(replay->planes);
    free(replay);
}

void udm_replay_clear(udm_replay *replay)
{
    memset(replay->ends, 0, replay->stages * sizeof *replay->ends);
}

static size_t slot_of(const udm_replay *replay, int stage, uint64_t number)
{
    return (size_t)stage * replay->frames + number % replay->frames;
}

static const float *copy(float *to, const float *from, size_t count)
{
    return from ? memcpy(to, from, count * sizeof *to) : NULL;
}

void udm_replay_keep(udm_replay *replay, int stage, uint64_t number, const udm_network_input *seen)
{
    const size_t slot = slot_of(replay, stage, number), n = replay->pixels, picture = replay->channels * n;
    float *planes = replay->planes + slot * 2 * (picture + n);
    udm_network_input *kept = &replay->seen[slot];
    *kept = *seen;
    kept->frame = copy(planes, seen->frame, picture);
    kept->level = copy(planes + picture, seen->level, n);
    kept->predicted = copy(planes + picture + n, seen->predicted, picture);
    kept->predicted_level = copy(planes + 2 * picture + n, seen->predicted_level, n);
    kept->context = NULL; // which only networks without a memory have
    replay->ends[stage] = number + 1;
}

void udm_replay_range(const udm_replay *replay, int stage, uint64_t *first, uint64_t *end)
{
    *end = replay->ends[stage];
    *first = *end > (uint64_t)replay->frames ? *end - replay->frames : 0;
}

udm_network_input udm_replay_input(const udm_replay *replay, int stage, uint64_t number)
{
    return replay->seen[slot_of(replay, stage, number)];
}
