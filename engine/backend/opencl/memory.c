// SPDX-License-Identifier: LGPL-2.1-or-later
// Buffers, and transfers to the device and back.
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend/host.h"
#include "backend/opencl/half.h"
#include "backend/opencl/opencl.h"

static const cl_float zeros[UDM_CL_BLOCK];

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t round_up(size_t bytes)
{
    return (bytes + sizeof zeros - 1) / sizeof zeros * sizeof zeros;
}

// Allocates no more than the device has: many drivers would take it from other programs.
static bool check_room(const udm_opencl_device *cl, size_t bytes, udm_error *error)
{
    cl_ulong all = 0;
    clGetDeviceInfo(cl->id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof all, &all, NULL);
    return bytes <= all || udm_fail(error, UDM_ERROR_MEMORY,
                                    "%s has %llu MiB of memory, but %zu are needed: use cpu, or a lower memory limit",
                                    cl->device.name, (unsigned long long)all >> 20, bytes >> 20);
}

// Many drivers take the memory of a buffer only when it is filled.
static cl_int fill_pieces(udm_opencl_device *cl, const udm_memory *memory, size_t bytes)
{
    cl_int code = CL_SUCCESS;
    for (int i = 0; i < memory->count && code == CL_SUCCESS && bytes > 0; i++) {
        const size_t part = least(bytes, memory->piece);
        code = clEnqueueFillBuffer(cl->queue, memory->pieces[i], zeros, sizeof zeros, 0, part, 0, NULL, NULL);
        bytes -= part;
    }
    return code;
}

static size_t feature_bytes(const udm_opencl_device *cl)
{
    return cl->half ? sizeof(cl_half) : sizeof(cl_float);
}

udm_memory *udm_opencl_alloc(udm_device *device, size_t bytes, udm_error *error)
{
    udm_opencl_device *cl = udm_opencl_of(device);
    if (!check_room(cl, bytes, error))
        return NULL;
    bytes = round_up(bytes);
    const size_t count = (bytes - 1) / device->largest + 1;
    udm_memory *memory = calloc(1, sizeof *memory + count * sizeof(cl_mem));
    if (!memory) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for %zu bytes", bytes);
        return NULL;
    }
    cl_int code = CL_SUCCESS;
    memory->piece = device->largest;
    memory->feature_bytes = feature_bytes(cl);
    for (size_t left = bytes; left > 0 && code == CL_SUCCESS; left -= least(left, memory->piece))
        memory->pieces[memory->count++] =
            clCreateBuffer(cl->context, CL_MEM_READ_WRITE, least(left, memory->piece), NULL, &code);
    if (code == CL_SUCCESS)
        code = fill_pieces(cl, memory, bytes);
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
    for (int i = 0; memory && i < memory->count; i++)
        if (memory->pieces[i])
            clReleaseMemObject(memory->pieces[i]);
    free(memory);
}

// Pixels are counted in ints, and so are the floats of a block's row.
size_t udm_opencl_bytes(const udm_device *device, udm_shape shape, udm_layout layout)
{
    size_t bytes, pixels, value = sizeof(float);
    if (shape.c > INT_MAX - UDM_CL_BLOCK || !udm_multiply((size_t)shape.h, (size_t)shape.w, &pixels) ||
        pixels > INT_MAX / UDM_CL_BLOCK)
        return 0;
    if (layout == UDM_FEATURES) {
        shape.c = udm_opencl_blocks(shape.c) * UDM_CL_BLOCK;
        value = feature_bytes((const udm_opencl_device *)device);
    }
    return udm_multiply(udm_shape_elements(shape), value, &bytes) ? bytes : 0;
}

// Neighbours in one piece of memory.
static bool touch(const udm_opencl_device *cl, const udm_tensor *a, const udm_tensor *b)
{
    const size_t end = a->offset + udm_opencl_bytes(&cl->device, a->shape, a->layout), piece = a->memory->piece;
    return a->memory == b->memory && a->offset / piece == b->offset / piece &&
           b->offset == (end + UDM_ALIGNMENT - 1) / UDM_ALIGNMENT * UDM_ALIGNMENT;
}

static float read_value(const void *at, bool half)
{
    return half ? udm_from_half(*(const uint16_t *)at) : *(const float *)at;
}

static void write_value(void *at, bool half, float value)
{
    if (half)
        *(uint16_t *)at = udm_to_half(value);
    else
        *(float *)at = value;
}

// A tensor of blocks and its planes, one way or the other.
static void pack(const udm_tensor *tensor, char *blocks, float *planes, bool back)
{
    const size_t pixels = (size_t)tensor->shape.h * tensor->shape.w, value = tensor->memory->feature_bytes;
    const bool half = value == sizeof(uint16_t);
    const int channels = udm_opencl_blocks(tensor->shape.c) * UDM_CL_BLOCK;
    for (int c = 0; c < channels; c++) {
        char *at = blocks + (c / UDM_CL_BLOCK * pixels * UDM_CL_BLOCK + c % UDM_CL_BLOCK) * value;
        if (back && c >= tensor->shape.c)
            return;
        for (size_t i = 0; i < pixels; i++, at += UDM_CL_BLOCK * value)
            if (back)
                planes[c * pixels + i] = read_value(at, half);
            else
                write_value(at, half, c < tensor->shape.c ? planes[c * pixels + i] : 0);
    }
}

// Between the planes and a range of a buffer that the host sees; first: the tensor at its beginning.
static void move(const udm_opencl_device *cl, char *range, const udm_tensor *first, const udm_tensor *tensor,
                 float *planes, bool back)
{
    char *there = range + (tensor->offset - first->offset);
    const size_t bytes = udm_opencl_bytes(&cl->device, tensor->shape, tensor->layout);
    if (tensor->layout == UDM_FEATURES)
        pack(tensor, there, planes, back);
    else
        memcpy(back ? (char *)planes : there, back ? there : (char *)planes, bytes);
}

// Neighbours, in one transfer. The planes are only read where they are not written to.
static void transfer(udm_opencl_device *cl, const udm_tensor *tensors, float *const *planes, int count, bool back)
{
    const udm_tensor *last = &tensors[count - 1];
    const size_t from = tensors->offset;
    const size_t bytes = last->offset + udm_opencl_bytes(&cl->device, last->shape, last->layout) - from;
    const cl_mem buffer = *udm_opencl_buffer(tensors);
    cl_event first = NULL, second = NULL;
    cl_int code;
    char *range = clEnqueueMapBuffer(cl->queue, buffer, CL_TRUE, back ? CL_MAP_READ : CL_MAP_WRITE_INVALIDATE_REGION,
                                     from % tensors->memory->piece, bytes, 0, NULL, cl->profile ? &first : NULL, &code);
    for (int i = 0; code == CL_SUCCESS && i < count; i++)
        move(cl, range, tensors, &tensors[i], planes[i], back);
    if (code == CL_SUCCESS)
        code = clEnqueueUnmapMemObject(cl->queue, buffer, range, 0, NULL, cl->profile ? &second : NULL);
    if (udm_opencl_check(cl, code, back ? "download" : "upload") && cl->profile)
        udm_opencl_note_time(cl, back ? UDM_CL_DOWNLOAD : UDM_CL_UPLOAD, first, second);
}

static void transfer_all(udm_opencl_device *cl, const udm_tensor *tensors, float *const *planes, int count, bool back)
{
    for (int i = 0, run; i < count && cl->fault.code == UDM_OK; i += run) {
        for (run = 1; i + run < count && touch(cl, &tensors[i + run - 1], &tensors[i + run]);)
            run++;
        transfer(cl, tensors + i, planes + i, run, back);
    }
}

void udm_opencl_upload(udm_device *device, const udm_tensor *dst, const float *const *src, int count)
{
    transfer_all(udm_opencl_of(device), dst, (float *const *)src, count, false);
}

void udm_opencl_download(udm_device *device, float *const *dst, const udm_tensor *src, int count)
{
    transfer_all(udm_opencl_of(device), src, dst, count, true);
}

void udm_opencl_clear(udm_device *device, udm_memory *memory, size_t bytes)
{
    udm_opencl_device *cl = udm_opencl_of(device);
    if (cl->fault.code == UDM_OK)
        udm_opencl_check(cl, fill_pieces(cl, memory, round_up(bytes)), "clear");
}

void udm_opencl_copy(udm_device *device, const udm_tensor *dst, const udm_tensor *src)
{
    udm_opencl_device *cl = udm_opencl_of(device);
    if (src->layout != dst->layout)
        udm_opencl_convert(device, dst, src);
    else if (cl->fault.code == UDM_OK)
        udm_opencl_check(cl,
                         clEnqueueCopyBuffer(cl->queue, *udm_opencl_buffer(src), *udm_opencl_buffer(dst),
                                             src->offset % src->memory->piece, dst->offset % dst->memory->piece,
                                             udm_opencl_bytes(device, src->shape, src->layout), 0, NULL, NULL),
                         "copy");
}
