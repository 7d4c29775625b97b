// SPDX-License-Identifier: LGPL-2.1-or-later
// config.json of a UNet2DModel. A missing key has the default of the class, and null is not always the same as missing.
#include <stdio.h>
#include <string.h>

#include "network/unet2d.h"

// Keys that have one supported value, or do nothing at inference.
static const char *const known[] = { "sample_size",
                                     "in_channels",
                                     "out_channels",
                                     "center_input_sample",
                                     "time_embedding_type",
                                     "time_embedding_dim",
                                     "freq_shift",
                                     "flip_sin_to_cos",
                                     "down_block_types",
                                     "mid_block_type",
                                     "up_block_types",
                                     "block_out_channels",
                                     "layers_per_block",
                                     "mid_block_scale_factor",
                                     "downsample_padding",
                                     "downsample_type",
                                     "upsample_type",
                                     "dropout",
                                     "act_fn",
                                     "attention_head_dim",
                                     "norm_num_groups",
                                     "attn_norm_num_groups",
                                     "norm_eps",
                                     "resnet_time_scale_shift",
                                     "add_attention",
                                     "class_embed_type",
                                     "num_class_embeds",
                                     "null_class",
                                     "num_train_timesteps",
                                     NULL };

bool udm_unet2d_fail_value(const udm_config *config, const char *key, const char *value, udm_error *error)
{
    return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: this is not implemented: \"%s\": %s", udm_config_path(config),
                    key, value);
}

bool udm_unet2d_read_choice(const udm_config *config, const char *key, const char *first, const char *other,
                            bool *second, udm_error *error)
{
    const char *value = *second ? other : first;
    if (!udm_config_string(config, key, &value, error))
        return false;
    *second = strcmp(value, other) == 0;
    return *second || strcmp(value, first) == 0 || udm_unet2d_fail_value(config, key, value, error);
}

// A block type such as "AttnDownBlock2D", whose way is "Down" or "Up".
static bool read_block(const udm_config *config, const char *key, const char *type, const char *way, bool resnet,
                       udm_unet2d_block *block, udm_error *error)
{
    static const struct {
        const char *before;
        bool attends;
        int resnet; // -1: as downsample_type or upsample_type says
    } kinds[] = { { "", false, 0 }, { "Attn", true, -1 }, { "Resnet", false, 1 } };
    const char *name = strncmp(type, "UNetRes", 7) == 0 ? type + 7 : type;
    for (int i = 0; i < 3; i++) {
        char full[40];
        const char *after = kinds[i].resnet == 1 ? "sampleBlock2D" : "Block2D";
        snprintf(full, sizeof full, "%s%s%s", kinds[i].before, way, after);
        if (strcmp(name, full) == 0) {
            *block = (udm_unet2d_block){ kinds[i].attends, kinds[i].resnet < 0 ? resnet : kinds[i].resnet };
            return true;
        }
    }
    return udm_unet2d_fail_value(config, key, type, error);
}

static bool read_way(const udm_config *config, const char *way, udm_unet2d_block *blocks, int levels, udm_error *error)
{
    const bool down = way[0] == 'D';
    const char *key = down ? "down_block_types" : "up_block_types", *types[UDM_UNET2D_LEVELS];
    static const char *const defaults[2][4] = {
        { "AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D" },
        { "DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D" },
    };
    memcpy(types, defaults[down], sizeof defaults[down]);
    int count = 4;
    bool resnet = false;
    if (!udm_config_strings(config, key, UDM_UNET2D_LEVELS, types, &count, error) ||
        !udm_unet2d_read_choice(config, down ? "downsample_type" : "upsample_type", "conv", "resnet", &resnet, error))
        return false;
    if (count != levels)
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: \"%s\" and \"block_out_channels\" must have the same length",
                        udm_config_path(config), key);
    for (int i = 0; i < levels; i++)
        if (!read_block(config, key, types[i], way, resnet, &blocks[i], error))
            return false;
    return true;
}

static bool read_shape(udm_unet2d_config *to, const udm_config *config, udm_error *error)
{
    static const int widths[] = { 224, 448, 672, 896 };
    int outputs = 3;
    to->channels = 3, to->layers = 2, to->levels = 4;
    memcpy(to->width, widths, sizeof widths);
    if (!udm_config_int(config, "in_channels", 1, 256, &to->channels, error) ||
        !udm_config_int(config, "out_channels", 1, 4096, &outputs, error) ||
        !udm_config_ints(config, "block_out_channels", 1, 8192, UDM_UNET2D_LEVELS, to->width, &to->levels, error) ||
        !udm_config_int(config, "layers_per_block", 1, UDM_UNET2D_LAYERS, &to->layers, error))
        return false;
    if (to->channels == 2 * outputs) // beside the frame it is shown another, as those of super-resolution are
        to->channels = to->context = outputs;
    to->spreads = outputs == 2 * to->channels;
    if (outputs != to->channels && !to->spreads)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "%s: \"out_channels\" must be as many as \"in_channels\", twice as many, or half as many",
                        udm_config_path(config));
    if (to->levels < 1)
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: \"block_out_channels\" is empty", udm_config_path(config));
    return read_way(config, "Down", to->down, to->levels, error) && read_way(config, "Up", to->up, to->levels, error);
}

// With scale_shift the attention in the middle is not normalised, unless attn_norm_num_groups says so.
static bool read_norms(udm_unet2d_config *to, const udm_config *config, udm_error *error)
{
    bool scale = false;
    to->groups = 32, to->eps = 1e-5;
    if (!udm_config_int(config, "norm_num_groups", 1, 4096, &to->groups, error) ||
        !udm_config_double(config, "norm_eps", 0, 1, &to->eps, error) ||
        !udm_unet2d_read_choice(config, "resnet_time_scale_shift", "default", "scale_shift", &scale, error))
        return false;
    to->time_embedding = scale ? UDM_EMBED_SCALE : UDM_EMBED_ADD;
    to->attention_groups = scale ? 0 : to->groups;
    if (udm_config_is_null(config, "norm_num_groups"))
        return udm_unet2d_fail_value(config, "norm_num_groups", "null", error);
    return udm_config_int(config, "attn_norm_num_groups", 1, 4096, &to->attention_groups, error);
}

static bool read_middle(udm_unet2d_config *to, const udm_config *config, udm_error *error)
{
    const char *type = "UNetMidBlock2D";
    to->mid_attends = true, to->head = 8;
    if (!udm_config_string(config, "mid_block_type", &type, error) ||
        !udm_config_bool(config, "add_attention", &to->mid_attends, error) ||
        !udm_config_int(config, "attention_head_dim", 1, 8192, &to->head, error))
        return false;
    to->mid = !udm_config_is_null(config, "mid_block_type");
    if (udm_config_is_null(config, "attention_head_dim"))
        to->head = 0;
    return strcmp(type, "UNetMidBlock2D") == 0 || udm_unet2d_fail_value(config, "mid_block_type", type, error);
}

static bool read_time(udm_unet2d_config *to, const udm_config *config, udm_error *error)
{
    to->cosine_first = true;
    to->time_width = 4 * to->width[0];
    return udm_unet2d_read_choice(config, "time_embedding_type", "positional", "fourier", &to->fourier, error) &&
           udm_config_bool(config, "flip_sin_to_cos", &to->cosine_first, error) &&
           udm_config_double(config, "freq_shift", -1e3, 1e3, &to->frequency_shift, error) &&
           udm_config_int(config, "time_embedding_dim", 1, 65536, &to->time_width, error) &&
           udm_config_int(config, "num_class_embeds", 1, 65536, &to->classes, error) &&
           udm_config_int(config, "null_class", 0, to->classes - 1, &to->null_class, error);
}

bool udm_unet2d_read_sample(udm_unet2d_config *to, const udm_config *config, udm_error *error)
{
    int size[2] = { 0, 0 }, count = 0;
    if (udm_config_int(config, "sample_size", 1, 65536, &size[0], NULL))
        size[1] = size[0];
    else if (!udm_config_ints(config, "sample_size", 1, 65536, 2, size, &count, error))
        return false;
    to->sample_height = size[0], to->sample_width = size[1];
    return true;
}

static bool check_rest(const udm_config *config, udm_error *error)
{
    bool centre = false, swish = false;
    double factor = 1;
    if (!udm_config_bool(config, "center_input_sample", &centre, error) ||
        !udm_config_double(config, "mid_block_scale_factor", 0, 1e6, &factor, error) ||
        !udm_unet2d_read_choice(config, "act_fn", "silu", "swish", &swish, error))
        return false;
    if (centre)
        return udm_unet2d_fail_value(config, "center_input_sample", "true", error);
    if (factor != 1)
        return udm_unet2d_fail_value(config, "mid_block_scale_factor", "not 1", error);
    return !udm_config_has(config, "class_embed_type") ||
           udm_unet2d_fail_value(config, "class_embed_type", "not null", error);
}

bool udm_unet2d_config_read(udm_unet2d_config *to, const udm_config *config, udm_error *error)
{
    *to = (udm_unet2d_config){ .downsample_padding = 1, .null_class = -1, .patch = 1 };
    return udm_config_only(config, known, error) && read_shape(to, config, error) &&
           udm_unet2d_read_sample(to, config, error) && read_norms(to, config, error) &&
           read_middle(to, config, error) && read_time(to, config, error) && check_rest(config, error) &&
           udm_config_int(config, "downsample_padding", 0, 1, &to->downsample_padding, error);
}
