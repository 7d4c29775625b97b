// SPDX-License-Identifier: LGPL-2.1-or-later
// What latent diffusion takes: every part is opened, one after the other, on a device that computes nothing.
#include "api/pipelines/latent.h"
#include "backend/plan.h"
#include "base/maths.h"
#include "diffusion/texts.h"
#include "network/autoencoder.h"

enum { embeddings = UDM_KEPT_PROMPTS + 5 }; // that are kept, that of the picture, and what leads from one to another
static const uint64_t per_pixel = 64;       // of the picture and its latents, in bytes

static bool plan_unet(const udm_model *model, udm_device *device, int width, int height, udm_info *info, udm_need *to,
                      udm_error *error)
{
    udm_network *network =
        udm_network_open(udm_model_network_config(model), udm_model_network_weights(model), device, error);
    if (!network)
        return false;
    width = width ? width : network->width ? network->width : 64;
    height = height ? height : network->height ? network->height : 64;
    double longest;
    *to = (udm_need){ .weights = udm_plan_weights(device), .largest = udm_plan_largest(device) };
    to->values = to->least_values =
        udm_need_values(network, UDM_TEXT_CHUNKS * network->tokens, width, height, &longest, error);
    const bool good =
        to->values > 0 && udm_need_values(network, network->tokens, width, height, &info->work, error) > 0;
    if (good) {
        info->network = network->class->name, info->weights = network->weights;
        info->stride = network->stride, info->reach = network->reach;
        info->width = width, info->height = height;
        info->embedding = 2 * UDM_TEXT_CHUNKS * network->tokens * network->token_width;
    }
    udm_network_free(network);
    return good;
}

bool udm_latent_plan(const udm_model *model, int width, int height, udm_info *info, udm_latent_needs *to,
                     udm_error *error)
{
    const udm_text_parts *parts = udm_model_text(model);
    udm_autoencoder vae;
    udm_device *device = udm_plan_open(error);
    *to = (udm_latent_needs){ 0 };
    const bool good =
        device && udm_autoencoder_describe(&vae, parts->vae.config, error) &&
        plan_unet(model, device, width, height, info, &to->of[UDM_LATENT_UNET], error) &&
        udm_need_of_half(&parts->vae, false, device, info->width, info->height, &to->of[UDM_LATENT_DECODER], error) &&
        udm_need_of_half(&parts->vae, true, device, info->width, info->height, &to->of[UDM_LATENT_ENCODER], error) &&
        udm_need_of_text(&parts->text, parts->text_class, device, 0, &to->of[UDM_LATENT_TEXT], error);
    udm_device_close(device);
    if (!good)
        return false;
    info->width *= vae.scale, info->height *= vae.scale, info->stride *= vae.scale, info->size_step = vae.scale;
    to->rest = UDM_NEED_FIXED + per_pixel * info->width * info->height + embeddings * sizeof(float) * info->embedding;
    for (int i = 0; i < UDM_LATENT_PARTS; i++) {
        const udm_need *need = &to->of[i];
        const uint64_t paged = 2 * (uint64_t)need->largest; // in its file, and packed
        const uint64_t least = to->rest + need->least_values + (paged < need->weights ? paged : need->weights);
        to->least = least > to->least ? least : to->least;
    }
    return true;
}

// As api/pipelines/latent.c has it: parts that are more than the limit together take turns.
static uint64_t add_up(const udm_model *model, const udm_latent_needs *needs)
{
    const udm_need *need = needs->of;
    const uint64_t limit = (uint64_t)1 << 30, kept = need[UDM_LATENT_DECODER].weights;
    const udm_weights *vae = udm_model_text(model)->vae.weights;
    const uint64_t all = (uint64_t)(udm_weights_total(udm_model_network_weights(model)) + udm_weights_total(vae)) * 4;
    const uint64_t unet = need[UDM_LATENT_UNET].weights + need[UDM_LATENT_UNET].values;
    const bool turns = all > limit;
    uint64_t most = turns ? unet : 0;
    for (int i = 0; i < UDM_LATENT_PARTS; i++) {
        const bool codes = i == UDM_LATENT_DECODER || i == UDM_LATENT_ENCODER;
        const uint64_t values = codes ? udm_min_size(need[i].values, limit) : need[i].values;
        const uint64_t beside = turns || i == UDM_LATENT_UNET || i == UDM_LATENT_DECODER ? 0 : kept;
        if (i != UDM_LATENT_UNET)
            most = udm_max_size(most, need[i].weights + values + beside);
    }
    return needs->rest + most + (turns ? 0 : unet);
}

bool udm_latent_info(const udm_model *model, udm_info *info, udm_error *error)
{
    const udm_scheduler *scheduler = udm_model_scheduler(model);
    const udm_degradation *degradation = udm_model_degradation(model);
    udm_latent_needs needs;
    const bool good = udm_latent_plan(model, 0, 0, info, &needs, error);
    info->schedule = scheduler->noise.schedule->name, info->steps = scheduler->noise.steps;
    info->process = degradation->process, info->measure = degradation->measure;
    info->max_amount = degradation->most;
    info->channels = 3;
    info->memory = good ? add_up(model, &needs) : 0;
    info->least_memory = good ? needs.least : 0;
    return good;
}
