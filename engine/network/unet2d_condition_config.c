// SPDX-License-Identifier: LGPL-2.1-or-later
// config.json of a UNet2DConditionModel that is conditioned on the embedding of a picture, in the form of unCLIP's
// decoders, on that and a text, or on the tokens of a text alone, as Stable Diffusion is. Two keys are ours:
// "patch_size" says that its channels are squares of pixels, "text_tokens" how many tokens a text is filled up to. And
// of a UdmPseudo3DConditionModel, which is that with layers along time and has three keys more: how many "frames" it
// takes at once, how far away those are that attention along time sees ("time_window", 0: all), and how many planes
// stand beside each ("context").
#include <string.h>

#include "network/unet2d.h"

enum {
    USUAL_TEXT_TOKENS = 77, // CLIP's
    MAX_TEXT_TOKENS = 4096,
    MAX_TOKEN_WIDTH = 65536,
    IMAGE_TOKENS = 32,     // that the embedding of a picture becomes, in diffusers' ImageProjection
    TEXT_IMAGE_TOKENS = 10 // ... in its TextImageProjection
};

// Those that are read, or do nothing in these blocks or at inference.
#define KNOWN                                                                                                          \
    "sample_size", "in_channels", "out_channels", "flip_sin_to_cos", "freq_shift", "down_block_types",                 \
        "mid_block_type", "up_block_types", "block_out_channels", "layers_per_block", "downsample_padding", "dropout", \
        "act_fn", "norm_num_groups", "norm_eps", "cross_attention_dim", "transformer_layers_per_block",                \
        "encoder_hid_dim", "encoder_hid_dim_type", "attention_head_dim", "addition_embed_type",                        \
        "addition_embed_type_num_heads", "upcast_attention", "resnet_time_scale_shift", "time_embedding_type",         \
        "time_embedding_dim", "time_cond_proj_dim", "attention_type", "patch_size", "text_tokens",                     \
        "center_input_sample", "only_cross_attention", "dual_cross_attention", "use_linear_projection",                \
        "resnet_skip_time_act", "class_embeddings_concat", "mid_block_only_cross_attention", "mid_block_scale_factor", \
        "resnet_out_scale_factor", "conv_in_kernel", "conv_out_kernel", "class_embed_type"

static const char *const known[] = { KNOWN, NULL };
static const char *const known_of_films[] = { KNOWN, "frames", "context", "time_window", NULL };
static const char *const told_known[] = { "clip_extra_context_tokens", "clip_embeddings_dim", "time_embed_dim",
                                          "cross_attention_dim", NULL };

bool udm_unet2d_read_off(const udm_config *config, const char *key, udm_error *error)
{
    bool on = false;
    return udm_config_bool(config, key, &on, error) && (!on || udm_unet2d_fail_value(config, key, "true", error));
}

bool udm_unet2d_read_number(const udm_config *config, const char *key, double number, udm_error *error)
{
    double value = number;
    return udm_config_double(config, key, -1e6, 1e6, &value, error) &&
           (value == number || udm_unet2d_fail_value(config, key, "another number than its default", error));
}

bool udm_unet2d_read_null(const udm_config *config, const char *key, udm_error *error)
{
    return !udm_config_has(config, key) || udm_unet2d_fail_value(config, key, "not null", error);
}

// Keys whose one supported value is false, or a number.
static bool check_fixed(const udm_config *config, udm_error *error)
{
    static const char *const off[] = { "center_input_sample",     "only_cross_attention",
                                       "dual_cross_attention",    "resnet_skip_time_act",
                                       "class_embeddings_concat", "mid_block_only_cross_attention" };
    static const struct {
        const char *key;
        double value;
    } numbers[] = { { "mid_block_scale_factor", 1 },
                    { "resnet_out_scale_factor", 1 },
                    { "conv_in_kernel", 3 },
                    { "conv_out_kernel", 3 } };
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        if (!udm_unet2d_read_off(config, off[i], error))
            return false;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!udm_unet2d_read_number(config, numbers[i].key, numbers[i].value, error))
            return false;
    return true;
}

// A key that must be this word; usual: what it is where it is missing.
static bool check_word(const udm_config *config, const char *key, const char *usual, const char *wanted,
                       udm_error *error)
{
    const char *value = usual;
    return udm_config_string(config, key, &value, error) &&
           (strcmp(value, wanted) == 0 || udm_unet2d_fail_value(config, key, value, error));
}

static bool check_words(const udm_config *config, const udm_unet2d_config *to, udm_error *error)
{
    const bool image = to->told.picture > 0, text = to->told.text > 0;
    const char *const none = "null", *middle = image ? "UNetMidBlock2DSimpleCrossAttn" : "UNetMidBlock2DCrossAttn";
    bool swish = false;
    return check_word(config, "addition_embed_type", none,
                      to->told_apart ? none
                      : text         ? "text_image"
                      : image        ? "image"
                                     : none,
                      error) &&
           check_word(config, "class_embed_type", none, to->told_apart ? "identity" : none, error) &&
           check_word(config, "mid_block_type", "UNetMidBlock2DCrossAttn", middle, error) &&
           check_word(config, "time_embedding_type", "positional", "positional", error) &&
           check_word(config, "attention_type", "default", "default", error) &&
           udm_unet2d_read_choice(config, "act_fn", "silu", "swish", &swish, error);
}

bool udm_unet2d_read_way(const udm_config *config, const char *key, const char *const names[2], bool resnet,
                         udm_unet2d_block *blocks, int levels, udm_error *error)
{
    const bool down = key[0] == 'd'; // the defaults: all attend but those of the lowest resolution
    const char *types[UDM_UNET2D_LEVELS] = { names[down], names[1], names[1], names[!down] };
    int count = 4;
    if (!udm_config_strings(config, key, UDM_UNET2D_LEVELS, types, &count, error))
        return false;
    if (count != levels)
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: \"%s\" and \"block_out_channels\" must have the same length",
                        udm_config_path(config), key);
    for (int i = 0; i < levels; i++) {
        const bool attends = strcmp(types[i], names[1]) == 0;
        if (!attends && strcmp(types[i], names[0]) != 0)
            return udm_unet2d_fail_value(config, key, types[i], error);
        blocks[i] = (udm_unet2d_block){ .attends = attends, .resnet = resnet };
    }
    return true;
}

static bool read_channels(udm_unet2d_config *to, const udm_config *config, udm_error *error)
{
    const bool films = to->time == UDM_TIME_PSEUDO3D;
    int in = 4, out = 4;
    if (!udm_config_int(config, "patch_size", 1, 64, &to->patch, error) ||
        (films && !udm_config_int(config, "context", 0, 64, &to->context, error)) ||
        !udm_config_int(config, "in_channels", 1, 65536, &in, error) ||
        !udm_config_int(config, "out_channels", 1, 65536, &out, error))
        return false;
    const int square = to->patch * to->patch;
    if (!films)
        to->context = to->told.picture == 0 && square == 1 && in > out ? in - out : 0;
    to->channels = in / square - to->context;
    to->spreads = out == 2 * in && !films;
    if (in % square != 0 || to->channels < 1 || (out != to->channels * square && !to->spreads))
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "%s: \"in_channels\" must be divisible by the square of \"patch_size\", and \"out_channels\" "
                        "as many, or twice as many, or fewer where a text is read",
                        udm_config_path(config));
    return true;
}

static bool read_blocks(udm_unet2d_config *to, const udm_config *config, udm_error *error)
{
    static const char *const down[2][2] = { { "DownBlock2D", "CrossAttnDownBlock2D" },
                                            { "ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D" } };
    static const char *const up[2][2] = { { "UpBlock2D", "CrossAttnUpBlock2D" },
                                          { "ResnetUpsampleBlock2D", "SimpleCrossAttnUpBlock2D" } };
    static const int widths[] = { 320, 640, 1280, 1280 };
    const bool image = to->told.picture > 0;
    bool scale = false;
    memcpy(to->width, widths, sizeof widths);
    to->levels = 4, to->layers = 2, to->groups = 32, to->eps = 1e-5;
    if (!udm_config_ints(config, "block_out_channels", 1, 8192, UDM_UNET2D_LEVELS, to->width, &to->levels, error) ||
        !udm_config_int(config, "layers_per_block", 1, UDM_UNET2D_LAYERS, &to->layers, error) ||
        !udm_config_int(config, "norm_num_groups", 1, 4096, &to->groups, error) ||
        !udm_config_double(config, "norm_eps", 0, 1, &to->eps, error) ||
        !udm_unet2d_read_choice(config, "resnet_time_scale_shift", "default", "scale_shift", &scale, error))
        return false;
    to->time_embedding = scale ? UDM_EMBED_SCALE : UDM_EMBED_ADD;
    to->attention_groups = to->groups;
    to->mid = to->mid_attends = true;
    if (to->levels < 1)
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: \"block_out_channels\" is missing or empty",
                        udm_config_path(config));
    return udm_config_int(config, "downsample_padding", 0, 1, &to->downsample_padding, error) &&
           udm_unet2d_read_way(config, "down_block_types", down[image], image, to->down, to->levels, error) &&
           udm_unet2d_read_way(config, "up_block_types", up[image], image, to->up, to->levels, error);
}

bool udm_unet2d_read_each(const udm_unet2d_config *to, const udm_config *config, const char *key, int *values,
                          udm_error *error)
{
    int count = 0, one = values[0];
    if (udm_config_int(config, key, 1, 8192, &one, NULL)) {
        for (int i = 0; i < to->levels; i++)
            values[i] = one;
        return true;
    }
    return udm_config_ints(config, key, 1, 8192, UDM_UNET2D_LEVELS, values, &count, error) &&
           (count == to->levels ||
            udm_fail(error, UDM_ERROR_CORRUPT, "%s: \"%s\" and \"block_out_channels\" must have the same length",
                     udm_config_path(config), key));
}

static bool read_attention(udm_unet2d_config *to, const udm_config *config, udm_error *error)
{
    to->cross_layers = 1, to->head = 8;
    if (to->told.picture > 0)
        return udm_config_int(config, "attention_head_dim", 1, 8192, &to->head, error);
    to->heads[0] = 8; // what diffusers calls attention_head_dim is the number of heads
    if (!udm_unet2d_read_each(to, config, "attention_head_dim", to->heads, error) ||
        !udm_config_int(config, "transformer_layers_per_block", 1, 256, &to->cross_layers, error))
        return false;
    to->mid_cross_layers = to->cross_layers;
    return udm_config_bool(config, "use_linear_projection", &to->cross_linear, error);
}

static bool read_conditions(udm_unet2d_config *to, const udm_config *config, udm_error *error)
{
    to->cosine_first = true;
    to->time_width = 4 * to->width[0];
    return udm_config_bool(config, "flip_sin_to_cos", &to->cosine_first, error) &&
           udm_config_double(config, "freq_shift", -1e3, 1e3, &to->frequency_shift, error) &&
           udm_config_int(config, "time_embedding_dim", 1, 65536, &to->time_width, error) &&
           udm_config_int(config, "time_cond_proj_dim", 1, 65536, &to->guidance, error);
}

// What another model tells it of an embedding of a picture and of one of a text, of as many values as a token.
static bool read_told_apart(udm_unet2d_config *to, const udm_config *config, const udm_config *told, udm_error *error)
{
    int size = 768, width = 0;
    to->told_apart = true, to->own_tokens = 4;
    if (!udm_config_only(told, told_known, error) ||
        !udm_config_int(told, "clip_extra_context_tokens", 1, MAX_TEXT_TOKENS, &to->own_tokens, error) ||
        !udm_config_int(told, "clip_embeddings_dim", 1, MAX_TOKEN_WIDTH, &size, error) ||
        !udm_config_int(told, "cross_attention_dim", 1, MAX_TOKEN_WIDTH, &width, error))
        return false;
    to->told = (udm_embedding_shape){ size, size, UDM_TOLD_CHUNKS * to->text_tokens, size, true, to->text_tokens };
    return width == to->token_width ||
           udm_fail(error, UDM_ERROR_CORRUPT, "%s: \"cross_attention_dim\" is %d, but %d in %s", udm_config_path(told),
                    width, to->token_width, udm_config_path(config));
}

// What it is conditioned on. In the form with a text, both embeddings have as many values as a token.
static bool read_told(udm_unet2d_config *to, const udm_config *config, const udm_config *told, udm_error *error)
{
    const char *type = "text_proj"; // what diffusers takes it to be if it is missing
    int size = 0;
    to->token_width = 1280, to->text_tokens = USUAL_TEXT_TOKENS;
    if (!udm_config_int(config, "cross_attention_dim", 1, MAX_TOKEN_WIDTH, &to->token_width, error) ||
        !udm_config_int(config, "encoder_hid_dim", 1, MAX_TOKEN_WIDTH, &size, error) ||
        !udm_config_int(config, "text_tokens", 1, MAX_TEXT_TOKENS, &to->text_tokens, error))
        return false;
    if (told && size == 0)
        return read_told_apart(to, config, told, error);
    if (size == 0)
        return check_word(config, "encoder_hid_dim_type", "null", "null", error);
    if (!udm_config_string(config, "encoder_hid_dim_type", &type, error))
        return false;
    const bool both = strcmp(type, "text_image_proj") == 0;
    if (!both && strcmp(type, "image_proj") != 0)
        return udm_unet2d_fail_value(config, "encoder_hid_dim_type", type, error);
    to->own_tokens = both ? TEXT_IMAGE_TOKENS : IMAGE_TOKENS;
    to->told =
        both ? (udm_embedding_shape){ to->token_width, to->token_width, to->text_tokens, size, false, to->text_tokens }
             : (udm_embedding_shape){ .picture = size };
    return true;
}

int udm_unet2d_tokens(const udm_unet2d_config *config)
{
    return config->told.picture ? config->own_tokens + config->told.tokens : config->text_tokens;
}

static bool read_config(udm_unet2d_config *to, const udm_config *config, const char *const *keys,
                        const udm_config *told, udm_error *error)
{
    return udm_config_only(config, keys, error) && check_fixed(config, error) && read_told(to, config, told, error) &&
           check_words(config, to, error) && read_channels(to, config, error) &&
           udm_unet2d_read_sample(to, config, error) && read_blocks(to, config, error) &&
           read_attention(to, config, error) && read_conditions(to, config, error);
}

bool udm_unet2d_condition_config_read(udm_unet2d_config *to, const udm_config *config, const udm_config *told,
                                      udm_error *error)
{
    *to = (udm_unet2d_config){ .downsample_padding = 1, .null_class = -1, .patch = 1, .conditioned = true };
    return read_config(to, config, known, told, error);
}

bool udm_unet2d_pseudo3d_config_read(udm_unet2d_config *to, const udm_config *config, udm_error *error)
{
    *to = (udm_unet2d_config){ .downsample_padding = 1,
                               .null_class = -1,
                               .patch = 1,
                               .conditioned = true,
                               .time = UDM_TIME_PSEUDO3D,
                               .mid_time = true,
                               .frames = UDM_USUAL_FRAMES };
    if (!udm_config_int(config, "frames", 1, UDM_MAX_FRAMES, &to->frames, error) ||
        !udm_config_int(config, "time_window", 0, UDM_MAX_FRAMES, &to->time_window, error) ||
        !read_config(to, config, known_of_films, NULL, error))
        return false;
    return to->told.text > 0 || udm_unet2d_fail_value(config, "encoder_hid_dim_type", "not text_image_proj", error);
}
