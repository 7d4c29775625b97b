// SPDX-License-Identifier: LGPL-2.1-or-later
// A tensor is a view: a device's memory, an offset and a shape. It owns nothing.
#ifndef UDM_TENSOR_TENSOR_H
#define UDM_TENSOR_TENSOR_H

#include <stdbool.h>
#include <stddef.h>

typedef struct udm_shape {
    int c, h, w; // channels, height, width: [C, H, W], one frame
} udm_shape;

typedef enum udm_layout {
    UDM_PLANAR,   // float32 [C, H, W], packed: frames and their levels
    UDM_FEATURES, // what a network computes with, in the order that the device likes best
    UDM_HALVES,   // the same in bf16, on devices that have it (udm_device.halves), for the operations of a UdmUNet
} udm_layout;

typedef struct udm_memory udm_memory; // defined by each backend

typedef struct udm_tensor {
    udm_memory *memory;
    size_t offset; // bytes, a multiple of UDM_ALIGNMENT
    udm_shape shape;
    udm_layout layout;
} udm_tensor;

enum { UDM_ALIGNMENT = 64 };

// C * H * W, or 0 where it is not positive or does not fit.
size_t udm_shape_elements(udm_shape shape);

static inline bool udm_shape_equal(udm_shape a, udm_shape b)
{
    return a.c == b.c && a.h == b.h && a.w == b.w;
}

#endif
