// SPDX-License-Identifier: LGPL-2.1-or-later
// AutoencoderKL: its config, and its layers. Old files have other names for those of the attention in the middle.
#include <stdio.h>
#include <string.h>

#include "network/autoencoder.h"

static const double EPSILON = 1e-6;

// Those that are read, or do nothing at inference in f32.
static const char *const known[] = { "in_channels",
                                     "out_channels",
                                     "down_block_types",
                                     "up_block_types",
                                     "block_out_channels",
                                     "layers_per_block",
                                     "act_fn",
                                     "latent_channels",
                                     "norm_num_groups",
                                     "sample_size",
                                     "scaling_factor",
                                     "shift_factor",
                                     "force_upcast",
                                     "use_quant_conv",
                                     "use_post_quant_conv",
                                     "mid_block_add_attention",
                                     NULL };

static bool check_types(const udm_autoencoder_reader *from, const char *key, const char *type, int usual)
{
    const char *types[UDM_AUTOENCODER_LEVELS] = { type };
    int count = usual;
    if (!udm_config_strings(from->config, key, UDM_AUTOENCODER_LEVELS, types, &count, from->error))
        return false;
    for (int i = 0; i < count; i++)
        if (strcmp(types[i], type) != 0)
            return udm_fail(from->error, UDM_ERROR_UNSUPPORTED, "%s: this is not implemented: \"%s\": %s",
                            udm_config_path(from->config), key, types[i]);
    return count == from->levels ||
           udm_fail(from->error, UDM_ERROR_CORRUPT, "%s: \"%s\" and \"block_out_channels\" must have the same length",
                    udm_config_path(from->config), key);
}

static bool read_sizes(udm_autoencoder_reader *from)
{
    udm_autoencoder *half = from->half;
    const udm_config *config = from->config;
    int out = 3;
    half->channels = 3, half->latents = 4, half->factor = 0.18215, half->moments = true;
    from->levels = 1, from->width[0] = 64, from->blocks[0] = 1, from->groups = 32;
    if (!udm_config_int(config, "in_channels", 1, 256, &half->channels, from->error) ||
        !udm_config_int(config, "out_channels", 1, 256, &out, from->error) ||
        !udm_config_int(config, "latent_channels", 1, 256, &half->latents, from->error) ||
        !udm_config_ints(config, "block_out_channels", 1, 8192, UDM_AUTOENCODER_LEVELS, from->width, &from->levels,
                         from->error) ||
        !udm_config_int(config, "layers_per_block", 1, 64, &from->blocks[0], from->error) ||
        !udm_config_int(config, "norm_num_groups", 1, 4096, &from->groups, from->error) ||
        !udm_config_double(config, "scaling_factor", 1e-6, 1e6, &half->factor, from->error) ||
        !udm_config_double(config, "shift_factor", -1e6, 1e6, &half->shift, from->error))
        return false;
    if (out != half->channels)
        return udm_fail(from->error, UDM_ERROR_UNSUPPORTED, "%s: \"out_channels\" must be as many as \"in_channels\"",
                        udm_config_path(config));
    return from->levels > 0 ||
           udm_fail(from->error, UDM_ERROR_CORRUPT, "%s: \"block_out_channels\" is empty", udm_config_path(config));
}

bool udm_autoencoder_kl_config(udm_autoencoder_reader *from)
{
    const udm_config *config = from->config;
    const char *activation = "silu";
    bool before = true, after = true;
    from->attends = true;
    if (!udm_config_only(config, known, from->error) || !read_sizes(from) ||
        !check_types(from, "down_block_types", "DownEncoderBlock2D", 1) ||
        !check_types(from, "up_block_types", "UpDecoderBlock2D", 1) ||
        !udm_config_bool(config, "mid_block_add_attention", &from->attends, from->error) ||
        !udm_config_bool(config, "use_quant_conv", &before, from->error) ||
        !udm_config_bool(config, "use_post_quant_conv", &after, from->error) ||
        !udm_config_string(config, "act_fn", &activation, from->error))
        return false;
    from->quantised = from->half->encodes ? before : after;
    from->half->scale = 1 << (from->levels - 1);
    from->half->global = true;
    return strcmp(activation, "silu") == 0 || strcmp(activation, "swish") == 0 ||
           udm_fail(from->error, UDM_ERROR_UNSUPPORTED, "%s: this is not implemented: \"act_fn\": %s",
                    udm_config_path(config), activation);
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

static bool read_norm(const udm_autoencoder_reader *from, udm_norm_layer *layer, int channels, const char *full)
{
    return udm_norm_layer_open(layer, channels, from->groups, EPSILON, from->weights, full, from->half->device,
                               from->error);
}

static bool read_conv(udm_autoencoder_reader *from, udm_conv_spec spec, const char *full)
{
    udm_autoencoder_step *step = udm_autoencoder_add(from, UDM_CODE_CONV);
    return step && udm_autoencoder_conv(from, &step->layers[0], spec, true, full);
}

static bool read_resnet(udm_autoencoder_reader *from, int in, int out, const char *prefix)
{
    udm_autoencoder_step *step = udm_autoencoder_add(from, UDM_CODE_RESNET);
    return step && read_norm(from, &step->norms[0], in, join(prefix, "norm1").text) &&
           udm_autoencoder_conv(from, &step->layers[0], udm_autoencoder_spec(in, out, 3), true,
                                join(prefix, "conv1").text) &&
           read_norm(from, &step->norms[1], out, join(prefix, "norm2").text) &&
           udm_autoencoder_conv(from, &step->layers[1], udm_autoencoder_spec(out, out, 3), true,
                                join(prefix, "conv2").text) &&
           (in == out || udm_autoencoder_conv(from, &step->layers[2], udm_autoencoder_spec(in, out, 1), true,
                                              join(prefix, "conv_shortcut").text));
}

static bool read_attention(udm_autoencoder_reader *from, int width, const char *prefix)
{
    static const char *const names[2][4] = { { "to_q", "to_k", "to_v", "to_out.0" },
                                             { "query", "key", "value", "proj_attn" } };
    udm_autoencoder_step *step = udm_autoencoder_add(from, UDM_CODE_ATTENTION);
    const bool old = udm_weights_find(from->weights, join(prefix, "query.weight").text);
    if (!step || !read_norm(from, &step->norms[0], width, join(prefix, "group_norm").text))
        return false;
    for (int i = 0; i < 4; i++)
        if (!udm_layer_open_linear(&step->layers[i], width, width, from->weights, join(prefix, names[old][i]).text,
                                   from->half->device, from->error))
            return false;
    return true;
}

static bool read_middle(udm_autoencoder_reader *from, int width, const char *half)
{
    return read_resnet(from, width, width, join(half, "mid_block.resnets.0").text) &&
           (!from->attends || read_attention(from, width, join(half, "mid_block.attentions.0").text)) &&
           read_resnet(from, width, width, join(half, "mid_block.resnets.1").text);
}

// The blocks of one resolution, which go from `in` channels to `out`.
static bool read_blocks(udm_autoencoder_reader *from, int count, int in, int out, const char *list, int index)
{
    for (int i = 0; i < count; i++) {
        char prefix[80];
        snprintf(prefix, sizeof prefix, "%s.%d.resnets.%d", list, index, i);
        if (!read_resnet(from, i ? out : in, out, prefix))
            return false;
    }
    return true;
}

static bool read_sampler(udm_autoencoder_reader *from, int width, const char *list, int index)
{
    const bool down = from->half->encodes;
    udm_conv_spec spec = udm_autoencoder_spec(width, width, 3);
    char full[80];
    snprintf(full, sizeof full, "%s.%d.%s.0.conv", list, index, down ? "downsamplers" : "upsamplers");
    if (down)
        spec.stride = 2, spec.padding = 0, spec.extra = 1;
    return (down || udm_autoencoder_add(from, UDM_CODE_ENLARGE)) && read_conv(from, spec, full);
}

// The last normalisation and convolution.
static bool read_end(udm_autoencoder_reader *from, int in, int out, const char *half)
{
    udm_autoencoder_step *step = udm_autoencoder_add(from, UDM_CODE_CONV);
    if (!step)
        return false;
    step->normalised = true;
    return read_norm(from, &step->norms[0], in, join(half, "conv_norm_out").text) &&
           udm_autoencoder_conv(from, &step->layers[0], udm_autoencoder_spec(in, out, 3), true,
                                join(half, "conv_out").text);
}

static bool read_encoder(udm_autoencoder_reader *from)
{
    const int *width = from->width, last = width[from->levels - 1], latents = 2 * from->half->latents;
    if (!read_conv(from, udm_autoencoder_spec(from->half->channels, width[0], 3), "encoder.conv_in"))
        return false;
    for (int i = 0; i < from->levels; i++)
        if (!read_blocks(from, from->blocks[0], width[i ? i - 1 : 0], width[i], "encoder.down_blocks", i) ||
            (i < from->levels - 1 && !read_sampler(from, width[i], "encoder.down_blocks", i)))
            return false;
    return read_middle(from, last, "encoder") && read_end(from, last, latents, "encoder") &&
           (!from->quantised || read_conv(from, udm_autoencoder_spec(latents, latents, 1), "quant_conv"));
}

static bool read_decoder(udm_autoencoder_reader *from)
{
    const int *width = from->width, last = width[from->levels - 1], latents = from->half->latents;
    if ((from->quantised && !read_conv(from, udm_autoencoder_spec(latents, latents, 1), "post_quant_conv")) ||
        !read_conv(from, udm_autoencoder_spec(latents, last, 3), "decoder.conv_in") ||
        !read_middle(from, last, "decoder"))
        return false;
    for (int i = 0; i < from->levels; i++) {
        const int level = from->levels - 1 - i, in = width[i ? level + 1 : level];
        if (!read_blocks(from, from->blocks[0] + 1, in, width[level], "decoder.up_blocks", i) ||
            (level > 0 && !read_sampler(from, width[level], "decoder.up_blocks", i)))
            return false;
    }
    return read_end(from, width[0], from->half->channels, "decoder");
}

bool udm_autoencoder_kl_read(udm_autoencoder_reader *from)
{
    return from->half->encodes ? read_encoder(from) : read_decoder(from);
}
