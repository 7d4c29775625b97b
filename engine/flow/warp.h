// SPDX-License-Identifier: LGPL-2.1-or-later
// Planes of the host, moved along a flow by a device.
#ifndef UDM_FLOW_WARP_H
#define UDM_FLOW_WARP_H

#include "backend/backend.h"

// Planes [channels, height, width] and how they move.
typedef struct udm_warp_input {
    int width, height, channels;
    udm_filter filter;
    const float *flow; // [2, height, width]: out(p) = planes(p + flow(p))
    const float *planes;
} udm_warp_input;

typedef struct udm_warper udm_warper;

// Borrows the device. Where that fails and has a stand-in, it goes on there.
udm_warper *udm_warper_new(udm_device *device, udm_error *error);
void udm_warper_free(udm_warper *warper); // NULL is fine

// inside: [height, width], or NULL: 1 where the flow stays within the picture, 0 where the border was repeated.
bool udm_warper_run(udm_warper *warper, const udm_warp_input *what, float *out, float *inside, udm_error *error);

#endif
