// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the scenes of a stream begin, and how noisy each is.
#ifndef UDM_ANALYSIS_NOISE_TRACKER_H
#define UDM_ANALYSIS_NOISE_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

#include "udm/error.h"

typedef struct udm_noise_tracker udm_noise_tracker;

udm_noise_tracker *udm_noise_tracker_new(int channels, int width, int height, udm_error *error);
void udm_noise_tracker_free(udm_noise_tracker *tracker); // NULL is fine
void udm_noise_tracker_reset(udm_noise_tracker *tracker);

// From now on scenes begin after a reset alone: cuts are not looked for.
void udm_noise_tracker_give_scenes(udm_noise_tracker *tracker);

// Looks at the next frame, planes [channels, height, width] in [-1, 1], once. True if it begins a scene. sigma: of its
// noise, 0-255 scale, or negative to have it estimated.
bool udm_noise_tracker_look(udm_noise_tracker *tracker, const float *planes, double sigma);

// The estimate for the scene so far; 0 if none was made.
double udm_noise_tracker_sigma(const udm_noise_tracker *tracker);

#endif
