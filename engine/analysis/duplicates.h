// SPDX-License-Identifier: LGPL-2.1-or-later
// Detection of repeated frames.
#ifndef UDM_ANALYSIS_DUPLICATES_H
#define UDM_ANALYSIS_DUPLICATES_H

#include <stdbool.h>

// Whether b repeats a, but for compression artefacts: nothing has moved anywhere. a, b: [channels, height, width] in
// [-1, 1].
bool udm_is_duplicate(int width, int height, int channels, const float *a, const float *b);

#endif
