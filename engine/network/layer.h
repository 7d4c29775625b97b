// SPDX-License-Identifier: LGPL-2.1-or-later
// Layers of a network: convolutions and normalisations, with their weights on a device.
#ifndef UDM_NETWORK_LAYER_H
#define UDM_NETWORK_LAYER_H

#include "backend/backend.h"
#include "model/weights.h"

typedef struct udm_layer {
    udm_conv_spec spec; // with no weight and bias: those are in the kernel
    udm_conv_weights *weights;
} udm_layer;

// Packs spec, whose weight and bias may go afterwards.
bool udm_layer_pack(udm_layer *layer, udm_conv_spec spec, udm_device *device, udm_error *error);

// Reads NAME.weight [out, sum of in, size, size] and, where `bias`, NAME.bias [out].
bool udm_layer_open(udm_layer *layer, udm_conv_spec spec, bool bias, const udm_weights *weights, const char *name,
                    udm_device *device, udm_error *error);

// ... and of some of the rows of a larger one, from `first` of `rows` on: NAME.weight has 4 dimensions, or 2 where it
// is a linear layer. Weights of 16 bits go to devices that take them as they lie in the file.
bool udm_layer_open_rows(udm_layer *layer, udm_conv_spec spec, int dims, int rows, int first, bool bias,
                         const udm_weights *weights, const char *name, udm_device *device, udm_error *error);

// A linear layer, NAME.weight [out, in] and NAME.bias [out], as a convolution of size 1.
bool udm_layer_open_linear(udm_layer *layer, int in, int out, const udm_weights *weights, const char *name,
                           udm_device *device, udm_error *error);

// ... and one that has no bias.
bool udm_layer_open_plain(udm_layer *layer, int in, int out, const udm_weights *weights, const char *name,
                          udm_device *device, udm_error *error);

// A convolution along time, NAME.weight [channels, channels, 3], as one over three frames: two back, one back, now.
bool udm_layer_open_temporal(udm_layer *layer, int channels, const udm_weights *weights, const char *name,
                             udm_device *device, udm_error *error);

void udm_layer_close(udm_layer *layer, udm_device *device);

typedef struct udm_norm_layer {
    int channels, groups;
    float eps;
    udm_tensor affine; // planar [2, 1, channels]: gamma, beta; its memory is the layer's
} udm_norm_layer;

// Reads NAME.weight [channels] and NAME.bias [channels].
bool udm_norm_layer_open(udm_norm_layer *layer, int channels, int groups, double eps, const udm_weights *weights,
                         const char *name, udm_device *device, udm_error *error);
void udm_norm_layer_close(udm_norm_layer *layer, udm_device *device);

#endif
