// SPDX-License-Identifier: LGPL-2.1-or-later
// 3x3 convolutions with stride 1 and padding 1 by F(4x4, 3x3): Y = A^T [sum over inputs of (G g G^T) . (B^T d B)] A,
// with 36 products for 16 outputs instead of 144 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
// 2016).
#ifdef LANES

#define WINDOW 6
#define TILE 4
#define PRODUCTS 36
#define NEAR 0.625f // as UDM_WINOGRAD_NEAR and _FAR of backend/pack.h
#define FAR 1.5f

// Floats from product to product of the scratch matrices. One line more than they need, so that the 36 places that a
// tile is written to do not fall into few sets of the cache.
size_t rows_stride(const udm_cl_conv *conv)
{
    return (size_t)conv->batch * conv->row + BLOCK;
}

size_t sums_stride(const udm_cl_conv *conv)
{
    return (size_t)conv->batch * GROUP + BLOCK;
}

// B^T d: one column or row of the window.
void transform_window(const vec d[WINDOW], vec v[WINDOW])
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
void transform_sums(const vec m[WINDOW], vec y[TILE])
{
    const float near2 = NEAR * NEAR, far2 = FAR * FAR;
    vec a = m[1] + m[2], b = NEAR * (m[1] - m[2]), c = m[3] + m[4], d = FAR * (m[3] - m[4]);
    y[0] = m[0] + a + c;
    y[1] = b + d;
    y[2] = near2 * a + far2 * c;
    y[3] = near2 * b + far2 * d + m[5];
}

// Pixel (y, x) of a plane [h][w][16]; zeros outside of it, where it is not sure that it is `inside`.
vec read_pixel(const global feature *plane, const udm_cl_tensor *src, int y, int x, bool inside)
{
    inside |= y >= 0 && y < src->h && x >= 0 && x < src->w;
    return inside ? load_features(plane + ((long)y * src->w + x) * BLOCK) : (vec)0;
}

// B^T d B of the window whose first pixel is (top, left), into v[p * stride], p < 36.
void gather_window(const global feature *plane, const udm_cl_tensor *src, int top, int left, bool inside,
                   global float *v, size_t stride)
{
    vec t[WINDOW][WINDOW], d[WINDOW], row[WINDOW];
    UNROLL for (int x = 0; x < WINDOW; x++) {
        UNROLL for (int y = 0; y < WINDOW; y++)
            d[y] = read_pixel(plane, src, top + y, left + x, inside);
        transform_window(d, t[x]);
    }
    UNROLL for (int y = 0; y < WINDOW; y++) {
        UNROLL for (int x = 0; x < WINDOW; x++)
            row[x] = t[x][y];
        transform_window(row, d);
        UNROLL for (int x = 0; x < WINDOW; x++)
            store(v + (y * WINDOW + x) * stride, d[x]);
    }
}

void gather_tile(const global feature *plane, const udm_cl_tensor *src, int top, int left, global float *v,
                 size_t stride)
{
    bool inside = top >= 0 && left >= 0 && top + WINDOW <= src->h && left + WINDOW <= src->w;
    for (int lane = 0; lane < BLOCK; lane += LANES) {
        if (inside)
            gather_window(plane + lane, src, top, left, true, v + lane, stride);
        else
            gather_window(plane + lane, src, top, left, false, v + lane, stride);
    }
}

// One source's channels of `count` tiles from `first`: rows [36][count][conv->row]. Each block ends in zeros where its
// channels do, which the next source overwrites.
void gather_tiles(const udm_cl_conv *conv, const udm_cl_tensor *src, const global feature *data, int first, int count,
                  global float *rows)
{
    int across = divide_up(src->w, TILE);
    for (int b = 0; b < divide_up(src->c, BLOCK); b++)
        for (int i = 0; i < count; i++)
            gather_tile(data + src->at + (size_t)b * src->h * src->w * BLOCK, src, (first + i) / across * TILE - 1,
                        (first + i) % across * TILE - 1, rows + (size_t)i * conv->row + b * BLOCK, rows_stride(conv));
}

// A^T m A, m[p * stride] the sums of a tile of block b: to the pixels of (top, left) that lie in the picture.
void scatter_tile(const udm_cl_conv *conv, global feature *dst, const global feature *residual,
                  const global float *bias, int b, int top, int left, int lane, const global float *m)
{
    vec t[TILE][WINDOW], column[WINDOW], y[TILE];
    size_t stride = sums_stride(conv);
    UNROLL for (int i = 0; i < WINDOW; i++) {
        UNROLL for (int j = 0; j < WINDOW; j++)
            column[j] = load(m + (j * WINDOW + i) * stride);
        transform_sums(column, y);
        UNROLL for (int j = 0; j < TILE; j++)
            t[j][i] = y[j];
    }
    UNROLL for (int j = 0; j < TILE; j++) {
        transform_sums(t[j], y);
        UNROLL for (int i = 0; i < TILE; i++)
            if (top + j < conv->dst.h && left + i < conv->dst.w)
                finish(conv, dst, residual, bias, b, (size_t)(top + j) * conv->dst.w + left + i, lane, y[i]);
    }
}

void scatter_tiles(const udm_cl_conv *conv, global feature *dst, const global feature *residual,
                   const global float *bias, int first, int count, int g, const global float *sums)
{
    int across = divide_up(conv->dst.w, TILE);
    for (int side = 0; side < group_width(conv, g) / BLOCK; side++)
        for (int i = 0; i < count; i++)
            for (int lane = 0; lane < BLOCK; lane += LANES)
                scatter_tile(conv, dst, residual, bias, 2 * g + side, (first + i) / across * TILE,
                             (first + i) % across * TILE, lane, sums + (size_t)i * GROUP + side * BLOCK + lane);
}

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
conv_winograd(const udm_cl_conv conv, global feature *dst, const global feature *residual, const global feature *src0,
              const global feature *src1, const global feature *src2, const global float *weights,
              global float *scratch, volatile global int *counter)
{
    global float *rows = scratch + get_group_id(0) * conv.per_worker, *sums = rows + PRODUCTS * rows_stride(&conv);
    for (int index = draw_job(counter, &conv); index >= 0; index = draw_job(counter, &conv)) {
        job part = job_of(&conv, index);
        for (int first = part.first; first < part.end; first += conv.batch) {
            int count = min(part.end - first, conv.batch);
            global float *to = rows;
            for (int s = 0; s < conv.sources; s++) {
                const udm_cl_tensor src = SOURCE(conv, s);
                gather_tiles(&conv, &src, s == 0 ? src0 : s == 1 ? src1 : src2, first, count, to);
                to += src.c;
            }
            for (int g = part.first_group; g < part.end_group; g++) {
                for (int p = 0; p < PRODUCTS; p++)
                    multiply(rows + p * rows_stride(&conv), conv.row, panel(&conv, weights, g, p, PRODUCTS),
                             group_width(&conv, g), sums + p * sums_stride(&conv), count, conv.depth);
                scatter_tiles(&conv, dst, residual, weights + conv.bias, first, count, g, sums);
            }
        }
    }
}

#endif
