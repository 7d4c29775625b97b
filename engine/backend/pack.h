// SPDX-License-Identifier: LGPL-2.1-or-later
// How the backends that compute on processors pack the weights of a convolution, and how much of it they do at once.
#ifndef UDM_BACKEND_PACK_H
#define UDM_BACKEND_PACK_H

#include "backend/backend.h"
#include "base/maths.h"

enum { UDM_PRODUCTS = 36 }; // of F(4x4, 3x3)

static inline bool udm_is_winograd(int size, int stride, int padding)
{
    return size == 3 && stride == 1 && padding == 1;
}

// Of a row of gathered pixels, in whole blocks: gathering the last tap writes each source's channels padded to a block,
// one after the other. depth: taps times the sum of in; last_tap: where that tap begins.
static inline int udm_row_length(int sources, const int *in, int depth, int last_tap, int block)
{
    int end = depth;
    for (int s = 0; s < sources; s++) {
        int written = last_tap + udm_round_up(in[s], block);
        end = written > end ? written : end;
        last_tap += in[s];
    }
    return udm_round_up(end, block);
}

// How many rows of pixels and sums a worker does at once, a multiple of step. For Winograd they may take a little more
// than the 1 MiB of a core's second cache, as each product reads its part of them in order; weights are read once for
// all rows, so that more of these help where there are many weights.
// times: that many more, where weights have yet to be converted.
static inline int udm_most_rows(int products, int row, int group, int step, int times)
{
    enum { DIRECT_FLOATS = 40 << 10, WINOGRAD_FLOATS = 330 << 10, MOST = 48 };
    int budget = times * (products == 1 ? DIRECT_FLOATS : WINOGRAD_FLOATS);
    int fit = budget / products / (row + group) / step * step;
    return fit < step ? step : fit > times * MOST ? times * MOST : fit;
}

// F(4x4, 3x3) evaluates polynomials at 0, +-NEAR, +-FAR and infinity (Toom and Cook; Lavin and Gray 2016). At these
// points the rounding of factors to bf16 does half the harm that it does at the usual +-1 and +-2 (searched for as
// Barabasz et al. 2018 do; docs/EXPERIMENTS.md). opencl/kernels/winograd.cl has the same.
#define UDM_WINOGRAD_NEAR 0.625f
#define UDM_WINOGRAD_FAR 1.5f

// G, from 3 weights to 6.
static inline void udm_winograd_matrix(double G[6][3])
{
    const double near = UDM_WINOGRAD_NEAR, far = UDM_WINOGRAD_FAR, apart = near * near - far * far;
    const double points[5] = { 0, near, -near, far, -far };
    const double scale[5] = { near * near * far * far, 2 * near * near * apart, 2 * near * near * apart,
                              -2 * far * far * apart, -2 * far * far * apart };
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 3; j++)
            G[i][j] = (j == 0 ? 1 : j == 1 ? points[i] : points[i] * points[i]) / scale[i];
    G[5][0] = G[5][1] = 0, G[5][2] = 1;
}

// U = G g G^T, the weights of one input and output in the domain of F(4x4, 3x3). g: [3, 3], u: [6, 6].
static inline void udm_winograd_weights(const float *g, float *u)
{
    double G[6][3], t[6][3];
    udm_winograd_matrix(G);
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 3; j++)
            t[i][j] = G[i][0] * g[j] + G[i][1] * g[3 + j] + G[i][2] * g[6 + j];
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++)
            u[i * 6 + j] = (float)(t[i][0] * G[j][0] + t[i][1] * G[j][1] + t[i][2] * G[j][2]);
}

#endif
