// SPDX-License-Identifier: LGPL-2.1-or-later
// Arrays onto the device, through the graph, and back.
#include "runner/pass.h"

bool udm_pass_begin(udm_pass *pass, udm_device *device, udm_error *error)
{
    *pass = (udm_pass){ .device = device };
    pass->graph = udm_graph_new(device, (udm_graph_size){ 0 }, error);
    return pass->graph != NULL;
}

bool udm_pass_settle(udm_pass *pass, udm_error *error)
{
    pass->arena = udm_graph_alloc(pass->graph, error);
    return pass->arena != NULL;
}

void udm_pass_end(udm_pass *pass)
{
    if (pass->arena)
        pass->device->ops->free(pass->device, pass->arena);
    udm_graph_free(pass->graph);
    *pass = (udm_pass){ 0 };
}

void udm_pass_put(udm_pass *pass, int n, const float *values)
{
    const udm_tensor to = udm_graph_tensor(pass->graph, udm_graph_nth_input(pass->graph, n), pass->arena);
    pass->device->ops->upload(pass->device, &to, &values, 1);
}

bool udm_pass_run(udm_pass *pass, float *const *kept, int count, const atomic_bool *cancel, udm_error *error)
{
    if (!udm_graph_run(pass->graph, pass->arena, NULL, 0, NULL, cancel, error))
        return false;
    for (int i = 0; i < count; i++) {
        const udm_tensor from = udm_graph_tensor(pass->graph, udm_graph_nth_kept(pass->graph, i), pass->arena);
        pass->device->ops->download(pass->device, &(float *){ kept[i] }, &from, 1);
    }
    return pass->device->ops->finish(pass->device, error);
}
