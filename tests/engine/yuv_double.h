// SPDX-License-Identifier: LGPL-2.1-or-later
// Images to planes and back in double precision, by matrices of whole rows: what the engine is compared with.
#ifndef UDM_TESTS_YUV_DOUBLE_H
#define UDM_TESTS_YUV_DOUBLE_H

#include <math.h>

#include "yuv.h"

enum { MOST = 48 }; // pixels of a side

static const double luma_weights[][3] = { { 0 },
                                          { 0.299, 0.587, 0.114 },
                                          { 0.2126, 0.7152, 0.0722 },
                                          { 0.2627, 0.6780, 0.0593 },
                                          { 0.212, 0.701, 0.087 },
                                          { 0.30, 0.59, 0.11 } };

// out = matrix in, of `rows` by `columns`.
typedef struct filter {
    int rows, columns;
    double at[MOST][MOST];
} filter;

static inline double *tap(filter *f, int row, int column, int columns)
{
    return &f->at[row][column < 0 ? 0 : column < columns ? column : columns - 1];
}

// Samples to the pixels that share them, two by two.
static inline filter upsampling(int pixels, bool first)
{
    filter f = { pixels, (pixels + 1) / 2, { { 0 } } };
    for (int x = 0; x < pixels; x++) {
        const int i = x / 2;
        const bool alone = x == pixels - 1 && x % 2 == 0;
        *tap(&f, x, i, f.columns) += !first || x % 2 == 0;
        for (int k = 0; first && x % 2 && k < 4; k++)
            *tap(&f, x, i + k - 1, f.columns) += (const double[]){ -1, 9, 9, -1 }[k] / 16;
        for (int k = 0; !first && !alone && k < 5; k++)
            *tap(&f, x, i + k - 2, f.columns) += (const double[]){ 3, -22, 0, 22, -3 }[k] / 128 * (x % 2 ? 1 : -1);
    }
    return f;
}

// Pixels to samples: the firsts, and a quarter of what their neighbours have that is not interpolated; or means.
static inline filter downsampling(int pixels, bool first)
{
    const filter up = upsampling(pixels, first);
    filter f = { up.columns, pixels, { { 0 } } };
    for (int i = 0; i < f.rows; i++) {
        const bool alone = 2 * i + 1 == pixels;
        f.at[i][2 * i] += first || alone ? 1 : 0.5;
        if (!first && !alone)
            f.at[i][2 * i + 1] += 0.5;
        for (int side = -1; first && pixels > 1 && side < 2; side += 2) {
            int second = 2 * i + side;
            second = second < 0 ? 1 : second < pixels ? second : second - 2;
            f.at[i][second] += 0.25;
            for (int k = 0; k < up.columns; k++)
                f.at[i][2 * k] -= up.at[second][k] / 4;
        }
    }
    return f;
}

typedef struct plane {
    int width, height;
    double at[MOST][MOST]; // [y][x]
} plane;

static inline plane along_x(const plane *p, const filter *f)
{
    plane out = { f->rows, p->height, { { 0 } } };
    for (int y = 0; y < out.height; y++)
        for (int x = 0; x < out.width; x++)
            for (int k = 0; k < f->columns; k++)
                out.at[y][x] += f->at[x][k] * p->at[y][k];
    return out;
}

static inline plane along_y(const plane *p, const filter *f)
{
    plane out = { p->width, f->rows, { { 0 } } };
    for (int y = 0; y < out.height; y++)
        for (int x = 0; x < out.width; x++)
            for (int k = 0; k < f->columns; k++)
                out.at[y][x] += f->at[y][k] * p->at[k][x];
    return out;
}

static inline bool cosited_x(const udm_image *image)
{
    return image->siting == UDM_SITING_LEFT || image->siting == UDM_SITING_TOP_LEFT;
}

static inline bool cosited_y(const udm_image *image)
{
    return image->siting == UDM_SITING_TOP || image->siting == UDM_SITING_TOP_LEFT;
}

static inline plane upsampled(const udm_image *image, plane p)
{
    for (int k = image->subsample_x; k > 0; k--) {
        const filter f = upsampling(yuv_shared(image->width, k - 1), cosited_x(image));
        p = along_x(&p, &f);
    }
    const filter f = upsampling(image->height, cosited_y(image));
    return image->subsample_y ? along_y(&p, &f) : p;
}

static inline plane downsampled(const udm_image *image, plane p)
{
    for (int k = 1; k <= image->subsample_x; k++) {
        const filter f = downsampling(yuv_shared(image->width, k - 1), cosited_x(image));
        p = along_x(&p, &f);
    }
    const filter f = downsampling(image->height, cosited_y(image));
    return image->subsample_y ? along_y(&p, &f) : p;
}

// H.273, equations 20 to 31: E of a value, and the value of E, not rounded.
static inline double black_of(const udm_image *image, bool chroma)
{
    return chroma ? ldexp(1, image->bits - 1) : image->range == UDM_RANGE_LIMITED ? ldexp(16, image->bits - 8) : 0;
}

static inline double unit_of(const udm_image *image, bool chroma)
{
    return image->range == UDM_RANGE_LIMITED ? ldexp(chroma ? 224 : 219, image->bits - 8) : ldexp(1, image->bits) - 1;
}

static inline plane component(const udm_image *image, int c)
{
    const bool chroma = c > 0 && image->matrix != UDM_MATRIX_RGB;
    plane p = { yuv_columns(image, c), yuv_rows(image, c), { { 0 } } };
    for (int y = 0; y < p.height; y++)
        for (int x = 0; x < p.width; x++)
            p.at[y][x] = (yuv_get(image, c, x, y) - black_of(image, chroma)) / unit_of(image, chroma);
    return p;
}

// Red, green and blue, solved for by Cramer's rule of what defines Y, Cb and Cr.
static inline void to_rgb(const double k[3], const double yuv[3], double rgb[3])
{
    const double red = yuv[0] + 2 * (1 - k[0]) * yuv[2], blue = yuv[0] + 2 * (1 - k[2]) * yuv[1];
    rgb[0] = red, rgb[2] = blue;
    rgb[1] = (yuv[0] - k[0] * red - k[2] * blue) / k[1];
}

static inline void planes_of(const udm_image *image, plane out[3])
{
    for (int c = 0; c < image->channels; c++)
        out[c] = component(image, c);
    if (image->matrix == UDM_MATRIX_RGB)
        return;
    out[1] = upsampled(image, out[1]), out[2] = upsampled(image, out[2]);
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            double rgb[3];
            to_rgb(luma_weights[image->matrix], (double[]){ out[0].at[y][x], out[1].at[y][x], out[2].at[y][x] }, rgb);
            for (int c = 0; c < 3; c++)
                out[c].at[y][x] = rgb[c];
        }
}

// E of all components, of planes of red, green and blue.
static inline void components_of(const udm_image *image, plane out[3])
{
    const double *k = luma_weights[image->matrix];
    if (image->matrix == UDM_MATRIX_RGB)
        return;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            const double red = out[0].at[y][x], blue = out[2].at[y][x];
            const double luma = k[0] * red + k[1] * out[1].at[y][x] + k[2] * blue;
            out[0].at[y][x] = luma;
            out[1].at[y][x] = (blue - luma) / (2 * (1 - k[2]));
            out[2].at[y][x] = (red - luma) / (2 * (1 - k[0]));
        }
    out[1] = downsampled(image, out[1]), out[2] = downsampled(image, out[2]);
}

#endif
