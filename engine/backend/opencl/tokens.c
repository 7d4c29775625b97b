// SPDX-License-Identifier: LGPL-2.1-or-later
// Queues layer normalisation, products, and the joining of pixels.
#include "backend/opencl/opencl.h"

void udm_opencl_layer_norm(udm_device *device, const udm_layer_norm *norm)
{
    const udm_cl_layer_norm run = { .dst = udm_opencl_tensor(&norm->dst),
                                    .src = udm_opencl_tensor(&norm->src),
                                    .affine = udm_opencl_at(&norm->affine),
                                    .eps = norm->eps };
    const udm_cl_argument arguments[] = { UDM_CL_ARGUMENT(run), UDM_CL_BUFFER(&norm->dst), UDM_CL_BUFFER(&norm->src),
                                          UDM_CL_BUFFER(&norm->affine) };
    udm_opencl_run_teams(udm_opencl_of(device), UDM_CL_LAYER_NORM, arguments, UDM_CL_COUNT(arguments),
                         (size_t)norm->dst.shape.h * norm->dst.shape.w);
}

static size_t pixels_of(const udm_tensor *tensor)
{
    return (size_t)tensor->shape.h * tensor->shape.w;
}

enum { AT_ONCE = 3 }; // sources of a kernel

// Each of which may lie in a buffer of its own.
static void join_some(udm_device *device, const udm_join *join, int source, udm_cl_join run)
{
    const udm_tensor *src[AT_ONCE];
    run.dst = udm_opencl_tensor(&join->dst);
    for (int s = 0; s < AT_ONCE; s++) {
        src[s] = &join->src[source + s < join->sources ? source + s : source];
        run.src[s] = udm_opencl_tensor(src[s]);
    }
    const udm_cl_argument arguments[] = {
        UDM_CL_ARGUMENT(run),  UDM_CL_BUFFER(&join->dst), UDM_CL_BUFFER(src[0]),
        UDM_CL_BUFFER(src[1]), UDM_CL_BUFFER(src[2]),
    };
    udm_opencl_run_items(udm_opencl_of(device), UDM_CL_JOIN, arguments, UDM_CL_COUNT(arguments),
                         (size_t)udm_opencl_blocks(join->dst.shape.c) * run.count);
}

void udm_opencl_join(udm_device *device, const udm_join *join)
{
    size_t skip = join->first, place = 0;
    const size_t all = pixels_of(&join->dst);
    for (int s = 0; s < join->sources && place < all; s += AT_ONCE) {
        size_t there = 0;
        for (int k = s; k < s + AT_ONCE && k < join->sources; k++)
            there += pixels_of(&join->src[k]);
        const size_t from = skip < there ? skip : there, left = all - place;
        const size_t taken = there - from < left ? there - from : left;
        if (taken > 0)
            join_some(device, join, s,
                      (udm_cl_join){ .first = (cl_int)from, .place = (cl_int)place, .count = (cl_int)taken });
        skip -= from;
        place += taken;
    }
}

void udm_opencl_multiply(udm_device *device, const udm_tensor *dst, const udm_tensor *a, const udm_tensor *b)
{
    const udm_cl_tensor to = udm_opencl_tensor(dst), one = udm_opencl_tensor(a), other = udm_opencl_tensor(b);
    const udm_cl_argument arguments[] = {
        UDM_CL_ARGUMENT(to), UDM_CL_ARGUMENT(one), UDM_CL_ARGUMENT(other),
        UDM_CL_BUFFER(dst),  UDM_CL_BUFFER(a),     UDM_CL_BUFFER(b),
    };
    udm_opencl_run_items(udm_opencl_of(device), UDM_CL_MULTIPLY, arguments, UDM_CL_COUNT(arguments),
                         (size_t)udm_opencl_blocks(dst->shape.c) * dst->shape.h * dst->shape.w);
}
