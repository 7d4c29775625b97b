// SPDX-License-Identifier: LGPL-2.1-or-later
// CLIP's tower of pictures (a vision transformer, Dosovitskiy et al. 2021). A convolution whose stride is its size is a
// linear layer of the pixels of a patch.
#include <stdlib.h>
#include <string.h>

#include "network/clip.h"

// Those that are read, or do nothing at inference.
static const char *const known[] = { "architectures",
                                     "model_type",
                                     "hidden_size",
                                     "intermediate_size",
                                     "projection_dim",
                                     "num_hidden_layers",
                                     "num_attention_heads",
                                     "num_channels",
                                     "image_size",
                                     "patch_size",
                                     "hidden_act",
                                     "layer_norm_eps",
                                     "attention_dropout",
                                     "dropout",
                                     "initializer_range",
                                     "initializer_factor",
                                     "dtype",
                                     "torch_dtype",
                                     "transformers_version",
                                     "gradient_checkpointing",
                                     NULL };

static bool read_config(udm_clip_vision *vision, const udm_config *config, udm_error *error)
{
    udm_transformer *layers = &vision->layers;
    const char *activation = "quick_gelu";
    *layers = (udm_transformer){ .inner = 3072, .count = 12, .heads = 12, .eps = 1e-5 };
    vision->width = 768, vision->size = 512, vision->channels = 3, vision->image = 224, vision->patch = 32;
    if (!udm_config_only(config, known, error) ||
        !udm_config_int(config, "hidden_size", 1, 16384, &vision->width, error) ||
        !udm_config_int(config, "intermediate_size", 1, 65536, &layers->inner, error) ||
        !udm_config_int(config, "projection_dim", 1, 16384, &vision->size, error) ||
        !udm_config_int(config, "num_hidden_layers", 1, 256, &layers->count, error) ||
        !udm_config_int(config, "num_attention_heads", 1, 1024, &layers->heads, error) ||
        !udm_config_int(config, "num_channels", 3, 3, &vision->channels, error) ||
        !udm_config_int(config, "image_size", 1, 4096, &vision->image, error) ||
        !udm_config_int(config, "patch_size", 1, 4096, &vision->patch, error) ||
        !udm_config_double(config, "layer_norm_eps", 0, 1, &layers->eps, error) ||
        !udm_config_string(config, "hidden_act", &activation, error))
        return false;
    layers->width = vision->width;
    if (vision->image % vision->patch != 0)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"image_size\" must be divisible by \"patch_size\"",
                        udm_config_path(config));
    return udm_activation_find(activation, &layers->activation) ||
           udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: this is not implemented: \"hidden_act\": %s",
                    udm_config_path(config), activation);
}

// [width, channels, patch, patch] as [width, channels patch patch].
static bool read_patches(udm_clip_vision *vision, const udm_weights *weights, udm_error *error)
{
    const int64_t patch = vision->patch, shape[] = { vision->width, vision->channels, patch, patch };
    float *w = udm_weights_read(weights, "vision_model.embeddings.patch_embedding.weight", 4, shape, error);
    const udm_conv_spec spec = { .sources = 1,
                                 .in = { vision->channels * vision->patch * vision->patch },
                                 .out = vision->width,
                                 .size = 1,
                                 .stride = 1,
                                 .weight = w };
    const bool good = w && udm_layer_pack(&vision->patches, spec, vision->device, error);
    free(w);
    return good;
}

static bool read_layers(udm_clip_vision *vision, const udm_weights *weights, udm_error *error)
{
    const int64_t width = vision->width, across = vision->image / vision->patch;
    const double eps = vision->layers.eps;
    udm_device *device = vision->device;
    vision->first = udm_weights_read(weights, "vision_model.embeddings.class_embedding", 1, &width, error);
    vision->places = vision->first ? udm_weights_read(weights, "vision_model.embeddings.position_embedding.weight", 2,
                                                      (int64_t[]){ across * across + 1, width }, error)
                                   : NULL;
    return vision->places && read_patches(vision, weights, error) &&
           udm_norm_layer_open(&vision->before, vision->width, 1, eps, weights, "vision_model.pre_layrnorm", device,
                               error) &&
           udm_transformer_open(&vision->layers, "vision_model.encoder.layers", &udm_clip_names, weights, device,
                                error) &&
           udm_norm_layer_open(&vision->after, vision->width, 1, eps, weights, "vision_model.post_layernorm", device,
                               error) &&
           udm_layer_open_plain(&vision->projection, vision->width, vision->size, weights, "visual_projection", device,
                                error) &&
           udm_weights_all_read(weights, error);
}

udm_clip_vision *udm_clip_vision_open(const udm_config *config, const udm_weights *weights, udm_device *device,
                                      udm_error *error)
{
    udm_clip_vision *vision = calloc(1, sizeof *vision);
    if (!vision) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a network");
        return NULL;
    }
    vision->device = device;
    vision->weights = udm_weights_total(weights);
    if (read_config(vision, config, error) && read_layers(vision, weights, error))
        return vision;
    udm_clip_vision_free(vision);
    return NULL;
}

void udm_clip_vision_free(udm_clip_vision *vision)
{
    if (!vision)
        return;
    udm_transformer_close(&vision->layers, vision->device);
    udm_norm_layer_close(&vision->before, vision->device);
    udm_norm_layer_close(&vision->after, vision->device);
    udm_layer_close(&vision->patches, vision->device);
    udm_layer_close(&vision->projection, vision->device);
    free(vision->first);
    free(vision->places);
    free(vision);
}

bool udm_clip_vision_build(const udm_clip_vision *vision, udm_graph *graph, udm_error *error)
{
    const int across = vision->image / vision->patch, square = vision->patch * vision->patch;
    const udm_value picture = udm_graph_input(graph, (udm_shape){ vision->channels * square, across, across });
    const udm_value first = udm_graph_input(graph, (udm_shape){ vision->width, 1, 1 });
    const udm_value places = udm_graph_input(graph, (udm_shape){ vision->width, across, across });
    const udm_value patches = udm_graph_conv(graph, &vision->patches, picture, places, UDM_LINEAR);
    udm_value x = udm_graph_join(graph, (const udm_value[]){ first, patches }, 2);
    x = udm_graph_layer_norm(graph, &vision->before, x);
    x = udm_graph_pick(graph, udm_transformer_build(&vision->layers, graph, x), 0, 1);
    x = udm_graph_layer_norm(graph, &vision->after, x);
    udm_graph_keep(graph, udm_graph_conv(graph, &vision->projection, x, UDM_NO_VALUE, UDM_LINEAR));
    return udm_graph_plan(graph, error);
}

void udm_clip_vision_first(const udm_clip_vision *vision, float *first, float *places)
{
    const size_t across = vision->image / vision->patch, count = across * across, width = vision->width;
    for (size_t c = 0; c < width; c++) {
        first[c] = vision->first[c] + vision->places[c];
        for (size_t p = 0; p < count; p++)
            places[c * count + p] = vision->places[(1 + p) * width + c];
    }
}

void udm_clip_vision_patches(const udm_clip_vision *vision, const float *x, float *out)
{
    const int patch = vision->patch, size = vision->image, across = size / patch;
    for (int k = 0; k < vision->channels * patch * patch; k++) {
        const int c = k / (patch * patch), dy = k / patch % patch, dx = k % patch;
        for (int row = 0; row < across; row++)
            for (int column = 0; column < across; column++)
                *out++ = x[((size_t)c * size + row * patch + dy) * size + column * patch + dx];
    }
}
