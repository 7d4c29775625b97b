// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads and unfolds a transformer of pixels and tokens.
#include "network/cross.h"

#include <stdio.h>
#include <stdlib.h>

static const double OUTER_EPSILON = 1e-6, EPSILON = 1e-5; // of the group norm, and of the layer norms

typedef struct name {
    char text[160];
} name;

static name join(const char *prefix, const char *last)
{
    name joined;
    snprintf(joined.text, sizeof joined.text, "%.110s.%.40s", prefix, last);
    return joined;
}

// What a layer is read from.
typedef struct reader {
    const udm_weights *weights;
    udm_device *device;
    udm_error *error;
} reader;

static bool read_attention(const reader *from, udm_layer layers[4], const char *prefix, int width, int other)
{
    static const char *const names[] = { "to_q", "to_k", "to_v" };
    for (int i = 0; i < 3; i++)
        if (!udm_layer_open_plain(&layers[i], i ? other : width, width, from->weights, join(prefix, names[i]).text,
                                  from->device, from->error))
            return false;
    return udm_layer_open_linear(&layers[3], width, width, from->weights, join(prefix, "to_out.0").text, from->device,
                                 from->error);
}

static bool pack(const reader *from, udm_layer *layer, int in, int out, const float *weight, const float *bias)
{
    const udm_conv_spec spec = {
        .sources = 1, .in = { in }, .out = out, .size = 1, .stride = 1, .weight = weight, .bias = bias
    };
    return udm_layer_pack(layer, spec, from->device, from->error);
}

// One matrix of both: the values come first.
static bool read_perceptron(const reader *from, udm_cross_layer *layer, const char *prefix, int width)
{
    const int inner = 4 * width;
    float *weight = udm_weights_read(from->weights, join(prefix, "net.0.proj.weight").text, 2,
                                     (int64_t[]){ 2 * inner, width }, from->error);
    float *bias = weight ? udm_weights_read(from->weights, join(prefix, "net.0.proj.bias").text, 1,
                                            (int64_t[]){ 2 * inner }, from->error)
                         : NULL;
    const bool good = bias && pack(from, &layer->value, width, inner, weight, bias) &&
                      pack(from, &layer->gate, width, inner, weight + (size_t)inner * width, bias + inner);
    free(weight);
    free(bias);
    return good && udm_layer_open_linear(&layer->outer, inner, width, from->weights, join(prefix, "net.2").text,
                                         from->device, from->error);
}

static bool read_layer(const reader *from, udm_cross_layer *layer, const char *prefix, int width, int other)
{
    static const char *const names[] = { "norm1", "norm2", "norm3" };
    for (int i = 0; i < 3; i++)
        if (!udm_norm_layer_open(&layer->norms[i], width, 1, EPSILON, from->weights, join(prefix, names[i]).text,
                                 from->device, from->error))
            return false;
    return read_attention(from, layer->own, join(prefix, "attn1").text, width, width) &&
           read_attention(from, layer->other, join(prefix, "attn2").text, width, other) &&
           read_perceptron(from, layer, join(prefix, "ff").text, width);
}

static bool read_ends(const reader *from, udm_cross *cross, const char *prefix)
{
    static const char *const names[] = { "proj_in", "proj_out" };
    udm_layer *const ends[] = { &cross->in, &cross->out };
    const int width = cross->channels;
    for (int i = 0; i < 2; i++) {
        const name full = join(prefix, names[i]);
        const udm_conv_spec spec = { .sources = 1, .in = { width }, .out = width, .size = 1, .stride = 1 };
        if (cross->linear
                ? !udm_layer_open_linear(ends[i], width, width, from->weights, full.text, from->device, from->error)
                : !udm_layer_open(ends[i], spec, true, from->weights, full.text, from->device, from->error))
            return false;
    }
    return true;
}

bool udm_cross_open(udm_cross *cross, const char *prefix, const udm_weights *weights, udm_device *device,
                    udm_error *error)
{
    const reader from = { weights, device, error };
    if (cross->heads < 1 || cross->channels % cross->heads != 0)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: %d channels cannot be divided into %d heads", prefix,
                        cross->channels, cross->heads);
    cross->layers = calloc(cross->count, sizeof *cross->layers);
    if (!cross->layers)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for the layers of a network");
    if (!udm_norm_layer_open(&cross->norm, cross->channels, cross->groups, OUTER_EPSILON, weights,
                             join(prefix, "norm").text, device, error) ||
        !read_ends(&from, cross, prefix))
        return false;
    for (int i = 0; i < cross->count; i++) {
        char last[40];
        snprintf(last, sizeof last, "transformer_blocks.%d", i);
        if (!read_layer(&from, &cross->layers[i], join(prefix, last).text, cross->channels, cross->token_width))
            return false;
    }
    return true;
}

void udm_cross_close(udm_cross *cross, udm_device *device)
{
    for (int i = 0; cross->layers && i < cross->count; i++) {
        udm_cross_layer *layer = &cross->layers[i];
        for (int k = 0; k < 3; k++)
            udm_norm_layer_close(&layer->norms[k], device);
        for (int k = 0; k < 4; k++) {
            udm_layer_close(&layer->own[k], device);
            udm_layer_close(&layer->other[k], device);
        }
        udm_layer_close(&layer->value, device);
        udm_layer_close(&layer->gate, device);
        udm_layer_close(&layer->outer, device);
    }
    free(cross->layers);
    cross->layers = NULL;
    udm_norm_layer_close(&cross->norm, device);
    udm_layer_close(&cross->in, device);
    udm_layer_close(&cross->out, device);
}

// x + attention of norm(x) to `seen`, or to itself where that is none.
static udm_value build_attention(const udm_cross *cross, const udm_layer layers[4], const udm_norm_layer *norm,
                                 udm_graph *graph, udm_value x, udm_value seen)
{
    const udm_value h = udm_graph_layer_norm(graph, norm, x), from = seen == UDM_NO_VALUE ? h : seen;
    const udm_value query = udm_graph_conv(graph, &layers[0], h, UDM_NO_VALUE, UDM_LINEAR);
    const udm_value key = udm_graph_conv(graph, &layers[1], from, UDM_NO_VALUE, UDM_LINEAR);
    const udm_value value = udm_graph_conv(graph, &layers[2], from, UDM_NO_VALUE, UDM_LINEAR);
    const udm_value found = udm_graph_attention(graph, query, key, value, cross->heads);
    return udm_graph_conv(graph, &layers[3], found, x, UDM_LINEAR);
}

udm_value udm_cross_build(const udm_cross *cross, udm_graph *graph, udm_value x, udm_value tokens)
{
    udm_value h = udm_graph_norm(graph, &cross->norm, &x, 1, UDM_EMBED_NONE, UDM_NO_VALUE, 0, UDM_LINEAR);
    h = udm_graph_conv(graph, &cross->in, h, UDM_NO_VALUE, UDM_LINEAR);
    for (int i = 0; i < cross->count; i++) {
        const udm_cross_layer *layer = &cross->layers[i];
        h = build_attention(cross, layer->own, &layer->norms[0], graph, h, UDM_NO_VALUE);
        h = build_attention(cross, layer->other, &layer->norms[1], graph, h, tokens);
        const udm_value n = udm_graph_layer_norm(graph, &layer->norms[2], h);
        const udm_value value = udm_graph_conv(graph, &layer->value, n, UDM_NO_VALUE, UDM_LINEAR);
        const udm_value gate = udm_graph_conv(graph, &layer->gate, n, UDM_NO_VALUE, UDM_GELU);
        h = udm_graph_conv(graph, &layer->outer, udm_graph_multiply(graph, value, gate), h, UDM_LINEAR);
    }
    return udm_graph_conv(graph, &cross->out, h, x, UDM_LINEAR);
}
