// SPDX-License-Identifier: LGPL-2.1-or-later
// The device of the reference backend.
#include "backend/reference/reference.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/host.h"

static size_t reference_bytes(const udm_device *device, udm_shape shape, udm_layout layout)
{
    size_t bytes;
    return udm_multiply(udm_shape_elements(shape), sizeof(float), &bytes) ? bytes : 0;
}

static void reference_upload(udm_device *device, const udm_tensor *dst, const float *const *src, int count)
{
    for (int i = 0; i < count; i++)
        memcpy(udm_host_data(&dst[i]), src[i], reference_bytes(device, dst[i].shape, dst[i].layout));
}

static void reference_download(udm_device *device, float *const *dst, const udm_tensor *src, int count)
{
    for (int i = 0; i < count; i++)
        memcpy(dst[i], udm_host_data(&src[i]), reference_bytes(device, src[i].shape, src[i].layout));
}

static void reference_copy(udm_device *device, const udm_tensor *dst, const udm_tensor *src)
{
    memcpy(udm_host_data(dst), udm_host_data(src), reference_bytes(device, src->shape, src->layout));
}

static void reference_close(udm_device *device)
{
    free(device);
}

static const udm_ops reference_ops = {
    .alloc = udm_host_alloc,
    .free = udm_host_free,
    .set_precision = udm_only_f32,
    .bytes = reference_bytes,
    .upload = reference_upload,
    .download = reference_download,
    .clear = udm_host_clear,
    .finish = udm_host_finish,
    .conv_weights_new = udm_reference_conv_weights_new,
    .conv_weights_free = udm_reference_conv_weights_free,
    .conv = udm_reference_conv,
    .observe = udm_reference_observe,
    .restore = udm_reference_restore,
    .shuffle_add = udm_reference_shuffle_add,
    .norm = udm_reference_norm,
    .attention = udm_reference_attention,
    .layer_norm = udm_reference_layer_norm,
    .join = udm_reference_join,
    .multiply = udm_reference_multiply,
    .attend_frames = udm_reference_attend_frames,
    .resample = udm_reference_resample,
    .copy = reference_copy,
    .warp = udm_reference_warp,
    .profile = udm_host_profile,
    .close = reference_close,
};

static udm_device *reference_open(const char *which, int threads, udm_error *error)
{
    if (which) {
        udm_fail(error, UDM_ERROR_NOT_FOUND, "unknown device 'reference:%s'; have: reference", which);
        return NULL;
    }
    udm_device *device = calloc(1, sizeof(*device));
    if (!device) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for the reference device");
        return NULL;
    }
    device->ops = &reference_ops;
    device->largest = SIZE_MAX;
    device->mirrors = true;
    snprintf(device->name, sizeof(device->name), "reference (plain loops, 1 thread)");
    return device;
}

static void reference_list(void (*found)(void *context, const char *device, const char *about), void *context)
{
    found(context, "reference", "plain loops on one thread: the specification");
}

const udm_backend udm_backend_reference = {
    .name = "reference",
    .about = "plain loops: the specification",
    .open = reference_open,
    .list = reference_list,
};
