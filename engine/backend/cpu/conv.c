// SPDX-License-Identifier: LGPL-2.1-or-later
// Packs the weights of convolutions, and divides their work among the threads.
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "backend/host.h"

// Floats that a worker's rows and sums may take: most of the 1 MiB of a core's second cache, leaving room for weights.
enum { DIRECT_FLOATS = 40 << 10, WINOGRAD_FLOATS = 120 << 10, MAX_BATCH = 48 };

static bool is_winograd(const udm_kernel_spec *spec)
{
    return spec->size == 3 && spec->stride == 1 && spec->padding == 1;
}

static int round_up(int value, int step)
{
    return (value + step - 1) / step * step;
}

static int choose_batch(const udm_kernel *kernel)
{
    int budget = kernel->products == 1 ? DIRECT_FLOATS : WINOGRAD_FLOATS;
    int fit = budget / kernel->products / (kernel->row + UDM_CPU_GROUP) / UDM_CPU_ROW_STEP * UDM_CPU_ROW_STEP;
    return fit < UDM_CPU_ROW_STEP ? UDM_CPU_ROW_STEP : fit > MAX_BATCH ? MAX_BATCH : fit;
}

// A row, in whole blocks: gathering the last tap writes each source's channels padded to a block, one after the other.
static int row_length(const udm_kernel *kernel, int last_tap)
{
    int end = kernel->depth;
    for (int s = 0; s < kernel->sources; s++) {
        int written = last_tap + udm_cpu_blocks(kernel->in[s]) * UDM_CPU_BLOCK;
        end = written > end ? written : end;
        last_tap += kernel->in[s];
    }
    return round_up(end, UDM_CPU_BLOCK);
}

// Fills all but the pointers. False where a size does not fit.
static bool plan_kernel(udm_kernel *kernel, const udm_kernel_spec *spec)
{
    bool winograd = is_winograd(spec);
    size_t in = 0, depth;
    for (int s = 0; s < spec->sources; s++)
        in += (size_t)spec->in[s];
    if (!udm_multiply(in, winograd ? 1 : (size_t)spec->size * spec->size, &depth) || depth > INT_MAX / 64 ||
        spec->out > INT_MAX / 64)
        return false;
    *kernel = (udm_kernel){
        .sources = spec->sources, .out = spec->out, .size = spec->size, .stride = spec->stride, .padding = spec->padding
    };
    memcpy(kernel->in, spec->in, sizeof(kernel->in));
    kernel->products = winograd ? UDM_CPU_PRODUCTS : 1;
    kernel->depth = (int)depth;
    kernel->row = row_length(kernel, kernel->depth - (int)in);
    kernel->groups = (udm_cpu_blocks(spec->out) + 1) / 2;
    kernel->max_batch = choose_batch(kernel);
    return true;
}

// U = G g G^T, the weights of one input and output in the domain of F(4x4, 3x3). g: [3, 3], u: [6, 6].
static void transform_weights(const float *g, float *u)
{
    static const double G[6][3] = { { 1. / 4, 0, 0 },
                                    { -1. / 6, -1. / 6, -1. / 6 },
                                    { -1. / 6, 1. / 6, -1. / 6 },
                                    { 1. / 24, 1. / 12, 1. / 6 },
                                    { 1. / 24, -1. / 12, 1. / 6 },
                                    { 0, 0, 1 } };
    double t[6][3];
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 3; j++)
            t[i][j] = G[i][0] * g[j] + G[i][1] * g[3 + j] + G[i][2] * g[6 + j];
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++)
            u[i * 6 + j] = (float)(t[i][0] * G[j][0] + t[i][1] * G[j][1] + t[i][2] * G[j][2]);
}

// Where the weight of output o, row position k, product p lies.
static float *packed_at(const udm_kernel *kernel, int o, int p, int k)
{
    int g = o / UDM_CPU_GROUP;
    const float *panel = udm_cpu_panel(kernel, g, p);
    return (float *)panel + (size_t)k * udm_cpu_width(kernel, g) + o % UDM_CPU_GROUP;
}

// taps: the size * size weights of input i to output o.
static void pack_taps(const udm_kernel *kernel, int o, int i, const float *taps)
{
    int count = kernel->size * kernel->size;
    if (kernel->products == 1) {
        int in = kernel->depth / count;
        for (int t = 0; t < count; t++)
            *packed_at(kernel, o, 0, t * in + i) = taps[t];
        return;
    }
    float u[UDM_CPU_PRODUCTS];
    transform_weights(taps, u);
    for (int p = 0; p < UDM_CPU_PRODUCTS; p++)
        *packed_at(kernel, o, p, i) = u[p];
}

static bool allocate_weights(udm_kernel *kernel)
{
    size_t outputs = (size_t)kernel->groups * UDM_CPU_GROUP, floats, bytes;
    if (!udm_multiply(outputs, (size_t)kernel->depth, &floats) ||
        !udm_multiply(floats, (size_t)kernel->products, &floats) ||
        !udm_multiply(floats + outputs, sizeof(float), &bytes) || floats + outputs < outputs)
        return false;
    kernel->weights = aligned_alloc(UDM_ALIGNMENT, bytes); // outputs are whole lines
    if (!kernel->weights)
        return false;
    memset(kernel->weights, 0, bytes);
    kernel->bias = kernel->weights + floats;
    return true;
}

// The scratch memory grows here, so that nothing is allocated while a network runs.
static bool grow_scratch(udm_cpu_device *cpu, const udm_kernel *kernel, udm_error *error)
{
    size_t need =
        kernel->products * (udm_cpu_rows_stride(kernel, kernel->max_batch) + udm_cpu_sums_stride(kernel->max_batch));
    if (need <= cpu->per_worker)
        return true;
    size_t bytes = need * sizeof(float) * udm_pool_threads(cpu->pool);
    udm_memory *scratch = udm_host_alloc(&cpu->device, bytes, error);
    if (!scratch)
        return false;
    udm_host_free(&cpu->device, (udm_memory *)cpu->scratch);
    cpu->scratch = (float *)scratch;
    cpu->per_worker = need;
    return true;
}

udm_kernel *udm_cpu_kernel_new(udm_device *device, const udm_kernel_spec *spec, udm_error *error)
{
    udm_kernel *kernel = calloc(1, sizeof(*kernel));
    if (!kernel || !plan_kernel(kernel, spec) || !allocate_weights(kernel) ||
        !grow_scratch((udm_cpu_device *)device, kernel, error)) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a convolution with %d outputs", spec->out);
        udm_cpu_kernel_free(device, kernel);
        return NULL;
    }
    int in = 0, taps = spec->size * spec->size;
    for (int s = 0; s < spec->sources; s++)
        in += spec->in[s];
    for (int o = 0; o < spec->out; o++) {
        kernel->bias[o] = spec->bias ? spec->bias[o] : 0;
        for (int i = 0; i < in; i++)
            pack_taps(kernel, o, i, spec->weight + ((size_t)o * in + i) * taps);
    }
    return kernel;
}

void udm_cpu_kernel_free(udm_device *device, udm_kernel *kernel)
{
    if (kernel)
        free(kernel->weights);
    free(kernel);
}

static int divide_up(int a, int b)
{
    return (a + b - 1) / b;
}

// Few rows are done in small batches, and by several workers with some groups of the outputs each; many in long chunks,
// whose batches find in the cache the pixels that they share with the one before.
static int divide_work(udm_cpu_run *run, int threads)
{
    int wanted = threads == 1 ? 1 : 4 * threads;
    int even = round_up(divide_up(run->rows, wanted), UDM_CPU_ROW_STEP);
    run->batch = even < run->kernel->max_batch ? even : run->kernel->max_batch;
    int batches = divide_up(run->rows, run->batch);
    run->chunk = divide_up(batches, 8 * wanted);
    run->splits = batches >= threads ? 1 : divide_up(threads, batches);
    if (run->splits > run->kernel->groups)
        run->splits = run->kernel->groups;
    return divide_up(batches, run->chunk) * run->splits;
}

void udm_cpu_conv(udm_device *device, const udm_conv *conv)
{
    udm_cpu_device *cpu = (udm_cpu_device *)device;
    const udm_kernel *kernel = conv->kernel;
    bool winograd = kernel->products > 1;
    int unit = winograd ? UDM_CPU_TILE : 1;
    udm_cpu_run run = {
        .conv = conv,
        .kernel = kernel,
        .rows = divide_up(conv->dst.shape.h, unit) * divide_up(conv->dst.shape.w, unit),
        .scratch = cpu->scratch,
        .per_worker = cpu->per_worker,
    };
    int jobs = divide_work(&run, udm_pool_threads(cpu->pool));
    udm_pool_run(cpu->pool, jobs, winograd ? cpu->isa->winograd : cpu->isa->direct, &run);
}
