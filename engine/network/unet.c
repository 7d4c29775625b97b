// SPDX-License-Identifier: LGPL-2.1-or-later
// The restoration U-Net: residual blocks at resolutions that halve, on pixel-unshuffled frames, with a convolution
// along time after each resolution's blocks. models/train/network.py is the same network.
#include "network/network.h"

#include <stdio.h>
#include <stdlib.h>

#include "schedule/schedule.h"

enum { MAX_LEVELS = 6, MAX_BLOCKS = 16 };

typedef struct level {
    udm_layer blocks[MAX_BLOCKS][2];
    udm_layer temporal;
} level;

typedef struct unet {
    udm_network base;
    int patch, levels, channels[MAX_LEVELS], blocks[MAX_LEVELS];
    bool temporal;
    udm_layer conv_in, conv_out;
    level down[MAX_LEVELS - 1], mid, up[MAX_LEVELS - 1];
    udm_layer downsample[MAX_LEVELS - 1], upsample[MAX_LEVELS - 1];
} unet;

// What its layers are read from, and where.
typedef struct reader {
    const udm_weights *weights;
    udm_device *device;
    udm_error *error;
} reader;

static udm_conv_spec spec(int in, int out, int size, int stride, int padding)
{
    return (udm_conv_spec){
        .sources = 1,
        .in = { in },
        .out = out,
        .size = size,
        .stride = stride,
        .padding = padding,
    };
}

static bool read_layer(const reader *from, udm_layer *layer, udm_conv_spec shape, const char *name)
{
    return udm_layer_open(layer, shape, true, from->weights, name, from->device, from->error);
}

static bool read_level(const reader *from, level *to, int channels, int blocks, bool temporal, const char *prefix)
{
    char name[128];
    for (int b = 0; b < blocks; b++)
        for (int half = 0; half < 2; half++) {
            snprintf(name, sizeof name, "%s.resnets.%d.conv%d", prefix, b, half + 1);
            if (!read_layer(from, &to->blocks[b][half], spec(channels, channels, 3, 1, 1), name))
                return false;
        }
    snprintf(name, sizeof name, "%s.temporal", prefix);
    return !temporal ||
           udm_layer_open_temporal(&to->temporal, channels, from->weights, name, from->device, from->error);
}

static bool read_resolutions(unet *net, const reader *from)
{
    char name[128];
    for (int i = 0; i < net->levels - 1; i++) {
        int here = net->channels[i], below = net->channels[i + 1];
        snprintf(name, sizeof name, "down_blocks.%d", i);
        if (!read_level(from, &net->down[i], here, net->blocks[i], net->temporal, name))
            return false;
        snprintf(name, sizeof name, "up_blocks.%d", i);
        if (!read_level(from, &net->up[i], here, net->blocks[i], net->temporal, name))
            return false;
        snprintf(name, sizeof name, "downsamplers.%d", i);
        if (!read_layer(from, &net->downsample[i], spec(here, below, 2, 2, 0), name))
            return false;
        snprintf(name, sizeof name, "upsamplers.%d", i);
        if (!read_layer(from, &net->upsample[i], spec(below, 4 * here, 1, 1, 0), name))
            return false;
    }
    return read_level(from, &net->mid, net->channels[net->levels - 1], net->blocks[net->levels - 1], net->temporal,
                      "mid_block");
}

static bool read_weights(unet *net, const reader *from)
{
    const int area = net->patch * net->patch, outputs = udm_network_outputs(&net->base) * area;
    udm_conv_spec first = spec((2 * net->base.channels + 3) * area, net->channels[0], 3, 1, 1);
    if (net->base.context > 0)
        first.sources = 2, first.in[1] = net->base.context * area;
    return read_layer(from, &net->conv_in, first, "conv_in") && read_resolutions(net, from) &&
           read_layer(from, &net->conv_out, spec(net->channels[0], outputs, 3, 1, 1), "conv_out");
}

static bool read_config(unet *net, const udm_config *config, udm_error *error)
{
    static const char *const known[] = { "in_channels",          "patch_size", "temporal",     "max_sigma",
                                         "predict_log_variance", "context",    "mix",          "block_out_channels",
                                         "layers_per_block",     "halved",     "chroma_level", NULL };
    double max_sigma = 255;
    int blocks = 0;
    net->base.channels = 3, net->patch = 2;
    if (!udm_config_only(config, known, error) ||
        !udm_config_int(config, "in_channels", 1, 3, &net->base.channels, error) ||
        !udm_config_int(config, "patch_size", 1, 4, &net->patch, error) ||
        !udm_config_bool(config, "temporal", &net->temporal, error) ||
        !udm_config_bool(config, "halved", &net->base.halved, error) ||
        !udm_config_bool(config, "chroma_level", &net->base.chroma_level, error) ||
        !udm_config_bool(config, "predict_log_variance", &net->base.predicts_log_variance, error) ||
        !udm_config_int(config, "context", 0, 64, &net->base.context, error) ||
        !udm_config_int(config, "mix", 0, 64, &net->base.mixes, error) ||
        !udm_config_double(config, "max_sigma", 1, 1e6, &max_sigma, error) ||
        !udm_config_ints(config, "block_out_channels", 1, 4096, MAX_LEVELS, net->channels, &net->levels, error) ||
        !udm_config_ints(config, "layers_per_block", 0, MAX_BLOCKS, MAX_LEVELS, net->blocks, &blocks, error))
        return false;
    if (net->base.channels == 2)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: in_channels must be 1 or 3", udm_config_path(config));
    if (net->levels < 1 || net->levels != blocks)
        return udm_fail(error, UDM_ERROR_CORRUPT,
                        "%s: block_out_channels and layers_per_block must have the same length, at least 1",
                        udm_config_path(config));
    if (net->base.chroma_level && (net->base.context > 0 || net->base.channels != 3))
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "%s: a network with \"chroma_level\" has 3 in_channels, and no other context",
                        udm_config_path(config));
    net->base.context += net->base.chroma_level;
    net->base.max_level = udm_level_of_sigma(max_sigma);
    net->base.uses_prediction = true;
    return true;
}

// Each 3x3 convolution reaches one pixel of its resolution farther, and so does each change of resolution.
static int reach_of(const unet *net)
{
    int reach = 2 * net->patch, pixel = net->patch;
    for (int i = 0; i < net->levels; i++, pixel *= 2) {
        bool lowest = i == net->levels - 1;
        reach += pixel * net->blocks[i] * (lowest ? 2 : 4) + (lowest ? 0 : 2 * pixel);
    }
    return reach;
}

static void close_level(level *at, udm_device *device)
{
    for (int b = 0; b < MAX_BLOCKS; b++)
        for (int half = 0; half < 2; half++)
            udm_layer_close(&at->blocks[b][half], device);
    udm_layer_close(&at->temporal, device);
}

static void unet_free(udm_network *network)
{
    unet *net = (unet *)network;
    udm_device *device = network->device;
    for (int i = 0; i < MAX_LEVELS - 1; i++) {
        close_level(&net->down[i], device);
        close_level(&net->up[i], device);
        udm_layer_close(&net->downsample[i], device);
        udm_layer_close(&net->upsample[i], device);
    }
    close_level(&net->mid, device);
    udm_layer_close(&net->conv_in, device);
    udm_layer_close(&net->conv_out, device);
    free(net);
}

static udm_network *unet_open(const udm_config *config, const udm_weights *weights, udm_device *device,
                              udm_error *error)
{
    unet *net = calloc(1, sizeof *net);
    if (!net) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a network");
        return NULL;
    }
    net->base.class = &udm_network_unet;
    net->base.device = device;
    const reader from = { weights, device, error };
    if (!read_config(net, config, error) || !read_weights(net, &from)) {
        unet_free(&net->base);
        return NULL;
    }
    net->base.stride = net->patch << (net->levels - 1);
    net->base.reach = reach_of(net);
    net->base.memory_frames = net->temporal ? 2 * (2 * net->levels - 1) : 0;
    for (size_t i = 0; i < udm_weights_count(weights); i++)
        net->base.weights += (int64_t)udm_weights_at(weights, i)->elements;
    return &net->base;
}

static udm_value build_level(udm_graph *graph, const level *at, int blocks, bool temporal, udm_value x)
{
    for (int b = 0; b < blocks; b++) {
        udm_value h = udm_graph_conv(graph, &at->blocks[b][0], x, UDM_NO_VALUE, UDM_RELU);
        x = udm_graph_conv(graph, &at->blocks[b][1], h, x, UDM_LINEAR);
    }
    return temporal ? udm_graph_temporal(graph, &at->temporal, x) : x;
}

static bool unet_build(const udm_network *network, udm_graph *graph, int width, int height, udm_error *error)
{
    const unet *net = (const unet *)network;
    const int context = net->base.context * net->patch * net->patch, sources = context > 0 ? 2 : 1;
    udm_value skip[MAX_LEVELS], x, shown[2] = { UDM_NO_VALUE, UDM_NO_VALUE };
    shown[0] = udm_graph_observe(graph, net->patch);
    if (context > 0)
        shown[1] = udm_graph_input(graph, (udm_shape){ context, height / net->patch, width / net->patch });
    x = udm_graph_conv_all(graph, &net->conv_in, shown, sources, UDM_NO_VALUE, UDM_LINEAR);
    for (int i = 0; i < net->levels - 1; i++) {
        skip[i] = x = build_level(graph, &net->down[i], net->blocks[i], net->temporal, x);
        x = udm_graph_conv(graph, &net->downsample[i], x, UDM_NO_VALUE, UDM_LINEAR);
    }
    x = build_level(graph, &net->mid, net->blocks[net->levels - 1], net->temporal, x);
    for (int i = net->levels - 2; i >= 0; i--) {
        x = udm_graph_conv(graph, &net->upsample[i], x, UDM_NO_VALUE, UDM_LINEAR);
        x = udm_graph_shuffle_add(graph, x, skip[i]);
        x = build_level(graph, &net->up[i], net->blocks[i], net->temporal, x);
    }
    x = udm_graph_conv(graph, &net->conv_out, x, UDM_NO_VALUE, UDM_LINEAR);
    udm_graph_restore(graph, x, net->patch);
    if (!net->temporal)
        udm_graph_use_halves(graph);
    return udm_graph_plan(graph, error);
}

const udm_network_class udm_network_unet = {
    .name = "UdmUNet",
    .open = unet_open,
    .free = unet_free,
    .build = unet_build,
};
