// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames at half the size, where motion is cheaper to find, and planes of that size at the frame's. Sides are rounded
// up; the last pixels of odd ones repeat.
#ifndef UDM_TEMPORAL_HALVING_H
#define UDM_TEMPORAL_HALVING_H

#include "base/threads.h"

// The mean of 2x2 pixels, [channels, (height + 1) / 2, (width + 1) / 2], as networks are shown it: it has a quarter of
// the variance of the noise, of level `small_level`, and is scaled by the signal. level: [height, width].
void udm_halve_frame(const float *planes, const float *level, int channels, int width, int height, float *small,
                     float *small_level, udm_pool *pool);

// The same of a prediction, given the variance of its noise; where that is UDM_UNKNOWN_VARIANCE nothing is known.
void udm_halve_prediction(const float *planes, const float *variance, int channels, int width, int height, float *small,
                          float *small_level, udm_pool *pool);

// out [height, width]: `factor` times what lies between the pixels of small [(height + 1) / 2, (width + 1) / 2]. Where
// those are 0 it is 0.
void udm_expand_plane(const float *small, float factor, int width, int height, float *out, udm_pool *pool);

#endif
