// SPDX-License-Identifier: LGPL-2.1-or-later
// Transformer2DModel of diffusers, as in Stable Diffusion (Rombach et al. 2022, section 3.3): pixels attend to pixels,
// then to tokens, and each goes through a perceptron with a gate.
#ifndef UDM_NETWORK_CROSS_H
#define UDM_NETWORK_CROSS_H

#include "network/graph.h"

typedef struct udm_cross_layer {
    udm_norm_layer norms[3];
    udm_layer own[4], other[4];   // query, key, value, out: of pixels, and of tokens
    udm_layer value, gate, outer; // of the perceptron (GEGLU, Shazeer 2020)
} udm_cross_layer;

typedef struct udm_cross {
    int channels, groups, heads, token_width, count;
    bool linear; // in and out are linear layers, not convolutions: how their weights are stored
    udm_norm_layer norm;
    udm_layer in, out;
    udm_cross_layer *layers;
} udm_cross;

// Reads PREFIX.norm and so on; sizes, count and `linear` of *cross are set.
bool udm_cross_open(udm_cross *cross, const char *prefix, const udm_weights *weights, udm_device *device,
                    udm_error *error);
void udm_cross_close(udm_cross *cross, udm_device *device);

udm_value udm_cross_build(const udm_cross *cross, udm_graph *graph, udm_value x, udm_value tokens);

#endif
