// SPDX-License-Identifier: LGPL-2.1-or-later
// A device that times its operations ("cpu:profile", "opencl:0:profile"): a table of operations that work as its own,
// and note how long they took.
#ifndef UDM_BACKEND_TIMES_H
#define UDM_BACKEND_TIMES_H

#include "backend/backend.h"

typedef struct udm_times udm_times;

// Multiplications are those that are done: for Winograd 36 for each tile of 16 pixels. bytes: of the weights.
typedef struct udm_conv_work {
    int sources, in, out, size, stride;
    bool winograd;
    double flops, bytes;
} udm_conv_work;

typedef struct udm_clock {
    double (*now_ms)(const udm_device *device); // after what was queued so far
    udm_conv_work (*conv)(udm_device *device, const udm_conv *conv);
} udm_clock;

// From now on the device's operations are timed.
bool udm_times_new(udm_device *device, const udm_clock *clock, udm_error *error);
void udm_times_free(udm_times *times); // NULL is fine
void udm_times_list(const udm_times *times, udm_timed found, void *context);

#endif
