// SPDX-License-Identifier: LGPL-2.1-or-later
// The noise that the weakly textured patches of a picture show, or those of the difference of two.
#ifndef UDM_ANALYSIS_NOISE_PATCHES_H
#define UDM_ANALYSIS_NOISE_PATCHES_H

#include "analysis/noise_picture.h"

typedef struct udm_noise_patches udm_noise_patches;

udm_noise_patches *udm_noise_patches_new(void); // NULL: no memory
void udm_noise_patches_free(udm_noise_patches *patches);

typedef enum udm_noise_part { UDM_NOISE_LUMA, UDM_NOISE_CHROMA } udm_noise_part;

typedef struct udm_noise_reading {
    double sigma;   // of white noise of this deviation, at this octave
    double tilt;    // median over flat rest of the spectrum: about 1 if what was read is white there
    double clipped; // what clipping left of it, a ratio of deviations; 1 but at the full size
    int looked_at;  // patches; 0: the picture is too small
    int weak;       // of those, that bear witness
    double varied;  // the share of those in which anything varies
    double equal;   // in these: the share of neighbouring pixels that are the same,
    double close;   // ... or as close as codecs leave them
} udm_noise_reading;

// before: NULL, or the picture of which (now - before) / sqrt 2 is read.
udm_noise_reading udm_noise_read(udm_noise_patches *patches, const udm_noise_picture *now,
                                 const udm_noise_picture *before, udm_noise_part part, int octave);

#endif
