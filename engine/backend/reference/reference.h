// SPDX-License-Identifier: LGPL-2.1-or-later
// The reference backend: plain loops over planar tensors, one thread. It is the specification of every operation.
#ifndef UDM_BACKEND_REFERENCE_REFERENCE_H
#define UDM_BACKEND_REFERENCE_REFERENCE_H

#include <math.h>

#include "backend/backend.h"

extern const udm_backend udm_backend_reference;

udm_conv_weights *udm_reference_conv_weights_new(udm_device *device, const udm_conv_spec *spec, udm_error *error);
void udm_reference_conv_weights_free(udm_device *device, udm_conv_weights *kernel);
void udm_reference_conv(udm_device *device, const udm_conv *conv);
void udm_reference_observe(udm_device *device, const udm_tensor *dst, const udm_observation *seen, int patch);
void udm_reference_restore(udm_device *device, const udm_tensor *dst, const udm_tensor *correction,
                           const udm_observation *seen, int patch);
void udm_reference_shuffle_add(udm_device *device, const udm_tensor *dst, const udm_tensor *src,
                               const udm_tensor *addend);

void udm_reference_norm(udm_device *device, const udm_norm *norm);
void udm_reference_attention(udm_device *device, const udm_attention *attention);
void udm_reference_layer_norm(udm_device *device, const udm_layer_norm *norm);
void udm_reference_multiply(udm_device *device, const udm_tensor *dst, const udm_tensor *a, const udm_tensor *b);
void udm_reference_join(udm_device *device, const udm_join *join);
void udm_reference_attend_frames(udm_device *device, const udm_frame_attention *attention);
void udm_reference_resample(udm_device *device, const udm_tensor *dst, const udm_tensor *src);
void udm_reference_warp(udm_device *device, const udm_warp *warp);

static inline float udm_reference_activate(udm_activation activation, float x)
{
    switch (activation) {
    case UDM_RELU:
        return x > 0 ? x : 0;
    case UDM_SILU:
        return x / (1 + expf(-x));
    case UDM_GELU:
        return x / 2 * erfcf(-x * (float)M_SQRT1_2);
    case UDM_QUICK_GELU:
        return x / (1 + expf(-1.702f * x));
    default:
        return x;
    }
}

// Both layouts of this backend: element (c, y, x) of a tensor of this shape.
static inline size_t udm_reference_at(udm_shape shape, int c, int y, int x)
{
    return ((size_t)c * shape.h + y) * shape.w + x;
}

#endif
