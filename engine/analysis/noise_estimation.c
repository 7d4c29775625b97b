// SPDX-License-Identifier: LGPL-2.1-or-later
// White Gaussian noise raises every eigenvalue of the covariance C of a picture's patches by sigma^2, and the texture
// of weakly textured patches lies in few of its eigenvectors; so the flat rest of the spectrum is sigma^2.
//
// Weak patches: |Dh y|^2 + |Dv y|^2 <= tau sigma^2, from all patches down to a fixed point: Liu, Tanaka, Okutomi,
// "Single-image noise level estimation for blind denoising", IEEE TIP 2013, section III. Flat rest: the lowest i
// eigenvalues, for the largest i at which their mean is at most their median: Chen, Zhu, Heng, "An efficient
// statistical method for image noise level estimation", ICCV 2015, algorithm 1. Coloured noise: JPEG and demosaicing
// leave little between neighbouring pixels and more in coarser grains. The spectrum of the whole picture has then no
// flat rest, and that of the half picture, where white noise has half its sigma, gives the strength of the grain:
// Lebrun, Colom, Morel, "Multiscale image blind denoising", IEEE TIP 2015.
//
// Clipping to 0..255 takes variance away: of N(m, sigma^2) what is left is V at the mean M of Foi, "Clipped noisy
// images", Signal Processing 2009; sigma is that whose V(sigma, M), averaged over the patches, is the variance found.
#include "analysis/noise_estimation.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>

enum {
    SIDE = 8,
    AREA = SIDE * SIDE,
    MAX_PATCHES = 16384,
    MIN_PATCHES = 16 * AREA, // fewer spread the eigenvalues of pure noise too far
    MAX_ROUNDS = 12,
    LEVELS = 256,
};

// F^-1(1 - 1e-6) of the gamma distribution of shape AREA / 2 and mean trace(Dh'Dh + Dv'Dv) = 48: noise of sigma 1 alone
// has less gradient than this.
static const float tau = 99.59f;

// What lies at the ends of the scale may have been clipped to them.
static const float darkest = 0.25f, brightest = 254.75f;

// Ramps from no to yes. Chosen on training pictures, with white noise and that of models/train/realnoise.py, for what
// models/denoise gains on noisy pictures and spoils in clean ones.
typedef struct ramp {
    double from, to;
} ramp;

static const ramp stronger_at_half = { 1.8, 2.4 }; // twice the half picture's sigma over the whole one's
static const ramp tilted = { 1.25, 1.5 };          // the spectrum of the whole picture: it is not white
static const ramp tilted_at_half = { 1.2, 1.3 };   // nor that of the half picture: it may well be texture

// The flat rest is the weakest part of coloured noise.
static const double flat_shortfall = 1.4;

// What may be texture is not taken for stronger noise than this.
static const double texture_sigma = 5;

// LAPACK, of OpenBLAS, which comes without a header for it. The last two are the lengths of the strings.
void ssyev_(const char *vectors, const char *triangle, const int *n, float *a, const int *stride, float *values,
            float *work, const int *work_size, int *info, size_t, size_t);

typedef struct patches {
    float *pixels;   // [count, AREA], each patch less its mean
    float *mean;     // [count]
    float *gradient; // [count], energy
    int count;
} patches;

static void patches_clear(patches *p)
{
    free(p->pixels);
    free(p->mean);
    free(p->gradient);
}

static float gradient_energy(const float *pixels)
{
    float sum = 0;
    for (int y = 0; y < SIDE; y++) {
        for (int x = 1; x < SIDE - 1; x++) {
            float across = pixels[y * SIDE + x + 1] - pixels[y * SIDE + x - 1];
            float down = pixels[(x + 1) * SIDE + y] - pixels[(x - 1) * SIDE + y];
            sum += across * across + down * down;
        }
    }
    return sum / 4;
}

// Leaves out patches that are mostly clipped, and black borders: they hold little information, or none.
static void patches_add(patches *p, const float *source, int stride)
{
    float *pixels = p->pixels + (size_t)p->count * AREA;
    float sum = 0;
    int clipped = 0;
    for (int i = 0; i < AREA; i++) {
        pixels[i] = source[(size_t)(i / SIDE) * stride + i % SIDE] * 127.5f + 127.5f;
        sum += pixels[i];
        clipped += pixels[i] <= darkest || pixels[i] >= brightest;
    }
    if (clipped > AREA * 3 / 4)
        return;
    float mean = sum / AREA;
    for (int i = 0; i < AREA; i++)
        pixels[i] -= mean;
    p->mean[p->count] = mean;
    p->gradient[p->count] = gradient_energy(pixels);
    p->count++;
}

// The distance between patches at which no more than MAX_PATCHES are taken, out of step with the blocks of codecs.
static int patch_step(int channels, int width, int height)
{
    int step = 1;
    while (((size_t)(width - SIDE) / step + 1) * ((size_t)(height - SIDE) / step + 1) * channels > MAX_PATCHES ||
           step % 4 == 0)
        step++;
    return step;
}

// planes: [3, area]
static bool is_grey(const float *planes, size_t area)
{
    return memcmp(planes, planes + area, area * sizeof *planes) == 0 &&
           memcmp(planes, planes + 2 * area, area * sizeof *planes) == 0;
}

// The channels share one covariance, of the mean of their variances.
static void patches_gather(patches *p, const float *planes, int channels, int width, int height)
{
    if (channels == 3 && is_grey(planes, (size_t)width * height))
        channels = 1; // copies of the same patches add nothing
    int step = patch_step(channels, width, height);
    for (int c = 0; c < channels; c++) {
        for (int y = 0; y <= height - SIDE; y += step) {
            for (int x = 0; x <= width - SIDE; x += step)
                patches_add(p, planes + ((size_t)c * height + y) * width + x, width);
        }
    }
}

static void patches_copy(patches *p, int to, int from)
{
    if (to != from)
        memcpy(p->pixels + (size_t)to * AREA, p->pixels + (size_t)from * AREA, AREA * sizeof(float));
    p->mean[to] = p->mean[from];
    p->gradient[to] = p->gradient[from];
}

// Drops those above the limit, unless too few would stay. True if it made a difference that matters.
static bool patches_keep_weak(patches *p, float limit)
{
    int weak = 0;
    for (int i = 0; i < p->count; i++)
        weak += p->gradient[i] <= limit;
    if (weak < MIN_PATCHES || weak == p->count)
        return false;
    bool matters = p->count - weak > p->count / 200;
    int count = 0;
    for (int i = 0; i < p->count; i++) {
        if (p->gradient[i] <= limit)
            patches_copy(p, count++, i);
    }
    p->count = count;
    return matters;
}

// values: [count], ascending.
static double flat_mean(const float *values, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += values[i];
    for (; count > 1; count--) {
        double median = 0.5 * ((double)values[(count - 1) / 2] + values[count / 2]);
        if (sum <= median * count)
            break;
        sum -= values[count - 1];
    }
    return fmax(sum / count, 0);
}

typedef struct spectrum {
    double flat; // variance: the mean of the flat rest
    double tilt; // the median over the flat rest, as a ratio of deviations
} spectrum;

// Of what is left of the noise. Each patch has lost its mean, and so the covariance its lowest eigenvalue.
static spectrum residual_spectrum(const patches *p)
{
    static const int n = AREA, work_size = 34 * AREA;
    float covariance[AREA * AREA] = { 0 }, values[AREA], work[34 * AREA];
    cblas_ssyrk(CblasRowMajor, CblasLower, CblasTrans, AREA, p->count, 1.0f / p->count, p->pixels, AREA, 0, covariance,
                AREA);
    int info = 0;
    ssyev_("N", "U", &n, covariance, &n, values, work, &work_size, &info, 1, 1); // "U": columns come first there
    if (info != 0)
        return (spectrum){ 0 };
    double flat = flat_mean(values + 1, AREA - 1);
    return (spectrum){ flat, sqrt(fmax(values[AREA / 2], 0) / fmax(flat, 1e-6)) };
}

// The mean and the variance of N(mean, sigma^2) after clipping to 0..255.
static void clip_moments(double mean, double sigma, double *clipped_mean, double *clipped_variance)
{
    double low = (0 - mean) / sigma, high = (255 - mean) / sigma;
    double below = 0.5 * erfc(-low * M_SQRT1_2), above = 0.5 * erfc(high * M_SQRT1_2);
    double at_low = exp(-0.5 * low * low) / sqrt(2 * M_PI), at_high = exp(-0.5 * high * high) / sqrt(2 * M_PI);
    double inside = 1 - below - above;
    // Both about the mean, where nothing cancels.
    double first = low * below + high * above + at_low - at_high;
    double second = inside + low * at_low - high * at_high + low * low * below + high * high * above;
    *clipped_mean = mean + sigma * first;
    *clipped_variance = sigma * sigma * fmax(second - first * first, 0);
}

// The variance that noise of this sigma shows, averaged over patches. means: a histogram of their means.
static double clipped_variance(const int means[LEVELS], double sigma)
{
    enum { STEPS = 256 };
    double from = -4 * sigma, step = (255 + 8 * sigma) / STEPS;
    double m0, v0, m1, v1, sum = 0;
    int count = 0, level = 0;
    clip_moments(from, sigma, &m0, &v0);
    for (int i = 1; i <= STEPS && level < LEVELS; i++, m0 = m1, v0 = v1) {
        clip_moments(from + i * step, sigma, &m1, &v1);
        for (; level < LEVELS && (level <= m1 || i == STEPS); level++) {
            double share = m1 > m0 ? fmin(fmax((level - m0) / (m1 - m0), 0), 1) : 0;
            sum += means[level] * (v0 + share * (v1 - v0));
            count += means[level];
        }
    }
    return sum / count;
}

// The sigma whose clipped variance is the one that was found.
static double unclip(const patches *p, double variance)
{
    int means[LEVELS] = { 0 };
    for (int i = 0; i < p->count; i++)
        means[(int)fminf(fmaxf(p->mean[i] + 0.5f, 0), LEVELS - 1)]++;
    double sigma = sqrt(variance);
    for (int i = 0; i < 30 && sigma > 0 && sigma < LEVELS; i++) {
        double ratio = sqrt(variance / fmax(clipped_variance(means, sigma), variance / 100));
        sigma *= ratio;
        if (fabs(ratio - 1) < 1e-3)
            break;
    }
    return fmin(sigma, LEVELS - 1);
}

typedef struct reading {
    double sigma, tilt;
} reading;

static reading weak_patch_reading(patches *p)
{
    if (p->count < AREA)
        return (reading){ 0 };
    spectrum found = residual_spectrum(p);
    for (int i = 0; i < MAX_ROUNDS && patches_keep_weak(p, tau * (float)found.flat); i++)
        found = residual_spectrum(p);
    return (reading){ unclip(p, found.flat), found.tilt };
}

static reading reading_of(patches *p, const float *planes, int channels, int width, int height)
{
    p->count = 0;
    patches_gather(p, planes, channels, width, height);
    return weak_patch_reading(p);
}

// planes: [channels, height, width], out: [channels, height / 2, width / 2]
static void halve(const float *planes, int channels, int width, int height, float *out)
{
    for (int c = 0; c < channels; c++) {
        for (int y = 0; y < height / 2; y++) {
            const float *above = planes + ((size_t)c * height + 2 * y) * width, *below = above + width;
            for (int x = 0; x < width / 2; x++)
                *out++ = (above[2 * x] + above[2 * x + 1] + below[2 * x] + below[2 * x + 1]) / 4;
        }
    }
}

static double share_of(ramp r, double x)
{
    return fmin(fmax((x - r.from) / (r.to - r.from), 0), 1);
}

static double geometric_mean(double a, double b, double share_of_b)
{
    return pow(a, 1 - share_of_b) * pow(b, share_of_b);
}

// The sigma of white noise that is as harmful.
static double white_equivalent(reading whole, reading half)
{
    double at_half = 2 * half.sigma;
    double coloured = fmin(share_of(stronger_at_half, at_half / fmax(whole.sigma, 1e-6)), share_of(tilted, whole.tilt));
    double grains = flat_shortfall * at_half, limited = fmin(grains, fmax(texture_sigma, whole.sigma));
    grains = geometric_mean(grains, limited, share_of(tilted_at_half, half.tilt));
    return geometric_mean(whole.sigma, grains, coloured);
}

bool udm_estimate_sigma(const float *planes, int channels, int width, int height, double *sigma, udm_error *error)
{
    *sigma = 0;
    if (width < SIDE || height < SIDE)
        return true;
    size_t quarter = (size_t)(width / 2) * (height / 2);
    float *half = malloc(channels * quarter * sizeof *half);
    patches p = { .pixels = malloc((size_t)MAX_PATCHES * AREA * sizeof(float)),
                  .mean = malloc(MAX_PATCHES * sizeof(float)),
                  .gradient = malloc(MAX_PATCHES * sizeof(float)) };
    bool done = half && p.pixels && p.mean && p.gradient;
    if (done) {
        reading whole = reading_of(&p, planes, channels, width, height);
        *sigma = whole.sigma;
        if (width / 2 >= SIDE && height / 2 >= SIDE) {
            halve(planes, channels, width, height, half);
            *sigma = white_equivalent(whole, reading_of(&p, half, channels, width / 2, height / 2));
        }
    } else {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to estimate the noise");
    }
    patches_clear(&p);
    free(half);
    return done;
}
