// SPDX-License-Identifier: LGPL-2.1-or-later
// Preview, motion, guess, trust.
#include "stream/carry.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stream/guess.h"
#include "tensor/image.h"

struct udm_carry {
    const udm_network *preview, *trust;
    udm_pool *pool;
    udm_tiles *tiles, *trust_tiles; // the second: NULL where nothing is doubted
    udm_guess *guess;
    size_t pixels;
    float *memory;
    float *frame, *scaled; // [C, height, width]
    float *estimate;       // and a plane of doubt
    float *level, *luma;   // [height, width]
};

static bool allocate(udm_carry *carry, udm_error *error)
{
    const size_t picture = carry->pixels * carry->preview->channels, output = picture + carry->pixels;
    carry->memory = calloc(2 * picture + output + 2 * carry->pixels, sizeof(float));
    if (!carry->memory)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a preview");
    carry->frame = carry->memory;
    carry->scaled = carry->frame + picture;
    carry->estimate = carry->scaled + picture;
    carry->level = carry->estimate + output;
    carry->luma = carry->level + carry->pixels;
    return true;
}

udm_carry *udm_carry_new(const udm_network *preview, const udm_network *trust, int width, int height, int threads,
                         size_t memory_limit, udm_error *error)
{
    udm_carry *carry = calloc(1, sizeof *carry);
    if (!carry) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a stream");
        return NULL;
    }
    carry->preview = preview;
    carry->trust = trust;
    carry->pixels = (size_t)width * height;
    carry->pool = udm_pool_new(threads, error);
    carry->tiles = carry->pool ? udm_tiles_new(preview, width, height, 1, memory_limit, error) : NULL;
    carry->guess = carry->tiles ? udm_guess_new(width, height, preview->channels, carry->pool, error) : NULL;
    carry->trust_tiles = carry->guess && trust ? udm_tiles_new(trust, width, height, 1, memory_limit, error) : NULL;
    if (!carry->guess || (trust && !carry->trust_tiles) || !allocate(carry, error)) {
        udm_carry_free(carry);
        return NULL;
    }
    return carry;
}

void udm_carry_free(udm_carry *carry)
{
    if (!carry)
        return;
    udm_guess_free(carry->guess);
    udm_tiles_free(carry->trust_tiles);
    udm_tiles_free(carry->tiles);
    udm_pool_free(carry->pool);
    free(carry->memory);
    free(carry);
}

void udm_carry_clear(udm_carry *carry)
{
    udm_tiles_clear(carry->tiles);
    if (carry->trust)
        udm_tiles_clear(carry->trust_tiles);
    udm_guess_reset(carry->guess);
}

size_t udm_carry_memory(const udm_carry *carry)
{
    size_t planes = 6 * (size_t)carry->preview->channels + 10; // of the guess, and its own
    size_t networks = udm_tiles_memory(carry->tiles) + (carry->trust ? udm_tiles_memory(carry->trust_tiles) : 0);
    return networks + planes * carry->pixels * sizeof(float);
}

// Looks at the frame again, beside the guess of it.
static bool doubt(udm_carry *carry, const atomic_bool *cancel, udm_error *error)
{
    const udm_seen seen = { .frame = carry->scaled,
                            .level = carry->level,
                            .guess = udm_guess_planes(carry->guess),
                            .guess_level = udm_guess_level(carry->guess) };
    if (!udm_tiles_run(carry->trust_tiles, 0, 0, &seen, carry->estimate, cancel, error))
        return false;
    udm_guess_doubt(carry->guess, carry->estimate + carry->pixels * carry->trust->channels);
    return true;
}

bool udm_carry_look(udm_carry *carry, const float *frame, const float *level, udm_carried *guess,
                    const atomic_bool *cancel, udm_error *error)
{
    const size_t picture = carry->pixels * carry->preview->channels;
    memcpy(carry->frame, frame, picture * sizeof *frame);
    memcpy(carry->level, level, carry->pixels * sizeof *level);
    for (size_t c = 0; c < picture; c += carry->pixels)
        for (size_t i = 0; i < carry->pixels; i++)
            carry->scaled[c + i] = frame[c + i] * sqrtf(1 - level[i] * level[i]);
    const udm_seen seen = { .frame = carry->scaled, .level = level };
    if (!udm_tiles_run(carry->tiles, 0, 0, &seen, carry->estimate, cancel, error))
        return false;
    udm_planes_to_luma(carry->estimate, carry->preview->channels, carry->pixels, carry->luma);
    *guess = (udm_carried){ NULL, NULL };
    if (!udm_guess_make(carry->guess, carry->luma))
        return true;
    if (carry->trust && !doubt(carry, cancel, error))
        return false;
    *guess = (udm_carried){ udm_guess_planes(carry->guess), udm_guess_level(carry->guess) };
    return true;
}

const float *udm_carry_flow(const udm_carry *carry)
{
    return udm_guess_flow(carry->guess);
}

void udm_carry_learn(udm_carry *carry)
{
    udm_guess_learn(carry->guess, carry->frame, carry->level);
}
