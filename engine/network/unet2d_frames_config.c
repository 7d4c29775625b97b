// SPDX-License-Identifier: LGPL-2.1-or-later
// config.json of networks that make films: UNetMotionModel and UNet3DConditionModel, and of a MotionAdapter, whose
// modules are inserted into a UNet2DConditionModel.
#include <string.h>

#include "network/unet2d.h"

// Those that both have: read, or with one supported value, or without a meaning at inference.
#define COMMON                                                                                                         \
    "sample_size", "in_channels", "out_channels", "down_block_types", "up_block_types", "block_out_channels",          \
        "layers_per_block", "downsample_padding", "mid_block_scale_factor", "act_fn", "norm_num_groups", "norm_eps",   \
        "cross_attention_dim", "num_attention_heads", "time_cond_proj_dim"

static const char *const of_motion[] = { COMMON,
                                         "transformer_layers_per_block",
                                         "reverse_transformer_layers_per_block",
                                         "temporal_transformer_layers_per_block",
                                         "reverse_temporal_transformer_layers_per_block",
                                         "transformer_layers_per_mid_block",
                                         "temporal_transformer_layers_per_mid_block",
                                         "use_linear_projection",
                                         "motion_max_seq_length",
                                         "motion_num_attention_heads",
                                         "reverse_motion_num_attention_heads",
                                         "use_motion_mid_block",
                                         "mid_block_layers",
                                         NULL };
static const char *const of_3d[] = { COMMON, "attention_head_dim", NULL };
static const char *const of_adapter[] = { "block_out_channels",
                                          "motion_layers_per_block",
                                          "motion_transformer_layers_per_block",
                                          "motion_mid_block_layers_per_block",
                                          "motion_transformer_layers_per_mid_block",
                                          "motion_num_attention_heads",
                                          "motion_norm_num_groups",
                                          "motion_max_seq_length",
                                          "use_motion_mid_block",
                                          "conv_in_channels",
                                          NULL };

enum { MOST_POSITIONS = 4096 };

static bool fail_different(const udm_config *config, const char *key, const char *from, udm_error *error)
{
    return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"%s\" must be the same as %s", udm_config_path(config), key,
                    from);
}

// One number, which must be that of another part of the model; usual: what it is where it is missing.
static bool check_same(const udm_config *config, const char *key, int usual, int wanted, const char *from,
                       udm_error *error)
{
    int value = usual;
    return udm_config_int(config, key, 1, 65536, &value, error) &&
           (value == wanted || fail_different(config, key, from, error));
}

static bool read_common(udm_unet2d_config *to, const udm_config *config, udm_error *error)
{
    static const int widths[] = { 320, 640, 1280, 1280 };
    bool swish = false;
    int outputs = 4;
    memcpy(to->width, widths, sizeof widths);
    to->channels = 4, to->levels = 4, to->layers = 2, to->groups = 32, to->eps = 1e-5;
    to->time_embedding = UDM_EMBED_ADD, to->cosine_first = true;
    to->mid = to->mid_attends = to->mid_time = true;
    to->cross_layers = to->time_layers = to->mid_cross_layers = to->mid_time_layers = 1;
    if (!udm_unet2d_read_null(config, "time_cond_proj_dim", error) ||
        !udm_unet2d_read_number(config, "mid_block_scale_factor", 1, error) ||
        !udm_unet2d_read_choice(config, "act_fn", "silu", "swish", &swish, error) ||
        !udm_unet2d_read_sample(to, config, error) ||
        !udm_config_int(config, "in_channels", 1, 256, &to->channels, error) ||
        !udm_config_int(config, "out_channels", 1, 256, &outputs, error) ||
        !udm_config_ints(config, "block_out_channels", 1, 8192, UDM_UNET2D_LEVELS, to->width, &to->levels, error) ||
        !udm_config_int(config, "layers_per_block", 1, UDM_UNET2D_LAYERS, &to->layers, error) ||
        !udm_config_int(config, "norm_num_groups", 1, 4096, &to->groups, error) ||
        !udm_config_double(config, "norm_eps", 0, 1, &to->eps, error) ||
        !udm_config_int(config, "cross_attention_dim", 1, 65536, &to->token_width, error) ||
        !udm_config_int(config, "downsample_padding", 0, 1, &to->downsample_padding, error))
        return false;
    to->time_width = 4 * to->width[0];
    if (udm_config_is_null(config, "norm_num_groups"))
        return udm_unet2d_fail_value(config, "norm_num_groups", "null", error);
    if (to->levels < 1)
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: \"block_out_channels\" is empty", udm_config_path(config));
    return outputs == to->channels || fail_different(config, "out_channels", "\"in_channels\"", error);
}

// null: as many as in blocks.
static bool read_middle_layers(udm_unet2d_config *to, const udm_config *config, udm_error *error)
{
    to->mid_cross_layers = to->cross_layers;
    to->mid_time_layers = 1;
    return udm_config_int(config, "transformer_layers_per_mid_block", 1, 256, &to->mid_cross_layers, error) &&
           udm_config_int(config, "temporal_transformer_layers_per_mid_block", 1, 256, &to->mid_time_layers, error);
}

static bool read_motion_layers(udm_unet2d_config *to, const udm_config *config, udm_error *error)
{
    static const char *const nulls[] = { "reverse_transformer_layers_per_block",
                                         "reverse_temporal_transformer_layers_per_block",
                                         "reverse_motion_num_attention_heads" };
    to->heads[0] = to->time_heads[0] = 8, to->time_positions = 32;
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        if (!udm_unet2d_read_null(config, nulls[i], error))
            return false;
    return udm_unet2d_read_number(config, "mid_block_layers", 1, error) &&
           udm_unet2d_read_each(to, config, "num_attention_heads", to->heads, error) &&
           udm_unet2d_read_each(to, config, "motion_num_attention_heads", to->time_heads, error) &&
           udm_config_int(config, "transformer_layers_per_block", 1, 256, &to->cross_layers, error) &&
           udm_config_int(config, "temporal_transformer_layers_per_block", 1, 256, &to->time_layers, error) &&
           read_middle_layers(to, config, error) &&
           udm_config_bool(config, "use_linear_projection", &to->cross_linear, error) &&
           udm_config_bool(config, "use_motion_mid_block", &to->mid_time, error) &&
           udm_config_int(config, "motion_max_seq_length", 1, MOST_POSITIONS, &to->time_positions, error);
}

bool udm_unet2d_motion_config_read(udm_unet2d_config *to, const udm_config *config, udm_error *error)
{
    static const char *const down[] = { "DownBlockMotion", "CrossAttnDownBlockMotion" };
    static const char *const up[] = { "UpBlockMotion", "CrossAttnUpBlockMotion" };
    *to = (udm_unet2d_config){ .downsample_padding = 1,
                               .null_class = -1,
                               .patch = 1,
                               .conditioned = true,
                               .token_width = 1280,
                               .time = UDM_TIME_MOTION };
    if (!udm_config_only(config, of_motion, error) || !read_common(to, config, error) ||
        !read_motion_layers(to, config, error))
        return false;
    to->attention_groups = to->groups;
    return udm_unet2d_read_way(config, "down_block_types", down, false, to->down, to->levels, error) &&
           udm_unet2d_read_way(config, "up_block_types", up, false, to->up, to->levels, error);
}

// Here attention_head_dim is what it says.
bool udm_unet2d_3d_config_read(udm_unet2d_config *to, const udm_config *config, udm_error *error)
{
    static const char *const down[] = { "DownBlock3D", "CrossAttnDownBlock3D" };
    static const char *const up[] = { "UpBlock3D", "CrossAttnUpBlock3D" };
    int head = 64;
    *to = (udm_unet2d_config){ .downsample_padding = 1,
                               .null_class = -1,
                               .patch = 1,
                               .conditioned = true,
                               .token_width = 1024,
                               .cross_linear = true,
                               .time = UDM_TIME_CONVOLUTIONS };
    if (!udm_config_only(config, of_3d, error) || !udm_unet2d_read_null(config, "num_attention_heads", error) ||
        !read_common(to, config, error) || !udm_config_int(config, "attention_head_dim", 1, 8192, &head, error))
        return false;
    for (int i = 0; i < to->levels; i++)
        to->heads[i] = to->time_heads[i] = to->width[i] / head;
    for (int i = 0; i < to->levels; i++)
        if (to->width[i] % head != 0)
            return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                            "%s: \"block_out_channels\" must be multiples of \"attention_head_dim\", and %d is not",
                            udm_config_path(config), to->width[i]);
    to->attention_groups = to->groups;
    to->entry_width = UDM_ENTRY_HEADS * head;
    return udm_unet2d_read_way(config, "down_block_types", down, false, to->down, to->levels, error) &&
           udm_unet2d_read_way(config, "up_block_types", up, false, to->up, to->levels, error);
}

bool udm_unet2d_adapter_config_read(udm_unet2d_config *to, const udm_config *adapter, udm_error *error)
{
    int width[UDM_UNET2D_LEVELS] = { 320, 640, 1280, 1280 }, levels = 4;
    if (to->told.picture > 0 || to->spreads || to->patch != 1)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "%s: motion modules can be inserted into a network that reads the tokens of a text, only",
                        udm_config_path(adapter));
    to->time = UDM_TIME_MOTION, to->time_layers = to->mid_time_layers = 1, to->time_heads[0] = 8,
    to->time_positions = 32;
    to->mid_time = true;
    if (!udm_config_only(adapter, of_adapter, error) || !udm_unet2d_read_null(adapter, "conv_in_channels", error) ||
        !udm_config_ints(adapter, "block_out_channels", 1, 8192, UDM_UNET2D_LEVELS, width, &levels, error) ||
        !check_same(adapter, "motion_layers_per_block", 2, to->layers, "layers_per_block of the U-Net", error) ||
        !check_same(adapter, "motion_norm_num_groups", 32, to->groups, "norm_num_groups of the U-Net", error) ||
        !udm_unet2d_read_number(adapter, "motion_mid_block_layers_per_block", 1, error) ||
        !udm_config_int(adapter, "motion_transformer_layers_per_block", 1, 256, &to->time_layers, error) ||
        !udm_config_int(adapter, "motion_transformer_layers_per_mid_block", 1, 256, &to->mid_time_layers, error) ||
        !udm_unet2d_read_each(to, adapter, "motion_num_attention_heads", to->time_heads, error) ||
        !udm_config_int(adapter, "motion_max_seq_length", 1, MOST_POSITIONS, &to->time_positions, error) ||
        !udm_config_bool(adapter, "use_motion_mid_block", &to->mid_time, error))
        return false;
    return (levels == to->levels && memcmp(width, to->width, levels * sizeof *width) == 0) ||
           fail_different(adapter, "block_out_channels", "that of the U-Net", error);
}
