// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads the layers of a transformer, and unfolds them.
#include "network/transformer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const udm_transformer_names udm_clip_names = { { "layer_norm1", "layer_norm2" },
                                               "self_attn.q_proj",
                                               "self_attn.k_proj",
                                               "self_attn.v_proj",
                                               "self_attn.out_proj",
                                               "mlp.fc1",
                                               "mlp.fc2" };
const udm_transformer_names udm_diffusers_names = { { "norm1", "norm3" }, "attn1.to_q",    "attn1.to_k", "attn1.to_v",
                                                    "attn1.to_out.0",     "ff.net.0.proj", "ff.net.2" };

bool udm_activation_find(const char *name, udm_activation *activation)
{
    static const struct {
        const char *name;
        udm_activation activation;
    } known[] = { { "gelu", UDM_GELU }, { "quick_gelu", UDM_QUICK_GELU }, { "relu", UDM_RELU }, { "silu", UDM_SILU } };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0) {
            *activation = known[i].activation;
            return true;
        }
    return false;
}

// What the layers are read from.
typedef struct reader {
    const udm_transformer *of;
    char prefix[80];
    const udm_weights *weights;
    udm_device *device;
    udm_error *error;
} reader;

static bool read_linear(const reader *from, udm_layer *layer, const char *name, int in, int out)
{
    char full[160];
    snprintf(full, sizeof full, "%s.%s", from->prefix, name);
    return udm_layer_open_linear(layer, in, out, from->weights, full, from->device, from->error);
}

static bool read_norm(const reader *from, udm_norm_layer *layer, const char *name)
{
    char full[160];
    snprintf(full, sizeof full, "%s.%s", from->prefix, name);
    return udm_norm_layer_open(layer, from->of->width, 1, from->of->eps, from->weights, full, from->device,
                               from->error);
}

static bool read_layer(const reader *from, udm_transformer_layer *layer, const udm_transformer_names *names)
{
    const int width = from->of->width, inner = from->of->inner;
    return read_norm(from, &layer->norms[0], names->norms[0]) &&
           read_linear(from, &layer->query, names->query, width, width) &&
           read_linear(from, &layer->key, names->key, width, width) &&
           read_linear(from, &layer->value, names->value, width, width) &&
           read_linear(from, &layer->out, names->out, width, width) &&
           read_norm(from, &layer->norms[1], names->norms[1]) &&
           read_linear(from, &layer->inner, names->inner, width, inner) &&
           read_linear(from, &layer->outer, names->outer, inner, width);
}

bool udm_transformer_open(udm_transformer *transformer, const char *list, const udm_transformer_names *names,
                          const udm_weights *weights, udm_device *device, udm_error *error)
{
    reader from = { .of = transformer, .weights = weights, .device = device, .error = error };
    transformer->layers = calloc(transformer->count, sizeof *transformer->layers);
    if (!transformer->layers)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for the layers of a network");
    if (transformer->heads < 1 || transformer->width % transformer->heads != 0)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: a width of %d cannot be divided into %d heads",
                        udm_weights_path(weights), transformer->width, transformer->heads);
    for (int i = 0; i < transformer->count; i++) {
        snprintf(from.prefix, sizeof from.prefix, "%s.%d", list, i);
        if (!read_layer(&from, &transformer->layers[i], names))
            return false;
    }
    return true;
}

void udm_transformer_close(udm_transformer *transformer, udm_device *device)
{
    for (int i = 0; transformer->layers && i < transformer->count; i++) {
        udm_transformer_layer *layer = &transformer->layers[i];
        udm_layer *const all[] = {
            &layer->query, &layer->key, &layer->value, &layer->out, &layer->inner, &layer->outer
        };
        for (int k = 0; k < 6; k++)
            udm_layer_close(all[k], device);
        udm_norm_layer_close(&layer->norms[0], device);
        udm_norm_layer_close(&layer->norms[1], device);
    }
    free(transformer->layers);
    transformer->layers = NULL;
}

static udm_value build_attention(const udm_transformer *t, const udm_transformer_layer *layer, udm_graph *graph,
                                 udm_value x)
{
    const udm_value h = udm_graph_layer_norm(graph, &layer->norms[0], x);
    const udm_value query = udm_graph_conv(graph, &layer->query, h, UDM_NO_VALUE, UDM_LINEAR);
    const udm_value key = udm_graph_conv(graph, &layer->key, h, UDM_NO_VALUE, UDM_LINEAR);
    const udm_value value = udm_graph_conv(graph, &layer->value, h, UDM_NO_VALUE, UDM_LINEAR);
    const udm_value seen = t->causal ? udm_graph_attention_causal(graph, query, key, value, t->heads)
                                     : udm_graph_attention(graph, query, key, value, t->heads);
    return udm_graph_conv(graph, &layer->out, seen, x, UDM_LINEAR);
}

udm_value udm_transformer_build(const udm_transformer *t, udm_graph *graph, udm_value x)
{
    for (int i = 0; i < t->count; i++) {
        const udm_transformer_layer *layer = &t->layers[i];
        x = build_attention(t, layer, graph, x);
        udm_value h = udm_graph_layer_norm(graph, &layer->norms[1], x);
        h = udm_graph_conv(graph, &layer->inner, h, UDM_NO_VALUE, t->activation);
        x = udm_graph_conv(graph, &layer->outer, h, x, UDM_LINEAR);
    }
    return x;
}
