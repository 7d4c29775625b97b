// SPDX-License-Identifier: LGPL-2.1-or-later
// dst[:, p] = sum over f of softmax(query[:, p] . key[f][:, p] / sqrt(channels of a head))[f] value[f][:, p], for each
// head and pixel.
#include <math.h>

#include "backend/host.h"
#include "backend/reference/reference.h"

// One head at one pixel; at: its first channel there, step: to the next one.
static void attend(const udm_frame_attention *a, size_t at, size_t step, int size)
{
    float weight[UDM_MAX_FRAMES], most = -INFINITY, total = 0;
    for (int f = 0; f < a->frames; f++) {
        weight[f] = 0;
        for (int i = 0; i < size; i++)
            weight[f] += udm_host_data(&a->query)[at + i * step] * udm_host_data(&a->key[f])[at + i * step];
        weight[f] /= sqrtf((float)size);
        most = fmaxf(most, weight[f]);
    }
    for (int f = 0; f < a->frames; f++)
        total += weight[f] = expf(weight[f] - most);
    for (int i = 0; i < size; i++) {
        float sum = 0;
        for (int f = 0; f < a->frames; f++)
            sum += weight[f] * udm_host_data(&a->value[f])[at + i * step];
        udm_host_data(&a->dst)[at + i * step] = sum / total;
    }
}

void udm_reference_attend_frames(udm_device *device, const udm_frame_attention *attention)
{
    udm_shape shape = attention->dst.shape;
    const int size = shape.c / attention->heads;
    for (int h = 0; h < attention->heads; h++)
        for (int y = 0; y < shape.h; y++)
            for (int x = 0; x < shape.w; x++)
                attend(attention, udm_reference_at(shape, h * size, y, x), (size_t)shape.h * shape.w, size);
}
