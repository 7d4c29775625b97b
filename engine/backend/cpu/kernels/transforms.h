// SPDX-License-Identifier: LGPL-2.1-or-later
// The transforms of F(4x4, 3x3): Y = A^T [(G g G^T) . (B^T d B)] A (Lavin and Gray 2016; backend/pack.h).
#ifndef UDM_BACKEND_CPU_KERNELS_TRANSFORMS_H
#define UDM_BACKEND_CPU_KERNELS_TRANSFORMS_H

#include "backend/cpu/kernels/cells.h"

#define NEAR UDM_WINOGRAD_NEAR
#define FAR UDM_WINOGRAD_FAR

enum { WINDOW = 6, TILE = UDM_CPU_TILE, PARTS = 3 }; // a tile of 4x4 outputs sees a window of 6x6

// B^T d, one column or row of the window, in parts of two rows of B^T: those of +-point, where `other` is the other
// pair's point,
INLINE void transform_pair(const vec d[WINDOW], const float point, const float other, vec v[2])
{
    const vec square = broadcast(-other * other), at = broadcast(point);
    vec even = add_product(square, d[2], d[4]), odd = add_product(square, d[1], d[3]);
    v[0] = add_product(at, odd, even);
    v[1] = add_product(-at, odd, even);
}

// and those of 0 and infinity.
INLINE void transform_ends(const vec d[WINDOW], vec v[2])
{
    const float near2 = NEAR * NEAR, far2 = FAR * FAR;
    const vec product = broadcast(near2 * far2), sum = broadcast(-(near2 + far2));
    v[0] = add_product(product, d[0], add_product(sum, d[2], d[4]));
    v[1] = add_product(product, d[1], add_product(sum, d[3], d[5]));
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

// B^T d B of a window, whose rows are `pitch` floats apart and whose pixels `step`: LANES channels into v[p * stride],
// p < 36. It is read once for each part of the columns' transform, so that what lies between both transforms stays in
// registers.
INLINE void transform_window(const float *window, size_t pitch, const size_t step, cell *v, size_t stride)
{
    static const int rows[PARTS][2] = { { 1, 2 }, { 3, 4 }, { 0, 5 } };
#pragma GCC unroll 3
    for (int part = 0; part < PARTS; part++) {
        vec t[2][WINDOW], d[WINDOW], pair[2];
#pragma GCC unroll 6
        for (int x = 0; x < WINDOW; x++) {
#pragma GCC unroll 6
            for (int y = 0; y < WINDOW; y++)
                d[y] = load(window + y * pitch + x * step);
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

// A^T m: from 6 sums to 4 outputs.
INLINE void transform_sums(const vec m[WINDOW], vec y[TILE])
{
    const vec near2 = broadcast(NEAR * NEAR), far2 = broadcast(FAR * FAR);
    vec a = m[1] + m[2], b = NEAR * (m[1] - m[2]), c = m[3] + m[4], d = FAR * (m[3] - m[4]);
    y[0] = m[0] + a + c;
    y[1] = b + d;
    y[2] = add_product(near2, a, far2 * c);
    y[3] = add_product(near2, b, add_product(far2, d, m[5]));
}

// G, the same in all lanes.
INLINE void broadcast_matrix(vec G[WINDOW][3])
{
    double matrix[WINDOW][3];
    udm_winograd_matrix(matrix);
    for (int i = 0; i < WINDOW; i++)
        for (int j = 0; j < 3; j++)
            G[i][j] = broadcast((float)matrix[i][j]);
}

// G g: 3 weights to 6; G has the rows of +-NEAR and those of +-FAR one after the other.
INLINE void transform_taps(const vec g[3], vec G[WINDOW][3], vec u[WINDOW])
{
    u[0] = G[0][0] * g[0];
#pragma GCC unroll 2
    for (int point = 1; point < 5; point += 2) {
        vec even = add_product(G[point][0], g[0], G[point][2] * g[2]);
        u[point] = add_product(G[point][1], g[1], even);
        u[point + 1] = add_product(-G[point][1], g[1], even);
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

#endif
