// SPDX-License-Identifier: LGPL-2.1-or-later
// The passes of a normalisation over the pixels (backend/cpu/norm.c).
#include "backend/cpu/kernels/kernels.h"

// The pixels of one block that a job takes.
typedef struct part {
    int first, count;
} part;

INLINE part part_at(const udm_cpu_norm *run, int index)
{
    int pixels = run->norm->dst.shape.h * run->norm->dst.shape.w, first = index % run->parts * UDM_CPU_NORM_PART;
    return (part){ first, pixels - first < UDM_CPU_NORM_PART ? pixels - first : UDM_CPU_NORM_PART };
}

// The sums of x - pivot and of its square, one lane a channel. Two of each, so that one need not wait for the last.
INLINE void sum_lanes(const float *src, int count, vec pivot, vec *sum, vec *squares)
{
    vec s0 = broadcast(0), s1 = s0, q0 = s0, q1 = s0;
    int i = 0;
    for (; i + 1 < count; i += 2) {
        vec a = load(src + (size_t)i * UDM_CPU_BLOCK) - pivot, b = load(src + (size_t)(i + 1) * UDM_CPU_BLOCK) - pivot;
        s0 += a, s1 += b;
        q0 += a * a, q1 += b * b;
    }
    if (i < count) {
        vec a = load(src + (size_t)i * UDM_CPU_BLOCK) - pivot;
        s0 += a;
        q0 += a * a;
    }
    *sum = s0 + s1;
    *squares = q0 + q1;
}

// index: part + block * parts, blocks counted through the sources
void NAME(udm_cpu_moments)(void *context, int index, int worker)
{
    const udm_cpu_norm *run = context;
    const udm_tensor *src = run->norm->src;
    part at = part_at(run, index);
    int block = index / run->parts;
    for (; block >= udm_cpu_blocks(src->shape.c); src++)
        block -= udm_cpu_blocks(src->shape.c);
    const float *first = udm_host_data(src) + (size_t)block * src->shape.h * src->shape.w * UDM_CPU_BLOCK;
    float *out = run->moments + (size_t)index * 2 * UDM_CPU_BLOCK;
    for (int lane = 0; lane < UDM_CPU_BLOCK; lane += LANES) {
        vec sum, squares;
        sum_lanes(first + (size_t)at.first * UDM_CPU_BLOCK + lane, at.count, load(first + lane), &sum, &squares);
        store(out + lane, sum);
        store(out + UDM_CPU_BLOCK + lane, squares);
    }
}

// Where each channel of a block of dst lies in the sources.
typedef struct lanes {
    const float *src[UDM_CPU_BLOCK]; // its first pixel
    float gain[UDM_CPU_BLOCK], offset[UDM_CPU_BLOCK];
    int used;
    bool aligned; // all lie side by side, in the same lanes
} lanes;

static lanes find_lanes(const udm_cpu_norm *run, int block)
{
    const udm_norm *norm = run->norm;
    int channels = norm->dst.shape.c, left = channels - block * UDM_CPU_BLOCK, s = 0, begin = 0;
    size_t plane = (size_t)norm->dst.shape.h * norm->dst.shape.w * UDM_CPU_BLOCK;
    lanes found = { .used = left < UDM_CPU_BLOCK ? left : UDM_CPU_BLOCK, .aligned = true };
    for (int i = 0; i < found.used; i++) {
        int c = block * UDM_CPU_BLOCK + i;
        while (c - begin >= norm->src[s].shape.c)
            begin += norm->src[s++].shape.c;
        const float *src = udm_host_data(&norm->src[s]) + (size_t)((c - begin) / UDM_CPU_BLOCK) * plane;
        found.src[i] = src + (c - begin) % UDM_CPU_BLOCK;
        found.gain[i] = run->affine[c];
        found.offset[i] = run->affine[channels + c];
        found.aligned &= found.src[i] == found.src[0] + i && (c - begin) % UDM_CPU_BLOCK == i;
    }
    return found;
}

INLINE void normalise_aligned(const lanes *from, part at, udm_activation activation, float *dst)
{
    size_t first = (size_t)at.first * UDM_CPU_BLOCK;
    for (int lane = 0; lane < UDM_CPU_BLOCK; lane += LANES) {
        vec gain = load(from->gain + lane), offset = load(from->offset + lane);
        const float *src = from->src[0] + first + lane;
        for (int i = 0; i < at.count; i++) {
            size_t pixel = (size_t)i * UDM_CPU_BLOCK;
            store(dst + first + lane + pixel, activate(activation, load(src + pixel) * gain + offset));
        }
    }
}

static void normalise_scattered(const lanes *from, part at, udm_activation activation, float *dst)
{
    for (int i = at.first; i < at.first + at.count; i++) {
        float x[UDM_CPU_BLOCK] = { 0 };
        for (int k = 0; k < from->used; k++)
            x[k] = from->src[k][(size_t)i * UDM_CPU_BLOCK];
        for (int lane = 0; lane < UDM_CPU_BLOCK; lane += LANES)
            store(dst + (size_t)i * UDM_CPU_BLOCK + lane,
                  activate(activation, load(x + lane) * load(from->gain + lane) + load(from->offset + lane)));
    }
}

// index: part + block of dst * parts. Channels past the last have no gain and no offset, and stay zero.
void NAME(udm_cpu_normalise)(void *context, int index, int worker)
{
    const udm_cpu_norm *run = context;
    const udm_norm *norm = run->norm;
    part at = part_at(run, index);
    lanes from = find_lanes(run, index / run->parts);
    size_t plane = (size_t)norm->dst.shape.h * norm->dst.shape.w * UDM_CPU_BLOCK;
    float *dst = udm_host_data(&norm->dst) + index / run->parts * plane;
    if (!from.aligned)
        normalise_scattered(&from, at, norm->activation, dst);
    else if (norm->activation == UDM_SILU)
        normalise_aligned(&from, at, UDM_SILU, dst);
    else
        normalise_aligned(&from, at, norm->activation, dst);
}
