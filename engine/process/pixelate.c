// SPDX-License-Identifier: LGPL-2.1-or-later
// Pixelation: blocks of 2, 4, 8 ... pixels have their mean, up to the extent, and between two sizes lies the line
// between both. What super-resolution undoes. Bansal et al., "Cold Diffusion", 2022, section 4.3; the step is
// that of blur.c. Blocks at the right and the bottom may be cut.
#include <math.h>
#include <string.h>

#include "process/process.h"

static float block_mean(const udm_levels *at, const float *frame, int x0, int y0, int size)
{
    const int x1 = x0 + size < at->width ? x0 + size : at->width, y1 = y0 + size < at->height ? y0 + size : at->height;
    double sum = 0;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            sum += frame[(size_t)y * at->width + x];
    return (float)(sum / ((double)(x1 - x0) * (y1 - y0)));
}

// out += weight times the frame in blocks.
static void add_blocks(const udm_levels *at, const float *frame, int size, float weight, float *out)
{
    for (int y0 = 0; y0 < at->height; y0 += size)
        for (int x0 = 0; x0 < at->width; x0 += size) {
            const float mean = weight * block_mean(at, frame, x0, y0, size);
            for (int y = y0; y < y0 + size && y < at->height; y++)
                for (int x = x0; x < x0 + size && x < at->width; x++)
                    out[(size_t)y * at->width + x] += mean;
        }
}

// scratch = the plane in blocks, [pixels].
static void pixelate(const udm_levels *at, const float *plane)
{
    const double sizes = log2(at->extent), stage = udm_levels_share(at, 0) * sizes;
    const int size = (int)floor(fmin(stage, sizes - 1));
    const float more = (float)(stage - size);
    const size_t frame = (size_t)at->width * at->height;
    memset(at->scratch, 0, at->pixels * sizeof *at->scratch);
    for (size_t i = 0; i < at->pixels; i += frame) {
        add_blocks(at, plane + i, 1 << size, 1 - more, at->scratch + i);
        add_blocks(at, plane + i, 2 << size, more, at->scratch + i);
    }
}

static void forward(const udm_levels *at, int channels, const float *x0, const float *e, float *out)
{
    for (size_t plane = 0; plane < channels * at->pixels; plane += at->pixels) {
        pixelate(at, x0 + plane);
        for (size_t i = 0; i < at->pixels; i++)
            out[plane + i] = at->scratch[i] + e[plane + i];
    }
}

static void inverse(const udm_levels *at, int channels, const float *x0, const float *xt, float *out)
{
    for (size_t plane = 0; plane < channels * at->pixels; plane += at->pixels) {
        pixelate(at, x0 + plane);
        for (size_t i = 0; i < at->pixels; i++)
            out[plane + i] = xt[plane + i] - at->scratch[i];
    }
}

static bool sized(double extent)
{
    int exponent;
    return extent >= 2 && extent <= 64 && frexp(extent, &exponent) == 0.5;
}

static double share_of(double extent, double side)
{
    return fmax(log2(side) / log2(extent), 0);
}

static double amount_of(double extent, double share)
{
    return pow(extent, share);
}

const udm_process udm_process_pixelate = {
    .name = "pixelate",
    .about = "blocks of pixels are replaced by their mean, without noise",
    .forward = forward,
    .inverse = inverse,
    .sized = sized,
    .share = share_of,
    .amount = amount_of,
    .measure = "side of the blocks in pixels",
    .cold = true,
    .blends = true,
};
