// SPDX-License-Identifier: LGPL-2.1-or-later
// The parts of a model of embeddings: its decoder stays, with its values, and so do the towers and the prior once they
// were needed, whose values come and go; of the two networks that enlarge one is open at a time.
#include "api/pipelines/unclip.h"

#include "api/pipelines/super_res.h"
#include "backend/plan.h"
#include "base/maths.h"
#include "network/autoencoder.h"
#include "network/clip.h"
#include "network/prior.h"

enum { BYTES = 256 }; // of a pixel of the picture: what the loops have of it

// Values of the prior, for texts as long as they may be, with guidance.
static bool need_of_prior(const udm_text_part *part, udm_device *device, udm_need *to, udm_error *error)
{
    const size_t before = udm_plan_weights(device);
    udm_prior *prior = udm_prior_open(part->config, part->weights, device, error);
    udm_graph *graph = prior ? udm_graph_new(device, (udm_graph_size){ 0 }, error) : NULL;
    const bool good = graph && udm_prior_build(prior, graph, prior->length, error);
    if (good) {
        const size_t values = 2 * UDM_TOLD_CHUNKS * udm_graph_arena_bytes(graph);
        *to = (udm_need){ udm_plan_weights(device) - before, udm_plan_largest(device), values, values };
    }
    udm_graph_free(graph);
    udm_prior_free(prior);
    return good;
}

static bool need_of_vision(const udm_text_part *part, udm_device *device, udm_need *to, udm_error *error)
{
    const size_t before = udm_plan_weights(device);
    udm_clip_vision *vision = udm_clip_vision_open(part->config, part->weights, device, error);
    udm_graph *graph = vision ? udm_graph_new(device, (udm_graph_size){ 0 }, error) : NULL;
    const bool good = graph && udm_clip_vision_build(vision, graph, error);
    if (good) {
        const size_t pixels = (size_t)3 * vision->image * vision->image * sizeof(float);
        const size_t values = udm_graph_arena_bytes(graph) + 4 * pixels;
        *to = (udm_need){ udm_plan_weights(device) - before, udm_plan_largest(device), values, values };
    }
    udm_graph_free(graph);
    udm_clip_vision_free(vision);
    return good;
}

static bool need_of_larger(const udm_text_part *part, udm_device *device, int width, int height, udm_need *to,
                           udm_error *error)
{
    const size_t before = udm_plan_weights(device);
    udm_network *network = udm_network_open(part->config, part->weights, device, error);
    double work;
    *to = (udm_need){ 0 };
    if (network) {
        *to = (udm_need){ .weights = udm_plan_weights(device) - before, .largest = udm_plan_largest(device) };
        to->values = to->least_values = udm_need_values(network, 0, width, height, &work, error);
    }
    udm_network_free(network);
    return to->values > 0;
}

// What tells the decoder of embeddings, in floats.
static size_t told_bytes(const udm_network *decoder)
{
    const udm_embedding_shape *told = &decoder->told;
    const size_t own = (size_t)(decoder->tokens - told->tokens) * decoder->token_width * told->picture;
    const size_t words = (size_t)told->token_width * decoder->token_width;
    const size_t times = (size_t)decoder->labels * (told->picture + told->text);
    const size_t conditions = 2 * (decoder->labels + (size_t)decoder->tokens * decoder->token_width);
    return (own + words + times + conditions + (UDM_KEPT_PROMPTS + 5) * (size_t)decoder->embedding) * sizeof(float);
}

static bool plan_decoder(const udm_model *model, udm_device *device, udm_settings *settings, int *factor, udm_needs *to,
                         double *work, udm_error *error)
{
    const udm_text_parts *parts = udm_model_text(model);
    int width, height;
    udm_autoencoder vae = { .scale = 1 };
    udm_network *decoder = udm_open_network_on(model, device, error);
    const bool described = decoder && (!parts->vae.config || udm_autoencoder_describe(&vae, parts->vae.config, error));
    *factor = !described                   ? 0
              : parts->super_res[0].config ? udm_super_res_factor(model, decoder->width, decoder->height, error)
                                           : vae.scale;
    bool good = *factor > 0 && udm_unclip_size(settings, decoder, *factor, &width, &height, error);
    if (good) {
        udm_need need = { .weights = udm_plan_weights(device), .largest = udm_plan_largest(device) };
        need.values = udm_need_values(decoder, decoder->tokens, width, height, work, error);
        good = need.values > 0;
        udm_needs_keep(to, &need);
        to->rest = UDM_NEED_FIXED + told_bytes(decoder) + (uint64_t)BYTES * settings->width * settings->height;
    }
    udm_network_free(decoder);
    return good;
}

static bool plan_readers(const udm_text_parts *parts, udm_device *device, udm_needs *to, udm_error *error)
{
    udm_need need;
    if (parts->text.config) {
        if (!udm_need_of_text(&parts->text, parts->text_class, device, 0, &need, error))
            return false;
        udm_needs_keep(to, &need); // as its tables stay, which are more than its values
    }
    if (parts->prior.config) {
        if (!need_of_prior(&parts->prior, device, &need, error))
            return false;
        udm_needs_pass(to, &need);
    }
    if (parts->vision.config) {
        if (!need_of_vision(&parts->vision, device, &need, error))
            return false;
        udm_needs_pass(to, &need);
    }
    return true;
}

// Latents become a picture in one piece.
static bool plan_vae(const udm_text_parts *parts, udm_device *device, const udm_settings *settings, int factor,
                     udm_needs *to, udm_error *error)
{
    udm_need need;
    if (!parts->vae.config)
        return true;
    if (!udm_need_of_half(&parts->vae, false, device, settings->width / factor, settings->height / factor, &need,
                          error))
        return false;
    need.least_values = need.values;
    udm_needs_pass(to, &need);
    return true;
}

static bool plan_larger(const udm_text_parts *parts, udm_device *device, const udm_settings *settings, udm_needs *to,
                        udm_error *error)
{
    udm_need both[2], one;
    if (!parts->super_res[0].config)
        return true;
    for (int i = 0; i < 2; i++)
        if (!need_of_larger(&parts->super_res[i], device, settings->width, settings->height, &both[i], error))
            return false;
    one.weights = udm_max_size(both[0].weights, both[1].weights);
    one.largest = udm_max_size(both[0].largest, both[1].largest);
    one.values = one.least_values = udm_max_size(both[0].values, both[1].values);
    udm_needs_pass(to, &one);
    return true;
}

bool udm_unclip_plan(const udm_model *model, udm_settings *settings, udm_needs *to, double *work, udm_error *error)
{
    const udm_text_parts *parts = udm_model_text(model);
    udm_device *device = udm_plan_open(error);
    int factor;
    *to = (udm_needs){ 0 };
    const bool good = device && plan_decoder(model, device, settings, &factor, to, work, error) &&
                      plan_readers(parts, device, to, error) && plan_vae(parts, device, settings, factor, to, error) &&
                      plan_larger(parts, device, settings, to, error);
    udm_device_close(device);
    return good;
}

bool udm_unclip_info(const udm_model *model, udm_info *info, udm_error *error)
{
    udm_settings usual;
    udm_needs needs;
    udm_settings_init(&usual, sizeof usual);
    if (!udm_unclip_plan(model, &usual, &needs, &info->work, error))
        return false;
    info->least_memory = udm_needs_least(&needs), info->memory = udm_needs_all(&needs);
    return true;
}
