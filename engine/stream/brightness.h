// SPDX-License-Identifier: LGPL-2.1-or-later
// Light that changes between a frame and what is known of it from others: fades, flicker, a lens that darkens its rim.
#ifndef UDM_STREAM_BRIGHTNESS_H
#define UDM_STREAM_BRIGHTNESS_H

#include <stddef.h>

#include "base/error.h"
#include "base/threads.h"

typedef struct udm_brightness udm_brightness;

// channels: 1 to 4. Borrows the pool. Errors: MEMORY, SETTINGS.
udm_brightness *udm_brightness_new(int width, int height, int channels, udm_pool *pool, udm_error *error);
void udm_brightness_free(udm_brightness *brightness);           // NULL is fine
size_t udm_brightness_memory(const udm_brightness *brightness); // bytes

// A frame [channels, height, width] and the level of its noise [height, width]; the variance of the guess [height,
// width], relative to the signal: where it is `unknown` or more, there is no guess.
typedef struct udm_lit {
    const float *frame, *level, *variance;
    float unknown;
} udm_lit;

// Adds to the guess [channels, height, width] what it lacks, over wide areas, to be as bright as the frame.
void udm_brightness_match(udm_brightness *brightness, const udm_lit *lit, float *guess);

#endif
