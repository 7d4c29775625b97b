// SPDX-License-Identifier: LGPL-2.1-or-later
// Of N(m, sigma^2) what clipping leaves is V at the mean M of Foi, "Clipped noisy images: heteroskedastic modeling and
// practical denoising", Signal Processing 2009; sigma is that whose V(sigma, M), averaged over the patches, is the
// variance found.
#include "analysis/clipping.h"

#include <math.h>
#include <stdbool.h>

// e^x, x <= 0, with the same bits everywhere, which libm's has not: (1 + y + y^2 / 2 + ...)^1024, y = x / 1024.
static double exponential(double x)
{
    const double y = fmax(x, -700) / 1024;
    double value = 1 + y * (1 + y / 2 * (1 + y / 3 * (1 + y / 4)));
    for (int i = 0; i < 10; i++)
        value *= value;
    return value;
}

// The share of N(0, 1) below x, to 1e-7: Abramowitz and Stegun, 26.2.17.
static double normal_share(double x, double density)
{
    const double t = 1 / (1 + 0.2316419 * fabs(x));
    const double tail =
        density * t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
    return x < 0 ? tail : 1 - tail;
}

typedef struct moments {
    double mean, variance;
} moments;

// Of N(mean, sigma^2) after clipping to 0..255.
static moments clipped(double mean, double sigma)
{
    const double low = -mean / sigma, high = (255 - mean) / sigma, scale = 0.3989422804014327;
    const double at_low = scale * exponential(-0.5 * low * low), at_high = scale * exponential(-0.5 * high * high);
    const double below = normal_share(low, at_low), above = 1 - normal_share(high, at_high);
    // Both about the mean, where nothing cancels.
    const double first = low * below + high * above + at_low - at_high;
    const double second = 1 - below - above + low * at_low - high * at_high + low * low * below + high * high * above;
    return (moments){ mean + sigma * first, sigma * sigma * fmax(second - first * first, 0) };
}

// The variance that noise of this sigma shows, averaged over the patches.
static double clipped_variance(const udm_clipping *clipping, double sigma)
{
    enum { STEPS = 128 };
    double at[UDM_CLIPPING_LEVELS];
    const double from = -4 * sigma, step = (255 + 8 * sigma) / STEPS;
    moments last = clipped(from, sigma);
    for (int i = 1, level = 0; i <= STEPS && level < UDM_CLIPPING_LEVELS; i++) {
        const moments next = clipped(from + i * step, sigma);
        for (; level < UDM_CLIPPING_LEVELS && (level <= next.mean || i == STEPS); level++) {
            const double reach = next.mean - last.mean;
            const double share = reach > 0 ? fmin(fmax((level - last.mean) / reach, 0), 1) : 0;
            at[level] = last.variance + share * (next.variance - last.variance);
        }
        last = next;
    }
    double variance = 0;
    for (int plane = 0; plane < UDM_CLIPPING_PLANES; plane++) {
        double sum = 0, count = 0;
        for (int level = 0; level < UDM_CLIPPING_LEVELS; level++) {
            sum += clipping->means[plane][level] * at[level];
            count += clipping->means[plane][level];
        }
        variance += clipping->weights[plane] * (count > 0 ? sum / count : sigma * sigma);
    }
    return variance;
}

double udm_unclipped_sigma(const udm_clipping *clipping, double variance)
{
    double sigma = sqrt(fmax(variance, 0));
    for (int i = 0; i < 30 && sigma > 0 && sigma < 255; i++) {
        const double ratio = sqrt(variance / fmax(clipped_variance(clipping, sigma), variance / 100));
        sigma *= ratio;
        if (fabs(ratio - 1) < 1e-3)
            break;
    }
    return fmin(sigma, 255);
}
