// SPDX-License-Identifier: LGPL-2.1-or-later
// What the noise of a frame has in common with that of a prediction of it: all of it where a frame is repeated, be it
// by an editor, by a codec or by what stands still on the sensor. Evidence that is the same noise is no new evidence.
#ifndef UDM_TEMPORAL_CORRELATION_H
#define UDM_TEMPORAL_CORRELATION_H

#include <stdbool.h>
#include <stddef.h>

#include "udm/error.h"
#include "base/threads.h"

typedef struct udm_correlation udm_correlation;

// channels: 1 or 3. Borrows the pool. Errors: MEMORY.
udm_correlation *udm_correlation_new(int width, int height, int channels, udm_pool *pool, udm_error *error);
void udm_correlation_free(udm_correlation *correlation);           // NULL is fine
size_t udm_correlation_memory(const udm_correlation *correlation); // bytes

// A frame, and the one beside it that the prediction was updated with last, [channels, height, width]; the level of the
// frame's noise and an estimate of its luma without noise, [height, width]; the motion to the other, [2, height,
// width].
typedef struct udm_correlation_input {
    const float *frame, *beside;
    const float *level, *clean, *flow;
    bool repeat; // it is said to be the same picture: it is believed unless they differ by more than noise
    int step;    // of how many rows one is looked at; 0 is 1
} udm_correlation_input;

// How much of the noise of both is the same, for each block. False if nothing is: then there is nothing to take out.
bool udm_correlation_measure(udm_correlation *correlation, const udm_correlation_input *input);

// Takes out of the prediction [channels, height, width], of this variance [height, width] relative to the signal, what
// its noise has in common with the frame's, as measured last. What has no more than that becomes `unknown`.
void udm_correlation_remove(const udm_correlation *correlation, const float *frame, const float *level, float unknown,
                            float *predicted, float *variance);

#endif
