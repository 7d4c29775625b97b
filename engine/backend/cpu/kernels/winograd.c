// SPDX-License-Identifier: LGPL-2.1-or-later
// 3x3 convolutions with stride 1 and padding 1 by F(4x4, 3x3): Y = A^T [sum over inputs of (G g G^T) . (B^T d B)] A,
// with 36 products for 16 outputs instead of 144 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
// 2016).
//
// A batch of tiles at a time is transformed, multiplied and transformed back, so that all between stays in the cache.
#include <string.h>

#include "backend/cpu/kernels/cells.h"
#include "backend/cpu/kernels/kernels.h"

#define NEAR UDM_WINOGRAD_NEAR
#define FAR UDM_WINOGRAD_FAR

enum { WINDOW = 6, TILE = UDM_CPU_TILE, PARTS = 3 }; // a tile of 4x4 outputs sees a window of 6x6

// B^T d, one column or row of the window, in parts of two rows of B^T: those of +-point, where `other` is the other
// pair's point,
INLINE void transform_pair(const vec d[WINDOW], const float point, const float other, vec v[2])
{
    vec even = d[4] - other * other * d[2], odd = d[3] - other * other * d[1];
    v[0] = even + point * odd;
    v[1] = even - point * odd;
}

// and those of 0 and infinity.
INLINE void transform_ends(const vec d[WINDOW], vec v[2])
{
    const float near2 = NEAR * NEAR, far2 = FAR * FAR;
    v[0] = near2 * far2 * d[0] - (near2 + far2) * d[2] + d[4];
    v[1] = near2 * far2 * d[1] - (near2 + far2) * d[3] + d[5];
}

INLINE void transform_part(const vec d[WINDOW], const int part, vec v[2])
{
    if (part == 0)
        transform_pair(d, NEAR, FAR, v);
    else if (part == 1)
        transform_pair(d, FAR, NEAR, v);
    else
        transform_ends(d, v);
}

// B^T d B of a window, whose rows are `pitch` floats apart: LANES channels into v[p * stride], p < 36. It is read once
// for each part of the columns' transform, so that what lies between both transforms stays in registers.
INLINE void transform_window(const float *window, size_t pitch, cell *v, size_t stride)
{
    static const int rows[PARTS][2] = { { 1, 2 }, { 3, 4 }, { 0, 5 } };
#pragma GCC unroll 3
    for (int part = 0; part < PARTS; part++) {
        vec t[2][WINDOW], d[WINDOW], pair[2];
#pragma GCC unroll 6
        for (int x = 0; x < WINDOW; x++) {
#pragma GCC unroll 6
            for (int y = 0; y < WINDOW; y++)
                d[y] = load(window + y * pitch + x * UDM_CPU_BLOCK);
            transform_part(d, part, pair);
            t[0][x] = pair[0], t[1][x] = pair[1];
        }
#pragma GCC unroll 2
        for (int row = 0; row < 2; row++)
#pragma GCC unroll 3
            for (int across = 0; across < PARTS; across++) {
                cell *to = v + rows[part][row] * WINDOW * stride;
                transform_part(t[row], across, pair);
                store_cells(to + rows[across][0] * stride, pair[0]);
                store_cells(to + rows[across][1] * stride, pair[1]);
            }
    }
}

// All 16 channels. Not inlined, which would leave the compiler too few registers for addresses.
static __attribute__((noinline)) void gather_window(const float *window, size_t pitch, cell *v, size_t stride)
{
    for (int lane = 0; lane < UDM_CPU_BLOCK; lane += LANES)
        transform_window(window + lane, pitch, v + lane, stride);
}

// One block of a source as the windows are read from it.
typedef struct plane {
    const float *src; // [height][width][16]
    int height, width;
} plane;

// The window whose first pixel is (top, left), with zeros where it lies outside of the plane.
static void copy_window(const plane *from, int top, int left, float window[WINDOW][WINDOW][UDM_CPU_BLOCK])
{
    const int first = left < 0 ? -left : 0, end = from->width - left < WINDOW ? from->width - left : WINDOW;
    memset(window, 0, WINDOW * sizeof window[0]);
    for (int y = 0; y < WINDOW; y++)
        if (top + y >= 0 && top + y < from->height)
            memcpy(window[y][first], from->src + ((size_t)(top + y) * from->width + left + first) * UDM_CPU_BLOCK,
                   (end - first) * sizeof window[0][0]);
}

static void gather_tile(const plane *from, int tile_y, int tile_x, cell *v, size_t stride)
{
    const int top = tile_y * TILE - 1, left = tile_x * TILE - 1;
    const size_t pitch = (size_t)from->width * UDM_CPU_BLOCK;
    if (top >= 0 && left >= 0 && top + WINDOW <= from->height && left + WINDOW <= from->width) {
        gather_window(from->src + top * pitch + (size_t)left * UDM_CPU_BLOCK, pitch, v, stride);
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
    const udm_kernel *kernel = run->kernel;
    size_t stride = udm_cpu_rows_stride(kernel, run->batch);
    for (int s = 0; s < kernel->sources; s++) {
        const udm_tensor *src = &run->conv->src[s];
        int height = src->shape.h, width = src->shape.w, across = (width + TILE - 1) / TILE;
        for (int b = 0; b < udm_cpu_blocks(kernel->in[s]); b++) {
            plane from = { udm_host_data(src) + (size_t)b * height * width * UDM_CPU_BLOCK, height, width };
            for (int i = 0; i < count; i++)
                gather_tile(&from, (first + i) / across, (first + i) % across,
                            rows + (size_t)i * kernel->row + b * UDM_CPU_BLOCK, stride);
        }
        rows += kernel->in[s];
    }
}

// A^T m: from 6 sums to 4 outputs.
INLINE void transform_sums(const vec m[WINDOW], vec y[TILE])
{
    const float near2 = NEAR * NEAR, far2 = FAR * FAR;
    vec a = m[1] + m[2], b = NEAR * (m[1] - m[2]), c = m[3] + m[4], d = FAR * (m[3] - m[4]);
    y[0] = m[0] + a + c;
    y[1] = b + d;
    y[2] = near2 * a + far2 * c;
    y[3] = near2 * b + far2 * d + m[5];
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

// Compiled apart for whole tiles and the activation that nearly all have.
INLINE void scatter_tile(const output *out, const place *to, int lane, const float *m, size_t stride)
{
    const place whole = { to->pixel, to->pitch, TILE, TILE };
    output known = *out;
    if (to->height < TILE || to->width < TILE || out->activation == UDM_SILU) {
        scatter_lanes(out, to, lane, m, stride);
    } else if (known.activation == UDM_RELU) {
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
    for (int half = 0; half < udm_cpu_width(run->kernel, g) / UDM_CPU_BLOCK; half++) {
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

// G g: 3 weights to 6; G has the rows of +-NEAR and those of +-FAR one after the other.
INLINE void transform_taps(const vec g[3], vec G[WINDOW][3], vec u[WINDOW])
{
    u[0] = G[0][0] * g[0];
#pragma GCC unroll 2
    for (int point = 1; point < 5; point += 2) {
        vec even = G[point][0] * g[0] + G[point][2] * g[2], odd = G[point][1] * g[1];
        u[point] = even + odd;
        u[point + 1] = even - odd;
    }
    u[5] = g[2];
}

// U = G g G^T of LANES outputs: taps and u are `taps_stride` and `stride` apart.
INLINE void transform_weights(const float *taps, size_t taps_stride, vec G[WINDOW][3], float *u, size_t stride)
{
    vec t[3][WINDOW], g[3], row[WINDOW];
#pragma GCC unroll 3
    for (int x = 0; x < 3; x++) {
#pragma GCC unroll 3
        for (int y = 0; y < 3; y++)
            g[y] = load(taps + (y * 3 + x) * taps_stride);
        transform_taps(g, G, t[x]);
    }
#pragma GCC unroll 6
    for (int y = 0; y < WINDOW; y++) {
#pragma GCC unroll 3
        for (int x = 0; x < 3; x++)
            g[x] = t[x][y];
        transform_taps(g, G, row);
#pragma GCC unroll 6
        for (int x = 0; x < WINDOW; x++)
            store(u + (y * WINDOW + x) * stride, row[x]);
    }
}

// The sums of group g: [36][count][32].
static void multiply_tiles(const udm_cpu_run *run, const cell *rows, int g, float *sums, int count)
{
    const size_t rows_stride = udm_cpu_rows_stride(run->kernel, run->batch);
    const size_t sums_stride = udm_cpu_sums_stride(run->batch);
    for (int p = 0; p < UDM_PRODUCTS; p++)
        multiply_cells(run->kernel, rows + p * rows_stride, g, p, sums + p * sums_stride, count);
}

// The same from late weights: those of some inputs at a time are transformed to [36][UDM_CPU_LATE_STEPS][width], which
// lies after the sums.
static void multiply_late(const udm_cpu_run *run, const cell *cells, int g, float *sums, int count)
{
    const udm_kernel *kernel = run->kernel;
    const float *rows = (const float *)(const void *)cells; // late weights are floats, and so are rows
    const int width = udm_cpu_width(kernel, g);
    const size_t rows_stride = udm_cpu_rows_stride(kernel, run->batch), sums_stride = udm_cpu_sums_stride(run->batch);
    const size_t taps_stride = (size_t)kernel->steps * width, stride = UDM_CPU_LATE_STEPS * (size_t)width;
    float *u = sums + UDM_PRODUCTS * sums_stride;
    double matrix[WINDOW][3];
    vec G[WINDOW][3];
    udm_winograd_matrix(matrix);
    for (int i = 0; i < WINDOW; i++)
        for (int j = 0; j < 3; j++)
            G[i][j] = broadcast((float)matrix[i][j]);
    for (int k = 0; k < kernel->steps; k += UDM_CPU_LATE_STEPS) {
        const int steps = kernel->steps - k < UDM_CPU_LATE_STEPS ? kernel->steps - k : UDM_CPU_LATE_STEPS;
        const float *taps = udm_cpu_panel(kernel, g, 0) + (size_t)k * width;
        for (int at = 0; at < steps * width; at += LANES)
            transform_weights(taps + at, taps_stride, G, u + at, stride);
        for (int p = 0; p < UDM_PRODUCTS; p++) {
            const float *a = rows + p * rows_stride + k;
            if (k == 0)
                multiply(a, kernel->row, u + p * stride, width, sums + p * sums_stride, count, steps, false, false);
            else
                multiply(a, kernel->row, u + p * stride, width, sums + p * sums_stride, count, steps, false, true);
        }
    }
}

void NAME(udm_cpu_winograd)(void *context, int index, int worker)
{
    const udm_cpu_run *run = context;
    const udm_kernel *kernel = run->kernel;
    job_part part = part_of(run, index);
    cell *rows = (cell *)(run->scratch + worker * run->per_worker);
    float *sums = (float *)rows + udm_cpu_rows_floats(kernel, run->batch);
    for (int first = part.first; first < part.end; first += run->batch) {
        int count = part.end - first < run->batch ? part.end - first : run->batch;
        gather(run, first, count, rows);
        for (int g = part.first_group; g < part.end_group; g++) {
            if (udm_cpu_is_late(kernel))
                multiply_late(run, rows, g, sums, count);
            else
                multiply_tiles(run, rows, g, sums, count);
            scatter(run, sums, first, count, g);
        }
    }
}
