// SPDX-License-Identifier: LGPL-2.1-or-later
// Queues attention.
#include "backend/opencl/opencl.h"

void udm_opencl_attention(udm_device *device, const udm_attention *attention)
{
    udm_opencl_device *cl = udm_opencl_of(device);
    const udm_shape shape = attention->dst.shape;
    const udm_cl_attention run = { .dst = udm_opencl_tensor(&attention->dst),
                                   .query = udm_opencl_tensor(&attention->query),
                                   .key = udm_opencl_tensor(&attention->key),
                                   .value = udm_opencl_tensor(&attention->value),
                                   .heads = attention->heads,
                                   .size = shape.c / attention->heads };
    const size_t steps = ((size_t)shape.h * shape.w + QUERIES - 1) / QUERIES, items = attention->heads * steps;
    const size_t floats = udm_opencl_work_items(cl, items) * 2 * run.size * QUERIES;
    if (!udm_opencl_grow_scratch(cl, floats / cl->workers + 1, &cl->fault))
        return;
    const udm_cl_argument arguments[] = {
        UDM_CL_ARGUMENT(run),
        UDM_CL_ARGUMENT(attention->dst.memory->buffer),
        UDM_CL_ARGUMENT(attention->query.memory->buffer),
        UDM_CL_ARGUMENT(attention->key.memory->buffer),
        UDM_CL_ARGUMENT(attention->value.memory->buffer),
        UDM_CL_ARGUMENT(cl->scratch),
    };
    udm_opencl_run_items(cl, UDM_CL_ATTENTION, arguments, UDM_CL_COUNT(arguments), items);
}
