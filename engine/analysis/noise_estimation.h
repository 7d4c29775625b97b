// SPDX-License-Identifier: LGPL-2.1-or-later
// The noise of a picture, estimated from it and, if there is one, the picture before it.
#ifndef UDM_ANALYSIS_NOISE_ESTIMATION_H
#define UDM_ANALYSIS_NOISE_ESTIMATION_H

#include "analysis/grain.h"
#include "analysis/noise.h"
#include "analysis/noise_patches.h"

// What was measured.
typedef struct udm_noise_evidence {
    int components;                  // 1 of a grey picture
    udm_noise_reading spatial[2][2]; // of luma and chroma, at the full size and at half of it where that matters
    bool paired;                     // with the picture before; what follows is of the difference
    bool certain;                    // white noise is in the picture, and in the difference: it is no repeat
    udm_noise_reading temporal;      // of luma, at the full size
    double grain[2];                 // of luma, at a quarter and an eighth; negative where there is none to be seen
    double fresh;                    // how much of the first is new in each picture, or UDM_GRAIN_UNKNOWN
} udm_noise_evidence;

enum { UDM_NOISE_READERS = 4 };

// What pictures are read with: by several threads at once.
typedef struct udm_noise_readers {
    udm_noise_patches *patches[UDM_NOISE_READERS];
    udm_pool *pool; // or NULL
} udm_noise_readers;

// before: NULL, or the picture before. Where it is the same picture with the same noise, the difference of both has
// next to none, which says nothing, and the evidence is not paired. earlier: the one before that, which may be empty.
udm_noise_evidence udm_noise_measure(const udm_noise_readers *readers, const udm_noise_picture *now,
                                     const udm_noise_picture *before, const udm_noise_glance *earlier);

udm_noise_estimate udm_noise_judge(const udm_noise_evidence *evidence);

#endif
