// SPDX-License-Identifier: LGPL-2.1-or-later
// Parts are opened, unfolded and counted; what a limit leaves is divided between weights and values.
#include "api/pipelines/needs.h"

#include "backend/plan.h"
#include "base/maths.h"
#include "network/autoencoder.h"
#include "network/clip.h"
#include "runner/coder.h"

size_t udm_need_values(const udm_network *network, int tokens, int width, int height, double *work, udm_error *error)
{
    const udm_graph_size size = { .channels = network->channels,
                                  .outputs = udm_network_outputs(network),
                                  .times = network->times,
                                  .labels = network->labels,
                                  .tokens = tokens,
                                  .token_width = network->token_width,
                                  .patch = network->patch,
                                  .width = udm_round_up(width, network->stride),
                                  .height = udm_round_up(height, network->stride) };
    udm_graph *graph = udm_graph_new(network->device, size, error);
    const bool good = graph && network->class->build(network, graph, size.width, size.height, error);
    const size_t bytes = good ? udm_graph_arena_bytes(graph) : 0;
    *work = good ? udm_graph_work(graph) : 0;
    udm_graph_free(graph);
    return bytes;
}

static size_t half_values(const udm_autoencoder *half, udm_device *device, int width, int height, udm_error *error)
{
    const int scale = half->encodes ? half->scale : 1;
    udm_graph *graph = udm_graph_new(device, (udm_graph_size){ 0 }, error);
    const size_t bytes = graph && udm_autoencoder_build(half, graph, width * scale, height * scale, error)
                             ? udm_graph_arena_bytes(graph)
                             : 0;
    udm_graph_free(graph);
    return bytes;
}

bool udm_need_of_half(const udm_text_part *part, bool encodes, udm_device *device, int width, int height, udm_need *to,
                      udm_error *error)
{
    const size_t before = udm_plan_weights(device);
    udm_autoencoder *half = udm_autoencoder_open(part->config, part->weights, encodes, device, error);
    *to = (udm_need){ 0 };
    if (half) {
        const int least = udm_coder_least(half);
        *to = (udm_need){ .weights = udm_plan_weights(device) - before, .largest = udm_plan_largest(device) };
        to->values = half_values(half, device, width, height, error);
        to->least_values =
            to->values ? half_values(half, device, udm_min(width, least), udm_min(height, least), error) : 0;
    }
    udm_autoencoder_free(half);
    return to->least_values > 0;
}

bool udm_need_of_text(const udm_text_part *part, const char *class, udm_device *device, int tokens, udm_need *to,
                      udm_error *error)
{
    const size_t before = udm_plan_weights(device);
    udm_clip_text *text = udm_clip_text_open(part->config, part->weights, class, device, error);
    udm_graph *graph = text ? udm_graph_new(device, (udm_graph_size){ 0 }, error) : NULL;
    const int length = !text ? 0 : tokens > 0 ? udm_min(tokens, text->length) : text->length;
    const bool good = graph && udm_clip_text_build(text, graph, length, length - 1, error);
    if (good) {
        *to = (udm_need){ .weights = udm_plan_weights(device) - before, .largest = udm_plan_largest(device) };
        // Tables of words and places are floats, and read at once.
        to->values = to->least_values =
            udm_graph_arena_bytes(graph) + (size_t)(text->words + text->length) * text->width * sizeof(float);
    }
    udm_graph_free(graph);
    udm_clip_text_free(text);
    return good;
}

// ---- side by side

static void add_weights(udm_needs *needs, const udm_need *part)
{
    needs->weights += part->weights;
    needs->largest = udm_max_size(needs->largest, part->largest);
}

void udm_needs_keep(udm_needs *needs, const udm_need *part)
{
    add_weights(needs, part);
    needs->kept += part->values;
}

void udm_needs_pass(udm_needs *needs, const udm_need *part)
{
    add_weights(needs, part);
    needs->passing = udm_max_size(needs->passing, part->least_values);
}

// One that is used lies in its file, in the kernel's cache, and packed.
static size_t paged(const udm_needs *needs)
{
    return udm_min_size(needs->weights, 2 * needs->largest);
}

uint64_t udm_needs_least(const udm_needs *needs)
{
    return needs->rest + needs->kept + needs->passing + paged(needs);
}

uint64_t udm_needs_all(const udm_needs *needs)
{
    return needs->rest + needs->kept + needs->passing + needs->weights;
}

bool udm_needs_device(const udm_device *device, udm_error *error)
{
    return device->pages || udm_fail(error, UDM_ERROR_UNSUPPORTED,
                                     "a limit to all memory is for the processor, not for %s", device->name);
}

bool udm_needs_limit(const udm_needs *needs, udm_device *device, size_t total, const char *what, int width, int height,
                     size_t *passing, udm_error *error)
{
    const uint64_t least = udm_needs_least(needs);
    if (!udm_needs_device(device, error))
        return false;
    if (total < least)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "%zu MiB are too little for %s of %dx%d: this model needs at least %llu MiB", total >> 20, what,
                        width, height, (unsigned long long)(least + (1 << 20) - 1) >> 20);
    const size_t room = (size_t)(total - needs->rest) - needs->kept - needs->passing;
    const bool all = needs->weights <= room;
    const size_t resident = all ? needs->weights : room - udm_min_size(room, paged(needs));
    device->weights_limit = all ? 0 : udm_max_size(resident, 1);
    if (device->stand_in)
        device->stand_in->weights_limit = device->weights_limit;
    *passing = needs->passing + room - resident - (all ? 0 : paged(needs));
    return true;
}
