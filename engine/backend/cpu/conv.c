// SPDX-License-Identifier: LGPL-2.1-or-later
// Packs the weights of convolutions, and divides their work among the threads.
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "backend/host.h"

// Whether 3x3 weights, which take four times their size once transformed, are kept as they are. Where tiles are few,
// transforming them when they are used costs little beside the products, and less has to come from memory, as for many
// weights the caches are too small. Of 16 bits, which are those of large models, they would not all fit the memory.
static bool is_late(const udm_conv_weights *weights, const udm_conv_spec *spec)
{
    enum { MOST_TILES = 32, LEAST_BYTES = 4 << 20, LEAST_BYTES_OF_HALVES = 16 << 20 };
    const size_t bytes = sizeof(float) * UDM_PRODUCTS * weights->depth * weights->out;
    const bool few = spec->pixels > 0 && spec->pixels <= MOST_TILES * UDM_CPU_TILE * UDM_CPU_TILE;
    return spec->kind ? bytes >= LEAST_BYTES_OF_HALVES || (few && bytes >= LEAST_BYTES)
                      : few && bytes >= LEAST_BYTES && !weights->code->pairs;
}

// Fills all but the weights and the code. False where a size does not fit.
static bool plan_weights(udm_conv_weights *weights, const udm_conv_spec *spec)
{
    bool winograd = udm_is_winograd(spec->size, spec->stride, spec->padding);
    size_t in = 0, depth;
    for (int s = 0; s < spec->sources; s++)
        in += (size_t)spec->in[s];
    if (!udm_multiply(in, winograd ? 1 : (size_t)spec->size * spec->size, &depth) || depth > INT_MAX / 64 ||
        spec->out > INT_MAX / 64)
        return false;
    *weights = (udm_conv_weights){ .sources = spec->sources,
                                   .out = spec->out,
                                   .size = spec->size,
                                   .stride = spec->stride,
                                   .padding = spec->padding,
                                   .code = weights->code };
    memcpy(weights->in, spec->in, sizeof(weights->in));
    weights->products = winograd ? UDM_PRODUCTS : 1;
    weights->depth = (int)depth;
    weights->matrices = winograd && is_late(weights, spec) ? spec->size * spec->size : weights->products;
    const bool late = weights->matrices < weights->products;
    if (spec->kind && (late || (!winograd && !weights->code->pairs)))
        weights->kind = spec->kind;
    weights->steps = weights->code->pairs && !weights->kind ? udm_divide_up(weights->depth, 2) : weights->depth;
    weights->row =
        udm_row_length(weights->sources, weights->in, weights->depth, weights->depth - (int)in, UDM_CPU_BLOCK);
    weights->groups = (udm_cpu_blocks(spec->out) + 1) / 2;
    int row = weights->code->pairs ? weights->row / 2 : weights->row;
    weights->max_batch = udm_most_rows(weights->products, row, UDM_CPU_GROUP, UDM_CPU_ROW_STEP, weights->kind ? 4 : 1);
    return true;
}

// Of all weights and the biases; floats: before the biases. 0 where that does not fit.
static size_t count_bytes(const udm_conv_weights *weights, size_t *floats)
{
    size_t outputs = (size_t)weights->groups * UDM_CPU_GROUP, elements, bytes;
    if (!udm_multiply(outputs, (size_t)weights->steps, &elements) ||
        !udm_multiply(elements, (size_t)weights->matrices, &elements))
        return 0;
    *floats = weights->kind ? (elements + 1) / 2 : elements;
    return *floats + outputs < outputs || !udm_multiply(*floats + outputs, sizeof(float), &bytes) ? 0 : bytes;
}

size_t udm_cpu_weights_bytes(const udm_conv_spec *spec)
{
    static const udm_cpu_products plain = { .pairs = false };
    udm_conv_weights weights = { .code = &plain };
    size_t floats;
    return plan_weights(&weights, spec) ? count_bytes(&weights, &floats) : 0;
}

static bool allocate_weights(udm_device *device, udm_conv_weights *weights)
{
    size_t floats, bytes = count_bytes(weights, &floats);
    if (bytes == 0)
        return false;
    udm_cpu_device *cpu = udm_cpu_of(device);
    if (udm_cpu_wants_paging(cpu, bytes)) {
        weights->values = udm_cpu_page(cpu, bytes, &weights->paged);
    } else {
        weights->values = (float *)udm_host_alloc(device, bytes, NULL); // zeros, in huge pages
        weights->resident = weights->values ? bytes : 0;
        cpu->resident += weights->resident;
    }
    if (!weights->values)
        return false;
    weights->bias = weights->values + floats;
    return true;
}

bool udm_cpu_grow_scratch(udm_cpu_device *cpu, size_t per_worker, udm_error *error)
{
    if (per_worker <= cpu->per_worker)
        return true;
    size_t bytes;
    udm_memory *scratch = NULL;
    if (udm_multiply(per_worker, sizeof(float) * udm_pool_threads(cpu->pool), &bytes))
        scratch = udm_host_alloc(&cpu->device, bytes, error);
    if (!scratch)
        return false;
    udm_host_free(&cpu->device, (udm_memory *)cpu->scratch);
    cpu->scratch = (float *)scratch;
    cpu->per_worker = per_worker;
    return true;
}

// Here, so that nothing is allocated while a network runs.
static bool grow_scratch(udm_cpu_device *cpu, const udm_conv_weights *weights, udm_error *error)
{
    size_t sums = weights->products * udm_cpu_sums_stride(weights->max_batch);
    const size_t taps = weights->kind ? 9 : 0; // of late weights that become floats before they are transformed
    size_t more = udm_cpu_is_late(weights) ? (UDM_PRODUCTS + taps) * udm_cpu_late_stride(UDM_CPU_GROUP)
                  : weights->kind          ? UDM_CPU_HALF_STEPS * UDM_CPU_GROUP
                                           : 0;
    return udm_cpu_grow_scratch(cpu, udm_cpu_rows_floats(weights, weights->max_batch) + sums + more, error);
}

udm_conv_weights *udm_cpu_conv_weights_new(udm_device *device, const udm_conv_spec *spec, udm_error *error)
{
    udm_conv_weights *weights = calloc(1, sizeof(*weights));
    if (weights)
        weights->code = udm_cpu_of(device)->products;
    if (!weights || !plan_weights(weights, spec) || !allocate_weights(device, weights) ||
        !grow_scratch(udm_cpu_of(device), weights, error)) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a convolution with %d outputs", spec->out);
        udm_cpu_conv_weights_free(device, weights);
        return NULL;
    }
    for (int o = 0; o < spec->out; o++)
        weights->bias[o] = spec->bias ? spec->bias[o] : 0;
    udm_pool_run(udm_cpu_of(device)->pool, weights->groups, weights->code->pack, &(udm_cpu_packing){ weights, spec });
    udm_cpu_page_out(weights);
    return weights;
}

void udm_cpu_conv_weights_free(udm_device *device, udm_conv_weights *weights)
{
    if (weights && weights->paged > 0) {
        udm_cpu_unpage(udm_cpu_of(device), weights->values, weights->paged);
    } else if (weights) {
        udm_host_free(device, (udm_memory *)weights->values);
        udm_cpu_of(device)->resident -= weights->resident;
    }
    free(weights);
}

// Few rows are done in small batches, and by several workers with some groups of the outputs each, but not in so small
// ones that the weights are fetched again and again; many in long chunks, whose batches find in the cache the pixels
// that they share with the one before.
static int divide_work(udm_cpu_run *run, int threads)
{
    enum { LEAST = 16 };
    int wanted = threads == 1 || udm_cpu_is_late(run->weights) ? 1 : 4 * threads; // each transforms late weights
    int even = udm_divide_up(run->rows, wanted), least = run->rows < LEAST ? run->rows : LEAST;
    even = udm_round_up(even > least ? even : least, UDM_CPU_ROW_STEP);
    run->batch = even < run->weights->max_batch ? even : run->weights->max_batch;
    int batches = udm_divide_up(run->rows, run->batch);
    run->chunk = udm_divide_up(batches, 8 * wanted);
    const bool whole = batches >= (run->weights->kind ? 8 : 1) * threads; // so many that all threads end together
    run->splits = whole ? 1 : udm_cpu_is_late(run->weights) ? threads : udm_divide_up(threads, batches);
    if (run->splits > run->weights->groups)
        run->splits = run->weights->groups;
    return udm_divide_up(batches, run->chunk) * run->splits;
}

void udm_cpu_conv(udm_device *device, const udm_conv *conv)
{
    udm_cpu_device *cpu = udm_cpu_of(device);
    const udm_conv_weights *weights = conv->weights;
    bool winograd = weights->products > 1;
    int unit = winograd ? UDM_CPU_TILE : 1;
    udm_cpu_run run = {
        .conv = conv,
        .weights = weights,
        .rows = udm_divide_up(conv->dst.shape.h, unit) * udm_divide_up(conv->dst.shape.w, unit),
        .scratch = cpu->scratch,
        .per_worker = cpu->per_worker,
    };
    int jobs = divide_work(&run, udm_pool_threads(cpu->pool));
    udm_cpu_page_in(weights);
    udm_pool_run(cpu->pool, jobs, winograd ? weights->code->winograd : weights->code->direct, &run);
    udm_cpu_page_out(weights);
}
