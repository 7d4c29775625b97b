// SPDX-License-Identifier: LGPL-2.1-or-later
// The memory of the cpu backend: what tensors take of it, and transfer between its layouts.
#include <stdint.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "backend/host.h"

size_t udm_cpu_bytes(const udm_device *device, udm_shape shape, udm_layout layout)
{
    if (layout == UDM_FEATURES) {
        if (shape.c > INT32_MAX - UDM_CPU_BLOCK)
            return 0;
        shape.c = udm_cpu_blocks(shape.c) * UDM_CPU_BLOCK;
    }
    // Pixels are counted in ints.
    size_t bytes, pixels;
    if (!udm_multiply((size_t)shape.h, (size_t)shape.w, &pixels) || pixels > INT32_MAX / 2)
        return 0;
    return udm_multiply(udm_shape_elements(shape), sizeof(float), &bytes) ? bytes : 0;
}

// A transfer between planes and blocks; each job is one row of one block.
typedef struct transfer {
    const udm_tensor *tensor;
    float *planes;
    const float *src;
} transfer;

static float *block_row(const udm_tensor *tensor, int index)
{
    return udm_host_data(tensor) + (size_t)index * tensor->shape.w * UDM_CPU_BLOCK;
}

static void upload_row(void *context, int index, int worker)
{
    const transfer *t = context;
    udm_shape shape = t->tensor->shape;
    float *dst = block_row(t->tensor, index);
    int first = index / shape.h * UDM_CPU_BLOCK;
    for (int lane = 0; lane < UDM_CPU_BLOCK; lane++) {
        bool within = first + lane < shape.c;
        const float *src = t->src + ((size_t)(first + lane) * shape.h + index % shape.h) * shape.w;
        for (int x = 0; x < shape.w; x++)
            dst[(size_t)x * UDM_CPU_BLOCK + lane] = within ? src[x] : 0;
    }
}

static void download_row(void *context, int index, int worker)
{
    const transfer *t = context;
    udm_shape shape = t->tensor->shape;
    const float *src = block_row(t->tensor, index);
    int first = index / shape.h * UDM_CPU_BLOCK;
    for (int lane = 0; lane < UDM_CPU_BLOCK && first + lane < shape.c; lane++) {
        float *dst = t->planes + ((size_t)(first + lane) * shape.h + index % shape.h) * shape.w;
        for (int x = 0; x < shape.w; x++)
            dst[x] = src[(size_t)x * UDM_CPU_BLOCK + lane];
    }
}

// A copy in parts, which several threads do faster.
typedef struct copying {
    char *dst;
    const char *src;
    size_t bytes;
} copying;

enum { COPY_PARTS = 64 };

static void copy_part(void *context, int index, int worker)
{
    const copying *c = context;
    size_t part = c->bytes / COPY_PARTS, first = index * part;
    memcpy(c->dst + first, c->src + first, index == COPY_PARTS - 1 ? c->bytes - first : part);
}

static void copy_bytes(udm_device *device, void *dst, const void *src, size_t bytes)
{
    udm_pool_run(udm_cpu_of(device)->pool, COPY_PARTS, copy_part, &(copying){ dst, src, bytes });
}

static void upload_one(udm_device *device, const udm_tensor *dst, const float *src)
{
    transfer t = { .tensor = dst, .src = src };
    if (dst->layout == UDM_FEATURES)
        udm_pool_run(udm_cpu_of(device)->pool, udm_cpu_blocks(dst->shape.c) * dst->shape.h, upload_row, &t);
    else
        copy_bytes(device, udm_host_data(dst), src, udm_cpu_bytes(device, dst->shape, UDM_PLANAR));
}

static void download_one(udm_device *device, float *dst, const udm_tensor *src)
{
    transfer t = { .tensor = src, .planes = dst };
    if (src->layout == UDM_FEATURES)
        udm_pool_run(udm_cpu_of(device)->pool, udm_cpu_blocks(src->shape.c) * src->shape.h, download_row, &t);
    else
        copy_bytes(device, dst, udm_host_data(src), udm_cpu_bytes(device, src->shape, UDM_PLANAR));
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
    copy_bytes(device, udm_host_data(dst), udm_host_data(src), udm_cpu_bytes(device, src->shape, src->layout));
}
