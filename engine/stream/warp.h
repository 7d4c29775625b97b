// SPDX-License-Identifier: LGPL-2.1-or-later
// Planes that are moved along a flow.
#ifndef UDM_STREAM_WARP_H
#define UDM_STREAM_WARP_H

#include "base/threads.h"

typedef enum udm_filter {
    UDM_BILINEAR, // 2 x 2 pixels: for what is smooth
    UDM_LANCZOS_3 // 6 x 6: keeps detail that is moved again and again
} udm_filter;

// Planes [channels, height, width] and how they move.
typedef struct udm_moving {
    int width, height, channels;
    udm_filter filter;
    const float *flow; // [2, height, width]: out(p) = planes(p + flow(p))
    const float *planes;
} udm_moving;

// valid [height, width], or NULL: 1 where the flow stays within the picture, 0 where the border was repeated.
void udm_warp(udm_pool *pool, const udm_moving *what, float *out, float *valid);

#endif
