// SPDX-License-Identifier: LGPL-2.1-or-later
// What the frames before and after say of a frame: luma, moved to its instant along motion that is found between those
// two alone, so that nothing in the frame itself leads it astray.
#ifndef UDM_REPAIR_AROUND_H
#define UDM_REPAIR_AROUND_H

#include <stddef.h>

#include "udm/error.h"
#include "base/threads.h"

typedef struct udm_around {
    int width, height;
    size_t pixels;
    udm_pool *pool;
    struct udm_flow *flow;
    float *memory;
    // [height, width] each:
    float *luma[3];  // of the frame before, the frame, and the one after
    float *u, *v;    // half the motion from before to after, at the frame's instant
    float *moved[2]; // luma of before and after, moved there
    float *light;    // what the frame is brighter by than both, over wide areas
    float *spread;   // mean difference of both around
    float *scratch[2];
} udm_around;

udm_around *udm_around_new(int width, int height, udm_pool *pool, udm_error *error);
void udm_around_free(udm_around *around); // NULL is fine
size_t udm_around_memory(const udm_around *around);

// planes: [channels, height, width] of the three frames
void udm_around_look(udm_around *around, int channels, const float *const planes[3]);

#endif
