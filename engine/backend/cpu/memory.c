// SPDX-License-Identifier: LGPL-2.1-or-later
// The memory of the cpu backend: what tensors take of it, and transfer between its layouts.
#include <stdint.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "backend/host.h"

size_t udm_cpu_bytes(const udm_device *device, udm_shape shape, udm_layout layout)
{
    if (layout != UDM_PLANAR) {
        if (shape.c > INT32_MAX - UDM_CPU_BLOCK)
            return 0;
        shape.c = udm_cpu_blocks(shape.c) * UDM_CPU_BLOCK;
    }
    // Pixels are counted in ints.
    size_t bytes, pixels;
    if (!udm_multiply((size_t)shape.h, (size_t)shape.w, &pixels) || pixels > INT32_MAX / 2)
        return 0;
    const size_t value = layout == UDM_HALVES ? sizeof(uint16_t) : sizeof(float);
    return udm_multiply(udm_shape_elements(shape), value, &bytes) ? bytes : 0;
}

// A transfer between planes and blocks; each job is one row of one block.
typedef struct transfer {
    const udm_tensor *tensor;
    float *planes;
    const float *src;
} transfer;

static size_t block_row(const udm_tensor *tensor, int index)
{
    return (size_t)index * tensor->shape.w * UDM_CPU_BLOCK;
}

// A value of features, of floats or of bf16.
static void put(const udm_tensor *tensor, size_t at, float value)
{
    uint32_t bits;
    if (tensor->layout == UDM_FEATURES) {
        udm_host_data(tensor)[at] = value;
        return;
    }
    memcpy(&bits, &value, sizeof bits);
    ((uint16_t *)(void *)udm_host_data(tensor))[at] = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float get(const udm_tensor *tensor, size_t at)
{
    if (tensor->layout == UDM_FEATURES)
        return udm_host_data(tensor)[at];
    return udm_half_to_float(UDM_BFLOAT16, ((const uint16_t *)(const void *)udm_host_data(tensor))[at]);
}

static void upload_row(void *context, int index, int worker)
{
    const transfer *t = context;
    udm_shape shape = t->tensor->shape;
    const size_t dst = block_row(t->tensor, index);
    int first = index / shape.h * UDM_CPU_BLOCK;
    for (int lane = 0; lane < UDM_CPU_BLOCK; lane++) {
        bool within = first + lane < shape.c;
        const float *src = t->src + ((size_t)(first + lane) * shape.h + index % shape.h) * shape.w;
        for (int x = 0; x < shape.w; x++)
            put(t->tensor, dst + (size_t)x * UDM_CPU_BLOCK + lane, within ? src[x] : 0);
    }
}

static void download_row(void *context, int index, int worker)
{
    const transfer *t = context;
    udm_shape shape = t->tensor->shape;
    const size_t src = block_row(t->tensor, index);
    int first = index / shape.h * UDM_CPU_BLOCK;
    for (int lane = 0; lane < UDM_CPU_BLOCK && first + lane < shape.c; lane++) {
        float *dst = t->planes + ((size_t)(first + lane) * shape.h + index % shape.h) * shape.w;
        for (int x = 0; x < shape.w; x++)
            dst[x] = get(t->tensor, src + (size_t)x * UDM_CPU_BLOCK + lane);
    }
}

static void upload_one(udm_device *device, const udm_tensor *dst, const float *src)
{
    transfer t = { .tensor = dst, .src = src };
    if (dst->layout != UDM_PLANAR)
        udm_pool_run(udm_cpu_of(device)->pool, udm_cpu_blocks(dst->shape.c) * dst->shape.h, upload_row, &t);
    else
        udm_pool_copy(device->pool, udm_host_data(dst), src, udm_cpu_bytes(device, dst->shape, UDM_PLANAR));
}

static void download_one(udm_device *device, float *dst, const udm_tensor *src)
{
    transfer t = { .tensor = src, .planes = dst };
    if (src->layout != UDM_PLANAR)
        udm_pool_run(udm_cpu_of(device)->pool, udm_cpu_blocks(src->shape.c) * src->shape.h, download_row, &t);
    else
        udm_pool_copy(device->pool, dst, udm_host_data(src), udm_cpu_bytes(device, src->shape, UDM_PLANAR));
}

void udm_cpu_upload(udm_device *device, const udm_tensor *dst, const float *const *src, int count)
{
    for (int i = 0; i < count; i++)
        upload_one(device, &dst[i], src[i]);
}

void udm_cpu_download(udm_device *device, float *const *dst, const udm_tensor *src, int count)
{
    for (int i = 0; i < count; i++)
        download_one(device, dst[i], &src[i]);
}

void udm_cpu_copy(udm_device *device, const udm_tensor *dst, const udm_tensor *src)
{
    if (src->layout != dst->layout && dst->layout == UDM_FEATURES) {
        upload_one(device, dst, udm_host_data(src));
        return;
    }
    if (src->layout != dst->layout) {
        download_one(device, udm_host_data(dst), src);
        return;
    }
    udm_pool_copy(device->pool, udm_host_data(dst), udm_host_data(src), udm_cpu_bytes(device, src->shape, src->layout));
}
