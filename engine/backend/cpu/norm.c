// SPDX-License-Identifier: LGPL-2.1-or-later
// Group normalisation as one gain and one offset per channel: moments of all channels, which are joined to those of the
// groups, and then one pass that applies both.
#include <math.h>

#include "backend/cpu/cpu.h"
#include "backend/host.h"

typedef struct moments {
    double sum, squares; // of x, and of its distance from their mean
    double count;
} moments;

// Joins two sets (Chan, Golub and LeVeque 1983, equation 2.1).
static moments join(moments a, moments b)
{
    double count = a.count + b.count, distance = a.count > 0 ? b.sum / b.count - a.sum / a.count : 0;
    return (moments){ a.sum + b.sum, a.squares + b.squares + distance * distance * a.count * b.count / count, count };
}

// Of channel c of source s, whose first block is `first`, with what is added to it.
static moments channel_moments(const udm_cpu_norm *run, int s, int first, int c, float added)
{
    const udm_tensor *src = &run->norm->src[s];
    size_t pixels = (size_t)src->shape.h * src->shape.w;
    int block = c / UDM_CPU_BLOCK, lane = c % UDM_CPU_BLOCK;
    double pivot = udm_host_data(src)[block * pixels * UDM_CPU_BLOCK + lane];
    const float *part = run->moments + (size_t)(first + block) * run->parts * 2 * UDM_CPU_BLOCK + lane;
    moments all = { 0 };
    for (int p = 0; p < run->parts; p++, part += 2 * UDM_CPU_BLOCK) {
        size_t left = pixels - (size_t)p * UDM_CPU_NORM_PART;
        double count = left < UDM_CPU_NORM_PART ? left : UDM_CPU_NORM_PART;
        double sum = part[0], squares = part[UDM_CPU_BLOCK];
        all = join(all, (moments){ sum + count * (pivot + added), fmax(0, squares - sum * sum / count), count });
    }
    return all;
}

// The gain and offset of channel c, normalised by the moments of its group; added: what x lacks.
static void set_affine(const udm_cpu_norm *run, int c, moments group, float added)
{
    const udm_norm *norm = run->norm;
    int channels = norm->dst.shape.c;
    const float *affine = udm_host_data(&norm->affine), *e = NULL;
    double gain = affine[c] / sqrt(group.squares / group.count + norm->eps), offset = affine[channels + c];
    if (norm->embedding == UDM_EMBED_SCALE) {
        e = udm_host_data(&norm->vector) + norm->first;
        gain *= 1 + e[c];
        offset = offset * (1 + e[c]) + e[channels + c];
    }
    run->affine[c] = (float)gain;
    run->affine[channels + c] = (float)(offset + gain * (added - group.sum / group.count));
}

static void join_groups(const udm_cpu_norm *run)
{
    const udm_norm *norm = run->norm;
    int size = norm->dst.shape.c / norm->groups, s = 0, source_begin = 0, first = 0;
    const float *e = norm->embedding == UDM_EMBED_ADD ? udm_host_data(&norm->vector) + norm->first : NULL;
    for (int begin = 0; begin < norm->dst.shape.c; begin += size) {
        moments group = { 0 };
        for (int c = begin; c < begin + size; c++) {
            while (c - source_begin >= norm->src[s].shape.c) {
                source_begin += norm->src[s].shape.c;
                first += udm_cpu_blocks(norm->src[s++].shape.c);
            }
            group = join(group, channel_moments(run, s, first, c - source_begin, e ? e[c] : 0));
        }
        for (int c = begin; c < begin + size; c++)
            set_affine(run, c, group, e ? e[c] : 0);
    }
}

void udm_cpu_norm_run(udm_device *device, const udm_norm *norm)
{
    udm_cpu_device *cpu = udm_cpu_of(device);
    udm_shape shape = norm->dst.shape;
    udm_cpu_norm run = { .norm = norm, .parts = udm_divide_up(shape.h * shape.w, UDM_CPU_NORM_PART) };
    int blocks = 0;
    for (int s = 0; s < norm->sources; s++)
        blocks += udm_cpu_blocks(norm->src[s].shape.c);
    size_t moments = (size_t)blocks * run.parts * 2 * UDM_CPU_BLOCK, need = moments + 2 * shape.c;
    if (!udm_cpu_grow_scratch(cpu, need / udm_pool_threads(cpu->pool) + 1, NULL)) {
        cpu->lacks_memory = true;
        return;
    }
    run.moments = cpu->scratch;
    run.affine = cpu->scratch + moments;
    udm_pool_run(cpu->pool, blocks * run.parts, cpu->isa->moments, &run);
    join_groups(&run);
    udm_pool_run(cpu->pool, udm_cpu_blocks(shape.c) * run.parts, cpu->isa->normalise, &run);
}
