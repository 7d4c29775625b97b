// SPDX-License-Identifier: LGPL-2.1-or-later
// Cuts frames into tiles, runs the network over each and puts the results together; and moves to another device where
// the first one fails.
#include "runner/tiling.h"

#include <stdlib.h>
#include <string.h>

#include "backend/fallback.h"
#include "backend/host.h"
#include "base/maths.h"
#include "runner/replay.h"

// One direction: cores of `core` pixels tile it without overlap, windows of `window` pixels are computed.
typedef struct axis {
    int size, padded; // of the frame, and rounded up to the network's stride
    int tiles, core, window, overlap;
} axis;

struct udm_tiling {
    const udm_network *network; // where it runs
    udm_network *moved;         // the same, where the first one's device failed
    udm_replay *replay;         // what is to be replayed then; NULL: nothing
    bool behind;                // it has yet to be replayed
    int width, height, stages;
    int tokens; // that the graph takes; 0: as many as the network has
    size_t limit;
    axis x, y;
    udm_graph *graph;
    udm_workspace *shared, *own_workspace; // the first: of several, or NULL; the second: where that is of no use
    udm_workspace *workspace;              // one of them; NULL: nothing is set up
    udm_memory **states;                   // [stages][tiles], or NULL for a network without
    float *condition, gain;            // the values of the ports time and label, and what the output is multiplied by
    bool blank_frame, blank_predicted; // the arena holds blanks there
};

// Cuts an axis into `tiles` or, where rounding up makes some needless, fewer.
static void cut(axis *along, int tiles, int stride)
{
    along->core = udm_round_up(udm_divide_up(along->padded, tiles), stride);
    along->tiles = udm_divide_up(along->padded, along->core);
    along->window = udm_min(along->padded, along->core + 2 * along->overlap);
}

static axis whole(int size, const udm_network *network)
{
    axis along = { .size = size, .padded = udm_round_up(size, network->stride) };
    along.overlap = udm_round_up(network->reach, network->stride);
    cut(&along, 1, network->stride);
    return along;
}

static bool build_graph(udm_tiling *tiles, udm_error *error)
{
    const udm_network *network = tiles->network;
    udm_graph_free(tiles->graph);
    const udm_graph_size size = { .channels = network->channels,
                                  .outputs = udm_network_outputs(network),
                                  .times = network->times,
                                  .labels = network->labels,
                                  .tokens = tiles->tokens ? tiles->tokens : network->tokens,
                                  .token_width = network->token_width,
                                  .patch = network->patch,
                                  .width = tiles->x.window,
                                  .height = tiles->y.window };
    tiles->graph = udm_graph_new(network->device, size, error);
    return tiles->graph && network->class->build(network, tiles->graph, tiles->x.window, tiles->y.window, error);
}

// Cuts the longer side of the tiles again and again until they fit or are as small as makes sense.
static bool fit(udm_tiling *tiles, udm_error *error)
{
    tiles->x = whole(tiles->width, tiles->network);
    tiles->y = whole(tiles->height, tiles->network);
    for (;;) {
        if (!build_graph(tiles, error))
            return false;
        axis *longer = tiles->x.core >= tiles->y.core ? &tiles->x : &tiles->y;
        if (udm_graph_fits(tiles->graph, tiles->limit) || longer->core <= longer->overlap)
            return true;
        for (int pieces = longer->tiles + 1, before = longer->core; longer->core == before; pieces++)
            cut(longer, pieces, tiles->network->stride);
    }
}

// Planes that go up or come down at once.
static size_t count_planes(const udm_tiling *tiles)
{
    const udm_graph_ports *ports = udm_graph_get_ports(tiles->graph);
    const int channels = tiles->network->channels, outputs = udm_network_outputs(tiles->network);
    const int pictures = (udm_graph_reads(tiles->graph, ports->predicted) ? 2 : 1) * (channels + 1);
    const int seen = pictures + tiles->network->context;
    return seen > outputs ? seen : outputs;
}

// A shared workspace is of no use to a network that moved to another device.
static bool take_workspace(udm_tiling *tiles, udm_error *error)
{
    udm_device *device = tiles->network->device;
    udm_workspace *workspace = tiles->shared && tiles->shared->device == device
                                   ? tiles->shared
                                   : (tiles->own_workspace = udm_workspace_new(device, error));
    const size_t staging = (size_t)tiles->x.window * tiles->y.window * count_planes(tiles);
    if (!workspace || !udm_workspace_grow(workspace, tiles->graph, staging, error))
        return false;
    tiles->workspace = workspace;
    return true;
}

static bool allocate(udm_tiling *tiles, udm_error *error)
{
    udm_device *device = tiles->network->device;
    size_t state = udm_graph_state_bytes(tiles->graph);
    tiles->condition = calloc(tiles->network->times + tiles->network->labels + 1, sizeof(float));
    tiles->gain = 1;
    if (state > 0)
        tiles->states = calloc((size_t)tiles->stages * udm_tiling_count(tiles), sizeof(udm_memory *));
    if (!tiles->condition || (state > 0 && !tiles->states))
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", tiles->x.size, tiles->y.size);
    if (!take_workspace(tiles, error))
        return false;
    for (int i = 0; state > 0 && i < tiles->stages * udm_tiling_count(tiles); i++) {
        tiles->states[i] = device->ops->alloc(device, state, error);
        if (!tiles->states[i])
            return false;
    }
    return true;
}

static void tear_down(udm_tiling *tiles)
{
    udm_device *device = tiles->network->device;
    for (int i = 0; tiles->states && i < tiles->stages * udm_tiling_count(tiles); i++)
        if (tiles->states[i])
            device->ops->free(device, tiles->states[i]);
    free(tiles->states);
    udm_workspace_free(tiles->own_workspace);
    udm_graph_free(tiles->graph);
    free(tiles->condition);
    tiles->states = NULL, tiles->workspace = tiles->own_workspace = NULL, tiles->graph = NULL, tiles->condition = NULL;
}

static bool set_up(udm_tiling *tiles, udm_error *error)
{
    tiles->blank_frame = tiles->blank_predicted = false;
    if (fit(tiles, error) && allocate(tiles, error))
        return true;
    tear_down(tiles);
    return false;
}

// udm_fallback.move
static bool move(void *context, udm_device *to, udm_error *error)
{
    udm_tiling *tiles = context;
    udm_network *moved = udm_network_reopen(tiles->network, to, error);
    if (!moved)
        return false;
    tear_down(tiles);
    tiles->network = tiles->moved = moved;
    tiles->behind = tiles->replay != NULL;
    return true;
}

// udm_fallback.run: sets up, if that was not done yet.
static bool settle(void *context, udm_error *error)
{
    udm_tiling *tiles = context;
    return tiles->workspace || set_up(tiles, error);
}

udm_tiling *udm_tiling_new(const udm_network *network, udm_workspace *workspace, int width, int height, int stages,
                           size_t limit, udm_error *error)
{
    if (network->window.frames > 0) {
        udm_fail(error, UDM_ERROR_UNSUPPORTED, "this model generates video and cannot restore it: use udmsrc");
        return NULL;
    }
    enum { MOST = 1 << 24 }; // so that sums of sizes and overlaps fit into an int
    if (width > MOST || height > MOST) {
        udm_fail(error, UDM_ERROR_MEMORY, "a frame of %dx%d is too large", width, height);
        return NULL;
    }
    udm_tiling *tiles = calloc(1, sizeof *tiles);
    if (!tiles) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a stream");
        return NULL;
    }
    *tiles = (udm_tiling){
        .network = network, .shared = workspace, .width = width, .height = height, .stages = stages, .limit = limit
    };
    const bool remembers = network->device->stand_in && network->memory_frames > 0;
    if (remembers)
        tiles->replay =
            udm_replay_new(stages, network->memory_frames, network->channels, (size_t)width * height, error);
    const udm_fallback calls = { tiles, settle, move };
    if ((remembers && !tiles->replay) || !udm_fallback_run(network->device, &calls, error)) {
        udm_tiling_free(tiles);
        return NULL;
    }
    return tiles;
}

void udm_tiling_free(udm_tiling *tiles)
{
    if (!tiles)
        return;
    tear_down(tiles);
    udm_network_free(tiles->moved);
    udm_replay_free(tiles->replay);
    free(tiles);
}

int udm_tiling_count(const udm_tiling *tiles)
{
    return tiles->x.tiles * tiles->y.tiles;
}

size_t udm_tiling_memory(const udm_tiling *tiles)
{
    const size_t states = (size_t)tiles->stages * udm_tiling_count(tiles);
    return (tiles->graph ? states * udm_graph_state_bytes(tiles->graph) : 0) +
           (tiles->own_workspace ? udm_workspace_memory(tiles->own_workspace) : 0);
}

static void clear_states(udm_tiling *tiles)
{
    udm_device *device = tiles->network->device;
    const size_t bytes = udm_graph_state_bytes(tiles->graph);
    for (int i = 0; tiles->states && i < tiles->stages * udm_tiling_count(tiles); i++)
        device->ops->clear(device, tiles->states[i], bytes);
}

void udm_tiling_clear(udm_tiling *tiles)
{
    if (tiles->workspace)
        clear_states(tiles);
    if (tiles->replay)
        udm_replay_clear(tiles->replay);
}

// Where the window of tile `index` starts: at its core less the overlap, but inside the frame.
static int window_start(const axis *along, int index)
{
    int start = index * along->core - along->overlap;
    return start < 0 ? 0 : udm_min(start, along->padded - along->window);
}

// The frame goes on beyond its edge as in a mirror that does not repeat the edge.
static int mirror(int i, int size)
{
    if (size == 1)
        return 0;
    i %= 2 * (size - 1);
    return i < size ? i : 2 * (size - 1) - i;
}

// What goes up for a tile, in one call.
typedef struct upload {
    udm_tensor to[8]; // one for each port that is read
    const float *from[8];
    int count;
    float *workspace; // where the next window may be put together
} upload;

static void add(const udm_tiling *tiles, upload *up, udm_value port, const float *values)
{
    up->to[up->count] = udm_graph_tensor(tiles->graph, port, tiles->workspace->arena);
    up->from[up->count++] = values;
}

// Whether the only window is the frame.
static bool is_whole(const udm_tiling *tiles)
{
    return tiles->x.window == tiles->x.size && tiles->y.window == tiles->y.size;
}

// A row of a frame, from x0 on, each `step`th value.
static void take_row(const float *from, int width, int x0, int step, float *row, int count)
{
    const int inside = udm_min(count, udm_divide_up(width - x0, step));
    if (step == 1)
        memcpy(row, from + x0, inside * sizeof *row);
    for (int x = 0; step > 1 && x < inside; x++)
        row[x] = from[x0 + x * step];
    for (int x = inside; x < count; x++)
        row[x] = from[mirror(x0 + x * step, width)];
}

// A window that is put together, row by row. Squares of patch * patch pixels become channels: value c p p + dy p + dx
// at (y, x) is plane c at (y p + dy, x p + dx).
typedef struct window {
    const udm_tiling *tiles;
    const float *planes;
    float *to; // of that shape
    udm_shape shape;
    int patch, x0, y0;
} window;

static void put_together(void *context, int index, int worker)
{
    const window *w = context;
    const int width = w->tiles->x.size, height = w->tiles->y.size, patch = w->patch;
    const int k = index / w->shape.h, y = index % w->shape.h;
    const int c = k / (patch * patch), dy = k / patch % patch, dx = k % patch;
    const float *from = w->planes + ((size_t)c * height + mirror(w->y0 + y * patch + dy, height)) * width;
    take_row(from, width, w->x0 + dx, patch, w->to + (size_t)index * w->shape.w, w->shape.w);
}

// Where the processor writes the values of a tensor itself, as the device computes there; or NULL.
static float *in_place(const udm_tiling *tiles, const udm_tensor *tensor)
{
    const bool here = udm_host_computes(tiles->network->device) && tensor->layout == UDM_PLANAR;
    return here ? udm_host_data(tensor) : NULL;
}

// The window of a port whose first pixel is (x0, y0).
static void add_window(const udm_tiling *tiles, upload *up, udm_value port, const float *planes, int x0, int y0)
{
    if (!udm_graph_reads(tiles->graph, port))
        return;
    udm_pool *pool = tiles->network->device->pool;
    const udm_tensor tensor = udm_graph_tensor(tiles->graph, port, tiles->workspace->arena);
    const int patch = tiles->x.window / tensor.shape.w;
    if (is_whole(tiles) && patch == 1) {
        add(tiles, up, port, planes);
        return;
    }
    float *there = in_place(tiles, &tensor), *to = there ? there : up->workspace;
    window w = { tiles, planes, to, tensor.shape, patch, x0, y0 };
    udm_pool_run(pool, tensor.shape.c * tensor.shape.h, put_together, &w);
    if (there)
        return;
    add(tiles, up, port, to);
    up->workspace += udm_shape_elements(tensor.shape);
}

static void add_constant(const udm_tiling *tiles, upload *up, udm_value port, float value)
{
    if (!udm_graph_reads(tiles->graph, port))
        return;
    const size_t elements = udm_shape_elements(udm_graph_tensor(tiles->graph, port, tiles->workspace->arena).shape);
    add(tiles, up, port, up->workspace);
    for (size_t i = 0; i < elements; i++)
        *up->workspace++ = value;
}

// A picture and its level, or blanks, unless the arena has those already.
static void add_pair(const udm_tiling *tiles, upload *up, const udm_value ports[2], const float *planes,
                     const float *level, int x0, int y0, bool *blank)
{
    if (planes) {
        add_window(tiles, up, ports[0], planes, x0, y0);
        add_window(tiles, up, ports[1], level, x0, y0);
    } else if (!*blank) {
        add_constant(tiles, up, ports[0], 0);
        add_constant(tiles, up, ports[1], 1);
    }
    *blank = !planes;
}

static void add_context(const udm_tiling *tiles, upload *up, const float *context, int x0, int y0)
{
    if (tiles->network->context == 0)
        return;
    const udm_value input = udm_graph_nth_input(tiles->graph, 0);
    if (context)
        add_window(tiles, up, input, context, x0, y0);
    else
        add_constant(tiles, up, input, 0);
}

// The planes of the one tile that the frame is, where a device computes on them as they lie: nothing is sent and put
// together then. False if it does not.
static bool stays_outside(const udm_tiling *tiles, const udm_network_input *seen, float *out,
                          udm_graph_outside *outside)
{
    const int width = tiles->x.size, height = tiles->y.size, channels = tiles->network->channels;
    const bool alone = udm_tiling_count(tiles) == 1 && tiles->x.window < 2 * width && tiles->y.window < 2 * height;
    if (!tiles->network->device->mirrors || !alone || tiles->gain != 1 || !seen->frame || !seen->predicted ||
        !udm_graph_only_observes(tiles->graph))
        return false;
    const udm_shape picture = { channels, height, width }, plane = { 1, height, width };
    *outside = (udm_graph_outside){
        .seen = { .frame = udm_host_tensor((float *)seen->frame, picture),
                  .level = udm_host_tensor((float *)seen->level, plane),
                  .predicted = udm_host_tensor((float *)seen->predicted, picture),
                  .predicted_level = udm_host_tensor((float *)seen->predicted_level, plane) },
        .output = udm_host_tensor(out, (udm_shape){ udm_network_outputs(tiles->network), height, width }),
    };
    return true;
}

// outside: frame and prediction need not be sent.
static void send(udm_tiling *tiles, const udm_network_input *seen, int x0, int y0, bool outside)
{
    udm_device *device = tiles->network->device;
    const udm_graph_ports *ports = udm_graph_get_ports(tiles->graph);
    upload up = { .workspace = tiles->workspace->staging };
    tiles->blank_frame &= tiles->workspace->user == tiles;
    tiles->blank_predicted &= tiles->workspace->user == tiles;
    tiles->workspace->user = tiles;
    const udm_value frame[2] = { ports->frame, ports->level },
                    predicted[2] = { ports->predicted, ports->predicted_level };
    if (!outside) {
        add_pair(tiles, &up, frame, seen->frame, seen->level, x0, y0, &tiles->blank_frame);
        add_pair(tiles, &up, predicted, seen->predicted, seen->predicted_level, x0, y0, &tiles->blank_predicted);
    }
    add_context(tiles, &up, seen->context, x0, y0);
    if (udm_graph_reads(tiles->graph, ports->time))
        add(tiles, &up, ports->time, tiles->condition);
    if (udm_graph_reads(tiles->graph, ports->label))
        add(tiles, &up, ports->label, seen->condition ? seen->condition : tiles->condition + tiles->network->times);
    if (udm_graph_reads(tiles->graph, ports->tokens))
        add(tiles, &up, ports->tokens, seen->condition + tiles->network->labels);
    device->ops->upload(device, up.to, up.from, up.count);
}

static int patch_of(const udm_tiling *tiles)
{
    return tiles->network->patch ? tiles->network->patch : 1;
}

// Where the output is downloaded to: the frame itself, if nothing is to be done to it.
static float *landing(const udm_tiling *tiles, float *out)
{
    return is_whole(tiles) && tiles->gain == 1 && patch_of(tiles) == 1 ? out : tiles->workspace->staging;
}

// The core of a window, which goes into the frame.
typedef struct core {
    const udm_tiling *tiles;
    const float *planes; // of the window's output
    float *out;
    int x0, x1, left, y0, y1, top; // in the frame, and where it begins in the window
} core;

// A row of the core, of an output of patches, whose channel c p p + dy p + dx is plane c at (y p + dy, x p + dx).
static void put_row(void *context, int index, int worker)
{
    const core *k = context;
    const udm_tiling *tiles = k->tiles;
    const int p = patch_of(tiles), width = tiles->x.window / p, height = tiles->y.window / p, x = k->left;
    const int c = index / (k->y1 - k->y0), row_of_core = index % (k->y1 - k->y0), y = k->top + row_of_core;
    const size_t plane = (size_t)height * width;
    const float *row = k->planes + ((size_t)c * p * p + y % p * p) * plane + (size_t)(y / p) * width;
    float *to = k->out + ((size_t)c * tiles->y.size + k->y0 + row_of_core) * tiles->x.size + k->x0;
    for (int i = 0; p == 1 && i < k->x1 - k->x0; i++)
        to[i] = row[x + i] * tiles->gain;
    for (int i = 0; p > 1 && i < k->x1 - k->x0; i++)
        to[i] = row[(x + i) % p * plane + (x + i) / p] * tiles->gain;
}

// The core of the window, from its output, into the frame.
static void put(const udm_tiling *tiles, int column, int line, const float *planes, float *out)
{
    const axis *ax = &tiles->x, *ay = &tiles->y;
    core k = { .tiles = tiles, .planes = planes, .out = out, .x0 = column * ax->core, .y0 = line * ay->core };
    k.x1 = udm_min(ax->size, k.x0 + ax->core), k.left = k.x0 - window_start(ax, column);
    k.y1 = udm_min(ay->size, k.y0 + ay->core), k.top = k.y0 - window_start(ay, line);
    udm_pool_run(tiles->network->device->pool, udm_network_outputs(tiles->network) * (k.y1 - k.y0), put_row, &k);
}

static bool run_tile(udm_tiling *tiles, int column, int line, int stage, uint64_t number, const udm_network_input *seen,
                     float *out, const atomic_bool *cancel, udm_error *error)
{
    udm_device *device = tiles->network->device;
    const udm_graph_ports *ports = udm_graph_get_ports(tiles->graph);
    const int tile = line * tiles->x.tiles + column;
    udm_memory *state = tiles->states ? tiles->states[stage * udm_tiling_count(tiles) + tile] : NULL;
    udm_graph_outside planes;
    const bool outside = stays_outside(tiles, seen, out, &planes);
    send(tiles, seen, window_start(&tiles->x, column), window_start(&tiles->y, line), outside);
    if (!udm_graph_run(tiles->graph, tiles->workspace->arena, state, number, outside ? &planes : NULL, cancel, error))
        return false;
    if (outside)
        return device->ops->finish(device, error);
    udm_tensor output = udm_graph_tensor(tiles->graph, ports->output, tiles->workspace->arena);
    float *to = landing(tiles, out), *there = to == out ? NULL : in_place(tiles, &output);
    if (!there)
        device->ops->download(device, &to, &output, 1);
    if (!device->ops->finish(device, error))
        return false;
    if (to != out)
        put(tiles, column, line, there ? there : to, out);
    return true;
}

// The conditions that hold for the whole frame: time and class.
static bool describe(udm_tiling *tiles, const udm_network_input *seen, udm_error *error)
{
    const udm_network *network = tiles->network;
    float *time = tiles->condition, *label = time + network->times;
    if (network->tokens > 0 && !seen->condition)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "this model draws what a text says, and nothing else: use \"udm generate\", or udmsrc with a "
                        "prompt");
    if (network->class->condition &&
        !network->class->condition(network, seen->timestep, seen->label, time, label, &tiles->gain, error))
        return false;
    if (network->guided)
        network->class->guide(network, seen->guidance, time);
    return true;
}

static bool run_here(udm_tiling *tiles, int stage, uint64_t number, const udm_network_input *seen, float *out,
                     const atomic_bool *cancel, udm_error *error)
{
    if (!describe(tiles, seen, error))
        return false;
    for (int line = 0; line < tiles->y.tiles; line++)
        for (int column = 0; column < tiles->x.tiles; column++)
            if (!run_tile(tiles, column, line, stage, number, seen, out, cancel, error))
                return false;
    return true;
}

// Rebuilds the states that were lost with the failed device, by replaying what they were made of. out: overwritten.
static bool catch_up(udm_tiling *tiles, float *out, const atomic_bool *cancel, udm_error *error)
{
    clear_states(tiles);
    for (int stage = 0; stage < tiles->stages; stage++) {
        uint64_t number, end;
        for (udm_replay_range(tiles->replay, stage, &number, &end); number < end; number++) {
            const udm_network_input seen = udm_replay_input(tiles->replay, stage, number);
            if (!run_here(tiles, stage, number, &seen, out, cancel, error))
                return false;
        }
    }
    tiles->behind = false;
    return true;
}

// A frame that is being run.
typedef struct frame_run {
    udm_tiling *tiles;
    int stage;
    uint64_t number;
    const udm_network_input *seen;
    float *out;
    const atomic_bool *cancel;
} frame_run;

static bool run_frame(void *context, udm_error *error)
{
    const frame_run *r = context;
    udm_tiling *tiles = r->tiles;
    if (tiles->tokens != r->seen->tokens) { // another graph
        tear_down(tiles);
        tiles->tokens = r->seen->tokens;
    }
    return settle(tiles, error) && (!r->tiles->behind || catch_up(r->tiles, r->out, r->cancel, error)) &&
           run_here(r->tiles, r->stage, r->number, r->seen, r->out, r->cancel, error);
}

static bool move_frame(void *context, udm_device *to, udm_error *error)
{
    return move(((const frame_run *)context)->tiles, to, error);
}

bool udm_tiling_run(udm_tiling *tiles, int stage, uint64_t number, const udm_network_input *seen, float *out,
                    const atomic_bool *cancel, udm_error *error)
{
    frame_run run = { tiles, stage, number, seen, out, cancel };
    if (!udm_fallback_run(tiles->network->device, &(udm_fallback){ &run, run_frame, move_frame }, error))
        return false;
    if (tiles->replay)
        udm_replay_keep(tiles->replay, stage, number, seen);
    return true;
}
