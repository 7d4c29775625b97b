// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames to patches, onto the device, through the graph, and back.
#include "stream/window.h"

#include <stdlib.h>

struct udm_window {
    const udm_network *network; // where it runs
    udm_network *moved;         // the same, where the first one's device failed
    udm_graph *graph;
    udm_memory *arena;
    float *patches;    // of all frames: [frames, C patch patch, H / patch, W / patch]
    float *conditions; // [network->conditions]
};

static size_t frame_elements(const udm_network *network)
{
    return (size_t)network->channels * network->window.width * network->window.height;
}

static void tear_down(udm_window *window)
{
    if (window->arena)
        window->network->device->ops->free(window->network->device, window->arena);
    udm_graph_free(window->graph);
    window->arena = NULL, window->graph = NULL;
}

static bool set_up(udm_window *window, udm_error *error)
{
    const udm_network *network = window->network;
    const udm_window_shape *shape = &network->window;
    const udm_graph_size size = {
        .channels = network->channels, .outputs = network->channels, .width = shape->width, .height = shape->height
    };
    window->graph = udm_graph_new(network->device, size, error);
    if (window->graph && network->class->build(network, window->graph, shape->width, shape->height, error))
        window->arena = udm_graph_alloc(window->graph, error);
    if (!window->arena)
        tear_down(window);
    return window->arena;
}

// Goes on with the stand-in of the device, if it has one.
static bool move(udm_window *window, const udm_error *fault, udm_error *error)
{
    udm_network *moved = udm_network_move(window->network, fault, error);
    if (!moved)
        return false;
    tear_down(window);
    window->network = window->moved = moved;
    return set_up(window, error);
}

udm_window *udm_window_new(const udm_network *network, udm_error *error)
{
    const udm_window_shape *shape = &network->window;
    udm_error fault = { 0 };
    udm_window *window = calloc(1, sizeof *window);
    if (window) {
        window->network = network;
        window->patches = malloc(shape->frames * frame_elements(network) * sizeof(float));
        window->conditions = malloc((size_t)network->conditions * sizeof(float));
    }
    if (!window || !window->patches || !window->conditions) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a window of frames");
        udm_window_free(window);
        return NULL;
    }
    if (!set_up(window, &fault) && !move(window, &fault, error)) {
        udm_window_free(window);
        return NULL;
    }
    return window;
}

void udm_window_free(udm_window *window)
{
    if (!window)
        return;
    tear_down(window);
    udm_network_free(window->moved);
    free(window->patches);
    free(window->conditions);
    free(window);
}

size_t udm_window_memory(const udm_window *window)
{
    return window->graph ? udm_graph_arena_bytes(window->graph) : 0;
}

// Pixel (c, y, x) is in plane c p p + (y mod p) p + x mod p of the patches, as torch.pixel_unshuffle has it. Copies one
// way or the other.
static void shuffle(const udm_network *network, float *patches, float *frame, bool back)
{
    const udm_window_shape *shape = &network->window;
    const int p = shape->patch, w = shape->width / p, h = shape->height / p;
    for (int c = 0; c < network->channels; c++)
        for (int y = 0; y < shape->height; y++)
            for (int x = 0; x < shape->width; x++, frame++) {
                float *at = patches + ((size_t)(c * p * p + y % p * p + x % p) * h + y / p) * w + x / p;
                if (back)
                    *frame = *at;
                else
                    *at = *frame;
            }
}

static void upload(udm_window *window, const float *const *frames, const udm_window_state *state)
{
    const udm_network *network = window->network;
    udm_device *device = network->device;
    const int count = network->window.frames + 1;
    udm_tensor to[UDM_MAX_FRAMES + 1];
    const float *from[UDM_MAX_FRAMES + 1];
    for (int i = 0; i < count; i++) {
        to[i] = udm_graph_tensor(window->graph, udm_graph_nth_input(window->graph, i), window->arena);
        from[i] = i == count - 1 ? window->conditions : window->patches + i * frame_elements(network);
        if (i < count - 1)
            shuffle(network, (float *)from[i], (float *)frames[i], false);
    }
    network->class->describe(network, state, window->conditions);
    device->ops->upload(device, to, from, count);
}

static void download(udm_window *window)
{
    const udm_network *network = window->network;
    udm_tensor from[UDM_MAX_FRAMES];
    float *to[UDM_MAX_FRAMES];
    for (int f = 0; f < network->window.frames; f++) {
        from[f] = udm_graph_tensor(window->graph, udm_graph_nth_kept(window->graph, f), window->arena);
        to[f] = window->patches + f * frame_elements(network);
    }
    network->device->ops->download(network->device, to, from, network->window.frames);
}

static bool run_here(udm_window *window, const float *const *frames, const udm_window_state *state,
                     const atomic_bool *cancel, udm_error *error)
{
    udm_device *device = window->network->device;
    if (!window->arena && !set_up(window, error))
        return false;
    upload(window, frames, state);
    if (!udm_graph_run(window->graph, window->arena, NULL, 0, cancel, error))
        return false;
    download(window);
    return device->ops->finish(device, error);
}

bool udm_window_run(udm_window *window, const float *const *frames, const udm_window_state *state, float *out,
                    const atomic_bool *cancel, udm_error *error)
{
    const size_t elements = frame_elements(window->network);
    udm_error fault = { 0 };
    while (!run_here(window, frames, state, cancel, &fault))
        if (!move(window, &fault, error))
            return false;
    for (int f = 0; f < window->network->window.frames; f++)
        shuffle(window->network, window->patches + f * elements, out + f * elements, true);
    return true;
}
