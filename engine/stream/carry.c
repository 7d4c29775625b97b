// SPDX-License-Identifier: LGPL-2.1-or-later
// Preview, motion, guess, trust. Motion leads to the preview of the frame before; where that was at rest, to a mean of
// the previews since it has been: it has less noise, and slow motion leaves it behind until it is seen. The frames
// ahead are averaged as those before are, from the last of them back to the frame at hand, anew for each frame; then
// both guesses are joined.
#include "stream/carry.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stream/motion.h"
#include "stream/variance.h"
#include "tensor/image.h"

enum { PART = 1024 }; // pixels of a job

#define MOST_NOISE 0.35f // of variance: sigma 75
#define NEWS 0.125f      // the weight of a preview in that mean

struct udm_carry {
    const udm_network *preview, *trust;
    udm_pool *pool;
    udm_tiles *tiles, *trust_tiles; // the second: NULL where nothing is doubted
    udm_motion *motion;
    udm_guess *guess, *ahead; // the second: NULL if nothing looks ahead
    size_t pixels;
    bool began;      // there is a frame before
    udm_shown shown; // of the frame looked at last
    float *memory;   // all of the following
    float *scaled;   // [C, height, width]
    float *estimate; // and a plane of doubt
    float *flow;     // [2, height, width]
    float *before;   // [height, width]: a preview
};

static size_t own_floats(const udm_carry *carry)
{
    return carry->pixels * (2 * (size_t)carry->preview->channels + 4);
}

static bool allocate(udm_carry *carry, udm_error *error)
{
    const size_t picture = carry->pixels * carry->preview->channels;
    carry->memory = malloc(own_floats(carry) * sizeof(float));
    if (!carry->memory)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a preview");
    carry->scaled = carry->memory;
    carry->estimate = carry->scaled + picture;
    carry->flow = carry->estimate + picture + carry->pixels;
    carry->before = carry->flow + 2 * carry->pixels;
    return true;
}

static bool open_parts(udm_carry *carry, udm_room *room, int width, int height, int ahead, int threads, size_t limit,
                       udm_error *error)
{
    const int channels = carry->preview->channels;
    udm_device *device = carry->preview->device;
    return (carry->pool = udm_pool_new(threads, error)) &&
           (carry->tiles = udm_tiles_new(carry->preview, room, width, height, 1, limit, error)) &&
           (!carry->trust ||
            (carry->trust_tiles = udm_tiles_new(carry->trust, room, width, height, 1, limit, error))) &&
           (carry->motion = udm_motion_new(width, height, carry->pool, error)) &&
           (carry->guess = udm_guess_new(width, height, channels, device, carry->pool, error)) &&
           (ahead == 0 || (carry->ahead = udm_guess_new(width, height, channels, device, carry->pool, error)));
}

udm_carry *udm_carry_new(const udm_network *preview, const udm_network *trust, udm_room *room, int width, int height,
                         int ahead, int threads, size_t memory_limit, udm_error *error)
{
    udm_carry *carry = calloc(1, sizeof *carry);
    if (!carry) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a stream");
        return NULL;
    }
    carry->preview = preview;
    carry->trust = trust;
    carry->pixels = (size_t)width * height;
    if (!open_parts(carry, room, width, height, ahead, threads, memory_limit, error) || !allocate(carry, error)) {
        udm_carry_free(carry);
        return NULL;
    }
    return carry;
}

void udm_carry_free(udm_carry *carry)
{
    if (!carry)
        return;
    udm_guess_free(carry->ahead);
    udm_guess_free(carry->guess);
    udm_motion_free(carry->motion);
    udm_tiles_free(carry->trust_tiles);
    udm_tiles_free(carry->tiles);
    udm_pool_free(carry->pool);
    free(carry->memory);
    free(carry);
}

void udm_carry_clear(udm_carry *carry)
{
    udm_guess_reset(carry->guess);
    carry->began = false;
}

size_t udm_carry_memory(const udm_carry *carry)
{
    size_t networks = udm_tiles_memory(carry->tiles) + (carry->trust ? udm_tiles_memory(carry->trust_tiles) : 0);
    size_t guesses = udm_guess_memory(carry->guess) + (carry->ahead ? udm_guess_memory(carry->ahead) : 0);
    return networks + guesses + udm_motion_memory(carry->motion) + own_floats(carry) * sizeof(float);
}

static int parts(const udm_carry *carry)
{
    return (int)((carry->pixels + PART - 1) / PART);
}

typedef struct sight_job {
    udm_carry *carry;
    const udm_sight *sight;
} sight_job;

static void scale_part(void *context, int index, int worker)
{
    const sight_job *job = context;
    const size_t pixels = job->carry->pixels, first = (size_t)index * PART;
    const size_t count = pixels - first < PART ? pixels - first : PART;
    const float *level = job->sight->level + first;
    float signal[PART];
    for (size_t i = 0; i < count; i++)
        signal[i] = sqrtf(1 - level[i] * level[i]);
    for (size_t at = first; at < pixels * job->carry->preview->channels; at += pixels) {
        const float *planes = job->sight->planes + at;
        float *restrict scaled = job->carry->scaled + at;
        for (size_t i = 0; i < count; i++)
            scaled[i] = planes[i] * signal[i];
    }
}

// The frame as networks are shown it.
static void scale(udm_carry *carry, const udm_sight *sight)
{
    udm_pool_run(carry->pool, parts(carry), scale_part, &(sight_job){ carry, sight });
}

static bool make_preview(udm_carry *carry, udm_sight *sight, const atomic_bool *cancel, udm_error *error)
{
    if (sight->previewed)
        return true;
    scale(carry, sight);
    const udm_seen seen = { .frame = carry->scaled, .level = sight->level };
    if (!udm_tiles_run(carry->tiles, 0, 0, &seen, carry->estimate, cancel, error))
        return false;
    udm_planes_to_luma(carry->estimate, carry->preview->channels, carry->pixels, sight->preview);
    sight->previewed = true;
    return true;
}

// The mean variance of the noise of a frame, as of the largest sigma that networks know at most.
static float noise_of(const udm_carry *carry, const udm_sight *sight)
{
    double sum = 0;
    for (size_t i = 0, end; i < carry->pixels; i = end) { // neighbours mostly share their level
        for (end = i + 1; end < carry->pixels && sight->level[end] == sight->level[i];)
            end++;
        sum += (double)(end - i) * variance_of(sight->level[i], MOST_NOISE);
    }
    return (float)(sum / (double)carry->pixels);
}

static void link_to(udm_carry *carry, udm_sight *sight, const udm_sight *after)
{
    if (!sight->linked)
        udm_motion_estimate(carry->motion, sight->preview, after->preview, noise_of(carry, sight), sight->flow);
    sight->linked = true;
}

// Looks at the frame again, beside the guess of it.
static bool doubt(udm_carry *carry, const udm_sight *sight, udm_guess *guess, const atomic_bool *cancel,
                  udm_error *error)
{
    if (!carry->trust)
        return true;
    scale(carry, sight);
    const udm_shown shown = udm_guess_show(guess);
    const udm_seen seen = {
        .frame = carry->scaled, .level = sight->level, .guess = shown.planes, .guess_level = shown.level
    };
    if (!udm_tiles_run(carry->trust_tiles, 0, 0, &seen, carry->estimate, cancel, error))
        return false;
    udm_guess_doubt(guess, carry->estimate + carry->pixels * carry->trust->channels);
    return true;
}

// Leaves the guess of the first frame, made of the others.
static bool look_ahead(udm_carry *carry, udm_sight *const *sights, int count, const atomic_bool *cancel,
                       udm_error *error)
{
    if (count > 1)
        udm_guess_reset(carry->ahead);
    for (int k = count - 1; k > 0; k--) {
        udm_guess_learn(carry->ahead, sights[k]->planes, sights[k]->level);
        if (!udm_guess_make(carry->ahead, sights[k - 1]->flow, error))
            return false;
        udm_guess_light(carry->ahead, sights[k - 1]->planes, sights[k - 1]->level);
        if (!doubt(carry, sights[k - 1], carry->ahead, cancel, error))
            return false;
    }
    return true;
}

// What the next frame's motion will lead to.
static void keep_part(void *context, int index, int worker)
{
    const sight_job *job = context;
    const udm_carry *carry = job->carry;
    const size_t first = (size_t)index * PART, left = carry->pixels - first, count = left < PART ? left : PART;
    const float *preview = job->sight->preview + first, *u = carry->flow + first, *v = u + carry->pixels;
    float *restrict before = carry->before + first;
    for (size_t i = 0; i < count; i++) {
        const bool rest = carry->began && u[i] == 0 && v[i] == 0;
        before[i] = rest ? before[i] + NEWS * (preview[i] - before[i]) : preview[i];
    }
}

// Learns the frame, having made the guess of it. False if it failed; *made: whether there was something to make it of.
static bool look_back(udm_carry *carry, const udm_sight *sight, bool *made, const atomic_bool *cancel, udm_error *error)
{
    if (carry->began)
        udm_motion_estimate(carry->motion, sight->preview, carry->before, noise_of(carry, sight), carry->flow);
    if (!udm_guess_make(carry->guess, carry->flow, error))
        return false;
    udm_guess_light(carry->guess, sight->planes, sight->level);
    *made = udm_guess_made(carry->guess);
    if (*made && !doubt(carry, sight, carry->guess, cancel, error))
        return false;
    udm_guess_learn(carry->guess, sight->planes, sight->level);
    udm_pool_run(carry->pool, parts(carry), keep_part, &(sight_job){ carry, sight });
    carry->began = true;
    return true;
}

static bool look(udm_carry *carry, udm_sight *const *sights, int count, const atomic_bool *cancel, udm_error *error)
{
    bool made;
    for (int k = 0; k < count; k++) {
        if (!make_preview(carry, sights[k], cancel, error))
            return false;
        if (k > 0)
            link_to(carry, sights[k - 1], sights[k]);
    }
    if (!look_ahead(carry, sights, count, cancel, error) || !look_back(carry, sights[0], &made, cancel, error))
        return false;
    if (made && count > 1)
        udm_guess_join(carry->guess, carry->ahead);
    carry->shown = made        ? udm_guess_show(carry->guess)
                   : count > 1 ? udm_guess_show(carry->ahead)
                               : (udm_shown){ NULL, NULL };
    return true;
}

bool udm_carry_look(udm_carry *carry, udm_sight *const *sights, int count, udm_shown *guess, const atomic_bool *cancel,
                    udm_error *error)
{
    if (!sights[0]->carried && !look(carry, sights, count, cancel, error))
        return false;
    sights[0]->carried = true;
    *guess = carry->shown;
    return true;
}

const float *udm_carry_flow(const udm_carry *carry)
{
    return carry->flow;
}
