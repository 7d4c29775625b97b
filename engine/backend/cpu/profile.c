// SPDX-License-Identifier: LGPL-2.1-or-later
// What times.h asks of the processor, and what the processor can multiply and move, measured on demand.
#include <float.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/cpu/cpu.h"
#include "backend/times.h"

// Of all processors together: other work on the machine changes that little.
static double now_ms(const udm_device *device)
{
    struct timespec now;
    (void)device;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1e3 + now.tv_nsec * 1e-6;
}

static udm_conv_work work_of(udm_device *device, const udm_conv *conv)
{
    const udm_conv_weights *weights = conv->weights;
    const udm_shape dst = conv->dst.shape;
    const bool winograd = weights->products > 1;
    const int unit = winograd ? UDM_CPU_TILE : 1;
    const double rows = (double)udm_divide_up(dst.h, unit) * udm_divide_up(dst.w, unit);
    const double outputs = UDM_CPU_BLOCK * (double)udm_cpu_blocks(weights->out);
    (void)device;
    return (udm_conv_work){
        .sources = weights->sources,
        .in = weights->depth / (winograd ? 1 : weights->size * weights->size),
        .out = weights->out,
        .size = weights->size,
        .stride = weights->stride,
        .winograd = winograd,
        .flops = 2 * rows * weights->products * weights->depth * outputs,
        .bytes =
            weights->matrices * (double)weights->steps * outputs * (weights->kind ? sizeof(uint16_t) : sizeof(float)),
    };
}

const udm_clock udm_cpu_clock = { now_ms, work_of };

enum { PEAK_JOBS = 64, PEAK_TURNS = 5, PEAK_STEPS = 20000, MEMORY_BYTES = 192 << 20 };

// The best of some turns of a job, in ms.
static double best_ms(udm_pool *pool, udm_job job, void *context)
{
    double best = DBL_MAX;
    for (int i = 0; i < PEAK_TURNS; i++) {
        const double start = now_ms(NULL);
        udm_pool_run(pool, PEAK_JOBS, job, context);
        const double taken = now_ms(NULL) - start;
        best = taken < best ? taken : best;
    }
    return best;
}

static void move_part(void *context, int index, int worker)
{
    char *memory = context;
    const size_t part = MEMORY_BYTES / 2 / PEAK_JOBS;
    (void)worker;
    memcpy(memory + MEMORY_BYTES / 2 + index * part, memory + index * part, part);
}

void udm_cpu_profile(const udm_device *device, udm_timed found, void *context)
{
    const udm_cpu_device *cpu = (const udm_cpu_device *)device;
    if (!device->times)
        return;
    int steps = PEAK_STEPS;
    udm_timing peak = { .runs = 1, .ms = best_ms(cpu->pool, cpu->products->peak, &steps) };
    peak.flops = (double)PEAK_JOBS * PEAK_STEPS * udm_cpu_peak_flops(cpu->products->pairs, cpu->isa->lanes);
    found(context, UDM_PEAK_PRODUCTS, &peak);
    char *memory = calloc(1, MEMORY_BYTES);
    if (memory) {
        memset(memory, 1, MEMORY_BYTES); // its pages are there
        peak = (udm_timing){ .runs = 1, .ms = best_ms(cpu->pool, move_part, memory), .bytes = MEMORY_BYTES };
        found(context, UDM_PEAK_MEMORY, &peak);
    }
    free(memory);
    udm_times_list(device->times, found, context);
}
