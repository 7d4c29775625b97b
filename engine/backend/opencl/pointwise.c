// SPDX-License-Identifier: LGPL-2.1-or-later
// Queues the operations that have no weights.
#include "backend/opencl/opencl.h"

#define ARGUMENT(value)                                                                                                \
    {                                                                                                                  \
        sizeof(value), &(value)                                                                                        \
    }
#define COUNT(list) (int)(sizeof(list) / sizeof((list)[0]))

enum { LOCAL = 64 }; // work-items of a group of the GPU variant, as the kernels require

udm_cl_tensor udm_opencl_tensor(const udm_tensor *tensor)
{
    if (!tensor)
        return (udm_cl_tensor){ .none = 1 };
    udm_shape shape = tensor->shape;
    return (udm_cl_tensor){ .at = tensor->offset / sizeof(float), .c = shape.c, .h = shape.h, .w = shape.w };
}

static udm_cl_observation observation_of(const udm_observation *seen)
{
    return (udm_cl_observation){ udm_opencl_tensor(&seen->frame), udm_opencl_tensor(&seen->level),
                                 udm_opencl_tensor(&seen->guess), udm_opencl_tensor(&seen->guess_level) };
}

// A GPU's work-items do an item each, in groups of LOCAL; those of a processor do long runs of them.
static void run(udm_device *device, udm_cl_kernel kernel, const udm_cl_argument *arguments, int count, size_t items)
{
    udm_opencl_device *cl = udm_opencl_of(device);
    if (cl->lanes)
        udm_opencl_run(cl, kernel, arguments, count, (size_t[]){ cl->workers, 1 }, (size_t[]){ 1, 1 });
    else
        udm_opencl_run(cl, kernel, arguments, count, (size_t[]){ (items + LOCAL - 1) / LOCAL * LOCAL, 1 },
                       (size_t[]){ LOCAL, 1 });
}

void udm_opencl_observe(udm_device *device, const udm_tensor *dst, const udm_observation *seen, int patch)
{
    const udm_cl_tensor to = udm_opencl_tensor(dst);
    const udm_cl_observation from = observation_of(seen);
    const cl_int p = patch;
    const udm_cl_argument arguments[] = {
        ARGUMENT(to),
        ARGUMENT(from),
        ARGUMENT(p),
        ARGUMENT(dst->memory->buffer),
        ARGUMENT(seen->frame.memory->buffer),
        ARGUMENT(seen->level.memory->buffer),
        ARGUMENT(seen->guess.memory->buffer),
        ARGUMENT(seen->guess_level.memory->buffer),
    };
    run(device, UDM_CL_OBSERVE, arguments, COUNT(arguments), (size_t)dst->shape.h * dst->shape.w);
}

void udm_opencl_restore(udm_device *device, const udm_tensor *dst, const udm_tensor *correction,
                        const udm_observation *seen, int patch)
{
    const udm_cl_tensor to = udm_opencl_tensor(dst), by = udm_opencl_tensor(correction);
    const udm_cl_observation from = observation_of(seen);
    const cl_int p = patch;
    const udm_cl_argument arguments[] = {
        ARGUMENT(to),
        ARGUMENT(by),
        ARGUMENT(from),
        ARGUMENT(p),
        ARGUMENT(dst->memory->buffer),
        ARGUMENT(correction->memory->buffer),
        ARGUMENT(seen->frame.memory->buffer),
        ARGUMENT(seen->level.memory->buffer),
        ARGUMENT(seen->guess.memory->buffer),
        ARGUMENT(seen->guess_level.memory->buffer),
    };
    run(device, UDM_CL_RESTORE, arguments, COUNT(arguments), (size_t)dst->shape.h * dst->shape.w);
}

void udm_opencl_shuffle_add(udm_device *device, const udm_tensor *dst, const udm_tensor *src, const udm_tensor *addend)
{
    const udm_cl_tensor to = udm_opencl_tensor(dst), from = udm_opencl_tensor(src), more = udm_opencl_tensor(addend);
    const udm_tensor *added = addend ? addend : src;
    const udm_cl_argument arguments[] = {
        ARGUMENT(to),
        ARGUMENT(from),
        ARGUMENT(more),
        ARGUMENT(dst->memory->buffer),
        ARGUMENT(src->memory->buffer),
        ARGUMENT(added->memory->buffer),
    };
    const size_t quarters = 4 * (size_t)udm_opencl_blocks(dst->shape.c);
    run(device, UDM_CL_SHUFFLE_ADD, arguments, COUNT(arguments), quarters * src->shape.h * src->shape.w);
}
