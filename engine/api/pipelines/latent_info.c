// SPDX-License-Identifier: LGPL-2.1-or-later
// What latent diffusion takes: every part is opened, one after the other, on a device that computes nothing.
#include "api/painter.h"
#include "backend/plan.h"
#include "base/maths.h"
#include "network/autoencoder.h"
#include "network/clip.h"

// What is found of one part.
typedef struct found {
    size_t weights, values; // bytes
    double work;
} found;

static bool plan_unet(const udm_model *model, udm_device *device, int scale, udm_info *info, found *to,
                      udm_error *error)
{
    udm_network *network =
        udm_network_open(udm_model_network_config(model), udm_model_network_weights(model), device, error);
    if (!network)
        return false;
    const udm_graph_size size = { .channels = network->channels,
                                  .outputs = udm_network_outputs(network),
                                  .times = network->times,
                                  .labels = network->labels,
                                  .tokens = network->tokens,
                                  .token_width = network->token_width,
                                  .patch = network->patch,
                                  .width = network->width ? network->width : 64,
                                  .height = network->height ? network->height : 64 };
    udm_graph *graph = udm_graph_new(device, size, error);
    const bool good = graph && network->class->build(network, graph, size.width, size.height, error);
    if (good) {
        *to = (found){ udm_plan_weights(device), udm_graph_arena_bytes(graph), udm_graph_work(graph) };
        info->network = network->class->name, info->weights = network->weights;
        info->stride = network->stride * scale, info->reach = network->reach;
        info->width = size.width * scale, info->height = size.height * scale;
        info->embedding = 2 * network->tokens * network->token_width;
    }
    udm_graph_free(graph);
    udm_network_free(network);
    return good;
}

static bool plan_decoder(const udm_text_part *part, udm_device *device, const udm_info *info, found *to,
                         udm_error *error)
{
    udm_autoencoder *half = udm_autoencoder_open(part->config, part->weights, false, device, error);
    udm_graph *graph = half ? udm_graph_new(device, (udm_graph_size){ 0 }, error) : NULL;
    const bool good =
        graph && udm_autoencoder_build(half, graph, info->width / half->scale, info->height / half->scale, error);
    if (good)
        *to = (found){ .weights = udm_plan_weights(device), .values = udm_graph_arena_bytes(graph) };
    udm_graph_free(graph);
    udm_autoencoder_free(half);
    return good;
}

static bool plan_text(const udm_text_parts *parts, udm_device *device, found *to, udm_error *error)
{
    udm_clip_text *text = udm_clip_text_open(parts->text.config, parts->text.weights, parts->text_class, device, error);
    if (text)
        to->weights = udm_plan_weights(device) + (size_t)(text->words + text->length) * text->width * sizeof(float);
    udm_clip_text_free(text);
    return text != NULL;
}

// As api/pipelines/latent.c has it: parts that are more than the limit together take turns.
static uint64_t add_up(const udm_model *model, const found *text, const found *unet, const found *decoder)
{
    const uint64_t limit = (uint64_t)1 << 30;
    const udm_weights *vae = udm_model_text(model)->vae.weights;
    const uint64_t all = (uint64_t)(udm_weights_total(udm_model_network_weights(model)) + udm_weights_total(vae)) * 4;
    const uint64_t first = unet->weights + unet->values;
    const uint64_t second = decoder->weights + (decoder->values < limit ? decoder->values : limit);
    const uint64_t most = all > limit ? (first > second ? first : second) : first + second;
    return most > text->weights ? most : text->weights;
}

bool udm_latent_info(const udm_model *model, udm_info *info, udm_error *error)
{
    const udm_text_parts *parts = udm_model_text(model);
    const udm_scheduler *scheduler = udm_model_scheduler(model);
    const udm_degradation *degradation = udm_model_degradation(model);
    udm_autoencoder vae;
    found text = { 0 }, unet = { 0 }, decoder = { 0 };
    udm_device *device = udm_plan_open(error);
    const bool good = device && udm_autoencoder_describe(&vae, parts->vae.config, error) &&
                      plan_unet(model, device, vae.scale, info, &unet, error) &&
                      plan_decoder(&parts->vae, device, info, &decoder, error) &&
                      plan_text(parts, device, &text, error);
    udm_device_close(device);
    info->schedule = scheduler->noise.schedule->name, info->steps = scheduler->noise.steps;
    info->process = degradation->process, info->measure = degradation->measure;
    info->max_amount = degradation->most;
    info->channels = 3;
    info->memory = good ? add_up(model, &text, &unet, &decoder) : 0;
    info->work = unet.work;
    return good;
}
