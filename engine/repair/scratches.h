// SPDX-License-Identifier: LGPL-2.1-or-later
// Scratches that stay: thin upright lines that are in the same place of many frames, whatever the picture does.
#ifndef UDM_REPAIR_SCRATCHES_H
#define UDM_REPAIR_SCRATCHES_H

#include "repair/lines.h"

typedef struct udm_scratches udm_scratches;

// amount: above 0, to 1: the more, the fainter is what counts as one.
udm_scratches *udm_scratches_new(int channels, int width, int height, double amount, udm_pool *pool, udm_error *error);
void udm_scratches_free(udm_scratches *scratches); // NULL is fine
size_t udm_scratches_memory(const udm_scratches *scratches);

// Takes them out of planes [channels, height, width], in [-1, 1], of the next frame, which begins a scene or goes on
// with one. Returns the pixels that were changed.
size_t udm_scratches_remove(udm_scratches *scratches, float *planes, bool begins);

#endif
