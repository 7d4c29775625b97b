// SPDX-License-Identifier: LGPL-2.1-or-later
// CLIP's text tower. Files that were saved as CLIPTextModel by transformers 5 have no "text_model." before the names.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network/clip.h"

enum { LEGACY_END = 2 }; // eos_token_id of files whose real one is the highest token

// Those that are read, or do nothing at inference.
static const char *const known[] = { "architectures",
                                     "model_type",
                                     "vocab_size",
                                     "hidden_size",
                                     "intermediate_size",
                                     "projection_dim",
                                     "num_hidden_layers",
                                     "num_attention_heads",
                                     "max_position_embeddings",
                                     "hidden_act",
                                     "layer_norm_eps",
                                     "attention_dropout",
                                     "dropout",
                                     "initializer_range",
                                     "initializer_factor",
                                     "bos_token_id",
                                     "eos_token_id",
                                     "pad_token_id",
                                     "dtype",
                                     "torch_dtype",
                                     "transformers_version",
                                     "gradient_checkpointing",
                                     NULL };

static bool read_config(udm_clip_text *text, const udm_config *config, const char *class, udm_error *error)
{
    udm_transformer *layers = &text->layers;
    const char *activation = "quick_gelu";
    *layers = (udm_transformer){ .inner = 2048, .count = 12, .heads = 8, .eps = 1e-5, .causal = true };
    text->words = 49408, text->width = 512, text->size = 512, text->length = 77, text->end = 49407;
    if (!udm_config_only(config, known, error) ||
        !udm_config_int(config, "vocab_size", 1, 1 << 20, &text->words, error) ||
        !udm_config_int(config, "hidden_size", 1, 16384, &text->width, error) ||
        !udm_config_int(config, "intermediate_size", 1, 65536, &layers->inner, error) ||
        !udm_config_int(config, "projection_dim", 1, 16384, &text->size, error) ||
        !udm_config_int(config, "num_hidden_layers", 1, 256, &layers->count, error) ||
        !udm_config_int(config, "num_attention_heads", 1, 1024, &layers->heads, error) ||
        !udm_config_int(config, "max_position_embeddings", 2, 65536, &text->length, error) ||
        !udm_config_double(config, "layer_norm_eps", 0, 1, &layers->eps, error) ||
        !udm_config_int(config, "eos_token_id", 0, 1 << 20, &text->end, error) ||
        !udm_config_string(config, "hidden_act", &activation, error))
        return false;
    layers->width = text->width;
    if (text->end == LEGACY_END)
        text->end = -1;
    if (strcmp(class, "CLIPTextModel") == 0)
        text->size = 0;
    else if (strcmp(class, "CLIPTextModelWithProjection") != 0)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: there is no text encoder \"%s\" here",
                        udm_config_path(config), class);
    return udm_activation_find(activation, &layers->activation) ||
           udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: this is not implemented: \"hidden_act\": %s",
                    udm_config_path(config), activation);
}

static bool read_layers(udm_clip_text *text, const udm_weights *weights, udm_error *error)
{
    const char *prefix = udm_weights_find(weights, "text_model.final_layer_norm.weight") ? "text_model." : "";
    char name[96];
    snprintf(name, sizeof name, "%sembeddings.token_embedding.weight", prefix);
    text->tokens = udm_weights_read(weights, name, 2, (int64_t[]){ text->words, text->width }, error);
    snprintf(name, sizeof name, "%sembeddings.position_embedding.weight", prefix);
    text->places =
        text->tokens ? udm_weights_read(weights, name, 2, (int64_t[]){ text->length, text->width }, error) : NULL;
    snprintf(name, sizeof name, "%sencoder.layers", prefix);
    if (!text->places || !udm_transformer_open(&text->layers, name, &udm_clip_names, weights, text->device, error))
        return false;
    snprintf(name, sizeof name, "%sfinal_layer_norm", prefix);
    return udm_norm_layer_open(&text->norm, text->width, 1, text->layers.eps, weights, name, text->device, error) &&
           (text->size == 0 || udm_layer_open_plain(&text->projection, text->width, text->size, weights,
                                                    "text_projection", text->device, error)) &&
           udm_weights_all_read(weights, error);
}

udm_clip_text *udm_clip_text_open(const udm_config *config, const udm_weights *weights, const char *class,
                                  udm_device *device, udm_error *error)
{
    udm_clip_text *text = calloc(1, sizeof *text);
    if (!text) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a network");
        return NULL;
    }
    text->device = device;
    text->weights = udm_weights_total(weights);
    if (read_config(text, config, class, error) && read_layers(text, weights, error))
        return text;
    udm_clip_text_free(text);
    return NULL;
}

void udm_clip_text_free(udm_clip_text *text)
{
    if (!text)
        return;
    udm_transformer_close(&text->layers, text->device);
    udm_norm_layer_close(&text->norm, text->device);
    udm_layer_close(&text->projection, text->device);
    free(text->tokens);
    free(text->places);
    free(text);
}

bool udm_clip_text_embed(const udm_clip_text *text, const int *ids, size_t count, float *out, udm_error *error)
{
    if (count > (size_t)text->length)
        return udm_fail(error, UDM_ERROR_SETTINGS, "a text of %zu tokens: this model reads at most %d", count,
                        text->length);
    for (size_t t = 0; t < count; t++) {
        if (ids[t] < 0 || ids[t] >= text->words)
            return udm_fail(error, UDM_ERROR_CORRUPT,
                            "the tokenizer has a token %d, but the text encoder knows only %d: they are of different "
                            "models",
                            ids[t], text->words);
        const float *token = text->tokens + (size_t)ids[t] * text->width, *place = text->places + t * text->width;
        for (int c = 0; c < text->width; c++)
            out[c * count + t] = token[c] + place[c];
    }
    return true;
}

int udm_clip_text_end(const udm_clip_text *text, const int *ids, size_t count)
{
    size_t found = 0;
    for (size_t t = 0; t < count; t++) {
        if (ids[t] == text->end)
            return (int)t;
        if (text->end < 0 && ids[t] > ids[found])
            found = t;
    }
    return (int)found;
}

bool udm_clip_text_build(const udm_clip_text *text, udm_graph *graph, int count, int end, udm_error *error)
{
    udm_value x = udm_graph_input(graph, (udm_shape){ text->width, 1, count });
    x = udm_transformer_build(&text->layers, graph, x);
    x = udm_graph_layer_norm(graph, &text->norm, x);
    udm_graph_keep(graph, x);
    if (text->size > 0) {
        const udm_value at = udm_graph_pick(graph, x, end, 1);
        udm_graph_keep(graph, udm_graph_conv(graph, &text->projection, at, UDM_NO_VALUE, UDM_LINEAR));
    }
    return udm_graph_plan(graph, error);
}
