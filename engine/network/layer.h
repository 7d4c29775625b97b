// SPDX-License-Identifier: LGPL-2.1-or-later
// A convolution of a network: its shape, and its weights packed for a device.
#ifndef UDM_NETWORK_LAYER_H
#define UDM_NETWORK_LAYER_H

#include "backend/backend.h"
#include "model/weights.h"

typedef struct udm_layer {
    udm_kernel_spec spec; // with no weight and bias: those are in the kernel
    udm_kernel *kernel;
} udm_layer;

// Reads NAME.weight [out, sum of in, size, size] and, where `bias`, NAME.bias [out].
bool udm_layer_open(udm_layer *layer, udm_kernel_spec spec, bool bias, const udm_weights *weights, const char *name,
                    udm_device *device, udm_error *error);

// A convolution along time, NAME.weight [channels, channels, 3], as one over three frames: two back, one back, now.
bool udm_layer_open_temporal(udm_layer *layer, int channels, const udm_weights *weights, const char *name,
                             udm_device *device, udm_error *error);

void udm_layer_close(udm_layer *layer, udm_device *device);

#endif
