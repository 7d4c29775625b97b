// SPDX-License-Identifier: LGPL-2.1-or-later
// Layer normalisation and products, divided among the threads, and pixels of several tensors as one.
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

enum { PRODUCTS = 16384 }; // of one job

// index: of PRODUCTS values. The channels past the last are zero, and stay so.
static void multiply_part(void *context, int index, int worker)
{
    const udm_tensor *const *of = context;
    const udm_shape shape = of[0]->shape;
    const size_t all = (size_t)udm_cpu_blocks(shape.c) * shape.h * shape.w * UDM_CPU_BLOCK;
    const size_t first = (size_t)index * PRODUCTS, end = all - first < PRODUCTS ? all : first + PRODUCTS;
    const float *a = udm_host_data(of[1]), *b = udm_host_data(of[2]);
    float *dst = udm_host_data(of[0]);
    (void)worker;
    for (size_t i = first; i < end; i++)
        dst[i] = a[i] * b[i];
}

void udm_cpu_multiply(udm_device *device, const udm_tensor *dst, const udm_tensor *a, const udm_tensor *b)
{
    const size_t all = (size_t)udm_cpu_blocks(dst->shape.c) * dst->shape.h * dst->shape.w * UDM_CPU_BLOCK;
    const udm_tensor *of[] = { dst, a, b };
    udm_pool_run(udm_cpu_of(device)->pool, (int)((all + PRODUCTS - 1) / PRODUCTS), multiply_part, of);
}
