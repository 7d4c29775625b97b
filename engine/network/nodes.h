// SPDX-License-Identifier: LGPL-2.1-or-later
// What a graph is made of, for the files that build, plan and run it.
#ifndef UDM_NETWORK_NODES_H
#define UDM_NETWORK_NODES_H

#include "network/graph.h"

typedef enum op {
    OP_OBSERVE,
    OP_CONV,
    OP_NORM,
    OP_ATTENTION,
    OP_LAYER_NORM,
    OP_JOIN,
    OP_MULTIPLY,
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
    bool state;            // kept from frame to frame: HISTORY slots
    bool input, kept;      // has its place before the first node, or after the last
    int last_use;          // the last node that reads it
    size_t offset, bytes;  // in the arena
    size_t slots[HISTORY]; // where they start in the state
} value;

typedef struct node {
    op op;
    udm_value dst, src[UDM_MAX_SOURCES], addend; // addend: also the residual, and the vector of a normalisation
    int sources;
    int patch, heads;
    udm_value key[UDM_MAX_FRAMES], value[UDM_MAX_FRAMES]; // of attention over frames; what is joined is in both
    int frames;
    const udm_layer *layer;
    const udm_norm_layer *norm;
    udm_embedding embedding;
    int first; // of the vector; of the joined pixels
    bool causal;
    udm_activation activation;
    udm_value history; // a state whose two last frames are sources before src, or none
} node;

// Where `bytes` lie in one piece of the device's memory, at `place` or after it.
size_t udm_graph_whole_place(const udm_graph *graph, size_t place, size_t bytes);

struct udm_graph {
    udm_device *device;
    udm_graph_ports ports;
    value *values;
    node *nodes;
    int value_count, node_count, value_room, node_room;
    size_t arena_bytes, state_bytes, largest; // the last: of a value
    udm_error fault;                          // the first one
};

#endif
