// SPDX-License-Identifier: LGPL-2.1-or-later
// Dirt: what two neighbours along motion agree on and the frame contradicts is lost, and filled from them.
#ifndef UDM_REPAIR_DIRT_H
#define UDM_REPAIR_DIRT_H

#include "repair/regions.h"

typedef struct udm_dirt udm_dirt;

// amount: above 0, to 1: the more, the fainter is what counts as dirt.
udm_dirt *udm_dirt_new(int channels, int width, int height, double amount, udm_pool *pool, udm_error *error);
void udm_dirt_free(udm_dirt *dirt); // NULL is fine
size_t udm_dirt_memory(const udm_dirt *dirt);

// planes: [channels, height, width] of the frame before, the frame, and the one after, in [-1, 1]. out: the frame, of
// which only what is dirt is changed. Returns the pixels that were.
size_t udm_dirt_remove(udm_dirt *dirt, const float *const planes[3], float *out);

void udm_dirt_listen(udm_dirt *dirt, udm_region_listener listener, void *context); // as udm_regions_listen()

#endif
