// SPDX-License-Identifier: LGPL-2.1-or-later
// The names of tensors in the code of Latent Diffusion, and OpenCLIP's, and those that diffusers and transformers have
// for them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/original.h"

typedef struct pair {
    const char *old, *new;
} pair;

// What follows a prefix; NULL where the text has another.
static const char *after(const char *text, const char *prefix)
{
    const size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

// The number that follows, and a dot; NULL where there is none. No two texts are the same number.
static const char *number(const char *text, int *value)
{
    const char *end = text;
    *value = 0;
    for (; *end >= '0' && *end <= '9' && *value < 10000; end++)
        *value = *value * 10 + *end - '0';
    return end > text && *end == '.' && (*text != '0' || end == text + 1) ? end + 1 : NULL;
}

// prefix + what a pair has for the beginning of `rest` + what follows that; false where there is no such pair.
static bool replace(char *out, const char *prefix, const char *rest, const pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *end = after(rest, pairs[i].old);
        if (end && (*end == 0 || *end == '.'))
            return snprintf(out, UDM_RENAMED_NAME, "%s%s%s", prefix, pairs[i].new, end) < UDM_RENAMED_NAME;
    }
    return false;
}

#define REPLACE(out, prefix, rest, pairs) replace(out, prefix, rest, pairs, sizeof pairs / sizeof *(pairs))

// ---- the U-Net

static const pair unet_resnet[] = { { "in_layers.0", "norm1" },          { "in_layers.2", "conv1" },
                                    { "emb_layers.1", "time_emb_proj" }, { "out_layers.0", "norm2" },
                                    { "out_layers.3", "conv2" },         { "skip_connection", "conv_shortcut" } };
static const pair attention[] = { { "norm", "norm" },
                                  { "proj_in", "proj_in" },
                                  { "transformer_blocks", "transformer_blocks" },
                                  { "proj_out", "proj_out" } };

// rest: of a module of a block, K.NAME; up: a block of the way up
static bool rename_block(char *out, const char *way, int block, int layer, const char *rest, bool up)
{
    static const pair down_sampler[] = { { "op", "downsamplers.0.conv" } };
    static const pair up_sampler[] = { { "conv", "upsamplers.0.conv" } };
    char prefix[64];
    int module;
    rest = number(rest, &module);
    if (!rest)
        return false;
    snprintf(prefix, sizeof prefix, "%s.%d.", way, block);
    if (up ? module > 0 && REPLACE(out, prefix, rest, up_sampler)
           : module == 0 && REPLACE(out, prefix, rest, down_sampler))
        return true;
    snprintf(prefix, sizeof prefix, "%s.%d.%s.%d.", way, block, module ? "attentions" : "resnets", layer);
    return module == 0   ? REPLACE(out, prefix, rest, unet_resnet)
           : module == 1 ? REPLACE(out, prefix, rest, attention)
                         : false;
}

static bool rename_unet(const udm_original *original, const char *name, char *out)
{
    static const pair ends[] = { { "time_embed.0", "time_embedding.linear_1" },
                                 { "time_embed.2", "time_embedding.linear_2" },
                                 { "time_embed.cond_proj", "time_embedding.cond_proj" },
                                 { "input_blocks.0.0", "conv_in" },
                                 { "out.0", "conv_norm_out" },
                                 { "out.2", "conv_out" } };
    const int every = original->unet.layers + 1;
    const char *rest;
    int n;
    if (REPLACE(out, "", name, ends))
        return true;
    if ((rest = after(name, "input_blocks.")) && (rest = number(rest, &n)) && n > 0)
        return rename_block(out, "down_blocks", (n - 1) / every, (n - 1) % every, rest, false);
    if ((rest = after(name, "output_blocks.")) && (rest = number(rest, &n)))
        return rename_block(out, "up_blocks", n / every, n % every, rest, true);
    if (!(rest = after(name, "middle_block.")) || !(rest = number(rest, &n)) || n > 2)
        return false;
    return n == 1   ? REPLACE(out, "mid_block.attentions.0.", rest, attention)
           : n == 0 ? REPLACE(out, "mid_block.resnets.0.", rest, unet_resnet)
                    : REPLACE(out, "mid_block.resnets.1.", rest, unet_resnet);
}

// ---- the autoencoder

static const pair vae_resnet[] = { { "norm1", "norm1" },
                                   { "conv1", "conv1" },
                                   { "norm2", "norm2" },
                                   { "conv2", "conv2" },
                                   { "nin_shortcut", "conv_shortcut" } };

static bool rename_middle(char *out, const char *half, const char *rest)
{
    static const pair attention_names[] = {
        { "norm", "group_norm" }, { "q", "to_q" }, { "k", "to_k" }, { "v", "to_v" }, { "proj_out", "to_out.0" }
    };
    char prefix[64];
    const char *in = after(rest, "block_1.");
    const int index = in ? 0 : 1;
    if (!in)
        in = after(rest, "block_2.");
    snprintf(prefix, sizeof prefix, "%smid_block.%s.%d.", half, in ? "resnets" : "attentions", in ? index : 0);
    if (in)
        return REPLACE(out, prefix, in, vae_resnet);
    return (in = after(rest, "attn_1.")) && REPLACE(out, prefix, in, attention_names);
}

// rest: LEVEL.block.INDEX.NAME or LEVEL.downsample.conv.NAME
static bool rename_level(char *out, const udm_original_vae *vae, const char *half, const char *rest, bool up)
{
    static const pair samplers[2][1] = { { { "downsample.conv", "downsamplers.0.conv" } },
                                         { { "upsample.conv", "upsamplers.0.conv" } } };
    char prefix[64];
    int level, index;
    if (!(rest = number(rest, &level)) || level >= vae->levels)
        return false;
    if (up)
        level = vae->levels - 1 - level;
    snprintf(prefix, sizeof prefix, "%s%s.%d.", half, up ? "up_blocks" : "down_blocks", level);
    if (replace(out, prefix, rest, samplers[up], 1))
        return true;
    if (!(rest = after(rest, "block.")) || !(rest = number(rest, &index)))
        return false;
    snprintf(prefix, sizeof prefix, "%s%s.%d.resnets.%d.", half, up ? "up_blocks" : "down_blocks", level, index);
    return REPLACE(out, prefix, rest, vae_resnet);
}

static bool rename_vae(const udm_original *original, const char *name, char *out)
{
    static const pair same[] = { { "quant_conv", "quant_conv" }, { "post_quant_conv", "post_quant_conv" } };
    static const pair ends[] = { { "conv_in", "conv_in" },
                                 { "norm_out", "conv_norm_out" },
                                 { "conv_out", "conv_out" } };
    static const char *const halves[2] = { "encoder.", "decoder." };
    if (REPLACE(out, "", name, same))
        return true;
    for (int up = 0; up < 2; up++) {
        const char *rest = after(name, halves[up]), *in;
        if (!rest)
            continue;
        if (REPLACE(out, halves[up], rest, ends))
            return true;
        if ((in = after(rest, "mid.")))
            return rename_middle(out, halves[up], in);
        if ((in = after(rest, up ? "up." : "down.")))
            return rename_level(out, &original->vae, halves[up], in, up);
    }
    return false;
}

// ---- the text encoder

// Of a layer of OpenCLIP; what holds queries, keys and values becomes three.
static bool rename_open_layer(const udm_weight *weight, int layer, const char *rest, udm_renamed *to, int *count)
{
    static const pair names[] = { { "ln_1", "layer_norm1" },
                                  { "ln_2", "layer_norm2" },
                                  { "mlp.c_fc", "mlp.fc1" },
                                  { "mlp.c_proj", "mlp.fc2" },
                                  { "attn.out_proj", "self_attn.out_proj" } };
    static const char *const three[] = { "q_proj", "k_proj", "v_proj" };
    const char *last = after(rest, "attn.in_proj_");
    char prefix[64];
    snprintf(prefix, sizeof prefix, "text_model.encoder.layers.%d.", layer);
    if (!last)
        return REPLACE(to->name, prefix, rest, names);
    if ((strcmp(last, "weight") != 0 && strcmp(last, "bias") != 0) || weight->dims < 1 || weight->shape[0] % 3 != 0)
        return false;
    *count = 3;
    to[0].elements /= 3, to[0].shape[0] /= 3;
    for (int i = 0; i < 3; i++) {
        to[i] = to[0];
        to[i].first = i * to[0].elements;
        snprintf(to[i].name, sizeof to[i].name, "%sself_attn.%s.%s", prefix, three[i], last);
    }
    return true;
}

// The layers after those that are used, and what would make embeddings of whole texts and of pictures, are left out.
static udm_original_part rename_open(const udm_original_text *text, const udm_weight *weight, const char *name,
                                     udm_renamed *to, int *count)
{
    static const pair names[] = { { "token_embedding", "text_model.embeddings.token_embedding" },
                                  { "positional_embedding", "text_model.embeddings.position_embedding.weight" },
                                  { "ln_final", "text_model.final_layer_norm" } };
    const char *rest = after(name, "transformer.resblocks.");
    int layer;
    if (strcmp(name, "text_projection") == 0 || strcmp(name, "logit_scale") == 0 || strcmp(name, "attn_mask") == 0 ||
        after(name, "visual."))
        return UDM_PART_NONE;
    if (!rest)
        return REPLACE(to->name, "", name, names) ? UDM_PART_TEXT : UDM_PART_UNKNOWN;
    if (!(rest = number(rest, &layer)))
        return UDM_PART_UNKNOWN;
    if (layer >= text->layers)
        return UDM_PART_NONE;
    return rename_open_layer(weight, layer, rest, to, count) ? UDM_PART_TEXT : UDM_PART_UNKNOWN;
}

static udm_original_part rename_text(const udm_original_text *text, const udm_weight *weight, udm_renamed *to,
                                     int *count)
{
    static const pair names[] = { { "embeddings", "embeddings" },
                                  { "encoder", "encoder" },
                                  { "final_layer_norm", "final_layer_norm" } };
    const char *name = text->there ? after(weight->name, text->prefix) : NULL;
    if (!name)
        return UDM_PART_UNKNOWN;
    if (text->open)
        return rename_open(text, weight, name, to, count);
    if (strcmp(name, "embeddings.position_ids") == 0)
        return UDM_PART_NONE;
    return REPLACE(to->name, "text_model.", name, names) ? UDM_PART_TEXT : UDM_PART_UNKNOWN;
}

// ---- all

// Linear layers that were convolutions of size 1.
static void flatten(udm_renamed *to)
{
    if (strstr(to->name, "mid_block.attentions.0.to_") && to->dims == 4 && to->shape[2] == 1 && to->shape[3] == 1)
        to->dims = 2;
}

static udm_original_part known(bool good, udm_original_part part)
{
    return good ? part : UDM_PART_UNKNOWN;
}

udm_original_part udm_original_rename(const udm_original *original, const udm_weight *weight,
                                      udm_renamed to[UDM_RENAMED_MOST], int *count)
{
    // What training needs, and other networks that are not of Stable Diffusion.
    static const char *const idle[] = { "first_stage_model.loss.", "first_stage_model.model_ema." };
    const char *name;
    to[0] = (udm_renamed){ .elements = weight->elements, .dims = weight->dims };
    for (int i = 0; i < weight->dims && i < UDM_MAX_DIMS; i++)
        to[0].shape[i] = weight->shape[i];
    *count = 1;
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
        if (after(weight->name, idle[i]))
            return UDM_PART_NONE;
    if ((name = after(weight->name, "model.diffusion_model.")))
        return known(rename_unet(original, name, to[0].name), UDM_PART_UNET);
    if ((name = after(weight->name, "first_stage_model."))) {
        const bool good = rename_vae(original, name, to[0].name);
        flatten(&to[0]);
        return known(good, UDM_PART_VAE);
    }
    return after(weight->name, "cond_stage_model.") ? rename_text(&original->text, weight, to, count) : UDM_PART_NONE;
}
