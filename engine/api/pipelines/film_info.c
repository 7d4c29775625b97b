// SPDX-License-Identifier: LGPL-2.1-or-later
// The parts of a film stay open side by side: its U-Net, with the values of a window of frames, the text tower, and the
// decoder, whose values come and go.
#include "api/pipelines/film.h"

#include "backend/plan.h"
#include "network/autoencoder.h"

enum {
    TOKENS = 77,        // of a chunk of text, as diffusion/reel.c has them
    FLOATS = 20,        // of a latent: what the reel and the loop have of it
    BYTES = 64,         // of a pixel of the frame that is decoded
    KEPT = 12,          // texts that are kept, and those on their way
    LIMIT_MIB = 1 << 10 // of decoding, where nothing is said
};

// Values of a window; 0: it failed.
static size_t window_values(const udm_network *network, udm_film_shape shape, int chunks, double *work,
                            udm_error *error)
{
    shape.tokens = chunks * TOKENS;
    udm_graph *graph = udm_graph_new(network->device, (udm_graph_size){ 0 }, error);
    const bool good = graph && network->class->build_frames(network, graph, &shape, error);
    const size_t bytes = good ? udm_graph_arena_bytes(graph) : 0;
    *work = good ? udm_graph_work(graph) : 0;
    udm_graph_free(graph);
    return bytes;
}

// What is no part: the latents of a window, texts, planes of ones, and a frame.
static uint64_t rest_of(const udm_network *network, const udm_film_shape *shape, int scale)
{
    const uint64_t pixels = (uint64_t)shape->width * shape->height, chunk = (uint64_t)network->token_width * TOKENS;
    const uint64_t latents = pixels * shape->frames * (FLOATS * network->channels + network->places);
    const uint64_t texts = (2 * (uint64_t)shape->frames + KEPT) * UDM_REEL_CHUNKS * chunk;
    return UDM_NEED_FIXED + sizeof(float) * (latents + texts) + BYTES * pixels * scale * scale;
}

static bool plan_parts(const udm_model *model, udm_device *device, const udm_reel_settings *settings, udm_needs *to,
                       size_t *decoding, double *work, udm_error *error)
{
    const udm_film_parts *parts = udm_model_film(model);
    udm_autoencoder vae;
    udm_film_shape shape;
    double longest;
    udm_need unet = { 0 }, text, decoder;
    udm_network *network =
        udm_autoencoder_describe(&vae, parts->vae.config, error) ? udm_open_network_on(model, device, error) : NULL;
    bool good = network && udm_reel_shape(settings, network, vae.scale, &shape, error);
    if (good) {
        unet = (udm_need){ .weights = udm_plan_weights(device), .largest = udm_plan_largest(device) };
        unet.values = window_values(network, shape, UDM_REEL_CHUNKS, &longest, error);
        good = unet.values > 0 && window_values(network, shape, 1, work, error) > 0;
        to->rest = rest_of(network, &shape, vae.scale);
    }
    udm_network_free(network);
    good = good && udm_need_of_text(&parts->text, parts->text_class, device, TOKENS, &text, error) &&
           udm_need_of_half(&parts->vae, false, device, shape.width, shape.height, &decoder, error);
    if (!good)
        return false;
    udm_needs_keep(to, &unet);
    udm_needs_keep(to, &text);
    udm_needs_pass(to, &decoder);
    *decoding = decoder.values;
    return true;
}

bool udm_film_plan(const udm_model *model, const udm_reel_settings *settings, udm_needs *to, size_t *decoding,
                   double *work, udm_error *error)
{
    udm_device *device = udm_plan_open(error);
    *to = (udm_needs){ 0 };
    const bool good = device && plan_parts(model, device, settings, to, decoding, work, error);
    udm_device_close(device);
    return good;
}

bool udm_film_info(const udm_model *model, udm_info *info, udm_error *error)
{
    const udm_reel_settings usual = { 0 };
    udm_needs needs;
    size_t decoding;
    if (!udm_film_plan(model, &usual, &needs, &decoding, &info->work, error))
        return false;
    const size_t limit = (size_t)LIMIT_MIB << 20, taken = decoding < limit ? decoding : limit;
    info->least_memory = udm_needs_least(&needs);
    info->memory = udm_needs_all(&needs) + (taken > needs.passing ? taken - needs.passing : 0);
    return true;
}
