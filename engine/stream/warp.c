// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the device computes in the memory of the process, planes are moved where they lie; to others they are copied.
#include "stream/warp.h"

#include <stdlib.h>

#include "backend/host.h"

enum { FROM, FLOW, TO, INSIDE, PARTS };

struct udm_mover {
    udm_device *device;
    udm_memory *memory[PARTS]; // on a device that has its own
    size_t bytes[PARTS];
};

udm_mover *udm_mover_new(udm_device *device, udm_error *error)
{
    udm_mover *mover = calloc(1, sizeof *mover);
    if (mover)
        mover->device = device->failed ? device->stand_in : device;
    else
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to move pictures");
    return mover;
}

static void release(udm_mover *mover)
{
    for (int i = 0; i < PARTS; i++) {
        if (mover->memory[i])
            mover->device->ops->free(mover->device, mover->memory[i]);
        mover->memory[i] = NULL;
        mover->bytes[i] = 0;
    }
}

void udm_mover_free(udm_mover *mover)
{
    if (!mover)
        return;
    release(mover);
    free(mover);
}

static bool make_room(udm_mover *mover, int part, size_t bytes, udm_error *error)
{
    const udm_ops *ops = mover->device->ops;
    if (bytes <= mover->bytes[part])
        return true;
    if (bytes > mover->device->largest)
        return udm_fail(error, UDM_ERROR_MEMORY, "%s takes no more than %zu bytes at once, and a picture has %zu",
                        mover->device->name, mover->device->largest, bytes);
    if (mover->memory[part])
        ops->free(mover->device, mover->memory[part]);
    mover->memory[part] = ops->alloc(mover->device, bytes, error);
    mover->bytes[part] = mover->memory[part] ? bytes : 0;
    return mover->memory[part] != NULL;
}

static bool run_copied(udm_mover *mover, const udm_moving *what, float *out, float *inside, udm_error *error)
{
    udm_device *device = mover->device;
    const int planes[PARTS] = { what->channels, 2, what->channels, 1 };
    udm_tensor tensors[PARTS];
    for (int i = 0; i < PARTS; i++) {
        tensors[i] = (udm_tensor){ .shape = { planes[i], what->height, what->width }, .layout = UDM_PLANAR };
        if (!make_room(mover, i, device->ops->bytes(device, tensors[i].shape, UDM_PLANAR), error))
            return false;
        tensors[i].memory = mover->memory[i];
    }
    const udm_warp warp = { tensors[TO], tensors[FROM], tensors[FLOW], inside ? &tensors[INSIDE] : NULL, what->filter };
    device->ops->upload(device, &tensors[FROM], (const float *[]){ what->planes, what->flow }, 2);
    device->ops->warp(device, &warp);
    device->ops->download(device, (float *[]){ out, inside }, &tensors[TO], inside ? 2 : 1);
    return device->ops->finish(device, error);
}

static bool run_in_place(udm_mover *mover, const udm_moving *what, float *out, float *inside, udm_error *error)
{
    const int width = what->width, height = what->height;
    const udm_tensor within = udm_host_tensor(inside, (udm_shape){ 1, height, width });
    const udm_warp warp = {
        .dst = udm_host_tensor(out, (udm_shape){ what->channels, height, width }),
        .src = udm_host_tensor((float *)what->planes, (udm_shape){ what->channels, height, width }),
        .flow = udm_host_tensor((float *)what->flow, (udm_shape){ 2, height, width }),
        .inside = inside ? &within : NULL,
        .filter = what->filter,
    };
    mover->device->ops->warp(mover->device, &warp);
    return mover->device->ops->finish(mover->device, error);
}

bool udm_mover_run(udm_mover *mover, const udm_moving *what, float *out, float *inside, udm_error *error)
{
    udm_error fault = { 0 };
    if ((udm_host_computes(mover->device) ? run_in_place : run_copied)(mover, what, out, inside, &fault))
        return true;
    udm_device *other = udm_device_replace(mover->device, &fault, error);
    if (!other)
        return false;
    release(mover);
    mover->device = other;
    return udm_mover_run(mover, what, out, inside, error);
}
