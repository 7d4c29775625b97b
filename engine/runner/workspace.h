// SPDX-License-Identifier: LGPL-2.1-or-later
// Memory that several networks on one device compute in, one after the other.
#ifndef UDM_RUNNER_WORKSPACE_H
#define UDM_RUNNER_WORKSPACE_H

#include "network/graph.h"

typedef struct udm_workspace {
    udm_device *device;
    udm_memory *arena; // for the values of a graph, and
    float *staging;    // for what goes up to it and comes down, on the host
    size_t arena_bytes, staging_floats;
    const void *user; // whoever left its values in the arena
} udm_workspace;

// The device must outlive it.
udm_workspace *udm_workspace_new(udm_device *device, udm_error *error);
void udm_workspace_free(udm_workspace *workspace);           // NULL is fine
size_t udm_workspace_memory(const udm_workspace *workspace); // bytes on the device

// Grows until the graph fits, and so many floats.
bool udm_workspace_grow(udm_workspace *workspace, const udm_graph *graph, size_t staging, udm_error *error);

#endif
