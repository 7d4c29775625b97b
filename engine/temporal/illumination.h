// SPDX-License-Identifier: LGPL-2.1-or-later
// Changes of illumination between a frame and the prediction of it: fades, flicker, a lens that darkens the corners.
#ifndef UDM_TEMPORAL_ILLUMINATION_H
#define UDM_TEMPORAL_ILLUMINATION_H

#include <stddef.h>

#include "udm/error.h"
#include "base/threads.h"

typedef struct udm_illumination udm_illumination;

// channels: 1 to 4. Borrows the pool. Errors: MEMORY, SETTINGS.
udm_illumination *udm_illumination_new(int width, int height, int channels, udm_pool *pool, udm_error *error);
void udm_illumination_free(udm_illumination *illumination);           // NULL is fine
size_t udm_illumination_memory(const udm_illumination *illumination); // bytes

// A frame [channels, height, width] and the level of its noise [height, width]; the variance of the prediction [height,
// width], relative to the signal: where it is `unknown` or more, there is no prediction.
typedef struct udm_illumination_input {
    const float *frame, *level, *variance;
    float unknown;
    int step; // of how many rows one is looked at; 0 is 1
} udm_illumination_input;

// Adds to the prediction [channels, height, width] what it lacks, over wide areas, to be as bright as the frame.
void udm_illumination_match(udm_illumination *illumination, const udm_illumination_input *input, float *predicted);

#endif
