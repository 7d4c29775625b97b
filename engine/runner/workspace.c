// SPDX-License-Identifier: LGPL-2.1-or-later
// Memory that several networks on one device compute in, one after the other.
#include "runner/workspace.h"

#include <stdlib.h>

udm_workspace *udm_workspace_new(udm_device *device, udm_error *error)
{
    udm_workspace *workspace = calloc(1, sizeof *workspace);
    if (!workspace)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a stream");
    else
        workspace->device = device;
    return workspace;
}

void udm_workspace_free(udm_workspace *workspace)
{
    if (!workspace)
        return;
    if (workspace->arena)
        workspace->device->ops->free(workspace->device, workspace->arena);
    free(workspace->staging);
    free(workspace);
}

size_t udm_workspace_memory(const udm_workspace *workspace)
{
    return workspace->arena_bytes;
}

static bool grow_arena(udm_workspace *workspace, const udm_graph *graph, udm_error *error)
{
    if (workspace->arena && udm_graph_arena_bytes(graph) <= workspace->arena_bytes)
        return true;
    udm_memory *larger = udm_graph_alloc(graph, error); // first, as others go on with what is there if there is no more
    if (!larger)
        return false;
    if (workspace->arena)
        workspace->device->ops->free(workspace->device, workspace->arena);
    workspace->arena = larger;
    workspace->arena_bytes = udm_graph_arena_bytes(graph);
    workspace->user = NULL;
    return true;
}

bool udm_workspace_grow(udm_workspace *workspace, const udm_graph *graph, size_t staging, udm_error *error)
{
    if (!grow_arena(workspace, graph, error))
        return false;
    if (workspace->staging && staging <= workspace->staging_floats)
        return true;
    float *larger = malloc(staging * sizeof(float));
    if (!larger)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for transfers to the device");
    free(workspace->staging);
    workspace->staging = larger;
    workspace->staging_floats = staging;
    return true;
}
