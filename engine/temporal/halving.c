// SPDX-License-Identifier: LGPL-2.1-or-later
#include "temporal/halving.h"

#include "base/maths.h"
#include "temporal/kernels/kernels.h"

void udm_halve_frame(const float *planes, const float *level, int channels, int width, int height, float *small,
                     float *small_level, udm_pool *pool)
{
    udm_halving_job job = { planes, level, NULL, channels, width, height, small, small_level };
    udm_pool_run(pool, udm_divide_up(height, 2), udm_temporal_ops_for(pool)->halve, &job);
}

void udm_halve_prediction(const float *planes, const float *variance, int channels, int width, int height, float *small,
                          float *small_level, udm_pool *pool)
{
    udm_halving_job job = { planes, NULL, variance, channels, width, height, small, small_level };
    udm_pool_run(pool, udm_divide_up(height, 2), udm_temporal_ops_for(pool)->halve, &job);
}

void udm_expand_plane(const float *small, float factor, int width, int height, float *out, udm_pool *pool)
{
    udm_expansion_job job = { small, factor, out, width, height };
    udm_pool_run(pool, height, udm_temporal_ops_for(pool)->expand, &job);
}
