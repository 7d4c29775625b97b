// SPDX-License-Identifier: LGPL-2.1-or-later
// What training asks of a 3x3 convolution with padding 1, by the engine's transforms of F(4x4, 3x3): its result, which
// is also the gradient of its input, if the weights are turned around; and the gradient of its weights, where
// dU = sum over tiles of (B^T d B) (A dY A^T)^T and dg = G^T dU G. winograd.py compiles it for the processor that it
// trains on.
//
// Pictures are [pictures][height][width][channels], height and width multiples of 4, channels of 32. Where the
// processor multiplies bf16, factors are rounded to that after their transforms, as the engine does when it is asked
// to.
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/kernels/transforms.h"

enum { BLOCK = UDM_CPU_BLOCK, GROUP = UDM_CPU_GROUP, MOST_TILES = 128 };
enum { TOGETHER = sizeof(float) / sizeof(cell) }; // factors that lie in the place of a float

// TOGETHER rows of LANES factors side by side, as products take them.
INLINE void store_together(cell (*rows)[LANES], size_t apart, float *to)
{
#if defined(__AVX512BF16__)
    __m256i even, odd;
    memcpy(&even, rows[0], sizeof even);
    memcpy(&odd, rows[apart], sizeof odd);
    const __m512i both =
        _mm512_or_si512(_mm512_cvtepu16_epi32(even), _mm512_slli_epi32(_mm512_cvtepu16_epi32(odd), 16));
    memcpy(to, &both, sizeof both);
#else
    (void)apart;
    memcpy(to, rows[0], sizeof rows[0]);
#endif
}

typedef struct pictures {
    int count, height, width;
} pictures;

// Scratch memory of a thread, which grows and stays.
static float *scratch(size_t floats)
{
    static __thread float *memory;
    static __thread size_t size;
    if (floats > size) {
        free(memory);
        memory = aligned_alloc(UDM_ALIGNMENT, (floats * sizeof *memory / UDM_ALIGNMENT + 1) * UDM_ALIGNMENT);
        size = memory ? floats : 0;
    }
    return memory;
}

static int tiles_of(const pictures *p)
{
    return p->count * (p->height / TILE) * (p->width / TILE);
}

// The pixel at which a tile begins.
static size_t pixel_of(const pictures *p, int tile, int *top, int *left)
{
    const int across = p->width / TILE, down = p->height / TILE;
    *left = tile % across * TILE;
    *top = tile / across % down * TILE;
    return ((size_t)(tile / across / down) * p->height + *top) * p->width + *left;
}

typedef float window_of[WINDOW][WINDOW][LANES];

// The window of tile `tile`, LANES channels, with zeros where it lies outside of the picture.
INLINE void copy_window(const pictures *p, const float *x, int channels, int tile, window_of window)
{
    int top, left;
    const float *from = x + pixel_of(p, tile, &top, &left) * channels;
    const ptrdiff_t pitch = (ptrdiff_t)p->width * channels;
    const int y0 = top == 0, x0 = left == 0, y1 = WINDOW - (top + TILE == p->height),
              x1 = WINDOW - (left + TILE == p->width);
    if (y0 || x0 || y1 < WINDOW || x1 < WINDOW)
        memset(window, 0, sizeof(window_of));
    from -= pitch + channels;
    for (int y = y0; y < y1; y++)
        for (int i = x0; i < x1; i++)
            store(window[y][i], load(from + y * pitch + i * channels));
}

static __attribute__((noinline)) void transform(window_of window, cell *v, size_t stride)
{
    transform_window(window[0][0], WINDOW * LANES, LANES, v, stride);
}

// B^T d B of tile `tile`, all channels.
static void gather(const pictures *p, const float *x, int channels, int tile, cell *v, size_t stride)
{
    window_of window __attribute__((aligned(UDM_ALIGNMENT)));
    for (int c = 0; c < channels; c += LANES) {
        copy_window(p, x + c, channels, tile, window);
        transform(window, v + c, stride);
    }
}

// What is done to the result before it is written; each may be NULL.
typedef struct finishing {
    const float *bias;     // [outputs]
    const float *residual; // of the result's shape, added
    const float *mask;     // likewise: zero where it is not above zero
    int relu;
} finishing;

static void scatter(const pictures *p, const finishing *f, float *y, int outputs, int first, int tile, const float *m,
                    size_t stride)
{
    int top, left;
    const size_t pixel = pixel_of(p, tile, &top, &left);
    for (int c = first; c < outputs && c < first + GROUP; c += LANES) {
        vec t[TILE][WINDOW], column[WINDOW], made[TILE];
        const vec bias = f->bias ? load(f->bias + c) : broadcast(0);
        for (int i = 0; i < WINDOW; i++) {
            for (int j = 0; j < WINDOW; j++)
                column[j] = load(m + (j * WINDOW + i) * stride + c - first);
            transform_sums(column, made);
            for (int j = 0; j < TILE; j++)
                t[j][i] = made[j];
        }
        for (int j = 0; j < TILE; j++) {
            transform_sums(t[j], made);
            for (int i = 0; i < TILE; i++) {
                const size_t at = (pixel + (size_t)j * p->width + i) * outputs + c;
                vec value = made[i] + bias;
                if (f->relu)
                    value = choose(value > 0, value, broadcast(0));
                if (f->mask)
                    value = choose(load(f->mask + at) > 0, value, broadcast(0));
                if (f->residual)
                    value += load(f->residual + at);
                store(y + at, value);
            }
        }
    }
}

// u: [groups of 32 outputs][36][channels / TOGETHER][32], as pack makes it. Returns false if there is no memory.
__attribute__((visibility("default"))) bool convolve(const pictures *p, const float *x, int channels, const float *u,
                                                     float *y, int outputs, const finishing *f)
{
    const int batch = udm_most_rows(UDM_PRODUCTS, channels, GROUP, MICRO_ROWS, 1), tiles = tiles_of(p);
    const int steps = channels / TOGETHER;
    const size_t rows = (size_t)batch * steps + BLOCK, sums = (size_t)batch * GROUP + BLOCK;
    float *v = scratch(UDM_PRODUCTS * (rows + sums)), *m = v + UDM_PRODUCTS * rows;
    if (!v)
        return false;
    for (int tile = 0; tile < tiles; tile += batch) {
        const int count = tiles - tile < batch ? tiles - tile : batch;
        for (int i = 0; i < count; i++)
            gather(p, x, channels, tile + i, (cell *)(v + (size_t)i * steps), rows * TOGETHER);
        for (int first = 0; first < outputs; first += GROUP) {
            const float *panel = u + (size_t)first * UDM_PRODUCTS * steps;
            for (int k = 0; k < UDM_PRODUCTS; k++)
                multiply(v + k * rows, steps, panel + (size_t)k * steps * GROUP, GROUP, m + k * sums, count, steps,
                         TOGETHER > 1, false);
            for (int i = 0; i < count; i++)
                scatter(p, f, y, outputs, first, tile + i, m + (size_t)i * GROUP, sums);
        }
    }
    return true;
}

// The weights of TOGETHER channels and LANES outputs.
INLINE void pack_lanes(const float *taps, size_t channel, size_t tap, vec G[WINDOW][3], float *u, size_t stride)
{
    cell made[TOGETHER * UDM_PRODUCTS][LANES];
    for (int i = 0; i < TOGETHER; i++) {
        float plain[UDM_PRODUCTS][LANES];
        transform_weights(taps + i * channel, tap, G, plain[0], LANES);
        for (int k = 0; k < UDM_PRODUCTS; k++)
            store_cells(made[i * UDM_PRODUCTS + k], load(plain[k]));
    }
    for (int k = 0; k < UDM_PRODUCTS; k++)
        store_together(made + k, UDM_PRODUCTS, u + k * stride);
}

// taps: [3][3][channels][outputs], both multiples of 32.
__attribute__((visibility("default"))) void pack(const float *taps, int channels, int outputs, float *u)
{
    const size_t steps = channels / TOGETHER;
    vec G[WINDOW][3];
    broadcast_matrix(G);
    for (int first = 0; first < outputs; first += GROUP)
        for (size_t step = 0; step < steps; step++)
            for (int o = 0; o < GROUP; o += LANES)
                pack_lanes(taps + step * TOGETHER * outputs + first + o, outputs, (size_t)channels * outputs, G,
                           u + (first * UDM_PRODUCTS * steps) + step * GROUP + o, steps * GROUP);
}

// A y, from 4 to 6.
INLINE void transform_outputs(const vec y[TILE], vec d[WINDOW])
{
    const float near2 = NEAR * NEAR, far2 = FAR * FAR;
    const vec near_even = y[0] + near2 * y[2], near_odd = NEAR * (y[1] + near2 * y[3]);
    const vec far_even = y[0] + far2 * y[2], far_odd = FAR * (y[1] + far2 * y[3]);
    d[0] = y[0];
    d[1] = near_even + near_odd;
    d[2] = near_even - near_odd;
    d[3] = far_even + far_odd;
    d[4] = far_even - far_odd;
    d[5] = y[3];
}

// A dY A^T of LANES outputs of a tile, whose sum is added to `sum`.
INLINE void transform_gradient(const float *pixel, size_t pitch, size_t step, cell (*d)[LANES], float *sum)
{
    vec t[WINDOW][TILE], column[TILE], made[WINDOW], total = load(sum);
    for (int i = 0; i < TILE; i++) {
        for (int j = 0; j < TILE; j++) {
            column[j] = load(pixel + j * pitch + i * step);
            total += column[j];
        }
        transform_outputs(column, made);
        for (int j = 0; j < WINDOW; j++)
            t[j][i] = made[j];
    }
    store(sum, total);
    for (int j = 0; j < WINDOW; j++) {
        transform_outputs(t[j], made);
        for (int i = 0; i < WINDOW; i++)
            store_cells(d[j * WINDOW + i], made[i]);
    }
}

// Both sides of the products of TOGETHER tiles, of which `count` exist: into panels of 16 channels and of 32 outputs,
// [36][panels][MOST_TILES / TOGETHER][channels of a panel], from where these tiles have their place in the first.
static void gather_inputs(const pictures *p, const float *x, int channels, int tile, int count, float *v, size_t stride)
{
    window_of window __attribute__((aligned(UDM_ALIGNMENT)));
    cell made[TOGETHER * UDM_PRODUCTS][LANES] = { 0 };
    for (int c = 0; c < channels; c += LANES) {
        for (int i = 0; i < count; i++) {
            copy_window(p, x + c, channels, tile + i, window);
            transform(window, made[i * UDM_PRODUCTS], LANES);
        }
        float *to = v + c / BLOCK * BLOCK * (MOST_TILES / TOGETHER) + c % BLOCK;
        for (int k = 0; k < UDM_PRODUCTS; k++)
            store_together(made + k, UDM_PRODUCTS, to + k * stride);
    }
}

static void gather_gradients(const pictures *p, const float *dy, int outputs, int tile, int count, float *d,
                             size_t stride, float *sum)
{
    cell made[TOGETHER * UDM_PRODUCTS][LANES] = { 0 };
    for (int c = 0; c < outputs; c += LANES) {
        for (int i = 0; i < count; i++) {
            int top, left;
            const float *pixel = dy + pixel_of(p, tile + i, &top, &left) * outputs + c;
            transform_gradient(pixel, (size_t)p->width * outputs, outputs, made + i * UDM_PRODUCTS, sum + c);
        }
        float *to = d + c / GROUP * GROUP * (MOST_TILES / TOGETHER) + c % GROUP;
        for (int k = 0; k < UDM_PRODUCTS; k++)
            store_together(made + k, UDM_PRODUCTS, to + k * stride);
    }
}

enum { ROWS = 8, ACROSS = GROUP / LANES < 2 ? 1 : 2 };

// c[ROWS, ACROSS vectors] += a^T b: a: [depth][16], b: [depth][32].
INLINE void multiply_transposed(const float *a, const float *b, float *c, int width, int depth)
{
    vec sum[ROWS][ACROSS];
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 2
        for (int j = 0; j < ACROSS; j++)
            sum[i][j] = load(c + i * width + j * LANES);
    for (int k = 0; k < depth; k++)
#pragma GCC unroll 8
        for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 2
            for (int j = 0; j < ACROSS; j++)
                sum[i][j] = add_step(sum[i][j], a + k * BLOCK + i, load(b + k * GROUP + j * LANES), TOGETHER > 1);
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 2
        for (int j = 0; j < ACROSS; j++)
            store(c + i * width + j * LANES, sum[i][j]);
}

// du: [channels][outputs]
static void add_products(const float *v, int channels, const float *d, int outputs, float *du, int depth)
{
    enum { PANEL = MOST_TILES / TOGETHER };
    for (int o = 0; o < outputs; o += ACROSS * LANES)
        for (int i = 0; i < channels; i += ROWS)
            multiply_transposed(v + i / BLOCK * BLOCK * PANEL + i % BLOCK, d + o / GROUP * GROUP * PANEL + o % GROUP,
                                du + (size_t)i * outputs + o, outputs, depth);
}

// G^T dU G of LANES outputs: u and taps are `stride` and `taps_stride` apart.
INLINE void transform_back(const float *u, size_t stride, vec G[WINDOW][3], float *taps, size_t taps_stride)
{
    vec t[3][WINDOW];
    for (int x = 0; x < WINDOW; x++)
        for (int y = 0; y < 3; y++) {
            t[y][x] = broadcast(0);
            for (int k = 0; k < WINDOW; k++)
                t[y][x] += G[k][y] * load(u + (k * WINDOW + x) * stride);
        }
    for (int y = 0; y < 3; y++)
        for (int x = 0; x < 3; x++) {
            vec sum = broadcast(0);
            for (int k = 0; k < WINDOW; k++)
                sum += t[y][k] * G[k][x];
            store(taps + (y * 3 + x) * taps_stride, sum);
        }
}

// The gradients of taps [3][3][channels][outputs] and bias [outputs], outputs a multiple of 32, from that of the
// result, dy. Returns false if there is no memory.
__attribute__((visibility("default"))) bool gradients(const pictures *p, const float *x, int channels, const float *dy,
                                                      int outputs, float *taps, float *bias)
{
    enum { PANEL = MOST_TILES / TOGETHER };
    const int tiles = tiles_of(p);
    const size_t rows = (size_t)PANEL * channels + BLOCK, columns = (size_t)PANEL * outputs + BLOCK;
    const size_t area = (size_t)channels * outputs;
    float *v = scratch(UDM_PRODUCTS * (rows + columns + area)), *d = v + UDM_PRODUCTS * rows;
    float *du = d + UDM_PRODUCTS * columns;
    if (!v)
        return false;
    memset(du, 0, UDM_PRODUCTS * area * sizeof *du);
    memset(bias, 0, outputs * sizeof *bias);
    for (int tile = 0; tile < tiles; tile += MOST_TILES) {
        const int count = tiles - tile < MOST_TILES ? tiles - tile : MOST_TILES;
        for (int i = 0; i < count; i += TOGETHER) {
            const int some = count - i < TOGETHER ? count - i : TOGETHER;
            gather_inputs(p, x, channels, tile + i, some, v + i / TOGETHER * BLOCK, rows);
            gather_gradients(p, dy, outputs, tile + i, some, d + i / TOGETHER * GROUP, columns, bias);
        }
        for (int k = 0; k < UDM_PRODUCTS; k++)
            add_products(v + k * rows, channels, d + k * columns, outputs, du + k * area,
                         udm_divide_up(count, TOGETHER));
    }
    vec G[WINDOW][3];
    broadcast_matrix(G);
    for (size_t i = 0; i < area; i += LANES)
        transform_back(du + i, area, G, taps + i, area);
    return true;
}
