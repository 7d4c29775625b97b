// SPDX-License-Identifier: LGPL-2.1-or-later
// Impulses: single pixels that a sensor or a transmission has made far too bright or too dark, here and there, or
// always in the same place.
#ifndef UDM_ANALYSIS_IMPULSES_H
#define UDM_ANALYSIS_IMPULSES_H

#include <stddef.h>

#include "udm/error.h"
#include "base/threads.h"

typedef struct udm_impulses udm_impulses;

// channels: of the frames of a stream. Borrows the pool. Errors: MEMORY.
udm_impulses *udm_impulses_new(int channels, int width, int height, udm_pool *pool, udm_error *error);
void udm_impulses_free(udm_impulses *impulses); // NULL is fine

// Looks for impulses in each of the planes [channels, height, width] of the next frame, in [-1, 1], and replaces them
// by the median of what surrounds them. Returns how many samples that were; 0: nothing has changed. The planes of a
// frame with few single pixels that stand out, or with bright ones only, such as text and stars, are left as they are,
// but for those pixels that stood out in the same place while what surrounds them moved.
size_t udm_impulses_remove(udm_impulses *impulses, float *planes);

// The next frame does not follow the last one.
void udm_impulses_reset(udm_impulses *impulses);

#endif
