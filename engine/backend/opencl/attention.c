// SPDX-License-Identifier: LGPL-2.1-or-later
// Queues attention, over pixels and over frames.
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
                                   .size = shape.c / attention->heads,
                                   .causal = attention->causal };
    const size_t at_once = cl->lanes ? QUERIES : TEAM_QUERIES;
    const size_t items = attention->heads * (((size_t)shape.h * shape.w + at_once - 1) / at_once);
    const size_t floats = (cl->lanes ? (size_t)cl->workers : items) * 2 * run.size * at_once;
    if (!udm_opencl_grow_scratch(cl, floats / cl->workers + 1, &cl->fault))
        return;
    const udm_cl_argument arguments[] = {
        UDM_CL_ARGUMENT(run),           UDM_CL_BUFFER(&attention->dst),   UDM_CL_BUFFER(&attention->query),
        UDM_CL_BUFFER(&attention->key), UDM_CL_BUFFER(&attention->value), UDM_CL_ARGUMENT(cl->scratch),
    };
    udm_opencl_run_teams(cl, UDM_CL_ATTENTION, arguments, UDM_CL_COUNT(arguments), items);
}

// Frame after frame, each of which may lie in a buffer of its own.
void udm_opencl_attend_frames(udm_device *device, const udm_frame_attention *attention)
{
    udm_opencl_device *cl = udm_opencl_of(device);
    const udm_shape shape = attention->dst.shape;
    const size_t items = (size_t)attention->heads * shape.h * shape.w;
    const size_t floats = 2 * items + (size_t)shape.c * shape.h * shape.w;
    if (!udm_opencl_grow_scratch(cl, floats / cl->workers + 1, &cl->fault))
        return;
    for (int f = 0; f < attention->frames; f++) {
        const udm_tensor *key = &attention->key[f], *value = &attention->value[f];
        const udm_cl_attention run = { .dst = udm_opencl_tensor(&attention->dst),
                                       .query = udm_opencl_tensor(&attention->query),
                                       .key = udm_opencl_tensor(key),
                                       .value = udm_opencl_tensor(value),
                                       .heads = attention->heads,
                                       .size = shape.c / attention->heads,
                                       .first = f == 0,
                                       .last = f == attention->frames - 1 };
        const udm_cl_argument arguments[] = {
            UDM_CL_ARGUMENT(run), UDM_CL_BUFFER(&attention->dst), UDM_CL_BUFFER(&attention->query),
            UDM_CL_BUFFER(key),   UDM_CL_BUFFER(value),           UDM_CL_ARGUMENT(cl->scratch),
        };
        udm_opencl_run_items(cl, UDM_CL_ATTEND_FRAME, arguments, UDM_CL_COUNT(arguments), items);
    }
}
