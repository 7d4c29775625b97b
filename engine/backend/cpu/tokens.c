// SPDX-License-Identifier: LGPL-2.1-or-later
// Layer normalisation, divided among the threads, and pixels of several tensors as one.
#include <string.h>

#include "backend/cpu/cpu.h"
#include "backend/host.h"

void udm_cpu_layer_norm_run(udm_device *device, const udm_layer_norm *norm)
{
    udm_cpu_device *cpu = udm_cpu_of(device);
    const int pixels = norm->dst.shape.h * norm->dst.shape.w;
    udm_pool_run(cpu->pool, udm_divide_up(pixels, UDM_CPU_LAYER_PART), cpu->isa->layer_norm, (void *)norm);
}

void udm_cpu_join(udm_device *device, const udm_join *join)
{
    const size_t count = (size_t)join->dst.shape.h * join->dst.shape.w;
    for (int block = 0; block < udm_cpu_blocks(join->dst.shape.c); block++) {
        float *dst = udm_host_data(&join->dst) + block * count * UDM_CPU_BLOCK;
        size_t skip = join->first, left = count;
        for (int s = 0; s < join->sources && left > 0; s++) {
            const size_t pixels = (size_t)join->src[s].shape.h * join->src[s].shape.w;
            const size_t from = skip < pixels ? skip : pixels, there = pixels - from,
                         taken = there < left ? there : left;
            const float *src = udm_host_data(&join->src[s]) + (block * pixels + from) * UDM_CPU_BLOCK;
            memcpy(dst, src, taken * UDM_CPU_BLOCK * sizeof *dst);
            dst += taken * UDM_CPU_BLOCK;
            left -= taken;
            skip -= from;
        }
    }
}
