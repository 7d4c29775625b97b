// SPDX-License-Identifier: LGPL-2.1-or-later
// Builds, plans and runs the list of operations.
#include "network/graph.h"

#include <stdlib.h>

typedef enum op {
    OP_OBSERVE,
    OP_CONV,
    OP_NORM,
    OP_ATTENTION,
    OP_ATTEND_FRAMES,
    OP_RESAMPLE,
    OP_SHUFFLE_ADD,
    OP_RESTORE,
    OP_COPY,
    OP_REMEMBER
} op;

enum { HISTORY = 3 }; // frames of a state: two that are read, and one that is written, so that a frame can be run again

typedef struct value {
    udm_shape shape;
    udm_layout layout;
    bool state;           // kept from frame to frame: HISTORY slots
    bool input, kept;     // has its place before the first node, or after the last
    int last_use;         // the last node that reads it
    size_t offset, bytes; // in the arena or, of the first slot, in the state
} value;

typedef struct node {
    op op;
    udm_value dst, src[UDM_MAX_SOURCES], addend; // addend: also the residual, and the vector of a normalisation
    int sources;
    int patch, heads;
    udm_value key[UDM_MAX_FRAMES], value[UDM_MAX_FRAMES]; // of attention over frames
    int frames;
    const udm_layer *layer;
    const udm_norm_layer *norm;
    udm_embedding embedding;
    int first; // of the vector
    udm_activation activation;
    udm_value history; // a state whose two last frames are sources before src, or none
} node;

struct udm_graph {
    udm_device *device;
    udm_graph_ports ports;
    value *values;
    node *nodes;
    int value_count, node_count, value_room, node_room;
    size_t arena_bytes, state_bytes;
    udm_error fault; // the first one
};

static void fail(udm_graph *graph, udm_error_code code, const char *message)
{
    if (graph->fault.code == UDM_OK)
        udm_fail(&graph->fault, code, "%s", message);
}

// Room for one more entry in a list that doubles. False, with the fault noted, if there is no memory.
static bool grow(udm_graph *graph, void **list, int count, int *room, size_t size)
{
    if (count < *room)
        return true;
    int more = *room ? *room * 2 : 32;
    void *larger = realloc(*list, more * size);
    if (!larger) {
        fail(graph, UDM_ERROR_MEMORY, "no memory for the graph of a network");
        return false;
    }
    *list = larger;
    *room = more;
    return true;
}

static udm_value add_value(udm_graph *graph, udm_shape shape, udm_layout layout)
{
    size_t bytes = graph->device->ops->bytes(graph->device, shape, layout);
    if (bytes == 0)
        fail(graph, UDM_ERROR_MEMORY, "the frame is too large: a tensor of it has no size that fits");
    if (graph->fault.code != UDM_OK ||
        !grow(graph, (void **)&graph->values, graph->value_count, &graph->value_room, sizeof(value)))
        return UDM_NO_VALUE;
    bytes = (bytes + UDM_ALIGNMENT - 1) / UDM_ALIGNMENT * UDM_ALIGNMENT;
    graph->values[graph->value_count] = (value){ .shape = shape, .layout = layout, .last_use = -1, .bytes = bytes };
    return graph->value_count++;
}

static void use(udm_graph *graph, udm_value v)
{
    if (v != UDM_NO_VALUE)
        graph->values[v].last_use = graph->node_count;
}

static udm_value add_node(udm_graph *graph, node n)
{
    if (graph->fault.code != UDM_OK ||
        !grow(graph, (void **)&graph->nodes, graph->node_count, &graph->node_room, sizeof(node)))
        return UDM_NO_VALUE;
    for (int i = 0; i < n.sources; i++)
        use(graph, n.src[i]);
    for (int f = 0; f < n.frames; f++) {
        use(graph, n.key[f]);
        use(graph, n.value[f]);
    }
    use(graph, n.addend);
    graph->nodes[graph->node_count++] = n;
    return n.dst;
}

static udm_value add_simple(udm_graph *graph, op op, udm_value dst, udm_value src)
{
    return add_node(graph, (node){ .op = op, .dst = dst, .src = { src }, .sources = 1, .addend = UDM_NO_VALUE });
}

static udm_shape shape_of(const udm_graph *graph, udm_value v)
{
    return v == UDM_NO_VALUE ? (udm_shape){ 0 } : graph->values[v].shape;
}

udm_graph *udm_graph_new(udm_device *device, udm_graph_size size, udm_error *error)
{
    udm_graph *graph = calloc(1, sizeof *graph);
    if (!graph) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for the graph of a network");
        return NULL;
    }
    graph->device = device;
    udm_graph_ports *ports = &graph->ports;
    udm_shape picture = { size.channels, size.height, size.width }, plane = { 1, size.height, size.width };
    ports->frame = add_value(graph, picture, UDM_PLANAR);
    ports->level = add_value(graph, plane, UDM_PLANAR);
    ports->guess = add_value(graph, picture, UDM_PLANAR);
    ports->guess_level = add_value(graph, plane, UDM_PLANAR);
    ports->time = ports->label = UDM_NO_VALUE;
    if (size.times > 0)
        ports->time = add_value(graph, (udm_shape){ size.times, 1, 1 }, UDM_FEATURES);
    if (size.labels > 0)
        ports->label = add_value(graph, (udm_shape){ size.labels, 1, 1 }, UDM_FEATURES);
    ports->output = add_value(graph, (udm_shape){ size.outputs, size.height, size.width }, UDM_PLANAR);
    return graph;
}

void udm_graph_free(udm_graph *graph)
{
    if (!graph)
        return;
    free(graph->values);
    free(graph->nodes);
    free(graph);
}

const udm_graph_ports *udm_graph_get_ports(const udm_graph *graph)
{
    return &graph->ports;
}

bool udm_graph_reads(const udm_graph *graph, udm_value port)
{
    return port != UDM_NO_VALUE && graph->values[port].last_use >= 0;
}

udm_value udm_graph_input(udm_graph *graph, udm_shape shape)
{
    udm_value v = add_value(graph, shape, UDM_FEATURES);
    if (v != UDM_NO_VALUE)
        graph->values[v].input = true;
    return v;
}

void udm_graph_keep(udm_graph *graph, udm_value x)
{
    if (x != UDM_NO_VALUE)
        graph->values[x].kept = true;
}

udm_value udm_graph_nth_input(const udm_graph *graph, int n)
{
    udm_value v = 0;
    while (!graph->values[v].input || n-- > 0)
        v++;
    return v;
}

udm_value udm_graph_nth_kept(const udm_graph *graph, int n)
{
    udm_value v = 0;
    while (!graph->values[v].kept || n-- > 0)
        v++;
    return v;
}

static void use_observation(udm_graph *graph)
{
    const udm_graph_ports *ports = &graph->ports;
    const udm_value seen[] = { ports->frame, ports->level, ports->guess, ports->guess_level };
    for (int i = 0; i < 4 && graph->fault.code == UDM_OK; i++)
        use(graph, seen[i]);
}

udm_value udm_graph_observe(udm_graph *graph, int patch)
{
    udm_shape frame = shape_of(graph, graph->ports.frame);
    if (frame.h % patch || frame.w % patch)
        fail(graph, UDM_ERROR_SETTINGS, "the size of a frame must be a multiple of the patch");
    udm_shape shape = { (2 * frame.c + 3) * patch * patch, frame.h / patch, frame.w / patch };
    udm_value dst = add_value(graph, shape, UDM_FEATURES);
    use_observation(graph);
    return add_node(graph, (node){ .op = OP_OBSERVE, .dst = dst, .addend = UDM_NO_VALUE, .patch = patch });
}

// Whether the values have the channels that a layer expects, and one size.
static void check_sources(udm_graph *graph, const udm_value *x, int count, const int *channels)
{
    udm_shape first = shape_of(graph, x[0]);
    for (int i = 0; i < count; i++) {
        udm_shape shape = shape_of(graph, x[i]);
        if (shape.c != channels[i] || shape.h != first.h || shape.w != first.w)
            fail(graph, UDM_ERROR_UNSUPPORTED, "the layers of this network do not fit together");
    }
}

static void set_sources(node *n, const udm_value *x, int count)
{
    n->sources = count;
    for (int i = 0; i < count; i++)
        n->src[i] = x[i];
}

static udm_value add_conv(udm_graph *graph, const udm_layer *layer, const udm_value *x, int count, udm_value residual,
                          udm_activation activation, udm_value history)
{
    const udm_kernel_spec *spec = &layer->spec;
    udm_shape in = shape_of(graph, x[0]);
    int more = 2 * spec->padding + spec->extra - spec->size;
    udm_shape out = { spec->out, (in.h + more) / spec->stride + 1, (in.w + more) / spec->stride + 1 };
    check_sources(graph, x, count, spec->in);
    udm_value dst = add_value(graph, out, UDM_FEATURES);
    if (graph->fault.code == UDM_OK && residual != UDM_NO_VALUE && !udm_shape_equal(shape_of(graph, residual), out))
        fail(graph, UDM_ERROR_UNSUPPORTED, "the residual of a layer has another shape than the layer");
    node n = {
        .op = OP_CONV, .dst = dst, .addend = residual, .layer = layer, .activation = activation, .history = history
    };
    set_sources(&n, x, count);
    return add_node(graph, n);
}

udm_value udm_graph_conv(udm_graph *graph, const udm_layer *layer, udm_value x, udm_value residual,
                         udm_activation activation)
{
    return add_conv(graph, layer, &x, 1, residual, activation, UDM_NO_VALUE);
}

udm_value udm_graph_conv_all(udm_graph *graph, const udm_layer *layer, const udm_value *x, int count,
                             udm_value residual, udm_activation activation)
{
    return add_conv(graph, layer, x, count, residual, activation, UDM_NO_VALUE);
}

udm_value udm_graph_temporal(udm_graph *graph, const udm_layer *layer, udm_value x)
{
    udm_value history = add_value(graph, shape_of(graph, x), UDM_FEATURES);
    if (history == UDM_NO_VALUE)
        return UDM_NO_VALUE;
    value *kept = &graph->values[history];
    kept->state = true;
    kept->offset = graph->state_bytes;
    graph->state_bytes += HISTORY * kept->bytes;
    udm_value y = add_conv(graph, layer, &x, 1, x, UDM_LINEAR, history);
    add_simple(graph, OP_REMEMBER, history, x);
    return y;
}

udm_value udm_graph_shuffle_add(udm_graph *graph, udm_value x, udm_value addend)
{
    udm_shape in = shape_of(graph, x);
    udm_value dst = add_value(graph, (udm_shape){ in.c / 4, in.h * 2, in.w * 2 }, UDM_FEATURES);
    return add_node(graph, (node){ .op = OP_SHUFFLE_ADD, .dst = dst, .src = { x }, .sources = 1, .addend = addend });
}

void udm_graph_restore(udm_graph *graph, udm_value correction, int patch)
{
    const udm_value dst = graph->ports.output;
    use_observation(graph);
    add_node(graph, (node){ .op = OP_RESTORE,
                            .dst = dst,
                            .src = { correction },
                            .sources = 1,
                            .addend = UDM_NO_VALUE,
                            .patch = patch });
}

udm_value udm_graph_norm(udm_graph *graph, const udm_norm_layer *layer, const udm_value *x, int count,
                         udm_embedding embedding, udm_value vector, int first, udm_activation activation)
{
    udm_shape shape = shape_of(graph, x[0]);
    int taken = (embedding == UDM_EMBED_SCALE ? 2 : embedding == UDM_EMBED_ADD ? 1 : 0) * layer->channels;
    shape.c = 0;
    for (int i = 0; i < count; i++)
        shape.c += shape_of(graph, x[i]).c;
    if (shape.c != layer->channels || (taken > 0 && first + taken > shape_of(graph, vector).c))
        fail(graph, UDM_ERROR_UNSUPPORTED, "the layers of this network do not fit together");
    node n = { .op = OP_NORM,
               .dst = add_value(graph, shape, UDM_FEATURES),
               .addend = taken ? vector : UDM_NO_VALUE,
               .norm = layer,
               .embedding = embedding,
               .first = first,
               .activation = activation };
    set_sources(&n, x, count);
    return add_node(graph, n);
}

udm_value udm_graph_attention(udm_graph *graph, udm_value query, udm_value key, udm_value value, int heads)
{
    const udm_value x[] = { query, key, value };
    udm_shape shape = shape_of(graph, query), other = shape_of(graph, key);
    if (!udm_shape_equal(other, shape_of(graph, value)) || shape.c != other.c || shape.c % heads != 0)
        fail(graph, UDM_ERROR_UNSUPPORTED, "the layers of this network do not fit together");
    node n = {
        .op = OP_ATTENTION, .dst = add_value(graph, shape, UDM_FEATURES), .addend = UDM_NO_VALUE, .heads = heads
    };
    set_sources(&n, x, 3);
    return add_node(graph, n);
}

udm_value udm_graph_attend_frames(udm_graph *graph, udm_value query, const udm_value *key, const udm_value *value,
                                  int frames, int heads)
{
    udm_shape shape = shape_of(graph, query);
    node n = { .op = OP_ATTEND_FRAMES,
               .dst = add_value(graph, shape, UDM_FEATURES),
               .addend = UDM_NO_VALUE,
               .heads = heads,
               .frames = frames };
    for (int f = 0; f < frames; f++) {
        n.key[f] = key[f], n.value[f] = value[f];
        if (!udm_shape_equal(shape, shape_of(graph, key[f])) || !udm_shape_equal(shape, shape_of(graph, value[f])))
            fail(graph, UDM_ERROR_UNSUPPORTED, "the layers of this network do not fit together");
    }
    set_sources(&n, &query, 1);
    return add_node(graph, n);
}

udm_value udm_graph_enlarge(udm_graph *graph, udm_value x)
{
    udm_shape in = shape_of(graph, x);
    return add_simple(graph, OP_RESAMPLE, add_value(graph, (udm_shape){ in.c, in.h * 2, in.w * 2 }, UDM_FEATURES), x);
}

udm_value udm_graph_halve(udm_graph *graph, udm_value x)
{
    udm_shape in = shape_of(graph, x);
    if (in.h % 2 || in.w % 2)
        fail(graph, UDM_ERROR_SETTINGS, "the size of a frame must be a multiple of the stride");
    return add_simple(graph, OP_RESAMPLE, add_value(graph, (udm_shape){ in.c, in.h / 2, in.w / 2 }, UDM_FEATURES), x);
}

udm_value udm_graph_frame(udm_graph *graph)
{
    const udm_value frame = graph->ports.frame;
    return add_simple(graph, OP_COPY, add_value(graph, shape_of(graph, frame), UDM_FEATURES), frame);
}

void udm_graph_output(udm_graph *graph, udm_value x)
{
    if (!udm_shape_equal(shape_of(graph, x), shape_of(graph, graph->ports.output)))
        fail(graph, UDM_ERROR_UNSUPPORTED, "the layers of this network do not fit together");
    add_simple(graph, OP_COPY, graph->ports.output, x);
}

// The lowest place in the arena where `bytes` fit between the values that live.
static size_t find_place(const udm_graph *graph, const bool *live, size_t bytes)
{
    size_t place = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int v = 0; v < graph->value_count; v++) {
            const value *other = &graph->values[v];
            if (live[v] && place < other->offset + other->bytes && other->offset < place + bytes) {
                place = other->offset + other->bytes;
                moved = true;
            }
        }
    }
    return place;
}

static void place(udm_graph *graph, bool *live, udm_value v)
{
    value *placed = &graph->values[v];
    placed->offset = find_place(graph, live, placed->bytes);
    live[v] = true;
    if (placed->offset + placed->bytes > graph->arena_bytes)
        graph->arena_bytes = placed->offset + placed->bytes;
}

static bool is_port(const udm_graph *graph, udm_value v)
{
    return v <= graph->ports.output; // the ports are the first values, and live always
}

static bool reads(const node *n, udm_value v)
{
    for (int i = 0; i < n->sources; i++)
        if (n->src[i] == v)
            return true;
    return false;
}

// No operation after node `index` reads v, and it may be overwritten.
static bool is_last_use(const udm_graph *graph, int index, udm_value v)
{
    if (v == UDM_NO_VALUE || is_port(graph, v))
        return false;
    const value *at = &graph->values[v];
    return !at->input && !at->kept && at->last_use == index;
}

static void plan_node(udm_graph *graph, bool *live, int index)
{
    const node *n = &graph->nodes[index];
    const value *dst = &graph->values[n->dst];
    if (n->op == OP_CONV && !reads(n, n->addend) && is_last_use(graph, index, n->addend)) {
        graph->values[n->dst].offset = graph->values[n->addend].offset; // adds onto the residual where it lies
        live[n->addend] = false;
        live[n->dst] = true;
    } else if (!dst->state && !is_port(graph, n->dst)) {
        place(graph, live, n->dst);
    }
    for (int i = 0; i < n->sources; i++)
        if (is_last_use(graph, index, n->src[i]))
            live[n->src[i]] = false;
    for (int f = 0; f < n->frames; f++) {
        if (is_last_use(graph, index, n->key[f]))
            live[n->key[f]] = false;
        if (is_last_use(graph, index, n->value[f]))
            live[n->value[f]] = false;
    }
    if (is_last_use(graph, index, n->addend))
        live[n->addend] = false;
}

bool udm_graph_plan(udm_graph *graph, udm_error *error)
{
    bool *live = calloc(graph->value_count + 1, sizeof *live);
    if (!live)
        fail(graph, UDM_ERROR_MEMORY, "no memory for the graph of a network");
    if (graph->fault.code == UDM_OK) {
        for (udm_value v = 0; v <= graph->ports.output; v++)
            if (v == graph->ports.output || udm_graph_reads(graph, v))
                place(graph, live, v);
        for (udm_value v = 0; v < graph->value_count; v++)
            if (graph->values[v].input)
                place(graph, live, v);
        for (int i = 0; i < graph->node_count; i++)
            plan_node(graph, live, i);
    }
    free(live);
    if (graph->fault.code != UDM_OK)
        return udm_fail(error, graph->fault.code, "%s", graph->fault.message);
    return true;
}

size_t udm_graph_arena_bytes(const udm_graph *graph)
{
    return graph->arena_bytes;
}

size_t udm_graph_state_bytes(const udm_graph *graph)
{
    return graph->state_bytes;
}

udm_tensor udm_graph_tensor(const udm_graph *graph, udm_value v, udm_memory *arena)
{
    const value *at = &graph->values[v];
    return (udm_tensor){ .memory = arena, .offset = at->offset, .shape = at->shape, .layout = at->layout };
}

// The slot of a state that holds the frame with this number.
static udm_tensor slot(const udm_graph *graph, udm_value history, udm_memory *state, uint64_t frame)
{
    udm_tensor tensor = udm_graph_tensor(graph, history, state);
    tensor.offset += frame % HISTORY * graph->values[history].bytes;
    return tensor;
}

static void run_conv(const udm_graph *graph, const node *n, udm_memory *arena, udm_memory *state, uint64_t frame)
{
    udm_tensor residual;
    udm_conv conv = { .dst = udm_graph_tensor(graph, n->dst, arena),
                      .kernel = n->layer->kernel,
                      .activation = n->activation };
    int sources = 0;
    if (n->history != UDM_NO_VALUE) {
        conv.src[sources++] = slot(graph, n->history, state, frame + HISTORY - 2);
        conv.src[sources++] = slot(graph, n->history, state, frame + HISTORY - 1);
    }
    for (int i = 0; i < n->sources; i++)
        conv.src[sources++] = udm_graph_tensor(graph, n->src[i], arena);
    if (n->addend != UDM_NO_VALUE) {
        residual = udm_graph_tensor(graph, n->addend, arena);
        conv.residual = &residual;
    }
    graph->device->ops->conv(graph->device, &conv);
}

static void run_norm(const udm_graph *graph, const node *n, udm_memory *arena)
{
    udm_norm norm = { .dst = udm_graph_tensor(graph, n->dst, arena),
                      .sources = n->sources,
                      .affine = n->norm->affine,
                      .groups = n->norm->groups,
                      .eps = n->norm->eps,
                      .embedding = n->embedding,
                      .first = n->first,
                      .activation = n->activation };
    for (int i = 0; i < n->sources; i++)
        norm.src[i] = udm_graph_tensor(graph, n->src[i], arena);
    if (n->addend != UDM_NO_VALUE)
        norm.vector = udm_graph_tensor(graph, n->addend, arena);
    graph->device->ops->norm(graph->device, &norm);
}

static void run_attention(const udm_graph *graph, const node *n, udm_memory *arena)
{
    const udm_attention attention = {
        .dst = udm_graph_tensor(graph, n->dst, arena),
        .query = udm_graph_tensor(graph, n->src[0], arena),
        .key = udm_graph_tensor(graph, n->src[1], arena),
        .value = udm_graph_tensor(graph, n->src[2], arena),
        .heads = n->heads,
    };
    graph->device->ops->attention(graph->device, &attention);
}

static void run_attend_frames(const udm_graph *graph, const node *n, udm_memory *arena)
{
    udm_frame_attention attention = {
        .dst = udm_graph_tensor(graph, n->dst, arena),
        .query = udm_graph_tensor(graph, n->src[0], arena),
        .frames = n->frames,
        .heads = n->heads,
    };
    for (int f = 0; f < n->frames; f++) {
        attention.key[f] = udm_graph_tensor(graph, n->key[f], arena);
        attention.value[f] = udm_graph_tensor(graph, n->value[f], arena);
    }
    graph->device->ops->attend_frames(graph->device, &attention);
}

static void run_shuffle_add(const udm_graph *graph, const node *n, udm_memory *arena)
{
    udm_tensor dst = udm_graph_tensor(graph, n->dst, arena), src = udm_graph_tensor(graph, n->src[0], arena);
    udm_tensor addend = n->addend == UDM_NO_VALUE ? src : udm_graph_tensor(graph, n->addend, arena);
    graph->device->ops->shuffle_add(graph->device, &dst, &src, n->addend == UDM_NO_VALUE ? NULL : &addend);
}

// Operations with one source and no more.
static void run_simple(const udm_graph *graph, const node *n, const udm_tensor *dst, udm_memory *arena,
                       const udm_observation *seen)
{
    const udm_ops *ops = graph->device->ops;
    if (n->op == OP_OBSERVE) {
        ops->observe(graph->device, dst, seen, n->patch);
        return;
    }
    udm_tensor src = udm_graph_tensor(graph, n->src[0], arena);
    if (n->op == OP_RESTORE)
        ops->restore(graph->device, dst, &src, seen, n->patch);
    else if (n->op == OP_RESAMPLE)
        ops->resample(graph->device, dst, &src);
    else
        ops->copy(graph->device, dst, &src);
}

static void run_node(const udm_graph *graph, const node *n, udm_memory *arena, udm_memory *state, uint64_t frame,
                     const udm_observation *seen)
{
    if (n->op == OP_CONV) {
        run_conv(graph, n, arena, state, frame);
    } else if (n->op == OP_NORM) {
        run_norm(graph, n, arena);
    } else if (n->op == OP_ATTENTION) {
        run_attention(graph, n, arena);
    } else if (n->op == OP_ATTEND_FRAMES) {
        run_attend_frames(graph, n, arena);
    } else if (n->op == OP_SHUFFLE_ADD) {
        run_shuffle_add(graph, n, arena);
    } else {
        const bool remember = n->op == OP_REMEMBER;
        udm_tensor dst = remember ? slot(graph, n->dst, state, frame) : udm_graph_tensor(graph, n->dst, arena);
        run_simple(graph, n, &dst, arena, seen);
    }
}

bool udm_graph_run(const udm_graph *graph, udm_memory *arena, udm_memory *state, uint64_t frame,
                   const atomic_bool *cancel, udm_error *error)
{
    const udm_observation seen = {
        .frame = udm_graph_tensor(graph, graph->ports.frame, arena),
        .level = udm_graph_tensor(graph, graph->ports.level, arena),
        .guess = udm_graph_tensor(graph, graph->ports.guess, arena),
        .guess_level = udm_graph_tensor(graph, graph->ports.guess_level, arena),
    };
    for (int i = 0; i < graph->node_count; i++) {
        if (cancel && atomic_load_explicit(cancel, memory_order_relaxed))
            return udm_fail(error, UDM_ERROR_CANCELLED, "cancelled");
        run_node(graph, &graph->nodes[i], arena, state, frame, &seen);
    }
    return true;
}
