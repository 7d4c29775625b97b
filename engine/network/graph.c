// SPDX-License-Identifier: LGPL-2.1-or-later
// Builds the list of operations.
#include "network/graph.h"

#include <stdlib.h>

#include "network/nodes.h"

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
    graph->largest = bytes > graph->largest ? bytes : graph->largest;
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
    if (size.width == 0) {
        *ports = (udm_graph_ports){ UDM_NO_VALUE, UDM_NO_VALUE, UDM_NO_VALUE, UDM_NO_VALUE,
                                    UDM_NO_VALUE, UDM_NO_VALUE, UDM_NO_VALUE, UDM_NO_VALUE };
        return graph;
    }
    const int patch = size.patch ? size.patch : 1, square = patch * patch;
    const int height = size.height / patch, width = size.width / patch;
    udm_shape picture = { size.channels * square, height, width }, plane = { 1, size.height, size.width };
    ports->frame = add_value(graph, picture, UDM_PLANAR);
    ports->level = add_value(graph, plane, UDM_PLANAR);
    ports->predicted = add_value(graph, picture, UDM_PLANAR);
    ports->predicted_level = add_value(graph, plane, UDM_PLANAR);
    ports->time = ports->label = ports->tokens = UDM_NO_VALUE;
    if (size.times > 0)
        ports->time = add_value(graph, (udm_shape){ size.times, 1, 1 }, UDM_FEATURES);
    if (size.labels > 0)
        ports->label = add_value(graph, (udm_shape){ size.labels, 1, 1 }, UDM_FEATURES);
    if (size.tokens > 0)
        ports->tokens = add_value(graph, (udm_shape){ size.token_width, 1, size.tokens }, UDM_FEATURES);
    ports->output = add_value(graph, (udm_shape){ size.outputs * square, height, width }, UDM_PLANAR);
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

int udm_graph_count_inputs(const udm_graph *graph)
{
    int count = 0;
    for (int v = 0; v < graph->value_count; v++)
        count += graph->values[v].input;
    return count;
}

int udm_graph_count_kept(const udm_graph *graph)
{
    int count = 0;
    for (int v = 0; v < graph->value_count; v++)
        count += graph->values[v].kept;
    return count;
}

static void use_observation(udm_graph *graph)
{
    const udm_graph_ports *ports = &graph->ports;
    const udm_value seen[] = { ports->frame, ports->level, ports->predicted, ports->predicted_level };
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
    const udm_conv_spec *spec = &layer->spec;
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

size_t udm_graph_whole_place(const udm_graph *graph, size_t place, size_t bytes)
{
    const size_t piece = graph->device->largest, inside = place % piece;
    return inside == 0 || bytes <= piece - inside ? place : place - inside + piece;
}

udm_value udm_graph_temporal(udm_graph *graph, const udm_layer *layer, udm_value x)
{
    udm_value history = add_value(graph, shape_of(graph, x), UDM_FEATURES);
    if (history == UDM_NO_VALUE)
        return UDM_NO_VALUE;
    value *kept = &graph->values[history];
    kept->state = true;
    for (int k = 0; k < HISTORY; k++) {
        kept->slots[k] = udm_graph_whole_place(graph, graph->state_bytes, kept->bytes);
        graph->state_bytes = kept->slots[k] + kept->bytes;
    }
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

static udm_value add_attention(udm_graph *graph, udm_value query, udm_value key, udm_value value, int heads,
                               bool causal)
{
    const udm_value x[] = { query, key, value };
    udm_shape shape = shape_of(graph, query), other = shape_of(graph, key);
    if (!udm_shape_equal(other, shape_of(graph, value)) || shape.c != other.c || shape.c % heads != 0)
        fail(graph, UDM_ERROR_UNSUPPORTED, "the layers of this network do not fit together");
    node n = { .op = OP_ATTENTION,
               .dst = add_value(graph, shape, UDM_FEATURES),
               .addend = UDM_NO_VALUE,
               .heads = heads,
               .causal = causal };
    set_sources(&n, x, 3);
    return add_node(graph, n);
}

udm_value udm_graph_attention(udm_graph *graph, udm_value query, udm_value key, udm_value value, int heads)
{
    return add_attention(graph, query, key, value, heads, false);
}

udm_value udm_graph_attention_causal(udm_graph *graph, udm_value query, udm_value key, udm_value value, int heads)
{
    return add_attention(graph, query, key, value, heads, true);
}

udm_value udm_graph_layer_norm(udm_graph *graph, const udm_norm_layer *layer, udm_value x)
{
    check_sources(graph, &x, 1, &layer->channels);
    return add_node(graph, (node){ .op = OP_LAYER_NORM,
                                   .dst = add_value(graph, shape_of(graph, x), UDM_FEATURES),
                                   .src = { x },
                                   .sources = 1,
                                   .addend = UDM_NO_VALUE,
                                   .norm = layer });
}

static udm_value add_join(udm_graph *graph, const udm_value *x, int count, int first, udm_shape shape)
{
    node n = { .op = OP_JOIN,
               .dst = add_value(graph, shape, UDM_FEATURES),
               .addend = UDM_NO_VALUE,
               .first = first,
               .frames = count };
    for (int i = 0; i < count; i++)
        n.key[i] = n.value[i] = x[i];
    return add_node(graph, n);
}

udm_value udm_graph_join(udm_graph *graph, const udm_value *x, int count)
{
    udm_shape joined = { shape_of(graph, x[0]).c, 1, 0 };
    for (int i = 0; i < count; i++) {
        const udm_shape shape = shape_of(graph, x[i]);
        joined.w += shape.h * shape.w;
        if (shape.c != joined.c)
            fail(graph, UDM_ERROR_UNSUPPORTED, "the layers of this network do not fit together");
    }
    return add_join(graph, x, count, 0, joined);
}

udm_value udm_graph_pick_shape(udm_graph *graph, udm_value x, int first, udm_shape shape)
{
    const udm_shape all = shape_of(graph, x);
    if (shape.c != all.c || first + shape.h * shape.w > all.h * all.w)
        fail(graph, UDM_ERROR_UNSUPPORTED, "the layers of this network do not fit together");
    return add_join(graph, &x, 1, first, shape);
}

udm_value udm_graph_pick(udm_graph *graph, udm_value x, int first, int pixels)
{
    return udm_graph_pick_shape(graph, x, first, (udm_shape){ shape_of(graph, x).c, 1, pixels });
}

udm_shape udm_graph_shape(const udm_graph *graph, udm_value x)
{
    return shape_of(graph, x);
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

udm_value udm_graph_multiply(udm_graph *graph, udm_value a, udm_value b)
{
    const udm_value x[] = { a, b };
    const udm_shape shape = shape_of(graph, a);
    if (!udm_shape_equal(shape, shape_of(graph, b)))
        fail(graph, UDM_ERROR_UNSUPPORTED, "the layers of this network do not fit together");
    node n = { .op = OP_MULTIPLY, .dst = add_value(graph, shape, UDM_FEATURES), .addend = UDM_NO_VALUE };
    set_sources(&n, x, 2);
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

static bool takes_halves(op op)
{
    return op == OP_CONV || op == OP_OBSERVE || op == OP_RESTORE || op == OP_SHUFFLE_ADD;
}

void udm_graph_use_halves(udm_graph *graph)
{
    const udm_device *device = graph->device;
    if (!device->halves || graph->fault.code != UDM_OK)
        return;
    for (int i = 0; i < graph->node_count; i++)
        if (!takes_halves(graph->nodes[i].op))
            return;
    for (int i = 0; i < graph->node_count; i++) {
        value *made = &graph->values[graph->nodes[i].dst];
        if (made->layout != UDM_FEATURES || made->input || made->kept || made->state)
            continue;
        const size_t bytes = device->ops->bytes(device, made->shape, UDM_HALVES);
        made->layout = UDM_HALVES;
        made->bytes = (bytes + UDM_ALIGNMENT - 1) / UDM_ALIGNMENT * UDM_ALIGNMENT;
    }
}
