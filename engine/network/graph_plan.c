// SPDX-License-Identifier: LGPL-2.1-or-later
// Gives every value its place in the arena or in the state. Values whose lives do not overlap share memory.
#include <stdlib.h>

#include "network/nodes.h"

// The values that live, in any order.
typedef struct living {
    udm_value *list;
    int count;
} living;

static void begin_life(living *live, udm_value v)
{
    live->list[live->count++] = v;
}

static void end_life(living *live, udm_value v)
{
    for (int i = 0; i < live->count; i++)
        if (live->list[i] == v) {
            live->list[i] = live->list[--live->count];
            return;
        }
}

// The lowest place in the arena where `bytes` fit between the values that live.
static size_t find_place(const udm_graph *graph, const living *live, size_t bytes)
{
    size_t place = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < live->count; i++) {
            const value *other = &graph->values[live->list[i]];
            if (place < other->offset + other->bytes && other->offset < place + bytes) {
                place = other->offset + other->bytes;
                moved = true;
            }
        }
        const size_t whole = udm_graph_whole_place(graph, place, bytes);
        moved |= whole != place;
        place = whole;
    }
    return place;
}

static void place(udm_graph *graph, living *live, udm_value v)
{
    value *placed = &graph->values[v];
    placed->offset = find_place(graph, live, placed->bytes);
    begin_life(live, v);
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

static void plan_node(udm_graph *graph, living *live, int index)
{
    const node *n = &graph->nodes[index];
    const value *dst = &graph->values[n->dst];
    if (n->op == OP_CONV && !dst->kept && !reads(n, n->addend) && is_last_use(graph, index, n->addend)) {
        graph->values[n->dst].offset = graph->values[n->addend].offset; // adds onto the residual where it lies
        end_life(live, n->addend);
        begin_life(live, n->dst);
    } else if (!dst->state && !dst->kept && !is_port(graph, n->dst)) {
        place(graph, live, n->dst);
    }
    for (int i = 0; i < n->sources; i++)
        if (is_last_use(graph, index, n->src[i]))
            end_life(live, n->src[i]);
    for (int f = 0; f < n->frames; f++) {
        if (is_last_use(graph, index, n->key[f]))
            end_life(live, n->key[f]);
        if (is_last_use(graph, index, n->value[f]))
            end_life(live, n->value[f]);
    }
    if (is_last_use(graph, index, n->addend))
        end_life(live, n->addend);
}

bool udm_graph_plan(udm_graph *graph, udm_error *error)
{
    living all = { .list = malloc((graph->value_count + 1) * sizeof *all.list) }, *live = &all;
    if (!all.list)
        udm_fail(&graph->fault, UDM_ERROR_MEMORY, "no memory for the graph of a network");
    if (graph->fault.code == UDM_OK) {
        for (udm_value v = 0; v <= graph->ports.output; v++)
            if (v == graph->ports.output || udm_graph_reads(graph, v))
                place(graph, live, v);
        for (udm_value v = 0; v < graph->value_count; v++) // side by side, so that they travel together
            if (graph->values[v].input)
                place(graph, live, v);
        for (udm_value v = 0; v < graph->value_count; v++)
            if (graph->values[v].kept)
                place(graph, live, v);
        for (int i = 0; i < graph->node_count; i++)
            plan_node(graph, live, i);
    }
    free(all.list);
    if (graph->fault.code != UDM_OK)
        return udm_fail(error, graph->fault.code, "%s", graph->fault.message);
    return true;
}

bool udm_graph_fits(const udm_graph *graph, size_t limit)
{
    return graph->arena_bytes <= limit && graph->largest <= graph->device->largest;
}

udm_memory *udm_graph_alloc(const udm_graph *graph, udm_error *error)
{
    udm_device *device = graph->device;
    if (graph->largest <= device->largest)
        return device->ops->alloc(device, graph->arena_bytes, error);
    udm_fail(error, UDM_ERROR_MEMORY,
             "%s takes at most %zu bytes in one piece, and this network needs %zu: use another device", device->name,
             device->largest, graph->largest);
    return NULL;
}

size_t udm_graph_arena_bytes(const udm_graph *graph)
{
    return graph->arena_bytes;
}

size_t udm_graph_state_bytes(const udm_graph *graph)
{
    return graph->state_bytes;
}

double udm_graph_work(const udm_graph *graph)
{
    double work = 0;
    for (int i = 0; i < graph->node_count; i++) {
        const node *n = &graph->nodes[i];
        const udm_shape dst = graph->values[n->dst].shape;
        const double pixels = (double)dst.h * dst.w;
        int in = 0;
        for (int k = 0; n->op == OP_CONV && k < n->sources; k++)
            in += graph->values[n->src[k]].shape.c;
        if (n->op == OP_CONV)
            work += pixels * dst.c * in * n->layer->spec.size * n->layer->spec.size;
        else if (n->op == OP_ATTENTION)
            work += 2 * pixels * dst.c * graph->values[n->src[1]].shape.h * graph->values[n->src[1]].shape.w;
    }
    return work;
}
