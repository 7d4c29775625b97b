// SPDX-License-Identifier: LGPL-2.1-or-later
// As many products as the processor can do: all in registers, in the shape of multiply_block().
#include "backend/cpu/kernels/gemm.h"
#include "backend/cpu/kernels/kernels.h"

#if defined(__AVX512BF16__)
enum { IN_PAIRS = true };
#else
enum { IN_PAIRS = false };
#endif

void NAME(udm_cpu_peak)(void *context, int index, int worker)
{
    const int steps = *(const int *)context;
    float a[MICRO_ROWS], out[UDM_CPU_BLOCK];
    (void)index, (void)worker;
    for (int m = 0; m < MICRO_ROWS; m++)
        a[m] = 1e-20f * (float)(m + 1);
    vec sum[UDM_CPU_PEAK_SUMS] = { 0 }, b = broadcast(1e-20f);
    for (int k = 0; k < steps; k++) {
#pragma GCC unroll 16
        for (int m = 0; m < UDM_CPU_PEAK_SUMS; m++)
            sum[m] = add_step(sum[m], a + m % MICRO_ROWS, b, IN_PAIRS);
        __asm__ volatile("" : "+x"(b)); // what comes next is not known to be the same
    }
    for (int m = 1; m < UDM_CPU_PEAK_SUMS; m++)
        sum[0] += sum[m];
    store(out, sum[0]);
    __asm__ volatile("" : : "m"(out)); // and is wanted
}
