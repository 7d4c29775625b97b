// SPDX-License-Identifier: LGPL-2.1-or-later
// Divides attention among the threads: a job is a head and some of its queries.
#include "backend/cpu/cpu.h"

void udm_cpu_attention(udm_device *device, const udm_attention *attention)
{
    udm_cpu_device *cpu = (udm_cpu_device *)device;
    udm_shape shape = attention->dst.shape;
    udm_cpu_attend run = { .attention = attention, .parts = udm_divide_up(shape.h * shape.w, UDM_CPU_QUERIES) };
    // Queries, keys, values and sums of one head (kernels/attention.c).
    size_t head = (size_t)udm_round_up(shape.c / attention->heads, UDM_CPU_GROUP);
    size_t need = head * 2 * (UDM_CPU_QUERIES + UDM_CPU_KEYS);
    if (!udm_cpu_grow_scratch(cpu, need, NULL)) {
        cpu->lacks_memory = true;
        return;
    }
    run.scratch = cpu->scratch;
    run.per_worker = cpu->per_worker;
    udm_pool_run(cpu->pool, attention->heads * run.parts, cpu->isa->attend, &run);
}
