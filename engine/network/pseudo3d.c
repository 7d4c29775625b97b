// SPDX-License-Identifier: LGPL-2.1-or-later
// The network that makes video: a U-Net on a window of frames, whose spatial layers are followed by layers along time
// (pseudo-3D convolution and attention: Make-A-Video, Singer et al. 2022, section 3.2). models/train/pseudo3d.py is the
// same network. Everything is unfolded frame by frame; only layers along time read more than one.
#include "network/network.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LEVELS = 4, MAX_LAYERS = 4, MAX_EMBEDDING = 1024 };

static const double EPSILON = 1e-5;    // of every normalisation
static const double NOMINAL_RATE = 25; // frames a second at which the embedding of the rate is zero

// A linear layer that the processor computes, as its input is a few numbers a frame.
typedef struct linear {
    float *weight, *bias; // [out, in], [out]
    int in, out;
} linear;

typedef struct attention {
    udm_norm_layer norm;
    udm_layer query, key, value, out;
} attention;

typedef struct block {
    udm_norm_layer norm1, norm2;
    udm_layer conv1, conv2, temporal;
    linear project; // what the frame is, added between the convolutions
    int first;      // of its values among those of a frame
    attention pixels, frames;
} block;

typedef struct level {
    int channels, layers, heads; // heads: 0 for no attention
    block blocks[MAX_LAYERS];
} level;

typedef struct pseudo3d {
    udm_network base;
    int levels, groups, embedding;
    int conditions; // of a frame: what all its blocks add
    linear linear_1, linear_2;
    float *classes, *positions, *rate; // [classes + 1, embedding], [frames, embedding], [embedding]
    udm_layer conv_in, conv_out;
    udm_norm_layer norm_out;
    level down[MAX_LEVELS - 1], mid, up[MAX_LEVELS - 1];
    udm_layer downsample[MAX_LEVELS - 1], upsample[MAX_LEVELS - 1];
} pseudo3d;

// What its layers are read from, and where.
typedef struct reader {
    const udm_weights *weights;
    udm_device *device;
    udm_error *error;
} reader;

// ---- reading

static bool read_linear(const reader *from, linear *to, int in, int out, const char *name)
{
    char full[160];
    *to = (linear){ .in = in, .out = out };
    snprintf(full, sizeof full, "%s.weight", name);
    to->weight = udm_weights_read(from->weights, full, 2, (int64_t[]){ out, in }, from->error);
    snprintf(full, sizeof full, "%s.bias", name);
    to->bias = to->weight ? udm_weights_read(from->weights, full, 1, (int64_t[]){ out }, from->error) : NULL;
    return to->bias != NULL;
}

static bool read_conv(const reader *from, udm_layer *to, int in, int out, int size, int stride, const char *prefix,
                      const char *name)
{
    char full[160];
    const udm_conv_spec spec = {
        .sources = 1,
        .in = { in },
        .out = out,
        .size = size,
        .stride = stride,
        .padding = size == 3 ? 1 : 0,
    };
    snprintf(full, sizeof full, "%s%s", prefix, name);
    return udm_layer_open(to, spec, true, from->weights, full, from->device, from->error);
}

static bool read_norm(const pseudo3d *net, const reader *from, udm_norm_layer *to, int channels, const char *prefix,
                      const char *name)
{
    char full[160];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    return udm_norm_layer_open(to, channels, net->groups, EPSILON, from->weights, full, from->device, from->error);
}

static bool read_attention(const pseudo3d *net, const reader *from, attention *to, int channels, const char *prefix)
{
    return read_norm(net, from, &to->norm, channels, prefix, ".group_norm") &&
           read_conv(from, &to->query, channels, channels, 1, 1, prefix, ".to_q") &&
           read_conv(from, &to->key, channels, channels, 1, 1, prefix, ".to_k") &&
           read_conv(from, &to->value, channels, channels, 1, 1, prefix, ".to_v") &&
           read_conv(from, &to->out, channels, channels, 1, 1, prefix, ".to_out");
}

static bool read_block(pseudo3d *net, const reader *from, block *to, int channels, const char *prefix, int number)
{
    char name[128];
    snprintf(name, sizeof name, "%s.resnets.%d.time_emb_proj", prefix, number);
    if (!read_linear(from, &to->project, net->embedding, channels, name))
        return false;
    to->first = net->conditions;
    net->conditions += channels;
    snprintf(name, sizeof name, "%s.resnets.%d", prefix, number);
    if (!read_norm(net, from, &to->norm1, channels, name, ".norm1") ||
        !read_norm(net, from, &to->norm2, channels, name, ".norm2") ||
        !read_conv(from, &to->conv1, channels, channels, 3, 1, name, ".conv1") ||
        !read_conv(from, &to->conv2, channels, channels, 3, 1, name, ".conv2"))
        return false;
    snprintf(name, sizeof name, "%s.temporal.%d", prefix, number);
    return udm_layer_open_temporal(&to->temporal, channels, from->weights, name, from->device, from->error);
}

static bool read_level(pseudo3d *net, const reader *from, level *to, const level *like, const char *prefix)
{
    char name[128];
    to->channels = like->channels, to->layers = like->layers, to->heads = like->heads;
    for (int b = 0; b < to->layers; b++) {
        if (!read_block(net, from, &to->blocks[b], to->channels, prefix, b))
            return false;
        if (to->heads == 0)
            continue;
        snprintf(name, sizeof name, "%s.attentions.%d", prefix, b);
        if (!read_attention(net, from, &to->blocks[b].pixels, to->channels, name))
            return false;
        snprintf(name, sizeof name, "%s.temporal_attentions.%d", prefix, b);
        if (!read_attention(net, from, &to->blocks[b].frames, to->channels, name))
            return false;
    }
    return true;
}

static bool read_embedding(pseudo3d *net, const reader *from)
{
    const int64_t e = net->embedding, classes = net->base.window.classes + 1, frames = net->base.window.frames;
    net->classes = udm_weights_read(from->weights, "class_embedding", 2, (int64_t[]){ classes, e }, from->error);
    net->positions =
        net->classes ? udm_weights_read(from->weights, "position_embedding", 2, (int64_t[]){ frames, e }, from->error)
                     : NULL;
    net->rate =
        net->positions ? udm_weights_read(from->weights, "rate_embedding", 1, (int64_t[]){ e }, from->error) : NULL;
    return net->rate && read_linear(from, &net->linear_1, net->embedding, net->embedding, "linear_1") &&
           read_linear(from, &net->linear_2, net->embedding, net->embedding, "linear_2");
}

static bool read_weights(pseudo3d *net, const reader *from, const level *shapes)
{
    char name[128];
    const int planes = net->base.channels * net->base.window.patch * net->base.window.patch;
    if (!read_embedding(net, from) || !read_conv(from, &net->conv_in, planes, shapes[0].channels, 3, 1, "", "conv_in"))
        return false;
    for (int i = 0; i < net->levels - 1; i++) {
        int here = shapes[i].channels, below = shapes[i + 1].channels;
        snprintf(name, sizeof name, "down_blocks.%d", i);
        if (!read_level(net, from, &net->down[i], &shapes[i], name))
            return false;
        snprintf(name, sizeof name, "up_blocks.%d", i);
        if (!read_level(net, from, &net->up[i], &shapes[i], name))
            return false;
        snprintf(name, sizeof name, "downsamplers.%d", i);
        if (!read_conv(from, &net->downsample[i], here, below, 2, 2, "", name))
            return false;
        snprintf(name, sizeof name, "upsamplers.%d", i);
        if (!read_conv(from, &net->upsample[i], below, 4 * here, 1, 1, "", name))
            return false;
    }
    return read_level(net, from, &net->mid, &shapes[net->levels - 1], "mid_block") &&
           read_norm(net, from, &net->norm_out, shapes[0].channels, "", "conv_norm_out") &&
           read_conv(from, &net->conv_out, shapes[0].channels, planes, 3, 1, "", "conv_out");
}

static bool check_shapes(const pseudo3d *net, const level *shapes, const udm_config *config, udm_error *error)
{
    const udm_window_shape *window = &net->base.window;
    for (int i = 0; i < net->levels; i++)
        if (shapes[i].channels % net->groups || (shapes[i].heads && shapes[i].channels % shapes[i].heads))
            return udm_fail(error, UDM_ERROR_CORRUPT,
                            "%s: norm_num_groups and heads must divide the block_out_channels of their level",
                            udm_config_path(config));
    if (window->width % (window->patch << (net->levels - 1)))
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: sample_size must be a multiple of patch_size and its doublings",
                        udm_config_path(config));
    if (window->context >= window->frames - 1)
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: frames must be at least context + 2", udm_config_path(config));
    return true;
}

static bool read_config(pseudo3d *net, level *shapes, const udm_config *config, udm_error *error)
{
    static const char *const known[] = { "in_channels",      "sample_size", "frames",           "context",
                                         "patch_size",       "heads",       "norm_num_groups",  "block_out_channels",
                                         "layers_per_block", "embedding",   "num_class_embeds", NULL };
    int channels[MAX_LEVELS], layers[MAX_LEVELS], heads[MAX_LEVELS], counts[2] = { 0 };
    udm_window_shape *window = &net->base.window;
    *window = (udm_window_shape){ .frames = 8, .context = 2, .width = 64, .patch = 4, .classes = 10 };
    net->base.channels = 1, net->groups = 8, net->embedding = 128;
    if (!udm_config_only(config, known, error) ||
        !udm_config_int(config, "in_channels", 1, 3, &net->base.channels, error) ||
        !udm_config_int(config, "sample_size", 1, 1024, &window->width, error) ||
        !udm_config_int(config, "frames", 2, UDM_MAX_FRAMES, &window->frames, error) ||
        !udm_config_int(config, "context", 0, UDM_MAX_FRAMES, &window->context, error) ||
        !udm_config_int(config, "patch_size", 1, 8, &window->patch, error) ||
        !udm_config_int(config, "norm_num_groups", 1, 1024, &net->groups, error) ||
        !udm_config_int(config, "embedding", 2, MAX_EMBEDDING, &net->embedding, error) ||
        !udm_config_int(config, "num_class_embeds", 0, 100000, &window->classes, error) ||
        !udm_config_ints(config, "block_out_channels", 1, 4096, MAX_LEVELS, channels, &net->levels, error) ||
        !udm_config_ints(config, "layers_per_block", 1, MAX_LAYERS, MAX_LEVELS, layers, &counts[0], error) ||
        !udm_config_ints(config, "heads", 0, UDM_MAX_FRAME_HEADS, MAX_LEVELS, heads, &counts[1], error))
        return false;
    if (net->base.channels == 2 || net->embedding % 2)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: in_channels must be 1 or 3, and embedding even",
                        udm_config_path(config));
    if (net->levels < 1 || net->levels != counts[0] || net->levels != counts[1])
        return udm_fail(error, UDM_ERROR_CORRUPT,
                        "%s: block_out_channels, layers_per_block and heads must have the same length, at least 1",
                        udm_config_path(config));
    window->height = window->width;
    for (int i = 0; i < net->levels; i++)
        shapes[i] = (level){ .channels = channels[i], .layers = layers[i], .heads = heads[i] };
    return check_shapes(net, shapes, config, error);
}

// ---- opening and closing

static void close_linear(linear *layer)
{
    free(layer->weight);
    free(layer->bias);
}

static void close_attention(attention *at, udm_device *device)
{
    udm_norm_layer_close(&at->norm, device);
    udm_layer_close(&at->query, device);
    udm_layer_close(&at->key, device);
    udm_layer_close(&at->value, device);
    udm_layer_close(&at->out, device);
}

static void close_level(level *at, udm_device *device)
{
    for (int b = 0; b < MAX_LAYERS; b++) {
        block *block = &at->blocks[b];
        udm_norm_layer_close(&block->norm1, device);
        udm_norm_layer_close(&block->norm2, device);
        udm_layer_close(&block->conv1, device);
        udm_layer_close(&block->conv2, device);
        udm_layer_close(&block->temporal, device);
        close_linear(&block->project);
        close_attention(&block->pixels, device);
        close_attention(&block->frames, device);
    }
}

static void pseudo3d_free(udm_network *network)
{
    pseudo3d *net = (pseudo3d *)network;
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
    udm_norm_layer_close(&net->norm_out, device);
    close_linear(&net->linear_1);
    close_linear(&net->linear_2);
    free(net->classes);
    free(net->positions);
    free(net->rate);
    free(net);
}

static udm_network *pseudo3d_open(const udm_config *config, const udm_weights *weights, udm_device *device,
                                  udm_error *error)
{
    pseudo3d *net = calloc(1, sizeof *net);
    level *shapes = calloc(MAX_LEVELS, sizeof *shapes);
    const reader from = { weights, device, error };
    bool good = net && shapes;
    if (good) {
        net->base.class = &udm_network_pseudo3d;
        net->base.device = device;
        good = read_config(net, shapes, config, error) && read_weights(net, &from, shapes);
    } else {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a network");
    }
    free(shapes);
    if (!good) {
        if (net && net->base.class)
            pseudo3d_free(&net->base);
        else
            free(net);
        return NULL;
    }
    net->base.stride = net->base.window.width;
    net->base.conditions = net->conditions * net->base.window.frames;
    net->base.max_level = 1;
    for (size_t i = 0; i < udm_weights_count(weights); i++)
        net->base.weights += (int64_t)udm_weights_at(weights, i)->elements;
    return &net->base;
}

// ---- what each frame is

static float silu(float x)
{
    return x / (1 + expf(-x));
}

// out = layer(x)
static void apply(const linear *layer, const float *x, float *out)
{
    for (int o = 0; o < layer->out; o++) {
        const float *w = layer->weight + (size_t)o * layer->in;
        float lanes[8] = { 0 }, sum = layer->bias[o];
        int i = 0;
        for (; i + 8 <= layer->in; i += 8)
            for (int lane = 0; lane < 8; lane++)
                lanes[lane] += w[i + lane] * x[i + lane];
        for (; i < layer->in; i++)
            sum += w[i] * x[i];
        for (int lane = 0; lane < 8; lane++)
            sum += lanes[lane];
        out[o] = sum;
    }
}

// The angle of (signal, noise), from 0 to 1, at embedding / 2 frequencies.
static void sinusoids(float level, int embedding, float *out)
{
    const int half = embedding / 2;
    const double angle = asin(level) * (2 / M_PI) * 1000;
    for (int i = 0; i < half; i++) {
        double phase = angle * exp(-log(10000) * i / half);
        out[i] = (float)cos(phase);
        out[half + i] = (float)sin(phase);
    }
}

static void describe_level(const level *at, const float *emb, float *out)
{
    for (int b = 0; b < at->layers; b++)
        apply(&at->blocks[b].project, emb, out + at->blocks[b].first);
}

static void describe_frame(const pseudo3d *net, const udm_window_state *state, int frame, float *conditions)
{
    const int e = net->embedding, class = state->classes[frame];
    const float rate = (float)log2(state->rate / NOMINAL_RATE);
    const float *classes = net->classes + (size_t)(class < 0 ? net->base.window.classes : class) * e;
    const float *position = net->positions + (size_t)frame * e;
    float x[MAX_EMBEDDING] = { 0 }, h[MAX_EMBEDDING];
    sinusoids(state->levels[frame], e, x);
    apply(&net->linear_1, x, h);
    for (int i = 0; i < e; i++)
        h[i] = silu(h[i] + classes[i] + position[i] + rate * net->rate[i]);
    apply(&net->linear_2, h, x);
    for (int i = 0; i < e; i++)
        x[i] = silu(x[i]);
    describe_level(&net->mid, x, conditions);
    for (int i = 0; i < net->levels - 1; i++) {
        describe_level(&net->down[i], x, conditions);
        describe_level(&net->up[i], x, conditions);
    }
}

static void pseudo3d_describe(const udm_network *network, const udm_window_state *state, float *conditions)
{
    const pseudo3d *net = (const pseudo3d *)network;
    for (int f = 0; f < network->window.frames; f++)
        describe_frame(net, state, f, conditions + f * net->conditions);
}

// ---- unfolding

// The frames of the window at one place of the network.
typedef struct clip {
    udm_value frames[UDM_MAX_FRAMES];
} clip;

typedef struct builder {
    const pseudo3d *net;
    udm_graph *graph;
    udm_value conditions;
    int frames, first; // first: that it computes; those before it are recalled
    int known;         // frames of which layers along time have memories
    udm_shape shapes[MAX_LEVELS];
    udm_value zero[MAX_LEVELS];
} builder;

static udm_value build_norm(const builder *in, const udm_norm_layer *layer, udm_value x, udm_activation activation)
{
    return udm_graph_norm(in->graph, layer, &x, 1, UDM_EMBED_NONE, UDM_NO_VALUE, 0, activation);
}

static clip build_conv(const builder *in, const udm_layer *layer, const clip *x)
{
    clip y = { 0 };
    for (int f = in->first; f < in->frames; f++)
        y.frames[f] = udm_graph_conv(in->graph, layer, x->frames[f], UDM_NO_VALUE, UDM_LINEAR);
    return y;
}

static clip build_residual(const builder *in, const block *at, const clip *x)
{
    const udm_value vector = in->conditions;
    clip y = { 0 };
    for (int f = in->first; f < in->frames; f++) {
        udm_value h = build_norm(in, &at->norm1, x->frames[f], UDM_SILU);
        h = udm_graph_conv(in->graph, &at->conv1, h, UDM_NO_VALUE, UDM_LINEAR);
        h = udm_graph_norm(in->graph, &at->norm2, &h, 1, UDM_EMBED_ADD, vector, f * in->net->conditions + at->first,
                           UDM_SILU);
        y.frames[f] = udm_graph_conv(in->graph, &at->conv2, h, x->frames[f], UDM_LINEAR);
    }
    return y;
}

// Of the known frames from `from` on, before a layer along time.
static void remember(const builder *in, int depth, int from, clip *x)
{
    for (int f = from; f < in->known; f++)
        if (in->first > 0)
            x->frames[f] = udm_graph_input(in->graph, in->shapes[depth]);
        else
            udm_graph_keep(in->graph, x->frames[f]);
}

// Before the first frame and after the last there is zero.
static clip build_temporal(const builder *in, const udm_layer *layer, int depth, clip *x)
{
    const udm_value zero = in->zero[depth];
    clip y = { 0 };
    if (in->known > 0)
        remember(in, depth, in->known - 1, x);
    for (int f = in->first; f < in->frames; f++) {
        const udm_value three[] = { f > 0 ? x->frames[f - 1] : zero, x->frames[f],
                                    f + 1 < in->frames ? x->frames[f + 1] : zero };
        y.frames[f] = udm_graph_conv_all(in->graph, layer, three, 3, x->frames[f], UDM_LINEAR);
    }
    return y;
}

static clip build_attention(const builder *in, const attention *at, const clip *x, int heads, bool along_time)
{
    clip q = { 0 }, k = { 0 }, v = { 0 }, y = { 0 };
    for (int f = along_time ? 0 : in->first; f < in->frames; f++) {
        udm_value h = build_norm(in, &at->norm, x->frames[f], UDM_LINEAR);
        if (f >= in->first)
            q.frames[f] = udm_graph_conv(in->graph, &at->query, h, UDM_NO_VALUE, UDM_LINEAR);
        k.frames[f] = udm_graph_conv(in->graph, &at->key, h, UDM_NO_VALUE, UDM_LINEAR);
        v.frames[f] = udm_graph_conv(in->graph, &at->value, h, UDM_NO_VALUE, UDM_LINEAR);
    }
    for (int f = in->first; f < in->frames; f++) {
        udm_value h = along_time
                          ? udm_graph_attend_frames(in->graph, q.frames[f], k.frames, v.frames, in->frames, heads)
                          : udm_graph_attention(in->graph, q.frames[f], k.frames[f], v.frames[f], heads);
        y.frames[f] = udm_graph_conv(in->graph, &at->out, h, x->frames[f], UDM_LINEAR);
    }
    return y;
}

static clip build_level(const builder *in, const level *at, int depth, clip x)
{
    for (int b = 0; b < at->layers; b++) {
        const block *block = &at->blocks[b];
        x = build_residual(in, block, &x);
        x = build_temporal(in, &block->temporal, depth, &x);
        if (at->heads == 0)
            continue;
        x = build_attention(in, &block->pixels, &x, at->heads, false);
        remember(in, depth, 0, &x);
        x = build_attention(in, &block->frames, &x, at->heads, true);
    }
    return x;
}

static clip build_up(const builder *in, const udm_layer *layer, const clip *x, const clip *skip)
{
    clip y = build_conv(in, layer, x);
    for (int f = in->first; f < in->frames; f++)
        y.frames[f] = udm_graph_shuffle_add(in->graph, y.frames[f], skip->frames[f]);
    return y;
}

static clip build_inputs(builder *in)
{
    const udm_window_shape *window = &in->net->base.window;
    const int w = window->width / window->patch, h = window->height / window->patch;
    clip x = { 0 };
    for (int f = in->first; f < in->frames; f++)
        x.frames[f] =
            udm_graph_input(in->graph, (udm_shape){ in->net->base.channels * window->patch * window->patch, h, w });
    in->conditions = udm_graph_input(in->graph, (udm_shape){ in->net->base.conditions, 1, 1 });
    for (int i = 0; i < in->net->levels; i++) {
        int channels = i + 1 < in->net->levels ? in->net->down[i].channels : in->net->mid.channels;
        in->shapes[i] = (udm_shape){ channels, h >> i, w >> i };
        in->zero[i] = udm_graph_input(in->graph, in->shapes[i]);
    }
    return x;
}

static bool pseudo3d_build_window(const udm_network *network, udm_graph *graph, int known, bool recalled,
                                  udm_error *error)
{
    const pseudo3d *net = (const pseudo3d *)network;
    builder in = {
        .net = net, .graph = graph, .frames = network->window.frames, .first = recalled ? known : 0, .known = known
    };
    clip skip[MAX_LEVELS], x = build_inputs(&in);
    x = build_conv(&in, &net->conv_in, &x);
    for (int i = 0; i < net->levels - 1; i++) {
        skip[i] = x = build_level(&in, &net->down[i], i, x);
        x = build_conv(&in, &net->downsample[i], &x);
    }
    x = build_level(&in, &net->mid, net->levels - 1, x);
    for (int i = net->levels - 2; i >= 0; i--) {
        x = build_up(&in, &net->upsample[i], &x, &skip[i]);
        x = build_level(&in, &net->up[i], i, x);
    }
    for (int f = in.first; f < in.frames; f++) {
        udm_value y = build_norm(&in, &net->norm_out, x.frames[f], UDM_SILU);
        udm_graph_keep(graph, udm_graph_conv(graph, &net->conv_out, y, UDM_NO_VALUE, UDM_LINEAR));
    }
    return udm_graph_plan(graph, error);
}

const udm_network_class udm_network_pseudo3d = {
    .name = "UdmPseudo3D",
    .open = pseudo3d_open,
    .free = pseudo3d_free,
    .build_window = pseudo3d_build_window,
    .describe = pseudo3d_describe,
};
