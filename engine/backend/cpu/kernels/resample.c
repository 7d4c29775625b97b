// SPDX-License-Identifier: LGPL-2.1-or-later
// To twice the size, and to half of it.
#include "backend/cpu/kernels/kernels.h"

INLINE const float *row_of(const udm_tensor *tensor, int block, int y)
{
    return udm_host_data(tensor) + ((size_t)block * tensor->shape.h + y) * tensor->shape.w * UDM_CPU_BLOCK;
}

INLINE vec at(const float *row, int x, int lane)
{
    return load(row + (size_t)x * UDM_CPU_BLOCK + lane);
}

// index: a row of a block of dst
void NAME(udm_cpu_resample)(void *context, int index, int worker)
{
    const udm_cpu_pointwise *job = context;
    udm_shape shape = job->dst->shape, from = job->src->shape;
    int block = index / shape.h, y = index % shape.h;
    bool enlarge = shape.h > from.h;
    const float *upper = row_of(job->src, block, enlarge ? y / 2 : 2 * y);
    const float *lower = upper + (size_t)from.w * UDM_CPU_BLOCK;
    float *dst = (float *)row_of(job->dst, block, y);
    for (int x = 0; x < shape.w; x++, dst += UDM_CPU_BLOCK)
        for (int lane = 0; lane < UDM_CPU_BLOCK; lane += LANES) {
            int left = 2 * x;
            vec value = enlarge ? at(upper, x / 2, lane)
                                : (at(upper, left, lane) + at(upper, left + 1, lane) + at(lower, left, lane) +
                                   at(lower, left + 1, lane)) *
                                      .25f;
            store(dst + lane, value);
        }
}
