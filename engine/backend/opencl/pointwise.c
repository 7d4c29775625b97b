// SPDX-License-Identifier: LGPL-2.1-or-later
// Queues the operations that have no weights.
#include "backend/opencl/opencl.h"

udm_cl_tensor udm_opencl_tensor(const udm_tensor *tensor)
{
    if (!tensor)
        return (udm_cl_tensor){ .none = 1 };
    udm_shape shape = tensor->shape;
    return (udm_cl_tensor){ .at = udm_opencl_at(tensor), .c = shape.c, .h = shape.h, .w = shape.w };
}

static udm_cl_observation observation_of(const udm_observation *seen)
{
    return (udm_cl_observation){ udm_opencl_tensor(&seen->frame), udm_opencl_tensor(&seen->level),
                                 udm_opencl_tensor(&seen->predicted), udm_opencl_tensor(&seen->predicted_level) };
}

size_t udm_opencl_work_items(const udm_opencl_device *cl, size_t items)
{
    return cl->lanes ? (size_t)cl->workers : (items + LOCAL_ITEMS - 1) / LOCAL_ITEMS * LOCAL_ITEMS;
}

void udm_opencl_run_items(udm_opencl_device *cl, udm_cl_kernel kernel, const udm_cl_argument *arguments, int count,
                          size_t items)
{
    udm_opencl_run(cl, kernel, arguments, count, (size_t[]){ udm_opencl_work_items(cl, items), 1 },
                   (size_t[]){ cl->lanes ? 1 : LOCAL_ITEMS, 1 });
}

void udm_opencl_run_teams(udm_opencl_device *cl, udm_cl_kernel kernel, const udm_cl_argument *arguments, int count,
                          size_t items)
{
    const int team = cl->lanes ? 1 : cl->sub_group ? cl->sub_group : LOCAL_ITEMS;
    udm_opencl_run_items(cl, kernel, arguments, count, items * team);
}

void udm_opencl_observe(udm_device *device, const udm_tensor *dst, const udm_observation *seen, int patch)
{
    const udm_cl_tensor to = udm_opencl_tensor(dst);
    const udm_cl_observation from = observation_of(seen);
    const cl_int p = patch;
    const udm_cl_argument arguments[] = {
        UDM_CL_ARGUMENT(to),
        UDM_CL_ARGUMENT(from),
        UDM_CL_ARGUMENT(p),
        UDM_CL_BUFFER(dst),
        UDM_CL_BUFFER(&seen->frame),
        UDM_CL_BUFFER(&seen->level),
        UDM_CL_BUFFER(&seen->predicted),
        UDM_CL_BUFFER(&seen->predicted_level),
    };
    udm_opencl_run_items(udm_opencl_of(device), UDM_CL_OBSERVE, arguments, UDM_CL_COUNT(arguments),
                         (size_t)dst->shape.h * dst->shape.w);
}

void udm_opencl_restore(udm_device *device, const udm_tensor *dst, const udm_tensor *correction,
                        const udm_observation *seen, int patch)
{
    const udm_cl_tensor to = udm_opencl_tensor(dst), by = udm_opencl_tensor(correction);
    const udm_cl_observation from = observation_of(seen);
    const cl_int p = patch;
    const udm_cl_argument arguments[] = {
        UDM_CL_ARGUMENT(to),
        UDM_CL_ARGUMENT(by),
        UDM_CL_ARGUMENT(from),
        UDM_CL_ARGUMENT(p),
        UDM_CL_BUFFER(dst),
        UDM_CL_BUFFER(correction),
        UDM_CL_BUFFER(&seen->frame),
        UDM_CL_BUFFER(&seen->level),
        UDM_CL_BUFFER(&seen->predicted),
        UDM_CL_BUFFER(&seen->predicted_level),
    };
    udm_opencl_run_items(udm_opencl_of(device), UDM_CL_RESTORE, arguments, UDM_CL_COUNT(arguments),
                         (size_t)dst->shape.h * dst->shape.w);
}

void udm_opencl_shuffle_add(udm_device *device, const udm_tensor *dst, const udm_tensor *src, const udm_tensor *addend)
{
    const udm_cl_tensor to = udm_opencl_tensor(dst), from = udm_opencl_tensor(src), more = udm_opencl_tensor(addend);
    const udm_tensor *added = addend ? addend : src;
    const udm_cl_argument arguments[] = {
        UDM_CL_ARGUMENT(to), UDM_CL_ARGUMENT(from), UDM_CL_ARGUMENT(more),
        UDM_CL_BUFFER(dst),  UDM_CL_BUFFER(src),    UDM_CL_BUFFER(added),
    };
    const size_t quarters = 4 * (size_t)udm_opencl_blocks(dst->shape.c);
    udm_opencl_run_items(udm_opencl_of(device), UDM_CL_SHUFFLE_ADD, arguments, UDM_CL_COUNT(arguments),
                         quarters * src->shape.h * src->shape.w);
}

void udm_opencl_warp(udm_device *device, const udm_warp *warp)
{
    const udm_cl_tensor to = udm_opencl_tensor(&warp->dst), from = udm_opencl_tensor(&warp->src);
    const udm_cl_tensor along = udm_opencl_tensor(&warp->flow), within = udm_opencl_tensor(warp->inside);
    const cl_int lanczos = warp->filter == UDM_LANCZOS_3;
    const udm_cl_argument arguments[] = {
        UDM_CL_ARGUMENT(to),       UDM_CL_ARGUMENT(from),      UDM_CL_ARGUMENT(along),
        UDM_CL_ARGUMENT(within),   UDM_CL_ARGUMENT(lanczos),   UDM_CL_BUFFER(&warp->dst),
        UDM_CL_BUFFER(&warp->src), UDM_CL_BUFFER(&warp->flow), UDM_CL_BUFFER(warp->inside ? warp->inside : &warp->dst),
    };
    udm_opencl_run_items(udm_opencl_of(device), UDM_CL_WARP, arguments, UDM_CL_COUNT(arguments),
                         (size_t)warp->dst.shape.h * warp->dst.shape.w);
}

static void run_two(udm_device *device, udm_cl_kernel kernel, const udm_tensor *dst, const udm_tensor *src,
                    size_t items)
{
    const udm_cl_tensor to = udm_opencl_tensor(dst), from = udm_opencl_tensor(src);
    const udm_cl_argument arguments[] = {
        UDM_CL_ARGUMENT(to),
        UDM_CL_ARGUMENT(from),
        UDM_CL_BUFFER(dst),
        UDM_CL_BUFFER(src),
    };
    udm_opencl_run_items(udm_opencl_of(device), kernel, arguments, UDM_CL_COUNT(arguments), items);
}

static size_t count_blocks(udm_shape shape)
{
    return (size_t)udm_opencl_blocks(shape.c) * shape.h * shape.w;
}

void udm_opencl_resample(udm_device *device, const udm_tensor *dst, const udm_tensor *src)
{
    run_two(device, UDM_CL_RESAMPLE, dst, src, count_blocks(dst->shape));
}

void udm_opencl_convert(udm_device *device, const udm_tensor *dst, const udm_tensor *src)
{
    udm_cl_kernel kernel = dst->layout == UDM_FEATURES ? UDM_CL_TO_FEATURES : UDM_CL_TO_PLANES;
    run_two(device, kernel, dst, src, count_blocks(dst->shape));
}
