// SPDX-License-Identifier: LGPL-2.1-or-later
// Tells networks by the names and shapes of their tensors.
#include "convert/original.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNET "model.diffusion_model."
#define VAE "first_stage_model."

enum { MAX_NOISE = 100000 };

// The tensor of this name, with as many dimensions (0: any), or NULL.
static const udm_weight *find(const udm_weights *weights, int dims, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static const udm_weight *find(const udm_weights *weights, int dims, const char *format, ...)
{
    char name[UDM_RENAMED_NAME];
    va_list list;
    va_start(list, format);
    vsnprintf(name, sizeof name, format, list);
    va_end(list);
    const udm_weight *weight = udm_weights_find(weights, name);
    return weight && (dims == 0 || weight->dims == dims) ? weight : NULL;
}

// A side of a tensor that can be one of a layer: otherwise 0.
static int side(const udm_weight *weight, int dim)
{
    const int64_t size = weight && dim < weight->dims ? weight->shape[dim] : 0;
    return size >= 1 && size <= 1 << 20 ? (int)size : 0;
}

// ---- what it is not

static bool has_prefix(const udm_weights *weights, const char *prefix)
{
    for (size_t i = 0; i < udm_weights_count(weights); i++)
        if (strncmp(udm_weights_at(weights, i)->name, prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

static bool check_kind(const udm_weights *weights, udm_error *error)
{
    static const struct {
        const char *prefix, *what;
    } others[] = {
        { "conditioner.embedders.", "this is Stable Diffusion XL, which is not implemented: 1.x and 2.x are" },
        { "model.diffusion_model.label_emb.",
          "its U-Net is conditioned on more than a text, which is not implemented" },
        { "model.diffusion_model.joint_blocks.",
          "this is Stable Diffusion 3, which is not implemented: 1.x and 2.x are" },
        { "model.diffusion_model.double_blocks.",
          "this is Flux, which is not implemented: Stable Diffusion 1.x and 2.x are" },
        { "control_model.", "this is a ControlNet, which is not implemented" },
        { "lora_", "this is a LoRA: give it to \"udm generate --lora\" as it is" },
        { "down_blocks.", "this has the names of diffusers already: it is a part of a directory" },
        { "encoder.down_blocks.", "this has the names of diffusers already: it is a part of a directory" },
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (has_prefix(weights, others[i].prefix))
            return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: %s", udm_weights_path(weights), others[i].what);
    return find(weights, 4, UNET "input_blocks.0.0.weight") ||
           udm_fail(error, UDM_ERROR_UNSUPPORTED,
                    "%s: this is no checkpoint of Stable Diffusion in its original names: there is no tensor \"" UNET
                    "input_blocks.0.0.weight\" of four dimensions",
                    udm_weights_path(weights));
}

// ---- the U-Net

// What its transformers are, by the first one.
static void read_transformer(udm_original_unet *to, const udm_weights *weights, const char *prefix)
{
    if (to->depth > 0)
        return;
    to->linear = find(weights, 2, "%sproj_in.weight", prefix) != NULL;
    while (find(weights, 2, "%stransformer_blocks.%d.attn1.to_q.weight", prefix, to->depth))
        to->depth++;
    to->token_width = side(find(weights, 2, "%stransformer_blocks.0.attn2.to_k.weight", prefix), 1);
}

static bool read_levels(udm_original_unet *to, const udm_weights *weights, udm_error *error)
{
    int layers = 0;
    bool more = true;
    for (int i = 1; more; i++) {
        char prefix[64];
        const udm_weight *conv = find(weights, 4, UNET "input_blocks.%d.0.in_layers.2.weight", i);
        more = conv || find(weights, 4, UNET "input_blocks.%d.0.op.weight", i);
        if (conv) {
            snprintf(prefix, sizeof prefix, UNET "input_blocks.%d.1.", i);
            to->width[to->levels] = side(conv, 0);
            to->attends[to->levels] = find(weights, 0, "%sproj_in.weight", prefix) != NULL;
            if (to->attends[to->levels])
                read_transformer(to, weights, prefix);
            layers++;
            continue;
        }
        if (to->levels > 0 && layers != to->layers)
            return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: its U-Net has %d layers here and %d there",
                            udm_weights_path(weights), to->layers, layers);
        to->layers = layers, layers = 0;
        if (++to->levels == UDM_ORIGINAL_LEVELS && more)
            return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: its U-Net has more than %d levels",
                            udm_weights_path(weights), (int)UDM_ORIGINAL_LEVELS);
    }
    return true;
}

static bool read_unet(udm_original_unet *to, const udm_weights *weights, udm_error *error)
{
    to->in = side(find(weights, 4, UNET "input_blocks.0.0.weight"), 1);
    to->out = side(find(weights, 4, UNET "out.2.weight"), 0);
    to->guidance = side(find(weights, 2, UNET "time_embed.cond_proj.weight"), 1);
    if (!read_levels(to, weights, error))
        return false;
    to->mid_attends = find(weights, 0, UNET "middle_block.1.proj_in.weight");
    if (to->mid_attends)
        read_transformer(to, weights, UNET "middle_block.1.");
    bool good = to->in > 0 && to->out > 0 && to->layers > 0 && to->token_width > 0 && to->mid_attends;
    for (int i = 0; i < to->levels; i++)
        good = good && to->width[i] > 0;
    return good || udm_fail(error, UDM_ERROR_UNSUPPORTED,
                            "%s: its U-Net is none of Stable Diffusion: it lacks layers that those have",
                            udm_weights_path(weights));
}

// ---- the autoencoder

static bool read_vae(udm_original_vae *to, const udm_weights *weights, udm_error *error)
{
    const udm_weight *first = find(weights, 4, VAE "encoder.conv_in.weight"), *conv;
    to->there = first != NULL;
    if (!to->there)
        return true;
    to->channels = side(first, 1);
    to->latents = side(find(weights, 4, VAE "decoder.conv_in.weight"), 1);
    while (to->levels < UDM_ORIGINAL_LEVELS &&
           (conv = find(weights, 4, VAE "encoder.down.%d.block.0.conv1.weight", to->levels)))
        to->width[to->levels++] = side(conv, 0);
    while (find(weights, 4, VAE "encoder.down.0.block.%d.conv1.weight", to->layers))
        to->layers++;
    to->attends = find(weights, 0, VAE "encoder.mid.attn_1.q.weight");
    to->before = find(weights, 0, VAE "quant_conv.weight");
    to->after = find(weights, 0, VAE "post_quant_conv.weight");
    return (to->channels > 0 && to->latents > 0 && to->levels > 0 && to->layers > 0) ||
           udm_fail(error, UDM_ERROR_UNSUPPORTED,
                    "%s: its autoencoder is none of Stable Diffusion: it lacks layers that those have",
                    udm_weights_path(weights));
}

// ---- the text encoder

static bool read_text(udm_original_text *to, const udm_weights *weights, udm_error *error)
{
    static const char *const prefixes[] = { "cond_stage_model.transformer.text_model.", "cond_stage_model.transformer.",
                                            "cond_stage_model.model." };
    const udm_weight *words = NULL, *places = NULL, *inner = NULL;
    for (int i = 0; i < 3 && !words; i++) {
        const char *prefix = to->prefix = prefixes[i];
        to->open = i == 2;
        words = find(weights, 2, "%s%stoken_embedding.weight", prefix, to->open ? "" : "embeddings.");
        places = to->open ? find(weights, 2, "%spositional_embedding", prefix)
                          : find(weights, 2, "%sembeddings.position_embedding.weight", prefix);
    }
    to->there = words != NULL;
    if (!to->there)
        return true;
    for (;; to->layers++) {
        const udm_weight *next =
            to->open ? find(weights, 2, "%stransformer.resblocks.%d.mlp.c_fc.weight", to->prefix, to->layers)
                     : find(weights, 2, "%sencoder.layers.%d.mlp.fc1.weight", to->prefix, to->layers);
        if (!next)
            break;
        inner = next;
    }
    to->layers -= to->open; // the last one is left out
    to->words = side(words, 0), to->width = side(words, 1), to->length = side(places, 0), to->inner = side(inner, 0);
    return (to->words > 2 && to->width > 0 && to->length > 0 && to->inner > 0 && to->layers > 0) ||
           udm_fail(error, UDM_ERROR_UNSUPPORTED,
                    "%s: its text encoder is none of CLIP: it lacks layers that those have", udm_weights_path(weights));
}

// ---- the noise

// Whether these betas, or their square roots, lie on a line. alphas: [steps], the products of 1 - beta.
static bool fits(const udm_original_noise *noise, bool scaled, const float *alphas)
{
    const double power = scaled ? 0.5 : 1, first = pow(noise->start, power), last = pow(noise->end, power);
    double product = 1;
    for (int i = 0; i < noise->steps; i++) {
        product *= 1 - pow(first + (last - first) * i / (noise->steps - 1), 1 / power);
        if (!(fabs(alphas[i] - product) <= 1e-5 + 1e-3 * product))
            return false;
    }
    return true;
}

static bool read_noise(udm_original_noise *to, const udm_weights *weights, udm_error *error)
{
    const udm_weight *table = find(weights, 1, "alphas_cumprod");
    *to = (udm_original_noise){ .steps = 1000, .start = 0.00085, .end = 0.012, .scaled = true };
    to->v = find(weights, 0, "v_pred");
    to->without_signal = find(weights, 0, "ztsnr");
    if (!table || table->elements < 3 || table->elements > MAX_NOISE)
        return true;
    float *alphas = udm_weights_read(weights, "alphas_cumprod", 1, table->shape, error);
    if (!alphas)
        return false;
    const int last = (int)table->elements - 1;
    to->said = true, to->steps = last + 1;
    bool good = true;
    if (alphas[last] < 1e-7f) { // rescaled, so that the usual ones are not in it
        to->without_signal = true;
    } else {
        good = fits(to, true, alphas); // the usual ones, which need no rounding
        if (!good) {
            to->start = 1 - alphas[0], to->end = 1 - (double)alphas[last] / alphas[last - 1];
            to->scaled = fits(to, true, alphas);
            good = to->scaled || fits(to, false, alphas);
        }
    }
    free(alphas);
    return good || udm_fail(error, UDM_ERROR_UNSUPPORTED,
                            "%s: the noise of its steps (alphas_cumprod) is neither \"linear\" nor \"scaled_linear\"",
                            udm_weights_path(weights));
}

bool udm_original_has(const udm_original *original, udm_original_part part)
{
    return part == UDM_PART_UNET || (part == UDM_PART_VAE && original->vae.there) ||
           (part == UDM_PART_TEXT && original->text.there);
}

bool udm_original_read(udm_original *to, const udm_weights *weights, udm_error *error)
{
    *to = (udm_original){ 0 };
    if (!check_kind(weights, error) || !read_unet(&to->unet, weights, error) || !read_vae(&to->vae, weights, error) ||
        !read_text(&to->text, weights, error) || !read_noise(&to->noise, weights, error))
        return false;
    return !to->text.there || to->text.width == to->unet.token_width ||
           udm_fail(error, UDM_ERROR_CORRUPT, "%s: its text encoder gives tokens of %d, its U-Net reads such of %d",
                    udm_weights_path(weights), to->text.width, to->unet.token_width);
}
