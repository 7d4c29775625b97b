// SPDX-License-Identifier: LGPL-2.1-or-later
// 3x3 convolutions with stride 1 and padding 1 by F(4x4, 3x3): Y = A^T [sum over inputs of (G g G^T) . (B^T d B)] A,
// with 36 products for 16 outputs instead of 144 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
// 2016).
//
// A batch of tiles at a time is transformed, multiplied and transformed back, so that all between stays in the cache.
#include <string.h>

#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/transforms.h"

// All 16 channels. Not inlined, which would leave the compiler too few registers for addresses.
static __attribute__((noinline)) void gather_window(const float *window, size_t pitch, cell *v, size_t stride)
{
    for (int lane = 0; lane < UDM_CPU_BLOCK; lane += LANES)
        transform_window(window + lane, pitch, UDM_CPU_BLOCK, v + lane, stride);
}

// The same of bf16, whose pixels are `pitch` values apart from row to row: each becomes a float once, so all that lies
// between both transforms is kept.
static __attribute__((noinline)) void gather_halves(const uint16_t *window, size_t pitch, cell *v, size_t stride)
{
    static const int rows[PARTS][2] = { { 1, 2 }, { 3, 4 }, { 0, 5 } };
    for (int lane = 0; lane < UDM_CPU_BLOCK; lane += LANES) {
        vec t[WINDOW][WINDOW], d[WINDOW], pair[2];
#pragma GCC unroll 6
        for (int x = 0; x < WINDOW; x++) {
#pragma GCC unroll 6
            for (int y = 0; y < WINDOW; y++)
                d[y] = load_halves(window + y * pitch + (size_t)x * UDM_CPU_BLOCK + lane, UDM_BFLOAT16);
#pragma GCC unroll 3
            for (int part = 0; part < PARTS; part++) {
                transform_part(d, part, pair);
                t[rows[part][0]][x] = pair[0], t[rows[part][1]][x] = pair[1];
            }
        }
#pragma GCC unroll 6
        for (int row = 0; row < WINDOW; row++)
#pragma GCC unroll 3
            for (int across = 0; across < PARTS; across++) {
                cell *to = v + row * WINDOW * stride + lane;
                transform_part(t[row], across, pair);
                store_cells(to + rows[across][0] * stride, pair[0]);
                store_cells(to + rows[across][1] * stride, pair[1]);
            }
    }
}

// One block of a source as the windows are read from it.
typedef struct plane {
    const void *src; // [height][width][16] of floats,
    bool half;       // ... or of bf16
    int height, width;
} plane;

// `count` pixels of bf16 as floats.
INLINE void widen_pixels(const uint16_t *from, int count, float *to)
{
    for (int i = 0; i < count * UDM_CPU_BLOCK; i += LANES)
        store(to + i, load_halves(from + i, UDM_BFLOAT16));
}

// The window whose first pixel is (top, left), with zeros where it lies outside of the plane.
static void copy_window(const plane *from, int top, int left, float window[WINDOW][WINDOW][UDM_CPU_BLOCK])
{
    const int first = left < 0 ? -left : 0, end = from->width - left < WINDOW ? from->width - left : WINDOW;
    memset(window, 0, WINDOW * sizeof window[0]);
    for (int y = 0; y < WINDOW; y++)
        if (top + y >= 0 && top + y < from->height) {
            const size_t at = ((size_t)(top + y) * from->width + left + first) * UDM_CPU_BLOCK;
            if (from->half)
                widen_pixels((const uint16_t *)from->src + at, end - first, window[y][first]);
            else
                memcpy(window[y][first], (const float *)from->src + at, (end - first) * sizeof window[0][0]);
        }
}

static void gather_tile(const plane *from, int tile_y, int tile_x, cell *v, size_t stride)
{
    const int top = tile_y * TILE - 1, left = tile_x * TILE - 1;
    const size_t pitch = (size_t)from->width * UDM_CPU_BLOCK;
    const bool inside = top >= 0 && left >= 0 && top + WINDOW <= from->height && left + WINDOW <= from->width;
    const size_t at = top * pitch + (size_t)left * UDM_CPU_BLOCK;
    if (inside && !from->half) {
        gather_window((const float *)from->src + at, pitch, v, stride);
        return;
    }
    if (inside) {
        gather_halves((const uint16_t *)from->src + at, pitch, v, stride);
        return;
    }
    float window[WINDOW][WINDOW][UDM_CPU_BLOCK] __attribute__((aligned(UDM_ALIGNMENT)));
    copy_window(from, top, left, window);
    gather_window(window[0][0], WINDOW * UDM_CPU_BLOCK, v, stride);
}

// All sources' channels of `count` tiles from `first`: rows [36][count][kernel->row]. Each block ends in zeros where
// its channels do, which the next source overwrites.
static void gather(const udm_cpu_run *run, int first, int count, cell *rows)
{
    const udm_conv_weights *weights = run->weights;
    size_t stride = udm_cpu_rows_stride(weights, run->batch);
    for (int s = 0; s < weights->sources; s++) {
        const udm_tensor *src = &run->conv->src[s];
        int height = src->shape.h, width = src->shape.w, across = (width + TILE - 1) / TILE;
        for (int b = 0; b < udm_cpu_blocks(weights->in[s]); b++) {
            const size_t block = (size_t)height * width * UDM_CPU_BLOCK;
            plane from = { block_of(src, b, block), src->layout == UDM_HALVES, height, width };
            for (int i = 0; i < count; i++)
                gather_tile(&from, (first + i) / across, (first + i) % across,
                            rows + (size_t)i * weights->row + b * UDM_CPU_BLOCK, stride);
        }
        rows += weights->in[s];
    }
}

// Where the outputs of a tile go: its height x width pixels that lie in the picture, from `pixel` on (in floats).
typedef struct place {
    size_t pixel, pitch;
    int height, width;
} place;

// A^T m A of LANES channels, m[p * stride] the sums of a tile.
INLINE void scatter_lanes(const output *out, const place *to, int lane, const float *m, size_t stride)
{
    vec t[TILE][WINDOW], column[WINDOW], y[TILE];
#pragma GCC unroll 6
    for (int i = 0; i < WINDOW; i++) {
#pragma GCC unroll 6
        for (int j = 0; j < WINDOW; j++)
            column[j] = load(m + (j * WINDOW + i) * stride);
        transform_sums(column, y);
#pragma GCC unroll 4
        for (int j = 0; j < TILE; j++)
            t[j][i] = y[j];
    }
#pragma GCC unroll 4
    for (int j = 0; j < TILE; j++) {
        transform_sums(t[j], y);
#pragma GCC unroll 4
        for (int i = 0; i < TILE; i++)
            if (j < to->height && i < to->width)
                finish(out, to->pixel + j * to->pitch + i * UDM_CPU_BLOCK, lane, y[i]);
    }
}

// Compiled apart for whole tiles and the activations that nearly all have.
INLINE void scatter_tile(const output *out, const place *to, int lane, const float *m, size_t stride)
{
    const place whole = { to->pixel, to->pitch, TILE, TILE };
    output known = *out;
    const bool usual = out->activation <= UDM_RELU || out->activation == UDM_RELU_OF_SUM;
    const bool half = sizeof(cell) < sizeof(float); // as what multiplies bf16 mostly has it
    if (to->height < TILE || to->width < TILE || !usual || known.half != half) {
        scatter_lanes(out, to, lane, m, stride);
        return;
    }
    known.half = half;
    if (known.activation == UDM_RELU) {
        scatter_lanes(&known, &whole, lane, m, stride);
    } else if (known.activation == UDM_RELU_OF_SUM) {
        scatter_lanes(&known, &whole, lane, m, stride);
    } else {
        known.activation = UDM_LINEAR;
        scatter_lanes(&known, &whole, lane, m, stride);
    }
}

static void scatter(const udm_cpu_run *run, const float *sums, int first, int count, int g)
{
    const udm_shape shape = run->conv->dst.shape;
    const size_t pitch = (size_t)shape.w * UDM_CPU_BLOCK, stride = udm_cpu_sums_stride(run->batch);
    const int across = (shape.w + TILE - 1) / TILE;
    for (int half = 0; half < udm_cpu_width(run->weights, g) / UDM_CPU_BLOCK; half++) {
        output out = output_of(run, 2 * g + half, shape.h * pitch);
        for (int i = 0; i < count; i++) {
            const int top = (first + i) / across * TILE, left = (first + i) % across * TILE;
            const place to = {
                .pixel = top * pitch + (size_t)left * UDM_CPU_BLOCK,
                .pitch = pitch,
                .height = shape.h - top < TILE ? shape.h - top : TILE,
                .width = shape.w - left < TILE ? shape.w - left : TILE,
            };
            const float *m = sums + (size_t)i * UDM_CPU_GROUP + half * UDM_CPU_BLOCK;
            for (int lane = 0; lane < UDM_CPU_BLOCK; lane += LANES)
                scatter_tile(&out, &to, lane, m + lane, stride);
        }
    }
}

// The sums of group g: [36][count][32].
static void multiply_tiles(const udm_cpu_run *run, const cell *rows, int g, float *sums, int count)
{
    const size_t rows_stride = udm_cpu_rows_stride(run->weights, run->batch);
    const size_t sums_stride = udm_cpu_sums_stride(run->batch);
    for (int p = 0; p < UDM_PRODUCTS; p++)
        multiply_cells(run->weights, rows + p * rows_stride, g, p, sums + p * sums_stride, count);
}

// U = G g G^T of one or two steps of late weights, `panel` floats from tap to tap, to u, [36] `stride` apart: floats of
// each step, or pairs of both. An odd last one is beside zeros.
#if defined(__AVX512BF16__)
enum { LATE_PAIR = 2 };

INLINE void transform_steps(const float *taps, size_t panel, int width, int steps, vec G[WINDOW][3], float *u,
                            size_t stride)
{
    static const uint16_t places[32] = { 0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                         8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31 };
    const __m512i order = _mm512_loadu_si512(places);
    float of[LATE_PAIR][UDM_PRODUCTS][LANES] __attribute__((aligned(UDM_ALIGNMENT)));
    for (int at = 0; at < width; at += LANES) {
        transform_weights(taps + at, panel, G, of[0][0], LANES);
        if (steps > 1)
            transform_weights(taps + width + at, panel, G, of[1][0], LANES);
        else
            memset(of[1], 0, sizeof of[1]);
        for (int p = 0; p < UDM_PRODUCTS; p++) {
            const __m512bh both = _mm512_cvtne2ps_pbh((__m512)load(of[1][p]), (__m512)load(of[0][p]));
            store(u + p * stride + at, (vec)_mm512_permutexvar_epi16(order, (__m512i)both));
        }
    }
}
#else
enum { LATE_PAIR = 1 };

INLINE void transform_steps(const float *taps, size_t panel, int width, int steps, vec G[WINDOW][3], float *u,
                            size_t stride)
{
    (void)steps;
    for (int at = 0; at < width; at += LANES)
        transform_weights(taps + at, panel, G, u + at, stride);
}
#endif

// The same from late weights: those of some inputs at a time are transformed to [36][UDM_CPU_LATE_STEPS][width], which
// lies after the sums, and before what weights of 16 bits become first.
static void multiply_late(const udm_cpu_run *run, const cell *cells, int g, float *sums, int count)
{
    enum { IN_FLOAT = sizeof(float) / sizeof(cell), TAPS = 9 };
    const udm_conv_weights *weights = run->weights;
    const float *rows = (const float *)(const void *)cells;
    const int width = udm_cpu_width(weights, g);
    const size_t rows_stride = udm_cpu_rows_stride(weights, run->batch) / IN_FLOAT;
    const size_t sums_stride = udm_cpu_sums_stride(run->batch), stride = udm_cpu_late_stride(width);
    const size_t panel = (size_t)weights->steps * width, row = weights->row / IN_FLOAT;
    float *u = sums + UDM_PRODUCTS * sums_stride, *wide = u + UDM_PRODUCTS * udm_cpu_late_stride(UDM_CPU_GROUP);
    vec G[WINDOW][3];
    broadcast_matrix(G);
    for (int k = 0; k < weights->steps; k += UDM_CPU_LATE_STEPS) {
        const int steps = weights->steps - k < UDM_CPU_LATE_STEPS ? weights->steps - k : UDM_CPU_LATE_STEPS;
        const float *taps = udm_cpu_panel(weights, g, 0) + (size_t)k * width;
        for (int t = 0; t < TAPS && weights->kind; t++)
            widen(udm_cpu_half_panel(weights, g, t) + (size_t)k * width, (size_t)steps * width, wide + t * stride,
                  weights->kind);
        for (int i = 0; i < steps; i += LATE_PAIR)
            transform_steps((weights->kind ? wide : taps) + (size_t)i * width, weights->kind ? stride : panel, width,
                            steps - i, G, u + (size_t)(i / LATE_PAIR) * width, stride);
        for (int p = 0; p < UDM_PRODUCTS; p++) {
            const float *a = rows + p * rows_stride + k / IN_FLOAT;
            const int depth = (steps + IN_FLOAT - 1) / IN_FLOAT;
            multiply(a, row, u + p * stride, width, sums + p * sums_stride, count, depth, IN_FLOAT > 1, k > 0);
        }
    }
}

void NAME(udm_cpu_winograd)(void *context, int index, int worker)
{
    const udm_cpu_run *run = context;
    const udm_conv_weights *weights = run->weights;
    job_part part = part_of(run, index);
    cell *rows = (cell *)(run->scratch + worker * run->per_worker);
    float *sums = (float *)rows + udm_cpu_rows_floats(weights, run->batch);
    for (int first = part.first; first < part.end; first += run->batch) {
        int count = part.end - first < run->batch ? part.end - first : run->batch;
        gather(run, first, count, rows);
        for (int g = part.first_group; g < part.end_group; g++) {
            if (udm_cpu_is_late(weights))
                multiply_late(run, rows, g, sums, count);
            else
                multiply_tiles(run, rows, g, sums, count);
            scatter(run, sums, first, count, g);
        }
    }
}
