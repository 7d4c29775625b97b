// SPDX-License-Identifier: LGPL-2.1-or-later
// Buffers, and what goes to the device and back.
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include "backend/host.h"
#include "backend/opencl/opencl.h"

static const cl_float zeros[UDM_CL_BLOCK];

static size_t round_up(size_t bytes)
{
    return (bytes + sizeof zeros - 1) / sizeof zeros * sizeof zeros;
}

udm_memory *udm_opencl_alloc(udm_device *device, size_t bytes, udm_error *error)
{
    udm_opencl_device *cl = udm_opencl_of(device);
    if (bytes > SIZE_MAX - sizeof zeros || round_up(bytes) > cl->largest) {
        udm_fail(error, UDM_ERROR_MEMORY, "%s: %zu bytes are more than its largest allocation, %zu: use smaller tiles",
                 device->name, bytes, cl->largest);
        return NULL;
    }
    cl_int code;
    udm_memory *memory = calloc(1, sizeof *memory);
    if (!memory) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for %zu bytes", bytes);
        return NULL;
    }
    memory->buffer = clCreateBuffer(cl->context, CL_MEM_READ_WRITE, round_up(bytes), NULL, &code);
    // Many drivers take the memory only when it is used.
    if (code == CL_SUCCESS)
        code = clEnqueueFillBuffer(cl->queue, memory->buffer, zeros, sizeof zeros, 0, round_up(bytes), 0, NULL, NULL);
    if (code == CL_SUCCESS)
        code = clFinish(cl->queue);
    if (code == CL_SUCCESS)
        return memory;
    udm_fail(error, UDM_ERROR_MEMORY, "%s: no memory for %zu bytes (%s)", device->name, bytes,
             udm_opencl_problem(code));
    udm_opencl_free(device, memory);
    return NULL;
}

void udm_opencl_free(udm_device *device, udm_memory *memory)
{
    if (memory && memory->buffer)
        clReleaseMemObject(memory->buffer);
    free(memory);
}

// Pixels are counted in ints, and so are the floats of a block's row.
size_t udm_opencl_bytes(const udm_device *device, udm_shape shape, udm_layout layout)
{
    size_t bytes, pixels;
    if (shape.c > INT_MAX - UDM_CL_BLOCK || !udm_multiply((size_t)shape.h, (size_t)shape.w, &pixels) ||
        pixels > INT_MAX / UDM_CL_BLOCK)
        return 0;
    if (layout == UDM_FEATURES)
        shape.c = udm_opencl_blocks(shape.c) * UDM_CL_BLOCK;
    return udm_multiply(udm_shape_elements(shape), sizeof(float), &bytes) ? bytes : 0;
}

// Channel c of a tensor of blocks as a rectangle: every 16th float.
typedef struct channel {
    size_t buffer[3], host[3], region[3];
} channel;

static channel channel_of(const udm_tensor *tensor, int c)
{
    size_t pixels = (size_t)tensor->shape.h * tensor->shape.w;
    size_t first = (size_t)(c / UDM_CL_BLOCK) * pixels * UDM_CL_BLOCK + c % UDM_CL_BLOCK;
    return (channel){ .buffer = { tensor->offset + first * sizeof(float) },
                      .host = { c * pixels * sizeof(float) },
                      .region = { sizeof(float), pixels, 1 } };
}

void udm_opencl_upload(udm_device *device, const udm_tensor *dst, const float *src)
{
    udm_opencl_device *cl = udm_opencl_of(device);
    size_t bytes = udm_opencl_bytes(device, dst->shape, dst->layout);
    if (cl->fault.code != UDM_OK)
        return;
    cl_int code;
    if (dst->layout == UDM_PLANAR) {
        code = clEnqueueWriteBuffer(cl->queue, dst->memory->buffer, CL_TRUE, dst->offset, bytes, src, 0, NULL, NULL);
    } else {
        code =
            clEnqueueFillBuffer(cl->queue, dst->memory->buffer, zeros, sizeof zeros, dst->offset, bytes, 0, NULL, NULL);
        if (dst->shape.h * dst->shape.w == 1 && code == CL_SUCCESS) // a vector, whose channels lie side by side
            code = clEnqueueWriteBuffer(cl->queue, dst->memory->buffer, CL_TRUE, dst->offset,
                                        dst->shape.c * sizeof *src, src, 0, NULL, NULL);
        else
            for (int c = 0; c < dst->shape.c && code == CL_SUCCESS; c++) {
                channel at = channel_of(dst, c);
                code = clEnqueueWriteBufferRect(cl->queue, dst->memory->buffer, CL_TRUE, at.buffer, at.host, at.region,
                                                sizeof zeros, 0, sizeof(float), 0, src, 0, NULL, NULL);
            }
    }
    udm_opencl_check(cl, code, "upload");
}

void udm_opencl_download(udm_device *device, float *dst, const udm_tensor *src)
{
    udm_opencl_device *cl = udm_opencl_of(device);
    if (cl->fault.code != UDM_OK)
        return;
    cl_int code = CL_SUCCESS;
    if (src->layout == UDM_PLANAR)
        code = clEnqueueReadBuffer(cl->queue, src->memory->buffer, CL_TRUE, src->offset,
                                   udm_opencl_bytes(device, src->shape, src->layout), dst, 0, NULL, NULL);
    else
        for (int c = 0; c < src->shape.c && code == CL_SUCCESS; c++) {
            channel at = channel_of(src, c);
            code = clEnqueueReadBufferRect(cl->queue, src->memory->buffer, CL_TRUE, at.buffer, at.host, at.region,
                                           sizeof zeros, 0, sizeof(float), 0, dst, 0, NULL, NULL);
        }
    udm_opencl_check(cl, code, "download");
}

void udm_opencl_clear(udm_device *device, udm_memory *memory, size_t bytes)
{
    udm_opencl_device *cl = udm_opencl_of(device);
    if (cl->fault.code == UDM_OK)
        udm_opencl_check(
            cl, clEnqueueFillBuffer(cl->queue, memory->buffer, zeros, sizeof zeros, 0, round_up(bytes), 0, NULL, NULL),
            "clear");
}

void udm_opencl_copy(udm_device *device, const udm_tensor *dst, const udm_tensor *src)
{
    udm_opencl_device *cl = udm_opencl_of(device);
    if (src->layout != dst->layout)
        udm_opencl_convert(device, dst, src);
    else if (cl->fault.code == UDM_OK)
        udm_opencl_check(cl,
                         clEnqueueCopyBuffer(cl->queue, src->memory->buffer, dst->memory->buffer, src->offset,
                                             dst->offset, udm_opencl_bytes(device, src->shape, src->layout), 0, NULL,
                                             NULL),
                         "copy");
}
