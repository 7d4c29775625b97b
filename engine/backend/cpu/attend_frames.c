// SPDX-License-Identifier: LGPL-2.1-or-later
// Attention over the frames at each pixel (the equation is in backend.h). There are few frames, so it is a small part
// of a network's time: plain loops over a pixel's blocks of channels.
#include <math.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "backend/host.h"
#include "base/maths.h"

// A pixel of all tensors: where its first block is, and from block to block.
typedef struct pixel {
    size_t at, step;
} pixel;

// Channels of a block, of which `count` are used, from `lane` on that are of one head.
static int run_of(int first, int lane, int count, int size, int *head)
{
    *head = (first + lane) / size;
    return udm_min(count - lane, (*head + 1) * size - first - lane);
}

// The scores of one frame, for each head.
static void score(const udm_frame_attention *a, pixel p, const udm_tensor *key, float scores[UDM_MAX_FRAME_HEADS])
{
    const int channels = a->dst.shape.c, size = channels / a->heads;
    const float *q = udm_host_data(&a->query) + p.at, *k = udm_host_data(key) + p.at;
    memset(scores, 0, a->heads * sizeof *scores);
    for (int c = 0; c < channels; c += UDM_CPU_BLOCK, q += p.step, k += p.step) {
        float products[UDM_CPU_BLOCK];
        for (int lane = 0; lane < UDM_CPU_BLOCK; lane++)
            products[lane] = q[lane] * k[lane];
        const int count = udm_min(UDM_CPU_BLOCK, channels - c);
        for (int lane = 0, run, head; lane < count; lane += run) {
            run = run_of(c, lane, count, size, &head);
            float sum = scores[head];
            for (int i = 0; i < run; i++)
                sum += products[lane + i];
            scores[head] = sum;
        }
    }
}

// scores[frame][head] become weights.
static void softmax(const udm_frame_attention *a, float scores[][UDM_MAX_FRAME_HEADS], int head)
{
    const float scale = 1 / sqrtf((float)(a->dst.shape.c / a->heads));
    float most = -INFINITY, total = 0;
    for (int f = 0; f < a->frames; f++)
        most = fmaxf(most, scores[f][head]);
    for (int f = 0; f < a->frames; f++)
        total += scores[f][head] = expf((scores[f][head] - most) * scale);
    for (int f = 0; f < a->frames; f++)
        scores[f][head] /= total;
}

static void add_values(const udm_frame_attention *a, pixel p, float weights[][UDM_MAX_FRAME_HEADS])
{
    const int channels = a->dst.shape.c, size = channels / a->heads;
    for (int c = 0; c < channels; c += UDM_CPU_BLOCK, p.at += p.step) {
        float sums[UDM_CPU_BLOCK] = { 0 }; // channels past the last stay zero
        const int count = udm_min(UDM_CPU_BLOCK, channels - c);
        for (int lane = 0, run, head; lane < count; lane += run) {
            run = run_of(c, lane, count, size, &head);
            for (int f = 0; f < a->frames; f++) {
                const float *value = udm_host_data(&a->value[f]) + p.at + lane, weight = weights[f][head];
                for (int i = 0; i < run; i++)
                    sums[lane + i] += weight * value[i];
            }
        }
        memcpy(udm_host_data(&a->dst) + p.at, sums, sizeof sums);
    }
}

static void attend_row(void *context, int y, int worker)
{
    const udm_frame_attention *a = context;
    const udm_shape shape = a->dst.shape;
    float scores[UDM_MAX_FRAMES][UDM_MAX_FRAME_HEADS];
    (void)worker;
    for (int x = 0; x < shape.w; x++) {
        const size_t step = (size_t)shape.h * shape.w * UDM_CPU_BLOCK;
        const pixel p = { ((size_t)y * shape.w + x) * UDM_CPU_BLOCK, step };
        for (int f = 0; f < a->frames; f++)
            score(a, p, &a->key[f], scores[f]);
        for (int h = 0; h < a->heads; h++)
            softmax(a, scores, h);
        add_values(a, p, scores);
    }
}

void udm_cpu_attend_frames(udm_device *device, const udm_frame_attention *attention)
{
    udm_frame_attention a = *attention;
    udm_pool_run(udm_cpu_of(device)->pool, a.dst.shape.h, attend_row, &a);
}
