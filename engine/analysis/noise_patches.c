// SPDX-License-Identifier: LGPL-2.1-or-later
// White Gaussian noise raises every eigenvalue of the covariance C of a picture's patches by sigma^2, and the texture
// of weakly textured patches lies in few of its eigenvectors; so the flat rest of the spectrum is sigma^2.
//
// Weak patches: |Dh y|^2 + |Dv y|^2 <= tau sigma^2, from all patches down to a fixed point: Liu, Tanaka, Okutomi,
// "Single-image noise level estimation for blind denoising", IEEE TIP 2013, section III. Flat rest: the lowest i
// eigenvalues, for the largest i at which their mean is at most their median: Chen, Zhu, Heng, "An efficient
// statistical method for image noise level estimation", ICCV 2015, algorithm 1. Patches are sorted into bins by
// their gradient, each with the sum of its covariances, so that every threshold costs a sum of bins.
//
// Patches in which nothing varies say nothing: borders, titles, blocks that a codec skipped. Where the weakest of the
// others have next to no noise, they may be such an area with what a codec adds; then those above it are read by
// themselves, and believed where their spectrum is flat, as that of texture is not.
#include "analysis/noise_patches.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/clipping.h"
#include "analysis/eigenvalues.h"

enum {
    SIDE = 6,
    AREA = SIDE * SIDE,
    MAX_PATCHES = 4096,
    MIN_PATCHES = 16 * AREA,  // fewer spread the eigenvalues of pure noise too far
    LEAST_PATCHES = 2 * AREA, // fewer have no spectrum to speak of
    BINS = 56,                // by halves of octaves, from 2^-6 on
    MAX_ROUNDS = 12,
};

// F^-1(1 - 1e-6) of the gamma distribution of shape AREA / 2 and mean trace(Dh'Dh + Dv'Dv) = 24: noise of sigma 1 alone
// has less gradient than this.
static const double tau = 61.0, mean_gradient = SIDE * (SIDE - 2);

// What lies at the ends of the scale from -1 to 1 may have been clipped to them; what lies beyond was not.
static const float darkest = -0.998f, brightest = 0.998f, beyond = 1.002f;

// Less than this varies only by the rounding of sums.
static const float constant = 0.02f;

// Neighbours that differ by less are equal: half a level of luma in 8 bits, over what white noise has in luma.
static const float alike = 0.7f;

// Those of a flat area after a codec: 2.5 levels.
static const float close_by = 3.7f;

// What codecs leave of nothing; and the share of patches that clean ones have if they matter. Beside them a second
// population is looked for, which has to be white, and some of all.
static const double next_to_none = 1.2, clean_share = 0.02, white_tilt = 1.2, least_share = 0.04;

// Less gradient than noise of this share of sigma has is not seen in 100,000 patches.
static const double least_gradient = 0.5;

typedef struct bin {
    int count;
    float products[AREA * AREA]; // their sum; the lower triangle
    int means[UDM_CLIPPING_PLANES][UDM_CLIPPING_LEVELS];
} bin;

struct udm_noise_patches {
    bin bins[BINS];
    int looked_at, varied;
    double equal, close; // sums over those of the share of neighbours that are
};

udm_noise_patches *udm_noise_patches_new(void)
{
    return malloc(sizeof(udm_noise_patches));
}

void udm_noise_patches_free(udm_noise_patches *patches)
{
    free(patches);
}

static void clear(udm_noise_patches *patches)
{
    memset(patches, 0, sizeof *patches);
}

static float gradient_energy(const float *pixels)
{
    float sum = 0;
    for (int y = 0; y < SIDE; y++) {
        for (int x = 1; x < SIDE - 1; x++) {
            const float across = pixels[y * SIDE + x + 1] - pixels[y * SIDE + x - 1];
            const float down = pixels[(x + 1) * SIDE + y] - pixels[(x - 1) * SIDE + y];
            sum += across * across + down * down;
        }
    }
    return sum / 4;
}

static float alike_share(const float *pixels, float limit)
{
    int equal = 0;
    for (int y = 0; y < SIDE; y++)
        for (int x = 1; x < SIDE; x++)
            equal += fabsf(pixels[y * SIDE + x] - pixels[y * SIDE + x - 1]) < limit;
    return (float)equal / (SIDE * (SIDE - 1));
}

// By the exponent of the energy, and the first bit of its mantissa.
static int bin_of(double energy)
{
    int exponent;
    const double mantissa = frexp(energy, &exponent); // 0.5 to 1
    const int at = 2 * (exponent + 5) + (mantissa >= 0.75);
    return at < 0 ? 0 : at < BINS ? at : BINS - 1;
}

static void add_products(bin *to, const float *pixels)
{
    for (int i = 0; i < AREA; i++) {
        float *row = to->products + (size_t)i * AREA;
        const float factor = pixels[i];
        for (int j = 0; j < (i / 4 + 1) * 4; j++)
            row[j] += factor * pixels[j];
    }
}

// Of one patch and plane of the picture as it came, by every other pixel. The mean, or -1: it is mostly clipped. If it
// goes beyond the scale it was not clipped, and its mean passes for grey.
static float plane_mean(const float *plane, int width)
{
    float sum = 0, low = plane[0], high = plane[0];
    int clipped = 0;
    for (int y = 0; y < SIDE; y++) {
        const float *line = plane + (size_t)y * width + (y & 1);
        for (int x = 0; x < SIDE; x += 2) {
            sum += line[x];
            low = line[x] < low ? line[x] : low, high = line[x] > high ? line[x] : high;
            clipped += (line[x] <= darkest) + (line[x] >= brightest);
        }
    }
    if (low < -beyond || high > beyond)
        return 128;
    return clipped > AREA / 2 * 3 / 4 ? -1 : sum * (127.5f / (AREA / 2)) + 127.5f;
}

typedef struct place {
    const udm_noise_picture *now, *before;
    int octave, x, y;
} place;

// Where the patch lies between the ends of the scale; only at the full size. False if it is mostly clipped.
static bool levels_at(place at, int levels[UDM_CLIPPING_PLANES])
{
    const udm_noise_picture *now = at.now;
    const size_t area = (size_t)now->width * now->height;
    for (int c = 0; c < UDM_CLIPPING_PLANES; c++)
        levels[c] = 128;
    for (int c = 0; at.octave == 0 && c < now->channels; c++) {
        const float mean = plane_mean(now->planes + c * area + (size_t)at.y * now->width + at.x, now->width);
        if (!(mean > -1))
            return false;
        levels[c] = mean < 0 ? 0 : mean < UDM_CLIPPING_LEVELS - 1 ? (int)(mean + 0.5f) : UDM_CLIPPING_LEVELS - 1;
    }
    return true;
}

// pixels: [AREA] of the component, less the mean. False if nothing varies there.
static bool pixels_at(place at, int component, float *pixels)
{
    const int width = at.now->width >> at.octave;
    const size_t corner = (size_t)at.y * width + at.x;
    const float *now = at.now->octaves[component][at.octave] + corner;
    const float *before = at.before ? at.before->octaves[component][at.octave] + corner : NULL;
    float sum = 0, low = INFINITY, high = -INFINITY;
    for (int i = 0; i < AREA; i++) {
        const size_t offset = (size_t)(i / SIDE) * width + i % SIDE;
        pixels[i] = before ? (now[offset] - before[offset]) * 0.70710678f : now[offset];
        sum += pixels[i];
        low = pixels[i] < low ? pixels[i] : low, high = pixels[i] > high ? pixels[i] : high;
    }
    for (int i = 0; i < AREA; i++)
        pixels[i] -= sum / AREA;
    return high - low > constant;
}

static void add_patch(udm_noise_patches *patches, place at, int component)
{
    float pixels[AREA];
    int levels[UDM_CLIPPING_PLANES];
    patches->looked_at++;
    if (!pixels_at(at, component, pixels) || !levels_at(at, levels))
        return;
    patches->varied++;
    if (!at.before && at.octave == 0 && component == 0)
        patches->equal += alike_share(pixels, alike), patches->close += alike_share(pixels, close_by);
    bin *to = &patches->bins[bin_of(gradient_energy(pixels))];
    to->count++;
    add_products(to, pixels);
    for (int c = 0; c < UDM_CLIPPING_PLANES; c++)
        to->means[c][levels[c]]++;
}

// The distance between patches at which no more than MAX_PATCHES are taken, out of step with the blocks of codecs.
static int patch_step(int components, int width, int height)
{
    int step = 1;
    while (((size_t)(width - SIDE) / step + 1) * ((size_t)(height - SIDE) / step + 1) * components > MAX_PATCHES ||
           step % 4 == 0)
        step++;
    return step;
}

static void gather(udm_noise_patches *patches, place at, int first, int last)
{
    const int width = at.now->width >> at.octave, height = at.now->height >> at.octave;
    const int step = patch_step(last - first + 1, width, height);
    for (int c = first; c <= last; c++)
        for (at.y = 0; at.y <= height - SIDE; at.y += step)
            for (at.x = 0; at.x <= width - SIDE; at.x += step)
                add_patch(patches, at, c);
}

// values: [count], ascending.
static double flat_mean(const double *values, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += values[i];
    for (; count > 1; count--) {
        const double median = 0.5 * (values[(count - 1) / 2] + values[count / 2]);
        if (sum <= median * count)
            break;
        sum -= values[count - 1];
    }
    return fmax(sum / count, 0);
}

typedef struct spectrum {
    double flat; // variance: the mean of the flat rest
    double tilt; // the median over the flat rest, as a ratio of deviations
    int count;   // patches
} spectrum;

// Of the patches in the bins from `low` to `high`. Each has lost its mean, and so the covariance its lowest eigenvalue.
static spectrum spectrum_of(const udm_noise_patches *patches, int low, int high)
{
    double covariance[AREA * AREA] = { 0 }, values[AREA];
    int count = 0;
    for (int b = low; b <= high; b++) {
        const bin *from = &patches->bins[b];
        count += from->count;
        for (int i = 0; from->count && i < AREA; i++)
            for (int j = 0; j <= i; j++)
                covariance[i * AREA + j] += from->products[i * AREA + j];
    }
    if (count < AREA)
        return (spectrum){ .count = count };
    for (int i = 0; i < AREA; i++)
        for (int j = 0; j <= i; j++)
            covariance[j * AREA + i] = covariance[i * AREA + j] /= count;
    udm_eigenvalues(AREA, covariance, values);
    const double flat = flat_mean(values + 1, AREA - 1);
    return (spectrum){ flat, sqrt(fmax(values[AREA / 2], 0) / fmax(flat, 1e-6)), count };
}

static int count_of(const udm_noise_patches *patches, int low, int high)
{
    int count = 0;
    for (int b = low; b <= high; b++)
        count += patches->bins[b].count;
    return count;
}

typedef struct population {
    spectrum found;
    int low, high; // bins
} population;

// The weak patches among those from the bin `low` on.
static population weak_from(const udm_noise_patches *patches, int low)
{
    population weak = { spectrum_of(patches, low, BINS - 1), low, BINS - 1 };
    for (int i = 0; i < MAX_ROUNDS; i++) {
        const int high = bin_of(tau * weak.found.flat);
        if (high >= weak.high || high < low || count_of(patches, low, high) < MIN_PATCHES)
            break;
        weak = (population){ spectrum_of(patches, low, high), low, high };
    }
    return weak;
}

// The noisy patches beside those that are clean, or next to it, if there are such: where the first population is the
// clean one, or a mixture of both, of which patches with less gradient than noise of its sigma ever has are a sign.
static population without_clean(const udm_noise_patches *patches, population first)
{
    const double sigma = sqrt(first.found.flat);
    const double floor = sigma < next_to_none ? fmax(2 * sigma, next_to_none) : least_gradient * sigma;
    const int low = bin_of(mean_gradient * floor * floor) + (sigma < next_to_none);
    if (low >= BINS || count_of(patches, 0, low - 1) < clean_share * patches->looked_at)
        return first;
    const population second = weak_from(patches, low);
    const bool believed = second.found.count >= MIN_PATCHES / 2 &&
                          second.found.count >= least_share * patches->looked_at && second.found.tilt < white_tilt &&
                          second.found.flat > 2 * floor * floor;
    return believed ? second : first;
}

// What clipping made of it. Grey is one plane.
static udm_clipping clipping_of(const udm_noise_patches *patches, population of, int channels, udm_noise_part part)
{
    udm_clipping clipping = { .weights = { 1 } };
    if (channels == 3 && part == UDM_NOISE_LUMA)
        clipping = (udm_clipping){ .weights = { 0.2, 0.771, 0.029 } }; // the squares of what it has of each plane
    if (channels == 3 && part == UDM_NOISE_CHROMA)
        clipping = (udm_clipping){ .weights = { 0.34, 0.347, 0.313 } };
    for (int b = of.low; b <= of.high; b++)
        for (int c = 0; c < channels; c++)
            for (int i = 0; i < UDM_CLIPPING_LEVELS; i++)
                clipping.means[c][i] += patches->bins[b].means[c][i];
    return clipping;
}

udm_noise_reading udm_noise_read(udm_noise_patches *patches, const udm_noise_picture *now,
                                 const udm_noise_picture *before, udm_noise_part part, int octave)
{
    if (now->width >> octave < SIDE || now->height >> octave < SIDE)
        return (udm_noise_reading){ .clipped = 1 };
    clear(patches);
    gather(patches, (place){ .now = now, .before = before, .octave = octave }, part == UDM_NOISE_LUMA ? 0 : 1,
           part == UDM_NOISE_LUMA ? 0 : 2);
    if (patches->looked_at < LEAST_PATCHES)
        return (udm_noise_reading){ .clipped = 1 };
    const population weak = without_clean(patches, weak_from(patches, 0));
    const double shown = sqrt(weak.found.flat);
    udm_noise_reading reading = { .sigma = shown, .tilt = weak.found.tilt, .clipped = 1, .weak = weak.found.count };
    if (octave == 0 && shown > 0) {
        const udm_clipping clipping = clipping_of(patches, weak, now->channels, part);
        reading.sigma = udm_unclipped_sigma(&clipping, weak.found.flat);
        reading.clipped = shown / fmax(reading.sigma, 1e-6);
    }
    reading.looked_at = patches->looked_at;
    reading.varied = (double)patches->varied / patches->looked_at;
    reading.equal = patches->varied ? patches->equal / patches->varied : 1;
    reading.close = patches->varied ? patches->close / patches->varied : 1;
    return reading;
}
