// SPDX-License-Identifier: LGPL-2.1-or-later
// The layers of a transformer (Vaswani et al. 2017), normalised before each part, over tokens [width, 1, tokens]:
//     x = x + attention(norm(x)),   x = x + perceptron(norm(x)).
#ifndef UDM_NETWORK_TRANSFORMER_H
#define UDM_NETWORK_TRANSFORMER_H

#include "network/graph.h"

// How a checkpoint calls the parts of a layer.
typedef struct udm_transformer_names {
    const char *norms[2], *query, *key, *value, *out, *inner, *outer;
} udm_transformer_names;

extern const udm_transformer_names udm_clip_names, udm_diffusers_names;

typedef struct udm_transformer_layer {
    udm_norm_layer norms[2];
    udm_layer query, key, value, out, inner, outer;
} udm_transformer_layer;

typedef struct udm_transformer {
    int width, heads, inner, count;
    double eps;
    udm_activation activation;
    bool causal;
    udm_transformer_layer *layers;
} udm_transformer;

// Reads LIST.0 to LIST.(count - 1); the rest of *transformer is set.
bool udm_transformer_open(udm_transformer *transformer, const char *list, const udm_transformer_names *names,
                          const udm_weights *weights, udm_device *device, udm_error *error);
void udm_transformer_close(udm_transformer *transformer, udm_device *device);

udm_value udm_transformer_build(const udm_transformer *transformer, udm_graph *graph, udm_value x);

// "gelu", "quick_gelu", ... of a config.
bool udm_activation_find(const char *name, udm_activation *activation);

#endif
