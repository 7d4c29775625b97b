// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the scenes of a stream begin, and how noisy each is.
#ifndef UDM_ANALYSIS_NOISE_TRACKER_H
#define UDM_ANALYSIS_NOISE_TRACKER_H

#include <stdbool.h>

#include "analysis/noise.h"
#include "base/threads.h"
#include "udm/error.h"

typedef struct udm_noise_tracker udm_noise_tracker;

udm_noise_tracker *udm_noise_tracker_new(int channels, int width, int height, udm_error *error);
void udm_noise_tracker_free(udm_noise_tracker *tracker); // NULL is fine
void udm_noise_tracker_reset(udm_noise_tracker *tracker);

// The threads that look; until then it is that of the caller alone.
void udm_noise_tracker_use(udm_noise_tracker *tracker, udm_pool *pool);

// From now on scenes begin after a reset alone: cuts are not looked for.
void udm_noise_tracker_give_scenes(udm_noise_tracker *tracker);

// What is known beforehand of a frame.
typedef struct udm_noise_hint {
    double sigma;    // of its noise, 0-255 scale, or negative to have it estimated
    bool subsampled; // its pixels share chroma, whose noise then is never white
    bool repeats;    // it is the frame before it once more, noise and all, and so says nothing new
} udm_noise_hint;

// Looks at the next frame, planes [channels, height, width] in [-1, 1], once. True if it begins a scene.
bool udm_noise_tracker_look(udm_noise_tracker *tracker, const float *planes, udm_noise_hint hint);

// As of the last frame that was looked at. If its sigma was given, what was estimated before.
const udm_noise_estimate *udm_noise_tracker_noise(const udm_noise_tracker *tracker);

#endif
