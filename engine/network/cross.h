// SPDX-License-Identifier: LGPL-2.1-or-later
// Transformer2DModel of diffusers, as in Stable Diffusion (Rombach et al. 2022, section 3.3): pixels attend to pixels,
// then to tokens, and each goes through a perceptron with a gate. And the same along time: TransformerTemporalModel and
// AnimateDiffTransformer3D, where a pixel attends to those of other frames at its place, twice.
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
    bool linear;   // in and out are linear layers, not convolutions: how their weights are stored
    bool frames;   // it is along time
    int inner;     // channels of the layers; 0: as many
    int positions; // along time: places whose sinusoids are added before attention; 0: none
    udm_norm_layer norm;
    udm_layer in, out;
    udm_cross_layer *layers;
} udm_cross;

// Reads PREFIX.norm and so on; what stands above the layers in *cross is set.
bool udm_cross_open(udm_cross *cross, const char *prefix, const udm_weights *weights, udm_device *device,
                    udm_error *error);
void udm_cross_close(udm_cross *cross, udm_device *device);

udm_value udm_cross_build(const udm_cross *cross, udm_graph *graph, udm_value x, udm_value tokens);

// Along time, in place; x: of each frame. places: where it has positions, [udm_cross_places(), 1, pixels of all
// frames], of which plane f is 1 at the pixels of frame f, and 0 elsewhere.
int udm_cross_places(int positions);
void udm_cross_build_frames(const udm_cross *cross, udm_graph *graph, udm_value *x, int frames, udm_value places);

#endif
