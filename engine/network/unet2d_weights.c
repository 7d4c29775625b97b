// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads the layers of a U-Net, in the order in which they are run. The widths follow from what flows and what was
// kept for the way up, as in the network itself.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network/unet2d.h"

static const double FRAMES_EPSILON = 1e-5; // of what is before convolutions along time
static const double SPAN = 100;            // of the slowest turn of queries and keys, in frames

enum { MAX_KEPT = UDM_UNET2D_LEVELS * (UDM_UNET2D_LAYERS + 1) + 1 };

typedef struct reader {
    udm_unet2d *net;
    const udm_weights *weights;
    udm_device *device;
    udm_error *error;
    int channels;             // of what flows
    int halvings;             // of its resolution
    bool middle;              // what is read is the block of the lowest, between both ways
    int kept[MAX_KEPT], held; // the widths of what is kept for the way up
    float *projection, *bias; // of all residual blocks' time_emb_proj: [rows, time_width], [rows]
    int rows;
} reader;

static udm_conv_spec spec(int in, int out, int size)
{
    return (udm_conv_spec){ .sources = 1, .in = { in }, .out = out, .size = size, .stride = 1, .padding = size / 2 };
}

typedef struct name {
    char text[128];
} name;

static name join(const char *prefix, const char *last)
{
    name joined;
    snprintf(joined.text, sizeof joined.text, "%.80s.%.40s", prefix, last);
    return joined;
}

static name numbered(const char *list, int index)
{
    name joined;
    snprintf(joined.text, sizeof joined.text, "%.80s.%d", list, index);
    return joined;
}

static name nth(const char *prefix, const char *list, int index)
{
    return numbered(join(prefix, list).text, index);
}

static bool read_conv(const reader *from, udm_layer *layer, udm_conv_spec shape, const char *full)
{
    const udm_unet2d_config *config = &from->net->config;
    shape.pixels = (config->sample_width >> from->halvings) * (config->sample_height >> from->halvings);
    return udm_layer_open(layer, shape, true, from->weights, full, from->device, from->error);
}

static bool read_norm(const reader *from, udm_norm_layer *layer, int channels, int groups, const char *full)
{
    return udm_norm_layer_open(layer, channels, groups, from->net->config.eps, from->weights, full, from->device,
                               from->error);
}

static bool fail_memory(const reader *from)
{
    return udm_fail(from->error, UDM_ERROR_MEMORY, "no memory for the layers of a network");
}

static udm_unet2d_step *add_step(reader *from, udm_unet2d_kind kind)
{
    udm_unet2d *net = from->net;
    udm_unet2d_step *steps = realloc(net->steps, (net->count + 1) * sizeof *steps);
    if (!steps) {
        fail_memory(from);
        return NULL;
    }
    net->steps = steps;
    steps[net->count] = (udm_unet2d_step){ .kind = kind, .halvings = from->halvings };
    return &steps[net->count++];
}

// The last step's result is kept.
static void keep(reader *from)
{
    from->net->steps[from->net->count - 1].push = true;
    from->kept[from->held++] = from->channels;
}

// Appends the rows of a residual block's time_emb_proj.
static bool read_projection(reader *from, const char *prefix, int outputs)
{
    const int width = from->net->config.time_width, rows = from->rows + outputs;
    float *w = udm_weights_read(from->weights, join(prefix, "time_emb_proj.weight").text, 2,
                                (int64_t[]){ outputs, width }, from->error);
    float *b = w ? udm_weights_read(from->weights, join(prefix, "time_emb_proj.bias").text, 1, (int64_t[]){ outputs },
                                    from->error)
                 : NULL;
    float *projection = b ? realloc(from->projection, (size_t)rows * width * sizeof *w) : NULL;
    if (projection)
        from->projection = projection;
    float *bias = projection ? realloc(from->bias, rows * sizeof *b) : NULL;
    if (bias) {
        from->bias = bias;
        memcpy(projection + (size_t)from->rows * width, w, (size_t)outputs * width * sizeof *w);
        memcpy(bias + from->rows, b, outputs * sizeof *b);
        from->rows = rows;
    } else if (b) {
        fail_memory(from);
    }
    free(w);
    free(b);
    return bias;
}

// resample: as in a step; pop: beside x, what was kept last is read
static bool read_resnet(reader *from, const char *prefix, int out, bool pop, int resample)
{
    const udm_unet2d_config *config = &from->net->config;
    udm_unet2d_step *step = add_step(from, UDM_STEP_RESNET);
    if (!step)
        return false;
    udm_conv_spec shortcut = spec(from->channels, out, 1);
    if (pop)
        shortcut.in[shortcut.sources++] = from->kept[--from->held];
    const int in = shortcut.in[0] + shortcut.in[1];
    step->pop = pop;
    step->resample = resample;
    step->first = from->rows;
    from->channels = out;
    return read_norm(from, &step->norms[0], in, config->groups, join(prefix, "norm1").text) &&
           read_conv(from, &step->layers[0], spec(in, out, 3), join(prefix, "conv1").text) &&
           read_projection(from, prefix, config->time_embedding == UDM_EMBED_SCALE ? 2 * out : out) &&
           read_norm(from, &step->norms[1], out, config->groups, join(prefix, "norm2").text) &&
           read_conv(from, &step->layers[1], spec(out, out, 3), join(prefix, "conv2").text) &&
           (in == out || read_conv(from, &step->layers[2], shortcut, join(prefix, "conv_shortcut").text));
}

// add_k_proj and add_v_proj, which the tokens go through.
static bool read_added(const reader *from, udm_unet2d_step *step, const char *prefix, int inner)
{
    static const char *const names[2] = { "add_k_proj", "add_v_proj" };
    for (int i = 0; i < 2 && from->net->config.told.picture > 0; i++)
        if (!udm_layer_open_linear(&step->layers[4 + i], from->net->config.token_width, inner, from->weights,
                                   join(prefix, names[i]).text, from->device, from->error))
            return false;
    return true;
}

// Old files have other names for the four layers.
static bool read_attention(reader *from, const char *prefix, int groups)
{
    static const char *const names[2][4] = { { "to_q", "to_k", "to_v", "to_out.0" },
                                             { "query", "key", "value", "proj_attn" } };
    udm_unet2d_step *step = add_step(from, UDM_STEP_ATTENTION);
    if (!step)
        return false;
    const int head = from->net->config.head ? from->net->config.head : from->channels;
    const bool old = udm_weights_find(from->weights, join(prefix, "query.weight").text);
    step->heads = from->channels / head;
    const int inner = step->heads * head;
    if (step->heads == 0)
        return udm_fail(from->error, UDM_ERROR_UNSUPPORTED, "%s: %d channels are less than an attention head of %d",
                        prefix, from->channels, head);
    for (int i = 0; i < 4; i++) {
        const int in = i < 3 ? from->channels : inner, out = i < 3 ? inner : from->channels;
        if (!udm_layer_open_linear(&step->layers[i], in, out, from->weights, join(prefix, names[old][i]).text,
                                   from->device, from->error))
            return false;
    }
    return read_added(from, step, prefix, inner) &&
           (groups == 0 || read_norm(from, &step->norms[0], from->channels, groups, join(prefix, "group_norm").text));
}

// level: of the resolution, from the highest
static bool read_cross(reader *from, const char *prefix, int level)
{
    const udm_unet2d_config *config = &from->net->config;
    udm_unet2d_step *step = add_step(from, UDM_STEP_CROSS);
    if (!step)
        return false;
    step->cross = (udm_cross){ .channels = from->channels,
                               .groups = config->groups,
                               .heads = config->heads[level],
                               .token_width = config->token_width,
                               .count = from->middle ? config->mid_cross_layers : config->cross_layers,
                               .linear = config->cross_linear };
    return udm_cross_open(&step->cross, prefix, from->weights, from->device, from->error);
}

// A transformer along time. heads, width: of its layers
static bool read_frames(reader *from, const char *prefix, int heads, int width)
{
    const udm_unet2d_config *config = &from->net->config;
    const udm_weights *weights = from->net->motion ? from->net->motion : from->weights;
    udm_unet2d_step *step = add_step(from, UDM_STEP_FRAMES);
    if (!step)
        return false;
    step->cross = (udm_cross){ .channels = from->channels,
                               .groups = config->groups,
                               .heads = heads,
                               .count = from->middle ? config->mid_time_layers : config->time_layers,
                               .linear = true,
                               .frames = true,
                               .inner = width,
                               .positions = config->time_positions };
    return udm_cross_open(&step->cross, prefix, weights, from->device, from->error);
}

// NAME.weight [channels, channels, 3, 1, 1], over the frame before, this one and the one after.
static bool read_frames_convolution(const reader *from, udm_layer *layer, const char *full)
{
    const int64_t c = from->channels;
    float *w = udm_weights_read(from->weights, join(full, "weight").text, 5, (int64_t[]){ c, c, 3, 1, 1 }, from->error);
    float *b = w ? udm_weights_read(from->weights, join(full, "bias").text, 1, &c, from->error) : NULL;
    float *taps = b ? malloc((size_t)(3 * c * c) * sizeof *taps) : NULL;
    if (b && !taps)
        fail_memory(from);
    for (int64_t o = 0; taps && o < c; o++)
        for (int64_t i = 0; i < c; i++)
            for (int64_t k = 0; k < 3; k++)
                taps[(o * 3 + k) * c + i] = w[(o * c + i) * 3 + k];
    udm_conv_spec shape = { .sources = 3, .in = { (int)c, (int)c, (int)c }, .out = (int)c, .size = 1, .stride = 1 };
    shape.weight = taps, shape.bias = b;
    const bool good = taps && udm_layer_pack(layer, shape, from->device, from->error);
    free(w);
    free(b);
    free(taps);
    return good;
}

// TemporalConvLayer: Sequentials, in all but the first of which a dropout stands before the convolution.
static bool read_frames_convolutions(reader *from, const char *prefix)
{
    udm_unet2d_step *step = add_step(from, UDM_STEP_FRAMES_CONVOLUTIONS);
    if (!step)
        return false;
    for (int i = 0; i < 4; i++) {
        char last[16];
        snprintf(last, sizeof last, "conv%d", i + 1);
        const name part = join(prefix, last);
        if (!udm_norm_layer_open(&step->norms[i], from->channels, from->net->config.groups, FRAMES_EPSILON,
                                 from->weights, numbered(part.text, 0).text, from->device, from->error) ||
            !read_frames_convolution(from, &step->layers[i], numbered(part.text, i == 0 ? 2 : 3).text))
            return false;
    }
    return true;
}

// One convolution along time: NAME.weight [channels, channels, 3].
static bool read_taps(reader *from, const char *prefix)
{
    udm_unet2d_step *step = add_step(from, UDM_STEP_TAPS);
    return step &&
           udm_layer_open_temporal(&step->layers[0], from->channels, from->weights, prefix, from->device, from->error);
}

// Rows and bias of a layer [width, width] with the halves of each head turned by `angles` [head / 2].
static void turn_rows(float *to, const float *rows, int width, int columns, int head, const double *angles)
{
    const int half = head / 2;
    for (int o = 0; o < width; o++) {
        const int at = o % head, other = at < half ? o + half : o - half;
        const float c = (float)cos(angles[at % half]), s = (float)sin(angles[at % half]) * (at < half ? -1 : 1);
        for (int i = 0; i < columns; i++)
            to[(size_t)o * columns + i] = c * rows[(size_t)o * columns + i] + s * rows[(size_t)other * columns + i];
    }
}

// to_q or to_k, once for each frame, turned by its place (rotary embeddings, Su et al. 2021): their product then
// depends on how far apart two frames are.
static bool read_turned(const reader *from, udm_unet2d_step *step, const char *full, int which)
{
    const int width = from->channels, head = from->net->config.head, half = head / 2;
    const int64_t shape[] = { width, width };
    float *w = udm_weights_read(from->weights, join(full, "weight").text, 2, shape, from->error);
    float *b = w ? udm_weights_read(from->weights, join(full, "bias").text, 1, shape, from->error) : NULL;
    float *turned = b ? malloc((size_t)width * (width + 1) * sizeof *turned) : NULL;
    double angles[half > 0 ? half : 1];
    bool good = turned || (b && fail_memory(from));
    for (int f = 0; good && f < step->turned_count / 2; f++) {
        for (int i = 0; i < half; i++)
            angles[i] = f * pow(SPAN, -(double)i / half);
        turn_rows(turned, w, width, width, head, angles);
        turn_rows(turned + (size_t)width * width, b, width, 1, head, angles);
        udm_conv_spec shaped = spec(width, width, 1);
        shaped.weight = turned, shaped.bias = turned + (size_t)width * width;
        good = udm_layer_pack(&step->turned[2 * f + which], shaped, from->device, from->error);
    }
    free(w);
    free(b);
    free(turned);
    return good;
}

static bool read_turning(reader *from, const char *prefix)
{
    const udm_unet2d_config *config = &from->net->config;
    const int width = from->channels;
    udm_unet2d_step *step = add_step(from, UDM_STEP_TURNS);
    if (!step)
        return false;
    if (config->head % 2 || width % config->head)
        return udm_fail(from->error, UDM_ERROR_UNSUPPORTED, "%s: %d channels cannot be divided into even heads of %d",
                        prefix, width, config->head);
    step->heads = width / config->head;
    step->turned = calloc((size_t)2 * config->frames, sizeof *step->turned);
    if (!step->turned)
        return fail_memory(from);
    step->turned_count = 2 * config->frames;
    return read_norm(from, &step->norms[0], width, config->groups, join(prefix, "group_norm").text) &&
           read_turned(from, step, join(prefix, "to_q").text, 0) &&
           read_turned(from, step, join(prefix, "to_k").text, 1) &&
           udm_layer_open_linear(&step->layers[2], width, width, from->weights, join(prefix, "to_v").text, from->device,
                                 from->error) &&
           udm_layer_open_linear(&step->layers[3], width, width, from->weights, join(prefix, "to_out.0").text,
                                 from->device, from->error);
}

// What stands after the residual block `index` of a block, and after its transformer, if it has one.
static bool read_after_resnet(reader *from, const char *prefix, int index)
{
    const udm_unet2d_time time = from->net->config.time;
    const name full = nth(prefix, "temp_convs", index);
    return time == UDM_TIME_CONVOLUTIONS ? read_frames_convolutions(from, full.text)
           : time == UDM_TIME_PSEUDO3D   ? read_taps(from, full.text)
                                         : true;
}

static bool read_after_attention(reader *from, const char *prefix, int index, int level, bool attends)
{
    const udm_unet2d_config *config = &from->net->config;
    const bool motion = config->time == UDM_TIME_MOTION;
    if (config->time == UDM_TIME_NONE || (!motion && !attends))
        return true;
    if (config->time == UDM_TIME_PSEUDO3D)
        return read_turning(from, nth(prefix, "temp_attentions", index).text);
    return read_frames(from, nth(prefix, motion ? "motion_modules" : "temp_attentions", index).text,
                       config->time_heads[level], from->channels);
}

// Of a block, or in the middle.
static bool read_attending(reader *from, const char *prefix, int level, int groups)
{
    const udm_unet2d_config *config = &from->net->config;
    return config->conditioned && config->told.picture == 0 ? read_cross(from, prefix, level)
                                                            : read_attention(from, prefix, groups);
}

static bool read_sampler(reader *from, const char *prefix, udm_unet2d_kind kind, bool resnet)
{
    const bool down = kind == UDM_STEP_DOWNSAMPLE;
    name layer = join(prefix, down ? "downsamplers.0" : "upsamplers.0");
    from->halvings += down ? 1 : -1;
    if (resnet)
        return read_resnet(from, layer.text, from->channels, false, down ? -1 : 1);
    udm_unet2d_step *step = add_step(from, kind);
    udm_conv_spec shape = spec(from->channels, from->channels, 3);
    if (down) {
        shape.stride = 2;
        shape.padding = from->net->config.downsample_padding;
        shape.extra = !shape.padding;
    }
    return step && read_conv(from, &step->layers[0], shape, join(layer.text, "conv").text);
}

static bool read_layers(reader *from, const char *prefix, int level, int layers, bool up, bool attends)
{
    const int out = from->net->config.width[level];
    for (int i = 0; i < layers; i++) {
        if (!read_resnet(from, nth(prefix, "resnets", i).text, out, up, 0) || !read_after_resnet(from, prefix, i))
            return false;
        const name attention = nth(prefix, "attentions", i);
        if (attends && !read_attending(from, attention.text, level, from->net->config.groups))
            return false;
        if (!read_after_attention(from, prefix, i, level, attends))
            return false;
        if (!up)
            keep(from);
    }
    return true;
}

static bool read_down(reader *from)
{
    const udm_unet2d_config *config = &from->net->config;
    if (config->entry_width > 0 && !read_frames(from, "transformer_in", UDM_ENTRY_HEADS, config->entry_width))
        return false;
    from->kept[from->held++] = from->channels; // of conv_in
    for (int i = 0; i < config->levels; i++) {
        name prefix = numbered("down_blocks", i);
        if (!read_layers(from, prefix.text, i, config->layers, false, config->down[i].attends))
            return false;
        if (i == config->levels - 1)
            continue;
        if (!read_sampler(from, prefix.text, UDM_STEP_DOWNSAMPLE, config->down[i].resnet))
            return false;
        keep(from);
    }
    return true;
}

static bool read_mid(reader *from)
{
    const udm_unet2d_config *config = &from->net->config;
    const int level = config->levels - 1;
    from->middle = true;
    const bool good =
        !config->mid ||
        (read_resnet(from, "mid_block.resnets.0", from->channels, false, 0) &&
         read_after_resnet(from, "mid_block", 0) &&
         (!config->mid_attends || read_attending(from, "mid_block.attentions.0", level, config->attention_groups)) &&
         (!config->mid_time || read_after_attention(from, "mid_block", 0, level, true)) &&
         read_resnet(from, "mid_block.resnets.1", from->channels, false, 0) && read_after_resnet(from, "mid_block", 1));
    from->middle = false;
    return good;
}

static bool read_up(reader *from)
{
    const udm_unet2d_config *config = &from->net->config;
    for (int i = 0; i < config->levels; i++) {
        name prefix = numbered("up_blocks", i);
        const int level = config->levels - 1 - i;
        if (!read_layers(from, prefix.text, level, config->layers + 1, true, config->up[i].attends))
            return false;
        if (i < config->levels - 1 && !read_sampler(from, prefix.text, UDM_STEP_UPSAMPLE, config->up[i].resnet))
            return false;
    }
    return true;
}

// [weight of linear_2, a column for each value more]: the embedding of a class is added by a source that is 1 at its
// place. classes: [count, width]; NULL: the source is what is added.
static float *join_columns(const reader *from, const float *weight, const float *classes, int count)
{
    const int width = from->net->config.time_width, row = width + count;
    float *joined = malloc((size_t)width * row * sizeof *joined);
    if (!joined)
        fail_memory(from);
    for (int o = 0; joined && o < width; o++) {
        memcpy(joined + (size_t)o * row, weight + (size_t)o * width, width * sizeof *joined);
        for (int k = 0; k < count; k++)
            joined[(size_t)o * row + width + k] = classes ? classes[(size_t)k * width + o] : k == o;
    }
    return joined;
}

// And what is added to the embedding of the time: that of a class, or of a picture.
static bool read_time_and_more(reader *from)
{
    const bool image = from->net->config.told.picture > 0;
    const int64_t width = from->net->config.time_width, classes = image ? width : from->net->config.classes;
    float *weight =
        udm_weights_read(from->weights, "time_embedding.linear_2.weight", 2, (int64_t[]){ width, width }, from->error);
    float *bias = udm_weights_read(from->weights, "time_embedding.linear_2.bias", 1, &width, from->error);
    float *table = image ? NULL
                         : udm_weights_read(from->weights, "class_embedding.weight", 2, (int64_t[]){ classes, width },
                                            from->error);
    float *joined = weight && bias && (table || image) ? join_columns(from, weight, table, (int)classes) : NULL;
    udm_conv_spec both = spec((int)width, (int)width, 1);
    both.sources = 2, both.in[1] = (int)classes;
    both.weight = joined, both.bias = bias;
    bool good = joined && udm_layer_pack(&from->net->time[1], both, from->device, from->error);
    free(weight);
    free(bias);
    free(table);
    free(joined);
    return good;
}

static bool read_time(reader *from)
{
    udm_unet2d *net = from->net;
    const int width = net->config.time_width;
    if (net->config.fourier) {
        const int64_t count = net->base.times / 2;
        const char *full = udm_weights_find(from->weights, "time_proj.W") ? "time_proj.W" : "time_proj.weight";
        net->frequencies = udm_weights_read(from->weights, full, 1, &count, from->error);
        if (!net->frequencies)
            return false;
    }
    if (net->config.guidance > 0) {
        net->guidance = udm_weights_read(from->weights, "time_embedding.cond_proj.weight", 2,
                                         (int64_t[]){ net->base.times, net->config.guidance }, from->error);
        if (!net->guidance)
            return false;
    }
    if (!udm_layer_open_linear(&net->time[0], net->base.times, width, from->weights, "time_embedding.linear_1",
                               from->device, from->error))
        return false;
    return net->base.labels ? read_time_and_more(from)
                            : udm_layer_open_linear(&net->time[1], width, width, from->weights,
                                                    "time_embedding.linear_2", from->device, from->error);
}

static udm_conv_spec first_spec(const udm_unet2d_config *config)
{
    udm_conv_spec first = spec(config->channels * config->patch * config->patch, config->width[0], 3);
    if (config->context)
        first.in[first.sources++] = config->context * config->patch * config->patch;
    return first;
}

static bool pack_projection(const reader *from)
{
    udm_conv_spec shape = spec(from->net->config.time_width, from->rows, 1);
    shape.weight = from->projection, shape.bias = from->bias;
    return udm_layer_pack(&from->net->project, shape, from->device, from->error);
}

bool udm_unet2d_weights_read(udm_unet2d *net, const udm_weights *weights, udm_error *error)
{
    const udm_unet2d_config *config = &net->config;
    const int outputs = udm_network_outputs(&net->base), square = config->patch * config->patch;
    reader from = {
        .net = net, .weights = weights, .device = net->base.device, .error = error, .channels = config->width[0]
    };
    bool good = read_conv(&from, &net->conv_in, first_spec(config), "conv_in") && read_time(&from) &&
                read_down(&from) && read_mid(&from) && read_up(&from) && pack_projection(&from) &&
                read_norm(&from, &net->norm_out, config->width[0], config->groups, "conv_norm_out") &&
                read_conv(&from, &net->conv_out, spec(config->width[0], outputs * square, 3), "conv_out") &&
                (config->told.picture == 0 || udm_unet2d_told_read(net, weights, error));
    free(from.projection);
    free(from.bias);
    return good;
}
