// SPDX-License-Identifier: LGPL-2.1-or-later
// Planes of the host, moved along a flow by a device.
#ifndef UDM_STREAM_WARP_H
#define UDM_STREAM_WARP_H

#include "backend/backend.h"

// Planes [channels, height, width] and how they move.
typedef struct udm_moving {
    int width, height, channels;
    udm_filter filter;
    const float *flow; // [2, height, width]: out(p) = planes(p + flow(p))
    const float *planes;
} udm_moving;

typedef struct udm_mover udm_mover;

// Borrows the device. Where that fails and has a stand-in, it goes on there.
udm_mover *udm_mover_new(udm_device *device, udm_error *error);
void udm_mover_free(udm_mover *mover); // NULL is fine

// inside: [height, width], or NULL: 1 where the flow stays within the picture, 0 where the border was repeated.
bool udm_mover_run(udm_mover *mover, const udm_moving *what, float *out, float *inside, udm_error *error);

#endif
