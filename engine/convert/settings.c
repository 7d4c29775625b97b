// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes configs by what tensors say, and guesses what they do not: heads, normalisations and what is predicted are
// those of the versions of Stable Diffusion that have such tensors.
#include "convert/settings.h"

#include <jansson.h>
#include <stdlib.h>

enum {
    HEADS = 8,        // of 1.x
    HEAD = 64,        // channels of a head, of 2.x and of CLIP
    USUAL_GROUPS = 32 // of normalisations
};

static const char *const begin = "<|startoftext|>", *const end = "<|endoftext|>";

static int divisor(int a, int b)
{
    return b ? divisor(b, a % b) : a;
}

static int common(const int *widths, int count)
{
    int groups = USUAL_GROUPS;
    for (int i = 0; i < count; i++)
        groups = divisor(groups, widths[i]);
    return groups;
}

udm_original_guess udm_original_guess_rest(const udm_original *original, const char *prediction)
{
    const udm_original_unet *unet = &original->unet;
    const bool second = unet->linear, fills = unet->in != unet->out;
    udm_original_guess guess = { .groups = common(unet->width, unet->levels),
                                 .coding = common(original->vae.width, original->vae.levels) };
    guess.v = prediction ? prediction[0] == 'v' : original->noise.v || (second && !fills && unet->guidance == 0);
    guess.size = second && guess.v ? 96 : 64;
    guess.pipeline = fills                ? "StableDiffusionInpaintPipeline"
                     : unet->guidance > 0 ? "LatentConsistencyModelPipeline"
                                          : "StableDiffusionPipeline";
    return guess;
}

// Takes it.
static char *print(json_t *json)
{
    char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
    json_decref(json);
    return text;
}

static json_t *whole_numbers(const int *values, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_integer(values[i]));
    return list;
}

static json_t *names(const char *const of[2], const bool *attends, int count, bool backwards)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_string(of[attends[backwards ? count - 1 - i : i]]));
    return list;
}

static json_t *describe_unet(const udm_original_unet *unet, const udm_original_guess *guess)
{
    static const char *const down[2] = { "DownBlock2D", "CrossAttnDownBlock2D" };
    static const char *const up[2] = { "UpBlock2D", "CrossAttnUpBlock2D" };
    int heads[UDM_ORIGINAL_LEVELS];
    for (int i = 0; i < unet->levels; i++) // what diffusers calls attention_head_dim is the number of heads
        heads[i] = unet->linear ? (unet->width[i] >= HEAD ? unet->width[i] / HEAD : 1) : HEADS;
    return json_pack(
        "{s:s, s:i, s:i, s:i, s:o, s:o, s:s, s:o, s:i, s:i, s:o, s:i, s:b, s:i, s:s, s:f, s:b, s:i, s:i, s:o?}",
        "_class_name", "UNet2DConditionModel", "sample_size", guess->size, "in_channels", unet->in, "out_channels",
        unet->out, "down_block_types", names(down, unet->attends, unet->levels, false), "up_block_types",
        names(up, unet->attends, unet->levels, true), "mid_block_type", "UNetMidBlock2DCrossAttn", "block_out_channels",
        whole_numbers(unet->width, unet->levels), "layers_per_block", unet->layers, "cross_attention_dim",
        unet->token_width, "attention_head_dim",
        unet->linear ? whole_numbers(heads, unet->levels) : json_integer(HEADS), "transformer_layers_per_block",
        unet->depth, "use_linear_projection", unet->linear, "norm_num_groups", guess->groups, "act_fn", "silu",
        "norm_eps", 1e-5, "flip_sin_to_cos", true, "freq_shift", 0, "downsample_padding", 1, "time_cond_proj_dim",
        unet->guidance > 0 ? json_integer(unet->guidance) : json_null());
}

static json_t *describe_vae(const udm_original_vae *vae, const udm_original_guess *guess)
{
    static const bool none[UDM_ORIGINAL_LEVELS] = { false };
    static const char *const down[2] = { "DownEncoderBlock2D", NULL }, *const up[2] = { "UpDecoderBlock2D", NULL };
    return json_pack("{s:s, s:i, s:i, s:i, s:o, s:o, s:o, s:i, s:i, s:i, s:s, s:f, s:b, s:b, s:b}", "_class_name",
                     "AutoencoderKL", "in_channels", vae->channels, "out_channels", vae->channels, "latent_channels",
                     vae->latents, "down_block_types", names(down, none, vae->levels, false), "up_block_types",
                     names(up, none, vae->levels, false), "block_out_channels", whole_numbers(vae->width, vae->levels),
                     "layers_per_block", vae->layers, "norm_num_groups", guess->coding, "sample_size",
                     guess->size << (vae->levels - 1), "act_fn", "silu", "scaling_factor", 0.18215,
                     "mid_block_add_attention", vae->attends, "use_quant_conv", vae->before, "use_post_quant_conv",
                     vae->after);
}

static json_t *describe_text(const udm_original_text *text)
{
    return json_pack("{s:[s], s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:f, s:i, s:i}", "architectures",
                     "CLIPTextModel", "model_type", "clip_text_model", "vocab_size", text->words, "hidden_size",
                     text->width, "intermediate_size", text->inner, "projection_dim", text->width, "num_hidden_layers",
                     text->layers, "num_attention_heads", text->width >= HEAD ? text->width / HEAD : 1,
                     "max_position_embeddings", text->length, "hidden_act", text->open ? "gelu" : "quick_gelu",
                     "layer_norm_eps", 1e-5, "bos_token_id", text->words - 2, "eos_token_id", text->words - 1);
}

char *udm_original_config(const udm_original *original, const udm_original_guess *guess, udm_original_part part)
{
    return print(part == UDM_PART_UNET  ? describe_unet(&original->unet, guess)
                 : part == UDM_PART_VAE ? describe_vae(&original->vae, guess)
                                        : describe_text(&original->text));
}

static const char *scheduler_of(const udm_original *original)
{
    const bool plain = !original->unet.linear && !original->noise.without_signal;
    return original->unet.guidance > 0 ? "LCMScheduler" : plain ? "PNDMScheduler" : "DDIMScheduler";
}

char *udm_original_scheduler(const udm_original *original, const udm_original_guess *guess)
{
    const udm_original_noise *noise = &original->noise;
    json_t *json = json_pack("{s:s, s:s, s:f, s:f, s:i, s:s, s:b, s:i, s:s}", "_class_name", scheduler_of(original),
                             "beta_schedule", noise->scaled ? "scaled_linear" : "linear", "beta_start", noise->start,
                             "beta_end", noise->end, "num_train_timesteps", noise->steps, "prediction_type",
                             guess->v ? "v_prediction" : "epsilon", "set_alpha_to_one", false, "steps_offset", 1,
                             "timestep_spacing", noise->without_signal ? "trailing" : "leading");
    if (original->unet.linear || original->unet.guidance > 0 || noise->without_signal) {
        json_object_set_new(json, "clip_sample", json_false());
        json_object_set_new(json, "rescale_betas_zero_snr", json_boolean(noise->without_signal));
    } else {
        json_object_set_new(json, "skip_prk_steps", json_true());
    }
    return print(json);
}

char *udm_original_index(const udm_original *original, const udm_original_guess *guess)
{
    return print(json_pack("{s:s, s:b, s:[ss], s:[ss], s:[ss], s:[ss], s:[ss], s:[n, n], s:[n, n]}", "_class_name",
                           guess->pipeline, "requires_safety_checker", false, "tokenizer", "transformers",
                           "CLIPTokenizer", "text_encoder", "transformers", "CLIPTextModel", "unet", "diffusers",
                           "UNet2DConditionModel", "vae", "diffusers", "AutoencoderKL", "scheduler", "diffusers",
                           scheduler_of(original), "safety_checker", "feature_extractor"));
}

char *udm_original_tokens(const udm_original *original)
{
    const int length = original->text.there ? original->text.length : 77;
    return print(json_pack("{s:s, s:i, s:b, s:s, s:s, s:s, s:s}", "tokenizer_class", "CLIPTokenizer",
                           "model_max_length", length, "do_lower_case", true, "bos_token", begin, "eos_token", end,
                           "unk_token", end, "pad_token", original->unet.linear ? "!" : end));
}
