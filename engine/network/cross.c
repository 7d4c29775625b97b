// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads and unfolds a transformer of pixels and tokens.
#include "network/cross.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

// [out, in] to [out, in + positions]: what the layer makes of sinusoids, as columns that a plane of ones selects.
static float *add_positions(const reader *from, const float *weight, int out, int in, int positions, const float *sines)
{
    const int row = in + positions;
    float *joined = malloc((size_t)out * row * sizeof *joined);
    double *turned = malloc((size_t)(in + 1) * positions * sizeof *turned), *sums = turned + (size_t)in * positions;
    if (!joined || !turned) {
        udm_fail(from->error, UDM_ERROR_MEMORY, "no memory for the layers of a network");
        free(joined), free(turned);
        return NULL;
    }
    for (int f = 0; f < positions; f++)
        for (int i = 0; i < in; i++)
            turned[(size_t)i * positions + f] = sines[(size_t)f * in + i];
    for (int o = 0; o < out; o++) {
        float *to = joined + (size_t)o * row;
        memcpy(to, weight + (size_t)o * in, in * sizeof *joined);
        memset(sums, 0, positions * sizeof *sums);
        for (int i = 0; i < in; i++)
            for (int f = 0; f < positions; f++)
                sums[f] += (double)to[i] * turned[(size_t)i * positions + f];
        for (int f = 0; f < positions; f++)
            to[in + f] = (float)sums[f];
    }
    free(turned);
    return joined;
}

// sines: [positions, width]
static bool read_placed(const reader *from, udm_layer *layer, const char *full, int width, int positions,
                        const float *sines)
{
    float *weight =
        udm_weights_read(from->weights, join(full, "weight").text, 2, (int64_t[]){ width, width }, from->error);
    float *joined = weight ? add_positions(from, weight, width, width, positions, sines) : NULL;
    const udm_conv_spec spec = {
        .sources = 2, .in = { width, positions }, .out = width, .size = 1, .stride = 1, .weight = joined
    };
    const bool good = joined && udm_layer_pack(layer, spec, from->device, from->error);
    free(weight);
    free(joined);
    return good;
}

// other: channels of what is attended to
static bool read_attention(const reader *from, udm_layer layers[4], const char *prefix, int width, int other,
                           int positions, const float *sines)
{
    static const char *const names[] = { "to_q", "to_k", "to_v" };
    for (int i = 0; i < 3; i++) {
        const name full = join(prefix, names[i]);
        if (!(positions ? read_placed(from, &layers[i], full.text, width, positions, sines)
                        : udm_layer_open_plain(&layers[i], i ? other : width, width, from->weights, full.text,
                                               from->device, from->error)))
            return false;
    }
    return udm_layer_open_linear(&layers[3], width, width, from->weights, join(prefix, "to_out.0").text, from->device,
                                 from->error);
}

// One matrix of both: the values come first.
static bool read_perceptron(const reader *from, udm_cross_layer *layer, const char *prefix, int width)
{
    const int inner = 4 * width;
    const udm_conv_spec half = { .sources = 1, .in = { width }, .out = inner, .size = 1, .stride = 1 };
    udm_layer *const layers[2] = { &layer->value, &layer->gate };
    for (int i = 0; i < 2; i++)
        if (!udm_layer_open_rows(layers[i], half, 2, 2 * inner, i * inner, true, from->weights,
                                 join(prefix, "net.0.proj").text, from->device, from->error))
            return false;
    return udm_layer_open_linear(&layer->outer, inner, width, from->weights, join(prefix, "net.2").text, from->device,
                                 from->error);
}

// The sinusoids of the places, [positions, width]: those of the file, or of Vaswani et al. 2017, section 3.5.
static float *read_sines(const reader *from, const char *prefix, int positions, int width)
{
    const name full = join(prefix, "pos_embed.pe");
    if (udm_weights_find(from->weights, full.text))
        return udm_weights_read(from->weights, full.text, 3, (int64_t[]){ 1, positions, width }, from->error);
    float *sines = malloc((size_t)positions * width * sizeof *sines);
    if (!sines)
        udm_fail(from->error, UDM_ERROR_MEMORY, "no memory for the layers of a network");
    for (int f = 0; sines && f < positions; f++)
        for (int c = 0; c < width; c++) {
            const double at = f * exp(-log(10000) * (c - c % 2) / width);
            sines[(size_t)f * width + c] = (float)(c % 2 ? cos(at) : sin(at));
        }
    return sines;
}

static bool read_layer(const reader *from, const udm_cross *cross, udm_cross_layer *layer, const char *prefix)
{
    static const char *const names[] = { "norm1", "norm2", "norm3" };
    const int width = cross->inner, other = cross->frames ? width : cross->token_width;
    const int places = udm_cross_places(cross->positions);
    for (int i = 0; i < 3; i++)
        if (!udm_norm_layer_open(&layer->norms[i], width, 1, EPSILON, from->weights, join(prefix, names[i]).text,
                                 from->device, from->error))
            return false;
    float *sines = cross->positions ? read_sines(from, prefix, cross->positions, width) : NULL;
    const bool good = (sines || !cross->positions) &&
                      read_attention(from, layer->own, join(prefix, "attn1").text, width, width, places, sines) &&
                      read_attention(from, layer->other, join(prefix, "attn2").text, width, other, places, sines) &&
                      read_perceptron(from, layer, join(prefix, "ff").text, width);
    free(sines);
    return good;
}

static bool read_ends(const reader *from, udm_cross *cross, const char *prefix)
{
    static const char *const names[] = { "proj_in", "proj_out" };
    udm_layer *const ends[] = { &cross->in, &cross->out };
    const int widths[] = { cross->channels, cross->inner, cross->channels };
    for (int i = 0; i < 2; i++) {
        const name full = join(prefix, names[i]);
        const int in = widths[i], out = widths[i + 1];
        const udm_conv_spec spec = { .sources = 1, .in = { in }, .out = out, .size = 1, .stride = 1 };
        if (cross->linear
                ? !udm_layer_open_linear(ends[i], in, out, from->weights, full.text, from->device, from->error)
                : !udm_layer_open(ends[i], spec, true, from->weights, full.text, from->device, from->error))
            return false;
    }
    return true;
}

int udm_cross_places(int positions)
{
    return positions < UDM_MAX_FRAMES ? positions : UDM_MAX_FRAMES;
}

bool udm_cross_open(udm_cross *cross, const char *prefix, const udm_weights *weights, udm_device *device,
                    udm_error *error)
{
    const reader from = { weights, device, error };
    cross->inner = cross->inner ? cross->inner : cross->channels;
    if (cross->heads < 1 || cross->inner % cross->heads != 0)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: %d channels cannot be divided into %d heads", prefix,
                        cross->inner, cross->heads);
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
        if (!read_layer(&from, cross, &cross->layers[i], join(prefix, last).text))
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

static udm_value build_perceptron(const udm_cross_layer *layer, udm_graph *graph, udm_value h)
{
    const udm_value n = udm_graph_layer_norm(graph, &layer->norms[2], h);
    const udm_value value = udm_graph_conv(graph, &layer->value, n, UDM_NO_VALUE, UDM_LINEAR);
    const udm_value gate = udm_graph_conv(graph, &layer->gate, n, UDM_NO_VALUE, UDM_GELU);
    return udm_graph_conv(graph, &layer->outer, udm_graph_multiply(graph, value, gate), h, UDM_LINEAR);
}

udm_value udm_cross_build(const udm_cross *cross, udm_graph *graph, udm_value x, udm_value tokens)
{
    udm_value h = udm_graph_norm(graph, &cross->norm, &x, 1, UDM_EMBED_NONE, UDM_NO_VALUE, 0, UDM_LINEAR);
    h = udm_graph_conv(graph, &cross->in, h, UDM_NO_VALUE, UDM_LINEAR);
    for (int i = 0; i < cross->count; i++) {
        const udm_cross_layer *layer = &cross->layers[i];
        h = build_attention(cross, layer->own, &layer->norms[0], graph, h, UDM_NO_VALUE);
        h = build_attention(cross, layer->other, &layer->norms[1], graph, h, tokens);
        h = build_perceptron(layer, graph, h);
    }
    return udm_graph_conv(graph, &cross->out, h, x, UDM_LINEAR);
}

// ---- along time

// What flows: the pixels of all frames as those of one value, so that linear layers are run once.
typedef struct flow {
    const udm_cross *cross;
    udm_graph *graph;
    int frames;
    udm_value places;
} flow;

// Part of what flows for each frame: the layer's output.
static void project(const flow *f, const udm_layer *layer, udm_value h, udm_value parts[UDM_MAX_FRAMES])
{
    const udm_value in[] = { h, f->places };
    const udm_value all =
        udm_graph_conv_all(f->graph, layer, in, f->cross->positions ? 2 : 1, UDM_NO_VALUE, UDM_LINEAR);
    const int pixels = udm_graph_shape(f->graph, h).w / f->frames;
    for (int k = 0; k < f->frames; k++)
        parts[k] = udm_graph_pick(f->graph, all, k * pixels, pixels);
}

static udm_value attend_frames(const flow *f, const udm_layer layers[4], const udm_norm_layer *norm, udm_value x)
{
    udm_value parts[3][UDM_MAX_FRAMES], seen[UDM_MAX_FRAMES];
    const udm_value h = udm_graph_layer_norm(f->graph, norm, x);
    for (int i = 0; i < 3; i++)
        project(f, &layers[i], h, parts[i]);
    for (int k = 0; k < f->frames; k++)
        seen[k] = udm_graph_attend_frames(f->graph, parts[0][k], parts[1], parts[2], f->frames, f->cross->heads);
    return udm_graph_conv(f->graph, &layers[3], udm_graph_join(f->graph, seen, f->frames), x, UDM_LINEAR);
}

void udm_cross_build_frames(const udm_cross *cross, udm_graph *graph, udm_value *x, int frames, udm_value places)
{
    const flow f = { cross, graph, frames, places };
    const udm_shape shape = udm_graph_shape(graph, x[0]);
    const udm_value joined = udm_graph_join(graph, x, frames);
    udm_value h = udm_graph_norm(graph, &cross->norm, &joined, 1, UDM_EMBED_NONE, UDM_NO_VALUE, 0, UDM_LINEAR);
    h = udm_graph_conv(graph, &cross->in, h, UDM_NO_VALUE, UDM_LINEAR);
    for (int i = 0; i < cross->count; i++) {
        const udm_cross_layer *layer = &cross->layers[i];
        h = attend_frames(&f, layer->own, &layer->norms[0], h);
        h = attend_frames(&f, layer->other, &layer->norms[1], h);
        h = build_perceptron(layer, graph, h);
    }
    h = udm_graph_conv(graph, &cross->out, h, joined, UDM_LINEAR);
    for (int k = 0; k < frames; k++)
        x[k] = udm_graph_pick_shape(graph, h, k * shape.h * shape.w, shape);
}
