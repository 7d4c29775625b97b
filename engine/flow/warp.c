// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the device computes in the memory of the process, planes are moved where they lie; to others they are copied.
#include "flow/warp.h"

#include <stdlib.h>

#include "backend/fallback.h"
#include "backend/host.h"

enum { FROM, FLOW, TO, INSIDE, PARTS };

struct udm_warper {
    udm_device *device;
    udm_memory *memory[PARTS]; // on a device that has its own
    size_t bytes[PARTS];
};

udm_warper *udm_warper_new(udm_device *device, udm_error *error)
{
    udm_warper *warper = calloc(1, sizeof *warper);
    if (warper)
        warper->device = device;
    else
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to move pictures");
    return warper;
}

static void release(udm_warper *warper)
{
    for (int i = 0; i < PARTS; i++) {
        if (warper->memory[i])
            warper->device->ops->free(warper->device, warper->memory[i]);
        warper->memory[i] = NULL;
        warper->bytes[i] = 0;
    }
}

void udm_warper_free(udm_warper *warper)
{
    if (!warper)
        return;
    release(warper);
    free(warper);
}

static bool make_room(udm_warper *warper, int part, size_t bytes, udm_error *error)
{
    const udm_ops *ops = warper->device->ops;
    if (bytes <= warper->bytes[part])
        return true;
    if (bytes > warper->device->largest)
        return udm_fail(error, UDM_ERROR_MEMORY, "%s takes no more than %zu bytes at once, and a picture has %zu",
                        warper->device->name, warper->device->largest, bytes);
    if (warper->memory[part])
        ops->free(warper->device, warper->memory[part]);
    warper->memory[part] = ops->alloc(warper->device, bytes, error);
    warper->bytes[part] = warper->memory[part] ? bytes : 0;
    return warper->memory[part] != NULL;
}

static bool run_copied(udm_warper *warper, const udm_warp_input *what, float *out, float *inside, udm_error *error)
{
    udm_device *device = warper->device;
    const int planes[PARTS] = { what->channels, 2, what->channels, 1 };
    udm_tensor tensors[PARTS];
    for (int i = 0; i < PARTS; i++) {
        tensors[i] = (udm_tensor){ .shape = { planes[i], what->height, what->width }, .layout = UDM_PLANAR };
        if (!make_room(warper, i, device->ops->bytes(device, tensors[i].shape, UDM_PLANAR), error))
            return false;
        tensors[i].memory = warper->memory[i];
    }
    const udm_warp warp = { tensors[TO], tensors[FROM], tensors[FLOW], inside ? &tensors[INSIDE] : NULL, what->filter };
    device->ops->upload(device, &tensors[FROM], (const float *[]){ what->planes, what->flow }, 2);
    device->ops->warp(device, &warp);
    device->ops->download(device, (float *[]){ out, inside }, &tensors[TO], inside ? 2 : 1);
    return device->ops->finish(device, error);
}

static bool run_in_place(udm_warper *warper, const udm_warp_input *what, float *out, float *inside, udm_error *error)
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
    warper->device->ops->warp(warper->device, &warp);
    return warper->device->ops->finish(warper->device, error);
}

// One run, wherever it takes place.
typedef struct warping {
    udm_warper *warper;
    const udm_warp_input *what;
    float *out, *inside;
} warping;

static bool run_here(void *context, udm_error *error)
{
    const warping *w = context;
    return (udm_host_computes(w->warper->device) ? run_in_place : run_copied)(w->warper, w->what, w->out, w->inside,
                                                                              error);
}

static bool move(void *context, udm_device *to, udm_error *error)
{
    const warping *w = context;
    release(w->warper);
    w->warper->device = to;
    return true;
}

bool udm_warper_run(udm_warper *warper, const udm_warp_input *what, float *out, float *inside, udm_error *error)
{
    warping w = { warper, what, out, inside };
    return udm_fallback_run(warper->device, &(udm_fallback){ &w, run_here, move }, error);
}
