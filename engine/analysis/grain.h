// SPDX-License-Identifier: LGPL-2.1-or-later
// Coarse grain: what changes between two pictures, seen from afar, and is no motion.
#ifndef UDM_ANALYSIS_GRAIN_H
#define UDM_ANALYSIS_GRAIN_H

#include "analysis/noise_picture.h"

#define UDM_GRAIN_UNKNOWN (-4.0)

typedef struct udm_grain {
    double level; // on the scale of udm_noise_reading.sigma; UDM_GRAIN_UNKNOWN where nothing bears witness
    // How much of what changes is new in each picture: 1 of noise, 0 and less of motion; UDM_GRAIN_UNKNOWN without a
    // third picture, or if one of them is a repeat. Of noise that a codec keeps for a while it is less than 1.
    double fresh;
} udm_grain;

// Of luma at an octave. earlier: luma of the picture before `before` at this octave, or NULL.
udm_grain udm_grain_measure(const udm_noise_picture *now, const udm_noise_picture *before, const float *earlier,
                            int octave);

#endif
