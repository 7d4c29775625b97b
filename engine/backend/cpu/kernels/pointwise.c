// SPDX-License-Identifier: LGPL-2.1-or-later
// The operations that have no weights. Frames are planar, so they are worked on in runs of pixels of a row, and then
// spread over the channels of their patches, or collected from them.
#include <string.h>

#include "backend/cpu/kernels/kernels.h"
#include "backend/fusion.h"
#include "base/maths.h"

enum { RUN = 64 }; // pixels of a row at once

// The fusion of RUN pixels, as udm_fusion but with the pixels side by side.
typedef struct fusion_run {
    float frame[RUN], predicted[RUN], frame_gain[RUN], predicted_gain[RUN], rho[RUN], gate[RUN];
} fusion_run;

// `count` pixels of plane c from (y, x) on: as they lie there or, where some are beyond the edge, in `beyond`.
INLINE const float *pixels_of(const udm_tensor *planes, int c, int y, int x, int count, float beyond[RUN])
{
    const udm_shape shape = planes->shape;
    const float *row = udm_host_data(planes) + ((size_t)c * shape.h + udm_mirror_index(y, shape.h)) * shape.w;
    if (x + count <= shape.w)
        return row + x;
    for (int i = 0; i < count; i++)
        beyond[i] = row[udm_mirror_index(x + i, shape.w)];
    return beyond;
}

INLINE void fuse(const float *level, const float *predicted_level, int count, fusion_run *run)
{
    for (int x = 0; x < count; x++) {
        udm_fusion at = udm_fusion_at(level[x], predicted_level[x]);
        run->frame[x] = at.frame;
        run->predicted[x] = at.predicted;
        run->frame_gain[x] = at.frame_gain;
        run->predicted_gain[x] = at.predicted_gain;
        run->rho[x] = at.rho;
        run->gate[x] = udm_fusion_gate(at);
    }
}

INLINE void mean(const fusion_run *run, const float *frame, const float *predicted, int count, float *out)
{
    for (int x = 0; x < count; x++)
        out[x] = run->frame[x] * frame[x] + run->predicted[x] * predicted[x];
}

INLINE void innovation(const fusion_run *run, const float *frame, const float *predicted, int count, float *out)
{
    for (int x = 0; x < count; x++)
        out[x] = run->frame_gain[x] * predicted[x] - run->predicted_gain[x] * frame[x];
}

// Where pixel (y, x) of plane c lies once it is unshuffled: channel c p p + (y mod p) p + x mod p, at (y / p, x / p).
INLINE size_t unshuffled(const udm_tensor *features, int patch, int c, int y, int x)
{
    int channel = (c * patch + y % patch) * patch + x % patch;
    size_t row = (size_t)channel / UDM_CPU_BLOCK * features->shape.h + y / patch;
    return (row * features->shape.w + x / patch) * UDM_CPU_BLOCK + channel % UDM_CPU_BLOCK;
}

INLINE uint16_t *halves_of(const udm_tensor *features)
{
    return (uint16_t *)(void *)udm_host_data(features);
}

// The nearest bf16, the even one of two; what is not a number stays none, as its first bits say so.
INLINE uint16_t to_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

INLINE float from_half(uint16_t half)
{
    const uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// Values of plane c from (y, x) on, to their channels. x is a multiple of patch, and so is count. Those of one row of a
// patch stand side by side, in one block where that holds whole rows.
INLINE void spread(const udm_tensor *dst, const int patch, int c, const int at[2], const float *values, int count)
{
    const int together = UDM_CPU_BLOCK % patch == 0 ? patch : 1;
    uint16_t halves[RUN];
    for (int x = 0; dst->layout == UDM_HALVES && x < count; x++)
        halves[x] = to_half(values[x]);
    for (int dx = 0; dx < patch; dx += together) {
        const size_t first = unshuffled(dst, patch, c, at[0], at[1] + dx);
        float *to = udm_host_data(dst) + first;
        uint16_t *to_halves = halves_of(dst) + first;
        for (int x = dx; dst->layout == UDM_HALVES && x < count; x += patch, to_halves += UDM_CPU_BLOCK)
            memcpy(to_halves, halves + x, together * sizeof *halves);
        for (int x = dx; dst->layout != UDM_HALVES && x < count; x += patch, to += UDM_CPU_BLOCK)
            memcpy(to, values + x, together * sizeof *to);
    }
}

// The way back.
INLINE void collect(const udm_tensor *src, const int patch, int c, const int at[2], float *values, int count)
{
    const int together = UDM_CPU_BLOCK % patch == 0 ? patch : 1;
    for (int dx = 0; dx < patch; dx += together) {
        const size_t first = unshuffled(src, patch, c, at[0], at[1] + dx);
        const float *from = udm_host_data(src) + first;
        const uint16_t *halves = halves_of(src) + first;
        for (int x = dx; src->layout == UDM_HALVES && x < count; x += patch, halves += UDM_CPU_BLOCK)
            for (int k = 0; k < together; k++)
                values[x + k] = from_half(halves[k]);
        for (int x = dx; src->layout != UDM_HALVES && x < count; x += patch, from += UDM_CPU_BLOCK)
            memcpy(values + x, from, together * sizeof *from);
    }
}

// What a network is shown of a run of pixels: count from (y, x) on, [2 C + 3][RUN], of which put() takes one plane at a
// time.
INLINE void observe_run(const udm_observation *seen, int y, int x, int count,
                        void (*put)(void *context, int plane, const float *values), void *context)
{
    const udm_shape shape = seen->frame.shape;
    float beyond[4][RUN], values[RUN];
    const float *level = pixels_of(&seen->level, 0, y, x, count, beyond[0]);
    const float *predicted_level = pixels_of(&seen->predicted_level, 0, y, x, count, beyond[1]);
    fusion_run run;
    fuse(level, predicted_level, count, &run);
    for (int c = 0; c < shape.c; c++) {
        const float *frame = pixels_of(&seen->frame, c, y, x, count, beyond[2]);
        const float *predicted = pixels_of(&seen->predicted, c, y, x, count, beyond[3]);
        mean(&run, frame, predicted, count, values);
        put(context, c, values);
        innovation(&run, frame, predicted, count, values);
        put(context, shape.c + 1 + c, values);
    }
    put(context, shape.c, run.rho);
    put(context, 2 * shape.c + 1, level);
    put(context, 2 * shape.c + 2, predicted_level);
}

// Where a run of pixels is spread to.
typedef struct spreading {
    const udm_tensor *dst;
    int patch, at[2], count;
} spreading;

INLINE void spread_plane(void *context, int plane, const float *values)
{
    const spreading *to = context;
    spread(to->dst, to->patch, plane, to->at, values, to->count);
}

// The last block of a row, which need not be full.
static void clear_padding(const udm_tensor *dst, int row)
{
    const udm_shape shape = dst->shape;
    const size_t line = (size_t)shape.w * UDM_CPU_BLOCK;
    const int last = udm_cpu_blocks(shape.c) - 1;
    const size_t first = ((size_t)last * shape.h + row) * line;
    if (shape.c % UDM_CPU_BLOCK != 0 && dst->layout == UDM_HALVES)
        memset(halves_of(dst) + first, 0, line * sizeof(uint16_t));
    else if (shape.c % UDM_CPU_BLOCK != 0)
        memset(udm_host_data(dst) + first, 0, line * sizeof(float));
}

INLINE void observe_rows(const udm_cpu_pointwise *job, const int patch, int index)
{
    const int width = job->dst->shape.w * patch, step = RUN / patch * patch;
    clear_padding(job->dst, index);
    for (int y = index * patch; y < (index + 1) * patch; y++)
        for (int x = 0; x < width; x += step) {
            const int count = width - x < step ? width - x : step;
            spreading to = { job->dst, patch, { y, x }, count };
            observe_run(job->seen, y, x, count, spread_plane, &to);
        }
}

// Runs of both rows of squares of 2x2 pixels, in bf16: four planes are a block of channels.
enum { MOST_PLANES = 12 };

typedef struct square_run {
    uint16_t halves[MOST_PLANES][2][RUN] __attribute__((aligned(UDM_ALIGNMENT)));
    int row, count;
} square_run;

INLINE void round_plane(void *context, int plane, const float *values)
{
    square_run *run = context;
    uint16_t *halves = run->halves[plane][run->row];
    for (int x = 0; x < run->count; x++)
        halves[x] = to_half(values[x]);
}

// The 16 channels of each of `count` pixels: 8 pairs of two values, one of each row of each plane.
INLINE void weave_pairs(const uint16_t (*planes)[2][RUN], int count, uint16_t *to)
{
    int x = 0;
#if defined(__AVX2__)
    for (; x + 8 <= count; x += 8) { // 8 pixels by 8 pairs are a square, which is transposed
        __m256i row[8], pair[8];
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++)
            row[k] = _mm256_load_si256((const __m256i *)(const void *)(planes[k / 2][k % 2] + 2 * x));
#pragma GCC unroll 4
        for (int k = 0; k < 8; k += 2) {
            pair[k] = _mm256_unpacklo_epi32(row[k], row[k + 1]);
            pair[k + 1] = _mm256_unpackhi_epi32(row[k], row[k + 1]);
        }
#pragma GCC unroll 2
        for (int k = 0; k < 8; k += 4)
#pragma GCC unroll 2
            for (int i = 0; i < 2; i++) {
                row[k + 2 * i] = _mm256_unpacklo_epi64(pair[k + i], pair[k + 2 + i]);
                row[k + 2 * i + 1] = _mm256_unpackhi_epi64(pair[k + i], pair[k + 2 + i]);
            }
        __m256i *out = (__m256i *)(void *)(to + (size_t)x * UDM_CPU_BLOCK);
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) {
            _mm256_storeu_si256(out + k, _mm256_permute2x128_si256(row[k], row[k + 4], 0x20));
            _mm256_storeu_si256(out + k + 4, _mm256_permute2x128_si256(row[k], row[k + 4], 0x31));
        }
    }
#endif
    for (; x < count; x++)
        for (int k = 0; k < 8; k++)
            memcpy(to + (size_t)x * UDM_CPU_BLOCK + 2 * k, planes[k / 2][k % 2] + 2 * x, 2 * sizeof *to);
}

static void observe_squares(const udm_cpu_pointwise *job, int index)
{
    const udm_shape shape = job->dst->shape;
    square_run run = { .row = 0 };
    for (int x = 0; x < 2 * shape.w; x += RUN) {
        run.count = 2 * shape.w - x < RUN ? 2 * shape.w - x : RUN;
        for (run.row = 0; run.row < 2; run.row++)
            observe_run(job->seen, 2 * index + run.row, x, run.count, round_plane, &run);
        for (int b = 0; b < udm_cpu_blocks(shape.c); b++)
            weave_pairs(run.halves + 4 * b, run.count / 2,
                        halves_of(job->dst) + (((size_t)b * shape.h + index) * shape.w + x / 2) * UDM_CPU_BLOCK);
    }
}

// index: a row of dst, which is `patch` rows of the frame
void NAME(udm_cpu_observe)(void *context, int index, int worker)
{
    const udm_cpu_pointwise *job = context;
    if (job->patch == 2 && job->dst->layout == UDM_HALVES && job->dst->shape.c <= 4 * MOST_PLANES)
        observe_squares(job, index);
    else if (job->patch == 2) // the compiler knows it
        observe_rows(job, 2, index);
    else
        observe_rows(job, job->patch, index);
}

INLINE void restore_run(const udm_cpu_pointwise *job, const int patch, int y, int x, int count)
{
    const udm_observation *seen = job->seen;
    udm_shape shape = job->dst->shape;
    size_t plane = (size_t)shape.h * shape.w, pixel = (size_t)y * shape.w + x;
    int at[2] = { y, x };
    fusion_run run;
    fuse(udm_host_data(&seen->level) + pixel, udm_host_data(&seen->predicted_level) + pixel, count, &run);
    for (int c = 0; c < shape.c; c++) {
        float *out = udm_host_data(job->dst) + c * plane + pixel, values[RUN];
        collect(job->src, patch, c, at, values, count);
        if (c >= seen->frame.shape.c) { // no fusion, no gate
            memcpy(out, values, count * sizeof *out);
            continue;
        }
        const float *frame = udm_host_data(&seen->frame) + c * plane + pixel;
        mean(&run, frame, udm_host_data(&seen->predicted) + c * plane + pixel, count, out);
        for (int i = 0; i < count; i++)
            out[i] += run.gate[i] * values[i];
    }
}

INLINE void restore_rows(const udm_cpu_pointwise *job, const int patch, int index)
{
    const udm_shape shape = job->dst->shape; // which may end before the patches do
    const int width = shape.w, step = RUN / patch * patch;
    for (int y = index * patch; y < (index + 1) * patch && y < shape.h; y++)
        for (int x = 0; x < width; x += step)
            restore_run(job, patch, y, x, width - x < step ? width - x : step);
}

// index: a row of the correction, which is `patch` rows of dst
void NAME(udm_cpu_restore)(void *context, int index, int worker)
{
    const udm_cpu_pointwise *job = context;
    if (job->patch == 2)
        restore_rows(job, 2, index);
    else
        restore_rows(job, job->patch, index);
}

// Four channels of a pixel: always four lanes.
typedef float quad __attribute__((vector_size(16), may_alias));

// Channels 4 i .. 4 i + 3 of the four pixels that a pixel of src becomes, from 16 of its channels: a transposed 4 x 4.
INLINE void shuffle_quads(const quad src[4], quad out[4])
{
    quad low0 = __builtin_shufflevector(src[0], src[1], 0, 4, 1, 5),
         low1 = __builtin_shufflevector(src[2], src[3], 0, 4, 1, 5);
    quad high0 = __builtin_shufflevector(src[0], src[1], 2, 6, 3, 7),
         high1 = __builtin_shufflevector(src[2], src[3], 2, 6, 3, 7);
    out[0] = __builtin_shufflevector(low0, low1, 0, 1, 4, 5);
    out[1] = __builtin_shufflevector(low0, low1, 2, 3, 6, 7);
    out[2] = __builtin_shufflevector(high0, high1, 0, 1, 4, 5);
    out[3] = __builtin_shufflevector(high0, high1, 2, 3, 6, 7);
}

// Block b of dst, from 4 blocks of src (the last may have fewer), for one row of src.
static void shuffle_row(const udm_cpu_pointwise *job, int b, int row)
{
    udm_shape in = job->src->shape, shape = job->dst->shape;
    size_t plane = (size_t)in.h * in.w * UDM_CPU_BLOCK;
    int parts = udm_cpu_blocks(in.c) - 4 * b < 4 ? udm_cpu_blocks(in.c) - 4 * b : 4;
    const float *src = udm_host_data(job->src) + 4 * b * plane + (size_t)row * in.w * UDM_CPU_BLOCK;
    size_t line = (size_t)shape.w * UDM_CPU_BLOCK, first = ((size_t)b * shape.h + 2 * row) * line;
    float *dst = udm_host_data(job->dst) + first;
    const float *addend = job->addend ? udm_host_data(job->addend) + first : NULL;
    for (int x = 0; x < in.w; x++)
        for (int i = 0; i < 4; i++) {
            quad out[4] = { 0 };
            if (i < parts)
                shuffle_quads((const quad *)(src + i * plane + (size_t)x * UDM_CPU_BLOCK), out);
            for (int k = 0; k < 4; k++) {
                size_t at = k / 2 * line + (size_t)(2 * x + k % 2) * UDM_CPU_BLOCK + 4 * i;
                quad added = addend ? *(const quad *)(addend + at) : (quad){ 0 };
                *(quad *)(dst + at) = out[k] + added;
            }
        }
}

INLINE void widen_block(const uint16_t *from, float *to)
{
    for (int i = 0; i < UDM_CPU_BLOCK; i++)
        to[i] = from_half(from[i]);
}

// As shuffle_row(), of tensors of bf16.
static void shuffle_halves(const udm_cpu_pointwise *job, int b, int row)
{
    const udm_shape in = job->src->shape, shape = job->dst->shape;
    const size_t plane = (size_t)in.h * in.w * UDM_CPU_BLOCK, line = (size_t)shape.w * UDM_CPU_BLOCK;
    const size_t first = ((size_t)b * shape.h + 2 * row) * line;
    const int parts = udm_cpu_blocks(in.c) - 4 * b < 4 ? udm_cpu_blocks(in.c) - 4 * b : 4;
    const uint16_t *src = halves_of(job->src) + 4 * b * plane + (size_t)row * in.w * UDM_CPU_BLOCK;
    const uint16_t *addend = job->addend ? halves_of(job->addend) + first : NULL;
    uint16_t *dst = halves_of(job->dst) + first;
    for (int x = 0; x < in.w; x++) {
        quad out[4][4] = { 0 }; // [pixel][channels / 4]
        for (int i = 0; i < parts; i++) {
            float from[UDM_CPU_BLOCK] __attribute__((aligned(UDM_ALIGNMENT)));
            quad made[4];
            widen_block(src + i * plane + (size_t)x * UDM_CPU_BLOCK, from);
            shuffle_quads((const quad *)from, made);
            for (int k = 0; k < 4; k++)
                out[k][i] = made[k];
        }
        for (int k = 0; k < 4; k++) {
            const size_t at = k / 2 * line + (size_t)(2 * x + k % 2) * UDM_CPU_BLOCK;
            float sum[UDM_CPU_BLOCK], added[UDM_CPU_BLOCK] = { 0 };
            memcpy(sum, out[k], sizeof sum);
            if (addend)
                widen_block(addend + at, added);
            for (int i = 0; i < UDM_CPU_BLOCK; i++)
                dst[at + i] = to_half(sum[i] + added[i]);
        }
    }
}

// index: a row of src
void NAME(udm_cpu_shuffle_add)(void *context, int index, int worker)
{
    const udm_cpu_pointwise *job = context;
    for (int b = 0; b < udm_cpu_blocks(job->dst->shape.c); b++)
        if (job->dst->layout == UDM_HALVES)
            shuffle_halves(job, b, index);
        else
            shuffle_row(job, b, index);
}
