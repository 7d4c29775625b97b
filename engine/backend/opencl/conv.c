// SPDX-License-Identifier: LGPL-2.1-or-later
// Packs the weights of convolutions, and queues them.
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "backend/host.h"
#include "backend/opencl/half.h"
#include "backend/opencl/opencl.h"
#include "backend/pack.h"
#include "backend/times.h"

enum { ROW_STEP = 12, TILE = 4 };

// Weights are, for vectors, [groups of 32 outputs][products][depth][width of the group], where depth is [taps][sources]
// [channels], and taps are 1 for Winograd; for a GPU, [taps][sources][channels, to 16][outputs, to 64]. Then the bias.
struct udm_conv_weights {
    udm_cl_kernel kernel;
    int sources, in[UDM_MAX_SOURCES], out;
    int size, stride, padding;
    int products, depth, row, groups, max_batch;
    size_t values; // of all weights
    size_t bias;   // where it starts, in floats
    cl_mem weights;
};

static void plan_vectors(udm_conv_weights *filter, int in)
{
    bool winograd = udm_is_winograd(filter->size, filter->stride, filter->padding);
    int taps = winograd ? 1 : filter->size * filter->size;
    filter->kernel = winograd ? UDM_CL_WINOGRAD : UDM_CL_DIRECT;
    filter->products = winograd ? UDM_PRODUCTS : 1;
    filter->depth = in * taps;
    filter->row = udm_row_length(filter->sources, filter->in, filter->depth, filter->depth - in, UDM_CL_BLOCK);
    filter->groups = (udm_opencl_blocks(filter->out) + 1) / 2;
    filter->max_batch = udm_most_rows(filter->products, filter->row, UDM_CL_GROUP, ROW_STEP, 1);
    filter->values = (size_t)filter->groups * UDM_CL_GROUP * filter->depth * filter->products;
}

static void plan_gpu(udm_conv_weights *filter)
{
    int blocks = 0;
    for (int s = 0; s < filter->sources; s++)
        blocks += udm_opencl_blocks(filter->in[s]);
    filter->kernel = UDM_CL_TILED;
    filter->products = 1;
    filter->depth = filter->size * filter->size * blocks * UDM_CL_BLOCK;
    filter->values = (size_t)filter->depth * udm_round_up(filter->out, UDM_CL_SIDE);
}

// taps: the weights of input i (of all sources, `in`) to output o
static void pack_vectors(const udm_conv_weights *filter, int o, int i, int in, const float *taps, float *packed)
{
    int g = o / UDM_CL_GROUP, width = udm_opencl_blocks(filter->out) - 2 * g == 1 ? UDM_CL_BLOCK : UDM_CL_GROUP;
    float *group = packed + (size_t)g * filter->products * filter->depth * UDM_CL_GROUP + o % UDM_CL_GROUP;
    if (filter->kernel == UDM_CL_DIRECT) {
        for (int t = 0; t < filter->size * filter->size; t++)
            group[(size_t)(t * in + i) * width] = taps[t];
        return;
    }
    float u[UDM_PRODUCTS];
    udm_winograd_weights(taps, u);
    for (int p = 0; p < UDM_PRODUCTS; p++)
        group[((size_t)p * filter->depth + i) * width] = u[p];
}

static void pack_gpu(const udm_conv_weights *filter, int o, int i, const float *taps, float *packed)
{
    int count = filter->size * filter->size, width = udm_round_up(filter->out, UDM_CL_SIDE), k = 0;
    for (int s = 0; i >= filter->in[s]; s++) {
        k += udm_opencl_blocks(filter->in[s]) * UDM_CL_BLOCK;
        i -= filter->in[s];
    }
    for (int t = 0; t < count; t++)
        packed[(size_t)(t * (filter->depth / count) + k + i) * width + o] = taps[t];
}

static float *pack(const udm_conv_weights *filter, const udm_conv_spec *spec, int in, size_t floats)
{
    float *packed = calloc(floats, sizeof *packed);
    int taps = spec->size * spec->size;
    for (int o = 0; packed && o < spec->out; o++) {
        packed[filter->values + o] = spec->bias ? spec->bias[o] : 0;
        for (int i = 0; i < in; i++) {
            const float *from = spec->weight + ((size_t)o * in + i) * taps;
            if (filter->kernel == UDM_CL_TILED)
                pack_gpu(filter, o, i, from, packed);
            else
                pack_vectors(filter, o, i, in, from, packed);
        }
    }
    return packed;
}

// Makes halves of the weights, in place, before the bias.
static void halve(const udm_conv_weights *filter, float *packed, size_t floats)
{
    for (size_t i = 0; i < filter->values; i++) {
        const uint16_t half = udm_to_half(packed[i]);
        memcpy((char *)packed + i * sizeof half, &half, sizeof half);
    }
    memmove(packed + filter->bias, packed + filter->values, (floats - filter->values) * sizeof *packed);
}

static bool upload_weights(udm_opencl_device *cl, udm_conv_weights *filter, const udm_conv_spec *spec, int in,
                           udm_error *error)
{
    size_t floats = filter->values + udm_round_up(spec->out, UDM_CL_SIDE);
    const bool half = cl->half && !cl->lanes;
    filter->bias = half ? filter->values / 2 : filter->values; // they are a multiple of 16
    if (floats > cl->device.largest / sizeof(float))
        return udm_fail(error, UDM_ERROR_MEMORY,
                        "%s: a layer's weights are more than its largest allocation, %zu bytes", cl->device.name,
                        cl->device.largest);
    float *packed = pack(filter, spec, in, floats);
    cl_int code = CL_OUT_OF_HOST_MEMORY;
    if (packed && half)
        halve(filter, packed, floats);
    floats -= filter->values - filter->bias;
    if (packed)
        filter->weights = clCreateBuffer(cl->context, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, floats * sizeof *packed,
                                         packed, &code);
    free(packed);
    return code == CL_SUCCESS || udm_fail(error, UDM_ERROR_MEMORY, "%s: no memory for the weights of a layer (%s)",
                                          cl->device.name, udm_opencl_problem(code));
}

bool udm_opencl_grow_scratch(udm_opencl_device *cl, size_t per_worker, udm_error *error)
{
    if (per_worker <= cl->per_worker)
        return true;
    size_t bytes;
    cl_int code = CL_INVALID_BUFFER_SIZE;
    cl_mem scratch = NULL;
    if (udm_multiply(per_worker, sizeof(float) * cl->workers, &bytes) && bytes <= cl->device.largest)
        scratch = clCreateBuffer(cl->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
    if (!scratch)
        return udm_fail(error, UDM_ERROR_MEMORY, "%s: no memory for %zu floats of scratch for each worker (%s)",
                        cl->device.name, per_worker, udm_opencl_problem(code));
    if (cl->scratch)
        clReleaseMemObject(cl->scratch);
    cl->scratch = scratch;
    cl->per_worker = per_worker;
    return true;
}

// Here, so that nothing is allocated while a network runs.
static bool grow_scratch(udm_opencl_device *cl, const udm_conv_weights *filter, udm_error *error)
{
    size_t row = (size_t)filter->row + UDM_CL_GROUP;
    size_t need = filter->products * (filter->max_batch * row + 2 * UDM_CL_BLOCK);
    return filter->kernel == UDM_CL_TILED || udm_opencl_grow_scratch(cl, need, error);
}

udm_conv_weights *udm_opencl_conv_weights_new(udm_device *device, const udm_conv_spec *spec, udm_error *error)
{
    udm_opencl_device *cl = udm_opencl_of(device);
    size_t in = 0, weights;
    for (int s = 0; s < spec->sources; s++)
        in += (size_t)spec->in[s];
    // So that lengths of rows fit into ints, and numbers of packed weights, at most 36 for 9 and padded, into sizes.
    if (in > INT_MAX / 1024 || spec->out > INT_MAX / 1024 || !udm_multiply(in * 1024, (size_t)spec->out, &weights)) {
        udm_fail(error, UDM_ERROR_MEMORY, "a convolution of %zu x %d channels is too large", in, spec->out);
        return NULL;
    }
    udm_conv_weights *filter = calloc(1, sizeof *filter);
    if (!filter) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a convolution with %d outputs", spec->out);
        return NULL;
    }
    *filter = (udm_conv_weights){
        .sources = spec->sources, .out = spec->out, .size = spec->size, .stride = spec->stride, .padding = spec->padding
    };
    memcpy(filter->in, spec->in, sizeof(filter->in));
    if (cl->lanes)
        plan_vectors(filter, (int)in);
    else
        plan_gpu(filter);
    if (upload_weights(cl, filter, spec, (int)in, error) && grow_scratch(cl, filter, error))
        return filter;
    udm_opencl_conv_weights_free(device, filter);
    return NULL;
}

void udm_opencl_conv_weights_free(udm_device *device, udm_conv_weights *filter)
{
    if (filter && filter->weights)
        clReleaseMemObject(filter->weights);
    free(filter);
}

// Few rows are done in small batches, and by several workers with some groups of the outputs each, but not in so small
// ones that the weights are fetched again and again; many in long chunks, whose batches find in the cache the pixels
// that they share with the one before.
static void divide_work(udm_cl_conv *run, const udm_conv_weights *filter, int workers)
{
    enum { FEW = 2 * ROW_STEP };
    int wanted = workers == 1 ? 1 : 4 * workers, even = udm_divide_up(run->rows, wanted);
    run->batch = udm_min(udm_round_up(even > FEW ? even : udm_min(run->rows, FEW), ROW_STEP), filter->max_batch);
    int batches = udm_divide_up(run->rows, run->batch);
    run->chunk = udm_divide_up(batches, 8 * wanted);
    run->splits = batches >= workers ? 1 : udm_min(udm_divide_up(workers, batches), filter->groups);
    run->jobs = udm_divide_up(batches, run->chunk) * run->splits;
}

static udm_cl_conv describe(const udm_conv *conv)
{
    const udm_conv_weights *filter = conv->weights;
    int unit = filter->kernel == UDM_CL_WINOGRAD ? TILE : 1;
    udm_cl_conv run = {
        .dst = udm_opencl_tensor(&conv->dst),
        .residual = udm_opencl_tensor(conv->residual),
        .bias = filter->bias,
        .sources = filter->sources,
        .size = filter->size,
        .stride = filter->stride,
        .padding = filter->padding,
        .activation = conv->activation,
        .depth = filter->depth,
        .row = filter->row,
        .groups = filter->groups,
        .rows = udm_divide_up(conv->dst.shape.h, unit) * udm_divide_up(conv->dst.shape.w, unit),
    };
    for (int s = 0; s < filter->sources; s++)
        run.src[s] = udm_opencl_tensor(&conv->src[s]);
    return run;
}

void udm_opencl_conv(udm_device *device, const udm_conv *conv)
{
    udm_opencl_device *cl = udm_opencl_of(device);
    const udm_conv_weights *filter = conv->weights;
    udm_cl_conv run = describe(conv);
    const cl_mem *dst = udm_opencl_buffer(&conv->dst);
    const cl_mem *src[UDM_MAX_SOURCES];
    for (int s = 0; s < UDM_MAX_SOURCES; s++)
        src[s] = udm_opencl_buffer(&conv->src[s < filter->sources ? s : 0]);
    const udm_cl_argument arguments[] = {
        { sizeof(run), &run },
        { sizeof(cl_mem), dst },
        { sizeof(cl_mem), conv->residual ? udm_opencl_buffer(conv->residual) : dst },
        { sizeof(cl_mem), src[0] },
        { sizeof(cl_mem), src[1] },
        { sizeof(cl_mem), src[2] },
        { sizeof(cl_mem), &filter->weights },
        { sizeof(cl_mem), &cl->scratch },
        { sizeof(cl_mem), &cl->counter },
    };
    enum { ALL = sizeof(arguments) / sizeof(arguments[0]), OF_GPU = ALL - 2 };
    if (filter->kernel == UDM_CL_TILED && cl->sub_group) {
        const int outputs = cl->sub_group < UDM_CL_GROUP ? UDM_CL_GROUP : cl->sub_group;
        const int pixels = LOCAL_ITEMS / cl->sub_group * cl->pixels;
        udm_opencl_run(cl, filter->kernel, arguments, OF_GPU,
                       (size_t[]){ (size_t)udm_divide_up(run.rows, pixels) * LOCAL_ITEMS,
                                   udm_divide_up(udm_opencl_blocks(filter->out) * UDM_CL_BLOCK, outputs) },
                       (size_t[]){ LOCAL_ITEMS, 1 });
        return;
    }
    if (filter->kernel == UDM_CL_TILED) {
        const size_t pixels = udm_divide_up(run.rows, UDM_CL_SIDE), outputs = udm_divide_up(filter->out, UDM_CL_SIDE);
        udm_opencl_run(cl, filter->kernel, arguments, OF_GPU, (size_t[]){ 16 * outputs, 16 * pixels },
                       (size_t[]){ 16, 16 });
        return;
    }
    divide_work(&run, filter, cl->workers);
    run.per_worker = cl->per_worker;
    udm_opencl_run(cl, filter->kernel, arguments, ALL, (size_t[]){ cl->workers, 1 }, (size_t[]){ 1, 1 });
}

udm_conv_work udm_opencl_conv_work(udm_device *device, const udm_conv *conv)
{
    const udm_conv_weights *filter = conv->weights;
    const udm_cl_conv run = describe(conv);
    const bool half = udm_opencl_of(device)->half && !udm_opencl_of(device)->lanes;
    const double outputs = UDM_CL_BLOCK * (double)udm_opencl_blocks(filter->out);
    int in = 0;
    for (int s = 0; s < filter->sources; s++)
        in += filter->in[s];
    return (udm_conv_work){
        .sources = filter->sources,
        .in = in,
        .out = filter->out,
        .size = filter->size,
        .stride = filter->stride,
        .winograd = filter->kernel == UDM_CL_WINOGRAD,
        .flops = 2 * (double)run.rows * filter->products * filter->depth * outputs,
        .bytes = filter->values * (half ? sizeof(cl_half) : sizeof(cl_float)),
    };
}
