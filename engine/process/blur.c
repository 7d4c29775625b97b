// SPDX-License-Identifier: LGPL-2.1-or-later
// Blur by the heat equation, with no noise (cold) and with noise (soft). Rissanen, Heinonen, Solin, "Generative
// Modelling with Inverse Heat Dissipation", 2023, eq. 5; Bansal et al., "Cold Diffusion", 2022, whose algorithm 2, x_s
// = x_t - B_t x0 + B_s x0, is the step without new noise here, as the residual x_t - B_t x0 stands for e; Daras et al.,
// "Soft Diffusion", 2022, eq. 4: x_t = signal B_t x0 + noise e.
//
// B_t multiplies the coefficients of the DCT by exp(-(pi k / size)^2 sigma^2 / 2), sigma in pixels. Along a line that
// is the convolution with a kernel g of twice its length on the line and its mirror image, which is computed here.
// sigma is the extent where the share, 1 - alpha_bar, is 1, and falls with the share. Half of a picture's larger side
// leaves little but its mean.
#include <math.h>
#include <string.h>

#include "process/process.h"

static double sigma_at(const udm_levels *at)
{
    return udm_levels_share(at, 0) * at->extent;
}

// g[n] for n in [0, size], times 2 as the mirror image is not added up. g is even, and of period 2 size.
static void find_kernel(double sigma, int size, float *g)
{
    for (int n = 0; n <= size; n++) {
        double sum = 0.5;
        for (int k = 1; k < size; k++) {
            const double omega = M_PI * k / size;
            sum += exp(-omega * omega * sigma * sigma / 2) * cos(omega * n);
        }
        g[n] = (float)(sum / size);
    }
}

// A line of `size` values, `stride` apart, in place. Beyond 8 sigma there is nothing left of g. line: [3 size].
static void blur_line(const float *g, double sigma, int size, size_t stride, float *values, float *line)
{
    const int far = 8 * sigma + 1 < size ? (int)(8 * sigma) + 1 : size;
    float *middle = line + size;
    for (int i = 0; i < size; i++)
        middle[i] = values[i * stride];
    for (int i = 0; i < far; i++)
        middle[-1 - i] = middle[i], middle[size + i] = middle[size - 1 - i];
    for (int i = 0; i < size; i++) {
        double sum = g[0] * middle[i];
        for (int n = 1; n < far; n++)
            sum += g[n] * (middle[i - n] + middle[i + n]);
        values[i * stride] = (float)(sum + (far == size ? g[size] * middle[i + size] : 0));
    }
}

// plane: [pixels], in place.
static void blur_plane(const udm_levels *at, float *plane)
{
    const double sigma = sigma_at(at);
    if (sigma <= 0)
        return;
    float *across = at->scratch + at->pixels, *down = across + at->width + 1, *line = down + at->height + 1;
    const size_t frame = (size_t)at->width * at->height;
    find_kernel(sigma, at->width, across);
    find_kernel(sigma, at->height, down);
    for (float *end = plane + at->pixels; plane < end; plane += frame) {
        for (int y = 0; y < at->height; y++)
            blur_line(across, sigma, at->width, 1, plane + (size_t)y * at->width, line);
        for (int x = 0; x < at->width; x++)
            blur_line(down, sigma, at->height, at->width, plane + x, line);
    }
}

// out = signal B x0 + noise e.
static void add_noise(const udm_levels *at, int channels, float signal, float noise, const float *x0, const float *e,
                      float *out)
{
    for (int c = 0; c < channels; c++, x0 += at->pixels, e += at->pixels, out += at->pixels) {
        memcpy(at->scratch, x0, at->pixels * sizeof *x0);
        blur_plane(at, at->scratch);
        for (size_t i = 0; i < at->pixels; i++)
            out[i] = signal * at->scratch[i] + noise * e[i];
    }
}

// out = (x_t - signal B x0) / noise.
static void find_noise(const udm_levels *at, int channels, float signal, float noise, const float *x0, const float *xt,
                       float *out)
{
    for (int c = 0; c < channels; c++, x0 += at->pixels, xt += at->pixels, out += at->pixels) {
        memcpy(at->scratch, x0, at->pixels * sizeof *x0);
        blur_plane(at, at->scratch);
        for (size_t i = 0; i < at->pixels; i++)
            out[i] = noise > 0 ? (xt[i] - signal * at->scratch[i]) / noise : 0;
    }
}

static void cold_forward(const udm_levels *at, int channels, const float *x0, const float *e, float *out)
{
    add_noise(at, channels, 1, 1, x0, e, out);
}

static void cold_inverse(const udm_levels *at, int channels, const float *x0, const float *xt, float *out)
{
    find_noise(at, channels, 1, 1, x0, xt, out);
}

static void soft_forward(const udm_levels *at, int channels, const float *x0, const float *e, float *out)
{
    add_noise(at, channels, at->signal[0], at->noise[0], x0, e, out);
}

static void soft_inverse(const udm_levels *at, int channels, const float *x0, const float *xt, float *out)
{
    find_noise(at, channels, at->signal[0], at->noise[0], x0, xt, out);
}

#define MEASURE "standard deviation of the blur in pixels"

static bool sized(double extent)
{
    return extent >= 0.5 && extent <= 1000;
}

static double share_of(double extent, double sigma)
{
    return sigma / extent;
}

static double amount_of(double extent, double share)
{
    return share * extent;
}

const udm_process udm_process_blur = {
    .name = "blur",
    .about = "blur by the heat equation, without noise",
    .forward = cold_forward,
    .inverse = cold_inverse,
    .sized = sized,
    .share = share_of,
    .amount = amount_of,
    .measure = MEASURE,
    .cold = true,
    .blends = true,
};

const udm_process udm_process_soft_blur = {
    .name = "soft_blur",
    .about = "blur by the heat equation, and white Gaussian noise",
    .forward = soft_forward,
    .inverse = soft_inverse,
    .sized = sized,
    .share = share_of,
    .amount = amount_of,
    .measure = MEASURE,
    .fades = true,
    .blends = true,
};
