// SPDX-License-Identifier: LGPL-2.1-or-later
// UNetMotionModel and UNet3DConditionModel of diffusers, and UdmPseudo3DConditionModel of ours: a U-Net on each frame
// of a film, and layers along time between. It is unfolded frame by frame; along time the pixels of all frames are
// joined, which makes normalisation over all frames, and linear layers of all frames at once, operations like any
// other. Every frame may stand at another time.
#include <stdlib.h>
#include <string.h>

#include "network/unet2d.h"

enum { MOST_ZEROS = 2 * UDM_UNET2D_LEVELS };

typedef struct flow {
    udm_graph *graph;
    const udm_unet2d *net;
    int count;
    udm_unet2d_flow frames[UDM_MAX_FRAMES];
    udm_value places[UDM_UNET2D_LEVELS];
    udm_value beside[UDM_MAX_FRAMES]; // the context of each
    udm_value zeros[MOST_ZEROS];      // frames before the first and after the last
    int zero_count;
} flow;

static udm_value zero_of(flow *f, udm_shape shape)
{
    for (int i = 0; i < f->zero_count; i++)
        if (udm_shape_equal(udm_graph_shape(f->graph, f->zeros[i]), shape))
            return f->zeros[i];
    const udm_value zero = udm_graph_input(f->graph, shape);
    if (f->zero_count < MOST_ZEROS)
        f->zeros[f->zero_count++] = zero;
    return zero;
}

static void build_convolutions(flow *f, const udm_unet2d_step *step, udm_value *x)
{
    const udm_shape shape = udm_graph_shape(f->graph, x[0]);
    const udm_value zero = zero_of(f, shape);
    udm_value h[UDM_MAX_FRAMES], parts[UDM_MAX_FRAMES + 2];
    memcpy(h, x, f->count * sizeof *h);
    parts[0] = parts[f->count + 1] = zero;
    for (int i = 0; i < 4; i++) {
        udm_value all = udm_graph_join(f->graph, h, f->count);
        all = udm_graph_norm(f->graph, &step->norms[i], &all, 1, UDM_EMBED_NONE, UDM_NO_VALUE, 0, UDM_SILU);
        for (int k = 0; k < f->count; k++)
            parts[k + 1] = udm_graph_pick_shape(f->graph, all, k * shape.h * shape.w, shape);
        for (int k = 0; k < f->count; k++)
            h[k] =
                udm_graph_conv_all(f->graph, &step->layers[i], parts + k, 3, i == 3 ? x[k] : UDM_NO_VALUE, UDM_LINEAR);
    }
    memcpy(x, h, f->count * sizeof *h);
}

// x + taps of the frames before, now and after
static void build_taps(flow *f, const udm_unet2d_step *step, udm_value *x)
{
    udm_value parts[UDM_MAX_FRAMES + 2];
    memcpy(parts + 1, x, f->count * sizeof *x);
    parts[0] = parts[f->count + 1] = zero_of(f, udm_graph_shape(f->graph, x[0]));
    for (int k = 0; k < f->count; k++)
        x[k] = udm_graph_conv_all(f->graph, &step->layers[0], parts + k, 3, parts[k + 1], UDM_LINEAR);
}

// x + attention of each frame to those that are near enough
static void build_turns(flow *f, const udm_unet2d_step *step, udm_value *x)
{
    udm_graph *graph = f->graph;
    const int window = f->net->config.time_window > 0 ? f->net->config.time_window : f->count;
    udm_value parts[3][UDM_MAX_FRAMES];
    for (int k = 0; k < f->count; k++) {
        const udm_layer *const layers[3] = { &step->turned[2 * k], &step->turned[2 * k + 1], &step->layers[2] };
        const udm_value h =
            udm_graph_norm(graph, &step->norms[0], &x[k], 1, UDM_EMBED_NONE, UDM_NO_VALUE, 0, UDM_LINEAR);
        for (int i = 0; i < 3; i++)
            parts[i][k] = udm_graph_conv(graph, layers[i], h, UDM_NO_VALUE, UDM_LINEAR);
    }
    for (int k = 0; k < f->count; k++) {
        const int first = k > window ? k - window : 0, end = k + window < f->count ? k + window + 1 : f->count;
        const udm_value found =
            udm_graph_attend_frames(graph, parts[0][k], parts[1] + first, parts[2] + first, end - first, step->heads);
        x[k] = udm_graph_conv(graph, &step->layers[3], found, x[k], UDM_LINEAR);
    }
}

static void build_step(flow *f, const udm_unet2d_step *step, udm_value *x)
{
    const bool ours = step->kind == UDM_STEP_TAPS || step->kind == UDM_STEP_TURNS;
    if (ours && f->count > 1 && step->kind == UDM_STEP_TAPS)
        build_taps(f, step, x);
    else if (ours && f->count > 1)
        build_turns(f, step, x);
    else if (step->kind == UDM_STEP_FRAMES)
        udm_cross_build_frames(&step->cross, f->graph, x, f->count, f->places[step->halvings]);
    else if (step->kind == UDM_STEP_FRAMES_CONVOLUTIONS)
        build_convolutions(f, step, x);
    else if (!ours) // a still has no time
        for (int k = 0; k < f->count; k++)
            x[k] = udm_unet2d_build_step(&f->frames[k], step, x[k]);
    for (int k = 0; k < f->count; k++)
        udm_unet2d_keep(&f->frames[k], step, x[k]);
}

static void add_inputs(flow *f, const udm_film_shape *shape, udm_value *x)
{
    const udm_unet2d *net = f->net;
    const int patch = net->config.patch, h = shape->height / patch, w = shape->width / patch;
    udm_value texts[UDM_MAX_FRAMES], labelled[2];
    for (int k = 0; k < f->count; k++)
        x[k] = udm_graph_input(f->graph, (udm_shape){ net->base.channels * patch * patch, h, w });
    udm_value e = udm_graph_input(f->graph, (udm_shape){ net->base.times, 1, f->count });
    for (int k = 0; k < shape->texts; k++)
        texts[k] = udm_graph_input(f->graph, (udm_shape){ net->base.token_width, 1, shape->tokens });
    for (int l = 0; l < net->base.place_inputs; l++) {
        const int pixels = (shape->height >> l) * (shape->width >> l);
        f->places[l] = udm_graph_input(f->graph, (udm_shape){ net->base.places, 1, f->count * pixels });
    }
    if (net->base.labels > 0)
        labelled[1] = udm_graph_input(f->graph, (udm_shape){ net->base.labels, 1, f->count });
    for (int k = 0; k < f->count && net->base.context > 0; k++)
        f->beside[k] = udm_graph_input(f->graph, (udm_shape){ net->base.context * patch * patch, h, w });
    labelled[0] = udm_graph_conv(f->graph, &net->time[0], e, UDM_NO_VALUE, UDM_SILU);
    e = udm_graph_conv_all(f->graph, &net->time[1], labelled, net->base.labels > 0 ? 2 : 1, UDM_NO_VALUE, UDM_SILU);
    e = udm_graph_conv(f->graph, &net->project, e, UDM_NO_VALUE, UDM_LINEAR);
    for (int k = 0; k < f->count; k++) {
        f->frames[k].embedding = udm_graph_pick(f->graph, e, k, 1);
        f->frames[k].tokens = texts[shape->texts > 1 ? k : 0];
    }
}

static void build_network(flow *f, const udm_film_shape *shape)
{
    const udm_unet2d *net = f->net;
    const bool enters = net->config.entry_width > 0;
    udm_value x[UDM_MAX_FRAMES];
    add_inputs(f, shape, x);
    for (int k = 0; k < f->count; k++)
        x[k] = udm_graph_conv_all(f->graph, &net->conv_in, (const udm_value[]){ x[k], f->beside[k] },
                                  net->base.context > 0 ? 2 : 1, UDM_NO_VALUE, UDM_LINEAR);
    if (enters)
        build_step(f, &net->steps[0], x);
    for (int k = 0; k < f->count; k++)
        f->frames[k].kept[f->frames[k].held++] = x[k];
    for (int i = enters; i < net->count; i++)
        build_step(f, &net->steps[i], x);
    for (int k = 0; k < f->count; k++) {
        x[k] = udm_graph_norm(f->graph, &net->norm_out, &x[k], 1, UDM_EMBED_NONE, UDM_NO_VALUE, 0, UDM_SILU);
        udm_graph_keep(f->graph, udm_graph_conv(f->graph, &net->conv_out, x[k], UDM_NO_VALUE, UDM_LINEAR));
    }
}

static bool frames_build(const udm_network *network, udm_graph *graph, const udm_film_shape *shape, udm_error *error)
{
    const udm_unet2d *net = (const udm_unet2d *)network;
    if (shape->frames < 1 || shape->frames > network->frames)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%d frames at once: this network takes 1 to %d", shape->frames,
                        network->frames);
    if (shape->width % network->stride || shape->height % network->stride)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "frames of %dx%d: for this network width and height must be multiples of %d", shape->width,
                        shape->height, network->stride);
    flow f = { .graph = graph, .net = net, .count = shape->frames };
    const size_t room = (size_t)net->count + 1;
    udm_value *kept = malloc(f.count * room * sizeof *kept);
    if (!kept)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for the graph of a network");
    for (int k = 0; k < f.count; k++)
        f.frames[k] = (udm_unet2d_flow){ .graph = graph, .net = net, .kept = kept + k * room };
    build_network(&f, shape);
    free(kept);
    return udm_graph_plan(graph, error);
}

static bool frames_condition(const udm_network *network, double timestep, int label, float *time, float *hot,
                             float *gain, udm_error *error)
{
    udm_unet2d_embed_time((const udm_unet2d *)network, timestep, time);
    *gain = 1;
    return true;
}

static udm_network *motion_open(const udm_config *config, const udm_weights *weights, udm_device *device,
                                udm_error *error)
{
    udm_unet2d_config read;
    return udm_unet2d_motion_config_read(&read, config, error)
               ? udm_unet2d_open(&udm_network_motion, &read, weights, &(udm_adapter){ 0 }, device, error)
               : NULL;
}

static udm_network *three_open(const udm_config *config, const udm_weights *weights, udm_device *device,
                               udm_error *error)
{
    udm_unet2d_config read;
    return udm_unet2d_3d_config_read(&read, config, error)
               ? udm_unet2d_open(&udm_network_3d, &read, weights, &(udm_adapter){ 0 }, device, error)
               : NULL;
}

udm_network *udm_unet2d_open_adapted(const udm_adapter *adapter, const udm_config *config, const udm_weights *weights,
                                     udm_device *device, udm_error *error)
{
    udm_unet2d_config read;
    return udm_unet2d_condition_config_read(&read, config, NULL, error) &&
                   udm_unet2d_adapter_config_read(&read, adapter->config, error)
               ? udm_unet2d_open(&udm_network_motion, &read, weights, adapter, device, error)
               : NULL;
}

static udm_network *pseudo3d_open(const udm_config *config, const udm_weights *weights, udm_device *device,
                                  udm_error *error)
{
    udm_unet2d_config read;
    return udm_unet2d_pseudo3d_config_read(&read, config, error)
               ? udm_unet2d_open(&udm_network_pseudo3d_condition, &read, weights, &(udm_adapter){ 0 }, device, error)
               : NULL;
}

const udm_network_class udm_network_motion = {
    .name = "UNetMotionModel",
    .open = motion_open,
    .free = udm_unet2d_free,
    .condition = frames_condition,
    .build_frames = frames_build,
};

const udm_network_class udm_network_3d = {
    .name = "UNet3DConditionModel",
    .open = three_open,
    .free = udm_unet2d_free,
    .condition = frames_condition,
    .build_frames = frames_build,
};

const udm_network_class udm_network_pseudo3d_condition = {
    .name = "UdmPseudo3DConditionModel",
    .open = pseudo3d_open,
    .free = udm_unet2d_free,
    .condition = frames_condition,
    .embed = udm_unet2d_told_embed,
    .pace = udm_unet2d_told_rate,
    .build_frames = frames_build,
};
