// SPDX-License-Identifier: LGPL-2.1-or-later
// Opens and unfolds half of an autoencoder.
#include "network/autoencoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool read_config(udm_autoencoder_reader *from)
{
    const char *class = "";
    if (!udm_config_string(from->config, "_class_name", &class, from->error))
        return false;
    from->half->tiny = strcmp(class, "AutoencoderTiny") == 0;
    if (from->half->tiny)
        return udm_autoencoder_tiny_config(from);
    return strcmp(class, "AutoencoderKL") == 0
               ? udm_autoencoder_kl_config(from)
               : udm_fail(from->error, UDM_ERROR_UNSUPPORTED,
                          "%s: there is no autoencoder \"%s\" here; have: AutoencoderKL, AutoencoderTiny",
                          udm_config_path(from->config), class);
}

bool udm_autoencoder_describe(udm_autoencoder *to, const udm_config *config, udm_error *error)
{
    *to = (udm_autoencoder){ 0 };
    return read_config(&(udm_autoencoder_reader){ .half = to, .config = config, .error = error });
}

// Whether a tensor is of this half; *neither: of none.
static bool is_of(const char *name, bool encoder, bool *neither)
{
    static const char *const prefixes[2][2] = { { "decoder.", "post_quant_conv." }, { "encoder.", "quant_conv." } };
    bool of[2] = { false };
    for (int i = 0; i < 4; i++)
        of[i / 2] |= strncmp(name, prefixes[i / 2][i % 2], strlen(prefixes[i / 2][i % 2])) == 0;
    *neither = !of[0] && !of[1];
    return of[encoder];
}

static bool check_tensors(const udm_autoencoder_reader *from)
{
    for (size_t i = 0; i < udm_weights_count(from->weights); i++) {
        const udm_weight *weight = udm_weights_at(from->weights, i);
        bool neither, own = is_of(weight->name, from->half->encodes, &neither);
        if (neither || (own && !udm_weights_was_read(from->weights, i)))
            return udm_fail(from->error, UDM_ERROR_UNSUPPORTED,
                            "%s: nothing in the config says what to do with the tensor \"%s\"",
                            udm_weights_path(from->weights), weight->name);
        from->half->weights += own ? (int64_t)weight->elements : 0;
    }
    return true;
}

udm_autoencoder *udm_autoencoder_open(const udm_config *config, const udm_weights *weights, bool encoder,
                                      udm_device *device, udm_error *error)
{
    udm_autoencoder *half = calloc(1, sizeof *half);
    if (!half) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a network");
        return NULL;
    }
    udm_autoencoder_reader from = { .half = half, .config = config, .weights = weights, .error = error };
    half->encodes = encoder;
    half->device = device;
    if (read_config(&from) && (half->tiny ? udm_autoencoder_tiny_read(&from) : udm_autoencoder_kl_read(&from)) &&
        check_tensors(&from))
        return half;
    udm_autoencoder_free(half);
    return NULL;
}

void udm_autoencoder_free(udm_autoencoder *half)
{
    if (!half)
        return;
    for (int i = 0; i < half->count; i++) {
        udm_autoencoder_step *step = &half->steps[i];
        for (int k = 0; k < 4; k++)
            udm_layer_close(&step->layers[k], half->device);
        for (int k = 0; k < 2; k++)
            udm_norm_layer_close(&step->norms[k], half->device);
    }
    free(half->steps);
    free(half);
}

udm_autoencoder_step *udm_autoencoder_add(udm_autoencoder_reader *from, udm_autoencoder_kind kind)
{
    udm_autoencoder *half = from->half;
    udm_autoencoder_step *steps = realloc(half->steps, (half->count + 1) * sizeof *steps);
    if (!steps) {
        udm_fail(from->error, UDM_ERROR_MEMORY, "no memory for the layers of a network");
        return NULL;
    }
    half->steps = steps;
    steps[half->count] = (udm_autoencoder_step){ .kind = kind };
    return &steps[half->count++];
}

bool udm_autoencoder_conv(udm_autoencoder_reader *from, udm_layer *layer, udm_conv_spec spec, bool bias,
                          const char *name)
{
    return udm_layer_open(layer, spec, bias, from->weights, name, from->half->device, from->error);
}

udm_conv_spec udm_autoencoder_spec(int in, int out, int size)
{
    return (udm_conv_spec){ .sources = 1, .in = { in }, .out = out, .size = size, .stride = 1, .padding = size / 2 };
}

// ---- the graph

static udm_value conv(udm_graph *graph, const udm_layer *layer, udm_value x, udm_value residual,
                      udm_activation activation)
{
    return udm_graph_conv(graph, layer, x, residual, activation);
}

static udm_value norm(udm_graph *graph, const udm_norm_layer *layer, udm_value x, udm_activation activation)
{
    return udm_graph_norm(graph, layer, &x, 1, UDM_EMBED_NONE, UDM_NO_VALUE, 0, activation);
}

static udm_value build_resnet(udm_graph *graph, const udm_autoencoder_step *step, udm_value x)
{
    udm_value h = conv(graph, &step->layers[0], norm(graph, &step->norms[0], x, UDM_SILU), UDM_NO_VALUE, UDM_LINEAR);
    h = norm(graph, &step->norms[1], h, UDM_SILU);
    if (step->layers[2].weights)
        x = conv(graph, &step->layers[2], x, UDM_NO_VALUE, UDM_LINEAR);
    return conv(graph, &step->layers[1], h, x, UDM_LINEAR);
}

static udm_value build_attention(udm_graph *graph, const udm_autoencoder_step *step, udm_value x)
{
    const udm_value h = norm(graph, &step->norms[0], x, UDM_LINEAR);
    udm_value parts[3];
    for (int i = 0; i < 3; i++)
        parts[i] = conv(graph, &step->layers[i], h, UDM_NO_VALUE, UDM_LINEAR);
    return conv(graph, &step->layers[3], udm_graph_attention(graph, parts[0], parts[1], parts[2], 1), x, UDM_LINEAR);
}

static udm_value build_block(udm_graph *graph, const udm_autoencoder_step *step, udm_value x)
{
    udm_value h = conv(graph, &step->layers[0], x, UDM_NO_VALUE, UDM_RELU);
    h = conv(graph, &step->layers[1], h, UDM_NO_VALUE, UDM_RELU);
    if (step->layers[3].weights)
        x = conv(graph, &step->layers[3], x, UDM_NO_VALUE, UDM_LINEAR);
    return conv(graph, &step->layers[2], h, x, UDM_RELU_OF_SUM);
}

static udm_value build_pool(udm_graph *graph, const udm_autoencoder_step *step, udm_value x)
{
    const udm_value h = conv(graph, &step->layers[0], x, UDM_NO_VALUE, UDM_LINEAR);
    return conv(graph, &step->layers[1], norm(graph, &step->norms[0], h, UDM_RELU), x, UDM_LINEAR);
}

static udm_value build_step(udm_graph *graph, const udm_autoencoder_step *step, udm_value x)
{
    switch (step->kind) {
    case UDM_CODE_RESNET:
        return build_resnet(graph, step, x);
    case UDM_CODE_ATTENTION:
        return build_attention(graph, step, x);
    case UDM_CODE_ENLARGE:
        return udm_graph_enlarge(graph, x);
    case UDM_CODE_BLOCK:
        return build_block(graph, step, x);
    case UDM_CODE_POOL:
        return build_pool(graph, step, x);
    default:
        if (step->normalised)
            x = norm(graph, &step->norms[0], x, UDM_SILU);
        return conv(graph, &step->layers[0], x, UDM_NO_VALUE, step->activation);
    }
}

bool udm_autoencoder_build(const udm_autoencoder *half, udm_graph *graph, int width, int height, udm_error *error)
{
    udm_value x = udm_graph_input(graph, (udm_shape){ half->encodes ? half->channels : half->latents, height, width });
    for (int i = 0; i < half->count; i++)
        x = build_step(graph, &half->steps[i], x);
    udm_graph_keep(graph, x);
    return udm_graph_plan(graph, error);
}

// ---- what values mean

// The decoder of AutoencoderTiny is shown latents that are pressed into [-3, 3], and both of its halves pictures in
// [0, 1].
void udm_autoencoder_prepare(const udm_autoencoder *half, size_t count, float *values)
{
    const float gain = (float)(1 / half->factor), shift = (float)half->shift;
    for (size_t i = 0; i < count; i++) {
        const float latent = values[i] * gain + shift;
        values[i] = !half->encodes ? (half->tiny ? 3 * tanhf(latent / 3) : latent)
                    : half->tiny   ? (values[i] + 1) / 2
                                   : values[i];
    }
}

void udm_autoencoder_finish(const udm_autoencoder *half, size_t count, float *values)
{
    const float gain = (float)half->factor, shift = (float)half->shift;
    for (size_t i = 0; half->encodes && i < count; i++)
        values[i] = (values[i] - shift) * gain;
    for (size_t i = 0; half->tiny && !half->encodes && i < count; i++)
        values[i] = 2 * values[i] - 1;
}
