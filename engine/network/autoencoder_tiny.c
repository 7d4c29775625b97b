// SPDX-License-Identifier: LGPL-2.1-or-later
// AutoencoderTiny (TAESD, Ollin Boer Bohan): its config, and its layers, which are numbered through. Keys of ours:
// "use_midblock_gn", as TAEF2 has it, for a normalisation over the whole picture before the blocks of the lowest
// resolution.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "network/autoencoder.h"

enum { POOL_GROUPS = 4, POOL_WIDTH = 4 }; // groups of that normalisation, and its channels for each of a block

static const char *const known[] = { "in_channels",
                                     "out_channels",
                                     "encoder_block_out_channels",
                                     "decoder_block_out_channels",
                                     "block_out_channels",
                                     "act_fn",
                                     "upsample_fn",
                                     "latent_channels",
                                     "upsampling_scaling_factor",
                                     "num_encoder_blocks",
                                     "num_decoder_blocks",
                                     "latent_magnitude",
                                     "latent_shift",
                                     "force_upcast",
                                     "scaling_factor",
                                     "shift_factor",
                                     "use_midblock_gn",
                                     NULL };

static bool check_word(const udm_autoencoder_reader *from, const char *key, const char *wanted)
{
    const char *value = wanted;
    return udm_config_string(from->config, key, &value, from->error) &&
           (strcmp(value, wanted) == 0 ||
            udm_fail(from->error, UDM_ERROR_UNSUPPORTED, "%s: this is not implemented: \"%s\": %s",
                     udm_config_path(from->config), key, value));
}

// In the order of the file, which for the decoder is from the latents to the picture.
static bool read_levels(udm_autoencoder_reader *from, bool encoder, int *scale)
{
    static const int blocks[2][4] = { { 3, 3, 3, 1 }, { 1, 3, 3, 3 } };
    const char *const keys[2] = { encoder ? "encoder_block_out_channels" : "decoder_block_out_channels",
                                  encoder ? "num_encoder_blocks" : "num_decoder_blocks" };
    int counted = 4;
    from->levels = 4;
    memcpy(from->blocks, blocks[encoder], sizeof blocks[encoder]);
    for (int i = 0; i < 4; i++)
        from->width[i] = 64;
    if (!udm_config_ints(from->config, keys[0], 1, 8192, UDM_AUTOENCODER_LEVELS, from->width, &from->levels,
                         from->error) ||
        !udm_config_ints(from->config, keys[1], 0, 64, UDM_AUTOENCODER_LEVELS, from->blocks, &counted, from->error))
        return false;
    if (from->levels < 1 || counted != from->levels)
        return udm_fail(from->error, UDM_ERROR_CORRUPT, "%s: \"%s\" and \"%s\" must have the same length",
                        udm_config_path(from->config), keys[0], keys[1]);
    for (int i = 1; i < from->levels; i++) // layers between resolutions do not change the channels
        if (from->width[i] != from->width[0])
            return udm_fail(from->error, UDM_ERROR_UNSUPPORTED, "%s: all of \"%s\" must be the same",
                            udm_config_path(from->config), keys[0]);
    *scale = 1 << (from->levels - 1);
    return true;
}

// In latents: of each resolution three convolutions of a block, and two more.
static int find_reach(const udm_autoencoder_reader *from)
{
    double reach = 1;
    for (int i = 0; i < from->levels; i++) {
        const int level = from->half->encodes ? from->levels - 1 - i : i;
        reach += (3.0 * from->blocks[level] + 2) / (1 << i);
    }
    return (int)ceil(reach);
}

bool udm_autoencoder_tiny_config(udm_autoencoder_reader *from)
{
    udm_autoencoder *half = from->half;
    const udm_config *config = from->config;
    int out = 3, factor = 2, other;
    half->channels = 3, half->latents = 4, half->factor = 1;
    if (!udm_config_only(config, known, from->error) ||
        !udm_config_int(config, "in_channels", 1, 256, &half->channels, from->error) ||
        !udm_config_int(config, "out_channels", 1, 256, &out, from->error) ||
        !udm_config_int(config, "latent_channels", 1, 256, &half->latents, from->error) ||
        !udm_config_int(config, "upsampling_scaling_factor", 2, 2, &factor, from->error) ||
        !udm_config_double(config, "scaling_factor", 1e-6, 1e6, &half->factor, from->error) ||
        !udm_config_double(config, "shift_factor", -1e6, 1e6, &half->shift, from->error) ||
        !udm_config_bool(config, "use_midblock_gn", &from->pooled, from->error) ||
        !check_word(from, "act_fn", "relu") || !check_word(from, "upsample_fn", "nearest") ||
        !read_levels(from, !half->encodes, &other) || !read_levels(from, half->encodes, &half->scale))
        return false;
    half->reach = find_reach(from);
    half->global = from->pooled;
    if (out != half->channels || other != half->scale)
        return udm_fail(from->error, UDM_ERROR_UNSUPPORTED,
                        "%s: its encoder and decoder must have as many channels and resolutions",
                        udm_config_path(config));
    return true;
}

typedef struct name {
    char text[64];
} name;

static name at(const udm_autoencoder_reader *from, int layer, const char *last)
{
    name joined;
    snprintf(joined.text, sizeof joined.text, "%s.layers.%d%s", from->half->encodes ? "encoder" : "decoder", layer,
             last);
    return joined;
}

static bool read_conv(udm_autoencoder_reader *from, udm_conv_spec spec, bool bias, udm_activation activation, int layer)
{
    udm_autoencoder_step *step = udm_autoencoder_add(from, UDM_CODE_CONV);
    if (!step)
        return false;
    step->activation = activation;
    return udm_autoencoder_conv(from, &step->layers[0], spec, bias, at(from, layer, "").text);
}

static bool read_pool(udm_autoencoder_reader *from, int width, int layer)
{
    const int inner = POOL_WIDTH * width;
    udm_autoencoder_step *step = udm_autoencoder_add(from, UDM_CODE_POOL);
    return step &&
           udm_autoencoder_conv(from, &step->layers[0], udm_autoencoder_spec(width, inner, 1), false,
                                at(from, layer, ".pool.0").text) &&
           udm_norm_layer_open(&step->norms[0], inner, POOL_GROUPS, 1e-5, from->weights,
                               at(from, layer, ".pool.1").text, from->half->device, from->error) &&
           udm_autoencoder_conv(from, &step->layers[1], udm_autoencoder_spec(inner, width, 1), false,
                                at(from, layer, ".pool.3").text);
}

static bool read_block(udm_autoencoder_reader *from, int width, int layer)
{
    static const char *const names[3] = { ".conv.0", ".conv.2", ".conv.4" };
    udm_autoencoder_step *step = udm_autoencoder_add(from, UDM_CODE_BLOCK);
    for (int i = 0; i < 3; i++)
        if (!step || !udm_autoencoder_conv(from, &step->layers[i], udm_autoencoder_spec(width, width, 3), true,
                                           at(from, layer, names[i]).text))
            return false;
    return true;
}

static bool read_blocks(udm_autoencoder_reader *from, int level, bool lowest, int *layer)
{
    const int width = from->width[level];
    for (int i = 0; i < from->blocks[level]; i++, ++*layer)
        if ((from->pooled && lowest && !read_pool(from, width, *layer)) || !read_block(from, width, *layer))
            return false;
    return true;
}

static bool read_encoder(udm_autoencoder_reader *from)
{
    const int width = from->width[0], last = from->levels - 1;
    udm_conv_spec down = udm_autoencoder_spec(width, width, 3);
    down.stride = 2;
    int layer = 0;
    for (int i = 0; i <= last; i++)
        if (!read_conv(from, i ? down : udm_autoencoder_spec(from->half->channels, width, 3), i == 0, UDM_LINEAR,
                       layer++) ||
            !read_blocks(from, i, i == last, &layer))
            return false;
    return read_conv(from, udm_autoencoder_spec(width, from->half->latents, 3), true, UDM_LINEAR, layer);
}

static bool read_decoder(udm_autoencoder_reader *from)
{
    const int width = from->width[0], last = from->levels - 1;
    int layer = 2; // the first is followed by its activation
    if (!read_conv(from, udm_autoencoder_spec(from->half->latents, width, 3), true, UDM_RELU, 0))
        return false;
    for (int i = 0; i < last; i++) {
        if (!read_blocks(from, i, i == 0, &layer) || !udm_autoencoder_add(from, UDM_CODE_ENLARGE) ||
            !read_conv(from, udm_autoencoder_spec(width, width, 3), false, UDM_LINEAR, ++layer))
            return false;
        layer++;
    }
    return read_blocks(from, last, last == 0, &layer) &&
           read_conv(from, udm_autoencoder_spec(width, from->half->channels, 3), true, UDM_LINEAR, layer);
}

bool udm_autoencoder_tiny_read(udm_autoencoder_reader *from)
{
    return from->half->encodes ? read_encoder(from) : read_decoder(from);
}
