// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames that are their neighbour again.
#ifndef UDM_ANALYSIS_DUPLICATES_H
#define UDM_ANALYSIS_DUPLICATES_H

#include <stdbool.h>

// Whether b shows what a shows, but for what compression does to it: nowhere has something moved. a, b: [channels,
// height, width] in [-1, 1].
bool udm_is_duplicate(int width, int height, int channels, const float *a, const float *b);

#endif
