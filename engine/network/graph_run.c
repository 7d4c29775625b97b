// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs the list of operations.
#include "network/nodes.h"

udm_tensor udm_graph_tensor(const udm_graph *graph, udm_value v, udm_memory *arena)
{
    const value *at = &graph->values[v];
    return (udm_tensor){ .memory = arena, .offset = at->offset, .shape = at->shape, .layout = at->layout };
}

// The slot of a state that holds the frame with this number.
static udm_tensor slot(const udm_graph *graph, udm_value history, udm_memory *state, uint64_t frame)
{
    udm_tensor tensor = udm_graph_tensor(graph, history, state);
    tensor.offset = graph->values[history].slots[frame % HISTORY];
    return tensor;
}

static void run_conv(const udm_graph *graph, const node *n, udm_memory *arena, udm_memory *state, uint64_t frame)
{
    udm_tensor residual;
    udm_conv conv = { .dst = udm_graph_tensor(graph, n->dst, arena),
                      .weights = n->layer->weights,
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
        .causal = n->causal,
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

static void run_layer_norm(const udm_graph *graph, const node *n, udm_memory *arena)
{
    const udm_layer_norm norm = {
        .dst = udm_graph_tensor(graph, n->dst, arena),
        .src = udm_graph_tensor(graph, n->src[0], arena),
        .affine = n->norm->affine,
        .eps = n->norm->eps,
    };
    graph->device->ops->layer_norm(graph->device, &norm);
}

static void run_join(const udm_graph *graph, const node *n, udm_memory *arena)
{
    udm_join join = { .dst = udm_graph_tensor(graph, n->dst, arena), .sources = n->frames, .first = n->first };
    for (int i = 0; i < n->frames; i++)
        join.src[i] = udm_graph_tensor(graph, n->key[i], arena);
    graph->device->ops->join(graph->device, &join);
}

static void run_multiply(const udm_graph *graph, const node *n, udm_memory *arena)
{
    const udm_tensor dst = udm_graph_tensor(graph, n->dst, arena), a = udm_graph_tensor(graph, n->src[0], arena);
    const udm_tensor b = udm_graph_tensor(graph, n->src[1], arena);
    graph->device->ops->multiply(graph->device, &dst, &a, &b);
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

bool udm_graph_only_observes(const udm_graph *graph)
{
    const udm_graph_ports *p = &graph->ports;
    const udm_value ports[] = { p->frame, p->level, p->predicted, p->predicted_level };
    bool restores = false;
    for (int i = 0; i < graph->node_count; i++) {
        const node *n = &graph->nodes[i];
        restores |= n->op == OP_RESTORE;
        for (int k = 0; k < 4; k++) {
            if (ports[k] == UDM_NO_VALUE || n->addend == ports[k])
                return false;
            for (int s = 0; s < n->sources; s++)
                if (n->src[s] == ports[k])
                    return false;
        }
    }
    return restores;
}

static void run_node(const udm_graph *graph, const node *n, udm_memory *arena, udm_memory *state, uint64_t frame,
                     const udm_observation *seen, const udm_tensor *output)
{
    if (n->op == OP_CONV) {
        run_conv(graph, n, arena, state, frame);
    } else if (n->op == OP_NORM) {
        run_norm(graph, n, arena);
    } else if (n->op == OP_ATTENTION) {
        run_attention(graph, n, arena);
    } else if (n->op == OP_ATTEND_FRAMES) {
        run_attend_frames(graph, n, arena);
    } else if (n->op == OP_LAYER_NORM) {
        run_layer_norm(graph, n, arena);
    } else if (n->op == OP_JOIN) {
        run_join(graph, n, arena);
    } else if (n->op == OP_MULTIPLY) {
        run_multiply(graph, n, arena);
    } else if (n->op == OP_SHUFFLE_ADD) {
        run_shuffle_add(graph, n, arena);
    } else {
        const bool remember = n->op == OP_REMEMBER;
        udm_tensor dst = remember                        ? slot(graph, n->dst, state, frame)
                         : output && n->op == OP_RESTORE ? *output
                                                         : udm_graph_tensor(graph, n->dst, arena);
        run_simple(graph, n, &dst, arena, seen);
    }
}

bool udm_graph_run(const udm_graph *graph, udm_memory *arena, udm_memory *state, uint64_t frame,
                   const udm_graph_outside *outside, const atomic_bool *cancel, udm_error *error)
{
    const bool observes = graph->ports.frame != UDM_NO_VALUE;
    const udm_observation seen =
        outside     ? outside->seen
        : !observes ? (udm_observation){ 0 }
                    : (udm_observation){
                          .frame = udm_graph_tensor(graph, graph->ports.frame, arena),
                          .level = udm_graph_tensor(graph, graph->ports.level, arena),
                          .predicted = udm_graph_tensor(graph, graph->ports.predicted, arena),
                          .predicted_level = udm_graph_tensor(graph, graph->ports.predicted_level, arena),
                      };
    for (int i = 0; i < graph->node_count; i++) {
        if (cancel && atomic_load_explicit(cancel, memory_order_relaxed))
            return udm_fail(error, UDM_ERROR_CANCELLED, "cancelled");
        run_node(graph, &graph->nodes[i], arena, state, frame, &seen, outside ? &outside->output : NULL);
    }
    return true;
}
