// SPDX-License-Identifier: LGPL-2.1-or-later
// The recursive temporal filter, which predicts each frame of a stream from its neighbours. A small network makes a
// preview of each frame, optical flow is estimated between previews, the mean so far is warped along it, and another
// small network predicts its error variance. Frames before are filtered recursively; those after are used if they are
// there.
#ifndef UDM_TEMPORAL_TEMPORAL_FILTER_H
#define UDM_TEMPORAL_TEMPORAL_FILTER_H

#include "temporal/prediction.h"
#include "runner/tiling.h"

typedef struct udm_temporal_filter udm_temporal_filter;

// preview: estimates x0 from a frame alone, or from one of half the size (`halved`), where motion is found in a quarter
// of the time, less exactly. trust: predicts the error variance of a prediction, with as many channels;
// NULL: predictions have none but their noise. Both must outlive the filter. workspace: as in udm_tiling_new(). ahead:
// frames after the one at hand that may be used. Borrows the pool. memory_limit: as udm_tiling.
udm_temporal_filter *udm_temporal_filter_new(const udm_network *preview, const udm_network *trust,
                                             udm_workspace *workspace, int width, int height, int ahead, udm_pool *pool,
                                             size_t memory_limit, udm_error *error);
void udm_temporal_filter_free(udm_temporal_filter *temporal);           // NULL is fine
void udm_temporal_filter_clear(udm_temporal_filter *temporal);          // a scene begins
size_t udm_temporal_filter_memory(const udm_temporal_filter *temporal); // bytes

// A frame, and what is found out about it once: the caller owns the memory and sets the flags to false.
typedef struct udm_temporal_input {
    const float *planes, *level; // [C, height, width], not scaled by the signal; of its noise, [height, width]
    const float *before;         // planes of the frame before it; of the first input only, and NULL if there is none
    bool repeat;                 // it is said to repeat that frame
    float *preview;              // luma [height, width], of which a preview of half the size fills a quarter
    float *flow;                 // to the frame after it, [2, height, width]; not used if nothing looks ahead
    bool previewed, linked, filtered;
} udm_temporal_input;

// Takes in the next frame, inputs[0], and those that follow it in its scene: count - 1 of them, not more than `ahead`.
// *predicted is the prediction of it from its neighbours, or NULLs: borrowed until the next call. Called again for the
// same frame, it returns the same. Errors: CANCELLED, DEVICE.
bool udm_temporal_filter_run(udm_temporal_filter *temporal, udm_temporal_input *const *inputs, int count,
                             udm_predicted *predicted, const atomic_bool *cancel, udm_error *error);

// The motion from the last frame to the one before it, [2, height, width]: the one at p is the other at p + flow(p).
const float *udm_temporal_filter_flow(const udm_temporal_filter *temporal);

#endif
