// SPDX-License-Identifier: LGPL-2.1-or-later
// What clipping to 0..255 takes of the variance of noise.
#ifndef UDM_ANALYSIS_CLIPPING_H
#define UDM_ANALYSIS_CLIPPING_H

enum { UDM_CLIPPING_LEVELS = 256, UDM_CLIPPING_PLANES = 3 };

// Where patches lie that share a variance: how many have their mean in each plane at each level;
// and how much each plane's variance has in that which was measured, with a sum of 1.
typedef struct udm_clipping {
    int means[UDM_CLIPPING_PLANES][UDM_CLIPPING_LEVELS];
    double weights[UDM_CLIPPING_PLANES];
} udm_clipping;

// The sigma before clipping of noise whose variance after it, averaged over the patches, is this: at most 255.
double udm_unclipped_sigma(const udm_clipping *clipping, double variance);

#endif
