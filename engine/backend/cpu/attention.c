// SPDX-License-Identifier: LGPL-2.1-or-later
// Divides attention among the threads: a job is a head and some of its queries.
#include "backend/cpu/cpu.h"

// As many queries in a job as its scratch memory may have, so that keys are read seldom, but some jobs for each thread.
static int part_of_queries(int queries, int size, int heads, int threads)
{
    enum { MOST_FLOATS = 96 << 10 };
    int parts = udm_divide_up(2 * threads, heads), most = MOST_FLOATS / (2 * size);
    int part = udm_divide_up(queries, parts);
    part = part < most ? part : most;
    return udm_round_up(part, UDM_CPU_QUERIES);
}

void udm_cpu_attention(udm_device *device, const udm_attention *attention)
{
    udm_cpu_device *cpu = udm_cpu_of(device);
    udm_shape shape = attention->dst.shape;
    int pixels = shape.h * shape.w, size = shape.c / attention->heads;
    udm_cpu_attend run = { .attention = attention };
    run.queries = part_of_queries(pixels, size, attention->heads, udm_pool_threads(cpu->pool));
    run.parts = udm_divide_up(pixels, run.queries);
    // Queries and their sums; keys and values, of which whole steps are multiplied; two numbers for each query.
    size_t rows = (size_t)size + UDM_CPU_ROW_STEP;
    size_t need = 2 * rows * (run.queries + UDM_CPU_KEYS) + 2 * (size_t)run.queries;
    if (!udm_cpu_grow_scratch(cpu, need, NULL)) {
        cpu->lacks_memory = true;
        return;
    }
    run.scratch = cpu->scratch;
    run.per_worker = cpu->per_worker;
    udm_pool_run(cpu->pool, attention->heads * run.parts, cpu->products->attend, &run);
}
