// SPDX-License-Identifier: LGPL-2.1-or-later
// For each block of BLOCK x BLOCK pixels and each channel, the mean m of what the prediction lacks, weighted by
// w = 1 / (1 + d^2 / (FAR^2 u))^2 / u, where d is a pixel's difference and u the variance that it should have: a pixel
// that shows something else than the prediction hardly counts (the influence function of Geman and McClure). m has the
// variance v = sum(w^2 u) / sum(w)^2, and counts as far as it stands out from that: by 1 - SURE v / m^2. Between the
// middles of blocks it is interpolated.
#include "temporal/illumination.h"

#include <stdlib.h>

#include "temporal/kernels/kernels.h"

enum { BLOCK = UDM_ILLUMINATION_BLOCK, MOST_CHANNELS = UDM_ILLUMINATION_CHANNELS };

struct udm_illumination {
    int width, height, channels, columns, rows; // pixels; blocks
    udm_pool *pool;
    float offsets[]; // [channels, rows, columns]
};

static size_t blocks(const udm_illumination *illumination)
{
    return (size_t)illumination->columns * (size_t)illumination->rows;
}

udm_illumination *udm_illumination_new(int width, int height, int channels, udm_pool *pool, udm_error *error)
{
    if (width < 1 || height < 1 || channels < 1 || channels > MOST_CHANNELS) {
        udm_fail(error, UDM_ERROR_SETTINGS, "the illumination of %d planes of %d x %d cannot be matched", channels,
                 width, height);
        return NULL;
    }
    const int columns = (width - 1) / BLOCK + 1, rows = (height - 1) / BLOCK + 1;
    const size_t floats = (size_t)columns * (size_t)rows * (size_t)channels;
    udm_illumination *illumination = malloc(sizeof *illumination + floats * sizeof(float));
    if (!illumination) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for the illumination of %d planes", channels);
        return NULL;
    }
    *illumination = (udm_illumination){
        .width = width, .height = height, .channels = channels, .columns = columns, .rows = rows, .pool = pool
    };
    return illumination;
}

void udm_illumination_free(udm_illumination *illumination)
{
    free(illumination);
}

size_t udm_illumination_memory(const udm_illumination *illumination)
{
    return sizeof *illumination + blocks(illumination) * (size_t)illumination->channels * sizeof(float);
}

void udm_illumination_match(udm_illumination *illumination, const udm_illumination_input *input, float *predicted)
{
    const udm_temporal_ops *ops = udm_temporal_ops_for(illumination->pool);
    udm_illumination_job job = { .width = illumination->width,
                                 .height = illumination->height,
                                 .channels = illumination->channels,
                                 .columns = illumination->columns,
                                 .rows = illumination->rows,
                                 .frame = input->frame,
                                 .level = input->level,
                                 .variance = input->variance,
                                 .unknown = input->unknown,
                                 .step = input->step > 1 ? input->step : 1,
                                 .offsets = illumination->offsets,
                                 .predicted = predicted };
    udm_pool_run(illumination->pool, illumination->rows * udm_block_parts(illumination->columns), ops->measure_light,
                 &job);
    udm_pool_run(illumination->pool, illumination->height, ops->shift_light, &job);
}
