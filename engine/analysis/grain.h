// SPDX-License-Identifier: LGPL-2.1-or-later
// Coarse grain: what changes between two pictures, seen from afar, and is no motion.
#ifndef UDM_ANALYSIS_GRAIN_H
#define UDM_ANALYSIS_GRAIN_H

#include "analysis/noise_picture.h"

// Of luma at an octave, on the scale of udm_noise_reading.sigma; negative where nothing bears witness.
double udm_grain(const udm_noise_picture *now, const udm_noise_picture *before, int octave);

#endif
