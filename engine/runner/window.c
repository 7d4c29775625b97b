// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames to patches, onto the device, through the graph, and back.
#include "runner/window.h"

#include <stdlib.h>

#include "backend/fallback.h"
#include "runner/patches.h"

// The network unfolded: for all frames, or for those after the known ones.
typedef struct pass {
    udm_graph *graph;
    udm_memory *arena;
    int first; // frame that it computes
} pass;

struct udm_window {
    const udm_network *network; // where it runs
    udm_network *moved;         // the same, where the first one's device failed
    int known;
    pass whole, rest;    // no rest where nothing is known
    int memories;        // of the known frames
    float *recalled;     // all of them, one after the other, as features [C, H, W]
    float *patches;      // of all frames: [frames, C patch patch, H / patch, W / patch]
    float *conditions;   // [network->conditions]
    udm_tensor *tensors; // of a transfer
    float **hosts;       // what they are copied from or to
};

static size_t frame_elements(const udm_network *network)
{
    return (size_t)network->channels * network->window.width * network->window.height;
}

static void tear_down_pass(const udm_window *window, pass *pass)
{
    if (pass->arena)
        window->network->device->ops->free(window->network->device, pass->arena);
    udm_graph_free(pass->graph);
    pass->arena = NULL, pass->graph = NULL;
}

static void tear_down(udm_window *window)
{
    tear_down_pass(window, &window->whole);
    tear_down_pass(window, &window->rest);
}

static bool set_up_pass(udm_window *window, bool recalled, pass *pass, udm_error *error)
{
    const udm_network *network = window->network;
    const udm_window_shape *shape = &network->window;
    const udm_graph_size size = {
        .channels = network->channels, .outputs = network->channels, .width = shape->width, .height = shape->height
    };
    pass->first = recalled ? window->known : 0;
    pass->graph = udm_graph_new(network->device, size, error);
    if (pass->graph && network->class->build_window(network, pass->graph, window->known, recalled, error))
        pass->arena = udm_graph_alloc(pass->graph, error);
    return pass->arena;
}

static udm_tensor memory_tensor(const udm_window *window, const pass *pass, int n)
{
    const udm_graph *graph = pass->graph;
    const int place = pass->first > 0 ? udm_graph_count_inputs(graph) - window->memories + n : n;
    return udm_graph_tensor(
        graph, pass->first > 0 ? udm_graph_nth_input(graph, place) : udm_graph_nth_kept(graph, place), pass->arena);
}

// What is the same wherever it runs.
static bool allocate(udm_window *window, udm_error *error)
{
    const udm_network *network = window->network;
    const int frames = network->window.frames;
    window->memories = udm_graph_count_kept(window->whole.graph) - frames;
    size_t elements = 1;
    for (int m = 0; m < window->memories; m++) {
        const udm_shape shape = memory_tensor(window, &window->whole, m).shape;
        elements += (size_t)shape.c * shape.h * shape.w;
    }
    window->recalled = malloc(elements * sizeof(float));
    window->patches = malloc(frames * frame_elements(network) * sizeof(float));
    window->conditions = malloc((size_t)network->conditions * sizeof(float));
    window->tensors = malloc((window->memories + frames + 1) * sizeof *window->tensors);
    window->hosts = malloc((window->memories + frames + 1) * sizeof *window->hosts);
    return (window->recalled && window->patches && window->conditions && window->tensors && window->hosts) ||
           udm_fail(error, UDM_ERROR_MEMORY, "no memory for a window of frames");
}

static bool set_up(udm_window *window, udm_error *error)
{
    if (set_up_pass(window, false, &window->whole, error) &&
        (window->known == 0 || set_up_pass(window, true, &window->rest, error)) &&
        (window->patches || allocate(window, error)))
        return true;
    tear_down(window);
    return false;
}

// udm_fallback.run: sets up, if that was not done yet.
static bool settle(void *context, udm_error *error)
{
    udm_window *window = context;
    return window->whole.arena || set_up(window, error);
}

// udm_fallback.move
static bool move(void *context, udm_device *to, udm_error *error)
{
    udm_window *window = context;
    udm_network *moved = udm_network_reopen(window->network, to, error);
    if (!moved)
        return false;
    tear_down(window);
    window->network = window->moved = moved;
    return true;
}

udm_window *udm_window_new(const udm_network *network, int known, udm_error *error)
{
    udm_window *window = calloc(1, sizeof *window);
    if (!window) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a window of frames");
        return NULL;
    }
    window->network = network;
    window->known = known;
    if (!udm_fallback_run(network->device, &(udm_fallback){ window, settle, move }, error)) {
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
    free(window->recalled);
    free(window->patches);
    free(window->conditions);
    free(window->tensors);
    free(window->hosts);
    free(window);
}

size_t udm_window_memory(const udm_window *window)
{
    return (window->whole.graph ? udm_graph_arena_bytes(window->whole.graph) : 0) +
           (window->rest.graph ? udm_graph_arena_bytes(window->rest.graph) : 0);
}

static void shuffle(const udm_network *network, float *patches, float *frame, bool back)
{
    const udm_window_shape *shape = &network->window;
    udm_patches_copy(network->channels, shape->width, shape->height, shape->patch, patches, frame, back);
}

static void put(udm_window *window, int *count, udm_tensor tensor, float *host)
{
    window->tensors[*count] = tensor;
    window->hosts[(*count)++] = host;
}

static void put_memories(udm_window *window, const pass *pass, int *count)
{
    float *at = window->recalled;
    for (int m = 0; m < window->memories; m++) {
        const udm_tensor tensor = memory_tensor(window, pass, m);
        put(window, count, tensor, at);
        at += (size_t)tensor.shape.c * tensor.shape.h * tensor.shape.w;
    }
}

static void upload(udm_window *window, const pass *pass, const float *const *frames, const udm_window_state *state)
{
    const udm_network *network = window->network;
    udm_device *device = network->device;
    int count = 0;
    for (int f = pass->first; f < network->window.frames; f++) {
        float *patches = window->patches + f * frame_elements(network);
        shuffle(network, patches, (float *)frames[f], false);
        put(window, &count, udm_graph_tensor(pass->graph, udm_graph_nth_input(pass->graph, count), pass->arena),
            patches);
    }
    network->class->describe(network, state, window->conditions);
    put(window, &count, udm_graph_tensor(pass->graph, udm_graph_nth_input(pass->graph, count), pass->arena),
        window->conditions);
    if (pass->first > 0)
        put_memories(window, pass, &count);
    device->ops->upload(device, window->tensors, (const float *const *)window->hosts, count);
}

static void download(udm_window *window, const pass *pass)
{
    const udm_network *network = window->network;
    int count = 0;
    if (pass->first == 0)
        put_memories(window, pass, &count);
    for (int f = pass->first; f < network->window.frames; f++) {
        const udm_value kept = udm_graph_nth_kept(pass->graph, count);
        put(window, &count, udm_graph_tensor(pass->graph, kept, pass->arena),
            window->patches + f * frame_elements(network));
    }
    network->device->ops->download(network->device, window->hosts, window->tensors, count);
}

// A turn that is being run.
typedef struct turn {
    udm_window *window;
    const float *const *frames;
    const udm_window_state *state;
    const atomic_bool *cancel;
} turn;

static const pass *pass_of(const turn *t)
{
    return t->state->recalls ? &t->window->rest : &t->window->whole;
}

static bool run_turn(void *context, udm_error *error)
{
    const turn *t = context;
    udm_window *window = t->window;
    const pass *pass = pass_of(t);
    if (!settle(window, error))
        return false;
    upload(window, pass, t->frames, t->state);
    if (!udm_graph_run(pass->graph, pass->arena, NULL, 0, NULL, t->cancel, error))
        return false;
    download(window, pass);
    return window->network->device->ops->finish(window->network->device, error);
}

static bool move_turn(void *context, udm_device *to, udm_error *error)
{
    return move(((const turn *)context)->window, to, error);
}

bool udm_window_run(udm_window *window, const float *const *frames, const udm_window_state *state, float *out,
                    const atomic_bool *cancel, udm_error *error)
{
    const size_t elements = frame_elements(window->network);
    turn t = { window, frames, state, cancel };
    if (!udm_fallback_run(window->network->device, &(udm_fallback){ &t, run_turn, move_turn }, error))
        return false;
    for (int f = pass_of(&t)->first; f < window->network->window.frames; f++)
        shuffle(window->network, window->patches + f * elements, out + f * elements, true);
    return true;
}
