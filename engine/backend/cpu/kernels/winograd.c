// SPDX-License-Identifier: LGPL-2.1-or-later
// 3x3 convolutions with stride 1 and padding 1 by F(4x4, 3x3): Y = A^T [sum over inputs of (G g G^T) . (B^T d B)] A,
// with 36 products for 16 outputs instead of 144 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
// 2016).
//
// A batch of tiles at a time is transformed, multiplied and transformed back, so that all between stays in the cache.
#include "backend/cpu/kernels/cells.h"
#include "backend/cpu/kernels/kernels.h"

#define NEAR UDM_WINOGRAD_NEAR
#define FAR UDM_WINOGRAD_FAR

enum { WINDOW = 6, TILE = UDM_CPU_TILE }; // a tile of 4x4 outputs sees a window of 6x6

// B^T d: one column or row of the window.
INLINE void transform_window(const vec d[WINDOW], vec v[WINDOW])
{
    const float near2 = NEAR * NEAR, far2 = FAR * FAR;
    vec even = d[4] - far2 * d[2], odd = NEAR * (d[3] - far2 * d[1]);
    vec outer = d[4] - near2 * d[2], inner = FAR * (d[3] - near2 * d[1]);
    v[0] = near2 * far2 * d[0] - (near2 + far2) * d[2] + d[4];
    v[1] = even + odd;
    v[2] = even - odd;
    v[3] = outer + inner;
    v[4] = outer - inner;
    v[5] = near2 * far2 * d[1] - (near2 + far2) * d[3] + d[5];
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

// One block of a source as the windows are read from it.
typedef struct plane {
    const float *src; // [height][width][16]
    int height, width;
} plane;

// Pixels (top .. top + 5, left) of the plane, with zeros outside of it where it is not sure that they are `inside`.
INLINE void read_column(const plane *from, int top, int left, int lane, const bool inside, vec d[WINDOW])
{
    for (int y = 0; y < WINDOW; y++) {
        bool within =
            inside || ((unsigned)(top + y) < (unsigned)from->height && (unsigned)left < (unsigned)from->width);
        ptrdiff_t at = ((ptrdiff_t)(top + y) * from->width + left) * UDM_CPU_BLOCK + lane;
        d[y] = within ? load(from->src + at) : broadcast(0);
    }
}

// B^T d B of the window whose first pixel is (top, left), into v[p * stride], p < 36.
INLINE void gather_window(const plane *from, int top, int left, int lane, const bool inside, cell *v, size_t stride)
{
    vec t[WINDOW][WINDOW], d[WINDOW], row[WINDOW];
    for (int x = 0; x < WINDOW; x++) {
        read_column(from, top, left + x, lane, inside, d);
        transform_window(d, t[x]);
    }
    for (int y = 0; y < WINDOW; y++) {
        for (int x = 0; x < WINDOW; x++)
            row[x] = t[x][y];
        transform_window(row, d);
        for (int x = 0; x < WINDOW; x++)
            store_cells(v + (y * WINDOW + x) * stride, d[x]);
    }
}

static void gather_tile(const plane *from, int tile_y, int tile_x, cell *v, size_t stride)
{
    int top = tile_y * TILE - 1, left = tile_x * TILE - 1;
    bool inside = top >= 0 && left >= 0 && top + WINDOW <= from->height && left + WINDOW <= from->width;
    for (int lane = 0; lane < UDM_CPU_BLOCK; lane += LANES) {
        if (inside)
            gather_window(from, top, left, lane, true, v + lane, stride);
        else
            gather_window(from, top, left, lane, false, v + lane, stride);
    }
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

// A^T m A, m[p * stride] the sums of a tile: to the pixels of (top, left) that lie in the picture.
INLINE void scatter_tile(const output *out, udm_shape shape, const int at[2], int lane, const float *m, size_t stride)
{
    vec t[TILE][WINDOW], column[WINDOW], y[TILE];
    for (int i = 0; i < WINDOW; i++) {
        for (int j = 0; j < WINDOW; j++)
            column[j] = load(m + (j * WINDOW + i) * stride);
        transform_sums(column, y);
        for (int j = 0; j < TILE; j++)
            t[j][i] = y[j];
    }
    int height = shape.h - at[0] < TILE ? shape.h - at[0] : TILE;
    int width = shape.w - at[1] < TILE ? shape.w - at[1] : TILE;
    for (int j = 0; j < height; j++) {
        size_t pixel = ((size_t)(at[0] + j) * shape.w + at[1]) * UDM_CPU_BLOCK;
        transform_sums(t[j], y);
        for (int i = 0; i < width; i++)
            finish(out, pixel + i * UDM_CPU_BLOCK, lane, y[i]);
    }
}

static void scatter(const udm_cpu_run *run, const float *sums, int first, int count, int g)
{
    udm_shape shape = run->conv->dst.shape;
    size_t plane = (size_t)shape.h * shape.w * UDM_CPU_BLOCK, stride = udm_cpu_sums_stride(run->batch);
    int across = (shape.w + TILE - 1) / TILE;
    for (int half = 0; half < udm_cpu_width(run->kernel, g) / UDM_CPU_BLOCK; half++) {
        output out = output_of(run, 2 * g + half, plane);
        for (int i = 0; i < count; i++) {
            int at[2] = { (first + i) / across * TILE, (first + i) % across * TILE };
            const float *m = sums + (size_t)i * UDM_CPU_GROUP + half * UDM_CPU_BLOCK;
            for (int lane = 0; lane < UDM_CPU_BLOCK; lane += LANES)
                scatter_tile(&out, shape, at, lane, m + lane, stride);
        }
    }
}

void NAME(udm_cpu_winograd)(void *context, int index, int worker)
{
    const udm_cpu_run *run = context;
    const udm_kernel *kernel = run->kernel;
    job_part part = part_of(run, index);
    size_t rows_stride = udm_cpu_rows_stride(kernel, run->batch), sums_stride = udm_cpu_sums_stride(run->batch);
    cell *rows = (cell *)(run->scratch + worker * run->per_worker);
    float *sums = (float *)rows + udm_cpu_rows_floats(kernel, run->batch);
    for (int first = part.first; first < part.end; first += run->batch) {
        int count = part.end - first < run->batch ? part.end - first : run->batch;
        gather(run, first, count, rows);
        for (int g = part.first_group; g < part.end_group; g++) {
            for (int p = 0; p < UDM_PRODUCTS; p++)
                multiply_cells(kernel, rows + p * rows_stride, g, p, sums + p * sums_stride, count);
            scatter(run, sums, first, count, g);
        }
    }
}
