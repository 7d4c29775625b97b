// SPDX-License-Identifier: LGPL-2.1-or-later
// UNet2DModel of diffusers: the U-Net of DDPM (Ho et al. 2020, appendix B), of improved DDPM and ADM (Dhariwal and
// Nichol 2021, section 3) and so of the consistency models. It takes the noisy frame and one time, and no prediction.
// UNet2DConditionModel, in the form of unCLIP's decoders (Ramesh et al. 2022), takes the embedding of a picture, too.
#include "network/unet2d.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void close_step(udm_unet2d_step *step, udm_device *device)
{
    for (int i = 0; i < 6; i++)
        udm_layer_close(&step->layers[i], device);
    for (int i = 0; i < 4; i++)
        udm_norm_layer_close(&step->norms[i], device);
    udm_cross_close(&step->cross, device);
    for (int i = 0; i < step->turned_count; i++)
        udm_layer_close(&step->turned[i], device);
    free(step->turned);
}

void udm_unet2d_free(udm_network *network)
{
    udm_unet2d *net = (udm_unet2d *)network;
    udm_device *device = network->device;
    for (int i = 0; i < net->count; i++)
        close_step(&net->steps[i], device);
    udm_layer *const others[] = { &net->conv_in, &net->conv_out, &net->time[0], &net->time[1], &net->project };
    for (int i = 0; i < 5; i++)
        udm_layer_close(others[i], device);
    udm_norm_layer_close(&net->norm_out, device);
    udm_unet2d_told_clear(&net->told);
    free(net->steps);
    free(net->frequencies);
    free(net->guidance);
    free(net);
}

static void describe(udm_unet2d *net)
{
    const udm_unet2d_config *config = &net->config;
    udm_network *base = &net->base;
    base->channels = config->channels;
    base->times = (config->fourier ? 2 : 1) * config->width[0];
    base->labels = config->classes;
    base->classes = config->classes - (config->null_class >= 0);
    base->spreads = config->spreads;
    base->context = config->context;
    base->patch = config->patch;
    base->width = config->sample_width * config->patch;
    base->height = config->sample_height * config->patch;
    base->stride = config->patch << (config->levels - 1);
    if (config->conditioned) {
        const udm_embedding_shape *told = &config->told;
        base->told = *told;
        base->embedding = told->picture + told->text + told->tokens * told->token_width + told->counted;
        base->labels = told->picture ? config->time_width : 0;
        base->tokens = udm_unet2d_tokens(config);
        base->token_width = config->token_width;
        base->guided = config->guidance > 0;
    }
    if (config->time != UDM_TIME_NONE) {
        base->places = udm_cross_places(config->time_positions);
        base->place_inputs = base->places > 0 ? config->levels : 0;
        base->frames = base->places > 0 ? base->places : UDM_MAX_FRAMES;
        if (config->time == UDM_TIME_PSEUDO3D)
            base->frames = config->frames;
    }
    base->reach = UDM_REACH_ALL; // normalisation and attention are over the whole frame
    base->max_level = 1;
}

udm_network *udm_unet2d_open(const udm_network_class *class, const udm_unet2d_config *config,
                             const udm_weights *weights, const udm_adapter *others, udm_device *device,
                             udm_error *error)
{
    const udm_weights *motion = others->weights, *told = others->told_weights;
    udm_unet2d *net = calloc(1, sizeof *net);
    if (!net) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a network");
        return NULL;
    }
    net->config = *config;
    net->motion = motion, net->told_weights = told;
    net->base.class = class;
    net->base.device = device;
    net->base.weights = udm_weights_total(weights) + (motion ? udm_weights_total(motion) : 0);
    describe(net);
    if (udm_unet2d_weights_read(net, weights, error) &&
        (!config->conditioned || udm_weights_all_read(weights, error)) &&
        (!motion || udm_weights_all_read(motion, error)) && (!told || udm_weights_all_read(told, error))) {
        net->base.nothing = net->told.nothing;
        return &net->base;
    }
    udm_unet2d_free(&net->base);
    return NULL;
}

static udm_network *unet2d_open(const udm_config *config, const udm_weights *weights, udm_device *device,
                                udm_error *error)
{
    udm_unet2d_config read;
    return udm_unet2d_config_read(&read, config, error)
               ? udm_unet2d_open(&udm_network_unet2d, &read, weights, &(udm_adapter){ 0 }, device, error)
               : NULL;
}

static udm_network *condition_open(const udm_config *config, const udm_weights *weights, udm_device *device,
                                   udm_error *error)
{
    return udm_unet2d_open_told(&(udm_adapter){ 0 }, config, weights, device, error);
}

udm_network *udm_unet2d_open_told(const udm_adapter *adapter, const udm_config *config, const udm_weights *weights,
                                  udm_device *device, udm_error *error)
{
    udm_unet2d_config read;
    return udm_unet2d_condition_config_read(&read, config, adapter->told_config, error)
               ? udm_unet2d_open(&udm_network_unet2d_condition, &read, weights, adapter, device, error)
               : NULL;
}

// Sinusoids (Vaswani et al. 2017, section 3.5), with frequencies 10000^(-i / (half - shift)); an odd last value is 0.
void udm_unet2d_embed_time(const udm_unet2d *net, double timestep, float *out)
{
    const int half = net->base.times / 2;
    const double at = net->config.fourier ? log(timestep) : timestep;
    float *sine = net->config.cosine_first && !net->config.fourier ? out + half : out;
    float *cosine = sine == out ? out + half : out;
    for (int i = 0; i < half; i++) {
        double frequency = net->config.fourier ? 2 * 3.14159265358979323846 * net->frequencies[i]
                                               : exp(-log(10000) * i / (half - net->config.frequency_shift));
        sine[i] = (float)sin(at * frequency);
        cosine[i] = (float)cos(at * frequency);
    }
    if (net->base.times % 2)
        out[net->base.times - 1] = 0;
}

static bool unet2d_condition(const udm_network *network, double timestep, int label, float *time, float *hot,
                             float *gain, udm_error *error)
{
    const udm_unet2d *net = (const udm_unet2d *)network;
    if (label < 0)
        label = net->config.null_class;
    if (network->labels > 0 && (label < 0 || label >= network->labels))
        return udm_fail(error, UDM_ERROR_SETTINGS, "the class is %d: this model has the classes 0 to %d", label,
                        network->classes - 1);
    if (network->labels == 0 && label >= 0)
        return udm_fail(error, UDM_ERROR_SETTINGS, "the class is %d: this model has no classes", label);
    if (net->config.fourier && timestep <= 0)
        return udm_fail(error, UDM_ERROR_SETTINGS, "the time is %g: this model needs one above 0", timestep);
    udm_unet2d_embed_time(net, timestep, time);
    if (network->labels > 0)
        memset(hot, 0, network->labels * sizeof *hot);
    if (label >= 0)
        hot[label] = 1;
    *gain = net->config.fourier ? (float)(1 / timestep) : 1;
    return true;
}

// Its embedding has been told already.
static bool condition_time(const udm_network *network, double timestep, int label, float *time, float *hot, float *gain,
                           udm_error *error)
{
    udm_unet2d_embed_time((const udm_unet2d *)network, timestep, time);
    *gain = 1;
    return true;
}

// A linear layer of sinusoids of the scale (Luo et al., "Latent Consistency Models", 2023, section 4.2), without bias,
// is added to those of the time.
static void guide(const udm_network *network, double scale, float *time)
{
    const udm_unet2d *net = (const udm_unet2d *)network;
    const int size = net->config.guidance, half = size / 2;
    for (int i = 0; i < half; i++) {
        const double at = 1000 * (scale - 1) * exp(-log(10000) * i / (half - 1));
        for (int o = 0; o < network->times; o++) {
            const float *weight = net->guidance + (size_t)o * size;
            time[o] += (float)(weight[i] * sin(at) + weight[half + i] * cos(at));
        }
    }
}

static udm_value resample(const udm_unet2d_flow *at, int direction, udm_value x)
{
    return direction > 0 ? udm_graph_enlarge(at->graph, x) : direction < 0 ? udm_graph_halve(at->graph, x) : x;
}

static udm_value build_resnet(udm_unet2d_flow *at, const udm_unet2d_step *step, udm_value x)
{
    udm_graph *graph = at->graph;
    udm_value in[2] = { x };
    int count = 1;
    if (step->pop)
        in[count++] = at->kept[--at->held];
    udm_value h = udm_graph_norm(graph, &step->norms[0], in, count, UDM_EMBED_NONE, UDM_NO_VALUE, 0, UDM_SILU);
    h = resample(at, step->resample, h);
    h = udm_graph_conv(graph, &step->layers[0], h, UDM_NO_VALUE, UDM_LINEAR);
    h = udm_graph_norm(graph, &step->norms[1], &h, 1, at->net->config.time_embedding, at->embedding, step->first,
                       UDM_SILU);
    in[0] = resample(at, step->resample, in[0]);
    if (step->layers[2].weights)
        in[0] = udm_graph_conv_all(graph, &step->layers[2], in, count, UDM_NO_VALUE, UDM_LINEAR);
    return udm_graph_conv(graph, &step->layers[1], h, in[0], UDM_LINEAR);
}

static udm_value build_attention(const udm_unet2d_flow *at, const udm_unet2d_step *step, udm_value x)
{
    udm_graph *graph = at->graph;
    udm_value h = x, parts[3];
    if (step->norms[0].channels)
        h = udm_graph_norm(graph, &step->norms[0], &x, 1, UDM_EMBED_NONE, UDM_NO_VALUE, 0, UDM_LINEAR);
    for (int i = 0; i < 3; i++)
        parts[i] = udm_graph_conv(graph, &step->layers[i], h, UDM_NO_VALUE, UDM_LINEAR);
    for (int i = 1; i < 3 && step->layers[3 + i].weights; i++) {
        const udm_value added = udm_graph_conv(graph, &step->layers[3 + i], at->tokens, UDM_NO_VALUE, UDM_LINEAR);
        parts[i] = udm_graph_join(graph, (const udm_value[]){ added, parts[i] }, 2);
    }
    h = udm_graph_attention(graph, parts[0], parts[1], parts[2], step->heads);
    return udm_graph_conv(graph, &step->layers[3], h, x, UDM_LINEAR);
}

udm_value udm_unet2d_build_step(udm_unet2d_flow *at, const udm_unet2d_step *step, udm_value x)
{
    if (step->kind == UDM_STEP_RESNET)
        return build_resnet(at, step, x);
    if (step->kind == UDM_STEP_ATTENTION)
        return build_attention(at, step, x);
    if (step->kind == UDM_STEP_CROSS)
        return udm_cross_build(&step->cross, at->graph, x, at->tokens);
    if (step->kind == UDM_STEP_UPSAMPLE)
        x = udm_graph_enlarge(at->graph, x);
    return udm_graph_conv(at->graph, &step->layers[0], x, UDM_NO_VALUE, UDM_LINEAR);
}

void udm_unet2d_keep(udm_unet2d_flow *at, const udm_unet2d_step *step, udm_value x)
{
    if (step->push)
        at->kept[at->held++] = x;
}

static udm_value build_embedding(const udm_unet2d *net, udm_graph *graph)
{
    const udm_graph_ports *ports = udm_graph_get_ports(graph);
    udm_value in[2] = { udm_graph_conv(graph, &net->time[0], ports->time, UDM_NO_VALUE, UDM_SILU), ports->label };
    udm_value e = udm_graph_conv_all(graph, &net->time[1], in, net->base.labels ? 2 : 1, UDM_NO_VALUE, UDM_SILU);
    return udm_graph_conv(graph, &net->project, e, UDM_NO_VALUE, UDM_LINEAR);
}

static udm_value build_beginning(const udm_unet2d *net, udm_graph *graph, int width, int height)
{
    udm_value in[2] = { udm_graph_frame(graph) };
    if (net->config.context)
        in[1] = udm_graph_input(graph, (udm_shape){ net->config.context, height, width });
    return udm_graph_conv_all(graph, &net->conv_in, in, net->config.context ? 2 : 1, UDM_NO_VALUE, UDM_LINEAR);
}

static bool unet2d_build(const udm_network *network, udm_graph *graph, int width, int height, udm_error *error)
{
    const udm_unet2d *net = (const udm_unet2d *)network;
    udm_unet2d_flow at = { .graph = graph, .net = net, .tokens = udm_graph_get_ports(graph)->tokens };
    at.kept = malloc((net->count + 1) * sizeof *at.kept);
    if (!at.kept)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for the graph of a network");
    at.embedding = build_embedding(net, graph);
    udm_value x = build_beginning(net, graph, width, height);
    at.kept[at.held++] = x;
    for (int i = 0; i < net->count; i++) {
        x = udm_unet2d_build_step(&at, &net->steps[i], x);
        udm_unet2d_keep(&at, &net->steps[i], x);
    }
    free(at.kept);
    x = udm_graph_norm(graph, &net->norm_out, &x, 1, UDM_EMBED_NONE, UDM_NO_VALUE, 0, UDM_SILU);
    udm_graph_output(graph, udm_graph_conv(graph, &net->conv_out, x, UDM_NO_VALUE, UDM_LINEAR));
    return udm_graph_plan(graph, error);
}

const udm_network_class udm_network_unet2d = {
    .name = "UNet2DModel",
    .open = unet2d_open,
    .free = udm_unet2d_free,
    .condition = unet2d_condition,
    .build = unet2d_build,
};

const udm_network_class udm_network_unet2d_condition = {
    .name = "UNet2DConditionModel",
    .open = condition_open,
    .free = udm_unet2d_free,
    .condition = condition_time,
    .guide = guide,
    .embed = udm_unet2d_told_embed,
    .build = unet2d_build,
};
