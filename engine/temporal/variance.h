// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef UDM_TEMPORAL_VARIANCE_H
#define UDM_TEMPORAL_VARIANCE_H

// The variance of noise of a level, relative to the signal: level^2 / (1 - level^2), but no more than `most`.
static inline float variance_of(float level, float most)
{
    const float square = level * level, ratio = square / (1 - square);
    return square < 1 && ratio < most ? ratio : most;
}

#endif
