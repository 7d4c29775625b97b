// SPDX-License-Identifier: LGPL-2.1-or-later
// A network of tokens or vectors, unfolded on a device: what goes in and comes out are arrays.
#ifndef UDM_RUNNER_PASS_H
#define UDM_RUNNER_PASS_H

#include <stdatomic.h>

#include "network/graph.h"

typedef struct udm_pass {
    udm_device *device;
    udm_graph *graph;
    udm_memory *arena;
} udm_pass;

// An empty graph, without ports, to be built.
bool udm_pass_begin(udm_pass *pass, udm_device *device, udm_error *error);
// Once it is planned: memory for it.
bool udm_pass_settle(udm_pass *pass, udm_error *error);
void udm_pass_end(udm_pass *pass); // also of one that failed, or of zeros

// Input n, [C, H, W], which stays until it is put again.
void udm_pass_put(udm_pass *pass, int n, const float *values);
// Computes, and reads the first `count` values that the graph keeps. Errors: CANCELLED, DEVICE.
bool udm_pass_run(udm_pass *pass, float *const *kept, int count, const atomic_bool *cancel, udm_error *error);

#endif
