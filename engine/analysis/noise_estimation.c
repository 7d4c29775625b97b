// SPDX-License-Identifier: LGPL-2.1-or-later
// White noise is what weak patches show at the full size, in the picture or in its difference to the one before,
// whichever has less: texture adds to the first, motion to the second. Chroma has so little texture that the picture
// alone says enough.
//
// Coloured noise: JPEG and demosaicing leave little between neighbouring pixels and more in coarser grains. At half the
// size, where white noise has half its sigma, they are white enough to be told from texture by their spectrum: Lebrun,
// Colom, Morel, "Multiscale image blind denoising", IEEE TIP 2015. Grain of scanned film that was coded is coarser yet,
// and cannot be told from texture in a picture; but it changes from one picture to the next where nothing moves.
//
// Subsampled chroma has its noise at half the size, as its pixels are as large.
#include "analysis/noise_estimation.h"

#include <math.h>

// Ramps from no to yes, chosen on the public and training clips (tests/bench/estimate.py).
typedef struct ramp {
    double from, to;
} ramp;

static const ramp textured = { 1.4, 1.7 }; // the tilt at the full size: less of it is noise
static const ramp tilted = { 1.25, 1.5 };  // likewise: it is not white
static const ramp textured_at_half = { 1.25, 1.4 };
static const ramp coarse = { 1.15, 1.5 }; // half the size over the full one
static const ramp coarser = { 1.4, 1.7 }; // likewise, where single pixels are white enough to be noise themselves
static const ramp grows = { 1.2, 1.35 };  // and a quarter of the size over the half
static const ramp fresh = { 0.1, 0.3 };   // what changes anew with every picture is noise, and not texture that moves
static const ramp surely_fresh = { 0.3, 0.5 }; // as strong as it seems
static const ramp coloured = { 0.5, 0.8 };     // chroma over luma, from which on chroma counts as much

// More than this is not believed of what has the spectrum of texture.
static const double most_textured = 1.2;

// Nor more than this at half the size, of a picture by itself, and of one in which all moves.
static const double doubted_alone = 3, doubted_in_motion = 0.5;

// A difference with less than this share of what the picture has, and that no less than the next, is of a repeat.
static const double repeat_share = 0.4, least_repeated = 1.2;

// Below this noise does not matter: 8 bits alone have 0.3, and clean pictures through a codec 0.7.
static const double least_sigma = 0.8;

// A picture is drawn if less than this share of it varies, and of the neighbours in that share more are equal.
// So it is if most of those in that share are close, where noise as strong as is read would leave one in six so.
static const double drawn_varied = 0.85, drawn_equal = 0.35, bold = 12, empty_varied = 0.01;

// The flat rest is the weakest part of coloured noise.
static const double flat_shortfall = 1.4;

// Grain that only time tells of: the level at which denoise-real is best on old films is 3 to 8, and from 4 to 6 none
// of them is more than 0.3 dB below its best.
static const double most_grain = 4.5, most_fresh = 12;

// Grain that is stronger the coarser one looks is told by what it is at a quarter of the size, up to this many times
// what it is at half: the coarser, the more of it such models leave.
static const double most_coarser = 1.5;

// Models of real noise learnt it with noise that goes across the planes, and need no more than its deviation in each;
// of luma that is white by itself they want a little more, unless they are told chroma apart.
static const double real_luma = 1.2, apart_luma = 1;

// Patches from which on an estimate is as good as it gets.
static const double enough_weak = 2000;

static double share_of(ramp r, double x)
{
    return fmin(fmax((x - r.from) / (r.to - r.from), 0), 1);
}

static double mix(double a, double b, double share_of_b)
{
    return a + (b - a) * share_of_b;
}

// How little the spectrum at the full size is that of white noise, which is all there is then.
static double tilted_share(const udm_noise_reading *whole)
{
    return whole->sigma < least_sigma ? 1 : share_of(tilted, whole->tilt);
}

// White noise that is no texture.
static bool is_noisy(const udm_noise_reading *picture)
{
    return picture->sigma > least_repeated && picture->tilt < textured.from;
}

// Pictures as they are read, and what is found in them.
typedef struct measuring {
    const udm_noise_readers *readers;
    const udm_noise_picture *now, *before;
    const udm_noise_glance *earlier;
    udm_noise_evidence *found;
    udm_grain near, far;
} measuring;

// index: luma at the full size, and at half of it; chroma; luma along time.
static void read_first(void *context, int index, int worker)
{
    const measuring *m = context;
    udm_noise_patches *patches = m->readers->patches[index];
    udm_noise_evidence *found = m->found;
    if (index < 2)
        found->spatial[UDM_NOISE_LUMA][index] = udm_noise_read(patches, m->now, NULL, UDM_NOISE_LUMA, index);
    else if (index == 2 && m->now->channels > 1)
        found->spatial[UDM_NOISE_CHROMA][0] = udm_noise_read(patches, m->now, NULL, UDM_NOISE_CHROMA, 0);
    else if (index == 3 && m->before)
        found->temporal = udm_noise_read(patches, m->now, m->before, UDM_NOISE_LUMA, 0);
}

// What the first readings ask for. index: chroma at half the size; grain at a quarter, and at an eighth.
static void read_more(void *context, int index, int worker)
{
    measuring *m = context;
    udm_noise_evidence *found = m->found;
    if (index == 0 && m->now->channels > 1 && tilted_share(&found->spatial[UDM_NOISE_CHROMA][0]) > 0)
        found->spatial[UDM_NOISE_CHROMA][1] = udm_noise_read(m->readers->patches[0], m->now, NULL, UDM_NOISE_CHROMA, 1);
    const float *earlier = m->earlier->channels == m->now->channels ? m->earlier->luma : NULL;
    if (index == 1 && found->paired)
        m->near = udm_grain_measure(m->now, m->before, earlier, UDM_NOISE_AFAR);
    if (index == 2 && found->paired)
        m->far = udm_grain_measure(m->now, m->before, NULL, UDM_NOISE_AFAR + 1);
}

udm_noise_evidence udm_noise_measure(const udm_noise_readers *readers, const udm_noise_picture *now,
                                     const udm_noise_picture *before, const udm_noise_glance *earlier)
{
    udm_noise_evidence found = { .components = now->channels, .grain = { -1, -1 }, .fresh = UDM_GRAIN_UNKNOWN };
    before = before && before->channels == now->channels ? before : NULL;
    measuring m = { .readers = readers, .now = now, .before = before, .earlier = earlier, .found = &found };
    udm_pool_run(readers->pool, UDM_NOISE_READERS, read_first, &m);
    const udm_noise_reading *picture = &found.spatial[UDM_NOISE_LUMA][0];
    const bool repeated = is_noisy(picture) && found.temporal.sigma < repeat_share * picture->sigma;
    found.paired = before && found.temporal.weak > 0 && !repeated;
    found.certain = found.paired && is_noisy(picture);
    udm_pool_run(readers->pool, 3, read_more, &m);
    if (found.paired)
        found.grain[0] = m.near.level, found.fresh = m.near.fresh, found.grain[1] = m.far.level;
    return found;
}

// How much of what is coarse may be noise, for all that time tells.
static double believed(const udm_noise_evidence *evidence)
{
    return evidence->fresh > UDM_GRAIN_UNKNOWN ? share_of(fresh, evidence->fresh) : 1;
}

// What changes at a quarter of the size, but for what goes on changing as motion does. Negative: nothing bears witness.
static double fresh_grain(const udm_noise_evidence *evidence)
{
    const double fresh = evidence->fresh > UDM_GRAIN_UNKNOWN ? fmin(fmax(evidence->fresh, 0), 1) : 1;
    return evidence->grain[0] * sqrt(fresh);
}

// Of single pixels, on the scale of white noise.
static double fine_level(const udm_noise_evidence *evidence, udm_noise_part part)
{
    const udm_noise_reading *spatial = &evidence->spatial[part][0];
    const double limited = fmin(spatial->sigma, most_textured);
    const double level = mix(spatial->sigma, limited, share_of(textured, spatial->tilt));
    return part == UDM_NOISE_LUMA && evidence->paired ? fmin(level, evidence->temporal.sigma) : level;
}

// How much of what has the spectrum of texture at half the size is believed: a little of a single picture, and of
// others no more than changes where nothing moves.
static double most_doubted(const udm_noise_evidence *evidence, udm_noise_part part)
{
    if (part == UDM_NOISE_CHROMA)
        return 0;
    if (!evidence->paired)
        return doubted_alone;
    return evidence->grain[0] < 0 ? doubted_in_motion : fmin(fresh_grain(evidence), doubted_alone);
}

// At half the size: what is white there, and some of what is not.
static double half_level(const udm_noise_evidence *evidence, udm_noise_part part)
{
    const udm_noise_reading *half = &evidence->spatial[part][1];
    const double level = 2 * half->sigma, doubted = fmin(level, most_doubted(evidence, part));
    const double found = mix(level, doubted, share_of(textured_at_half, half->tilt));
    return part == UDM_NOISE_LUMA ? believed(evidence) * found : found;
}

typedef struct levels {
    double fine[2], half[2]; // of luma and chroma, on the scale of white noise
    double coarse[2];        // 0 to 1: how much what is found at half the size counts
    double coarser;          // ... and of luma for the reason that its noise, seen for sure, is stronger there
    double grain;            // of luma, what only time tells of
} levels;

// What luma has of white noise of deviation 1.
static double luma_unit(const udm_noise_evidence *evidence)
{
    return evidence->components == 1 ? 1 : UDM_NOISE_WHITE_LUMA;
}

// Texture that moves slowly may pass for it, too; so no more is believed than does little harm there.
static double grain_of(const udm_noise_evidence *evidence, double fine)
{
    const double grain = fmax(fresh_grain(evidence), 0);
    const double counts =
        tilted_share(&evidence->spatial[UDM_NOISE_LUMA][0]) * share_of(coarse, grain / fmax(fine, 1e-6));
    const double most = mix(most_grain, most_fresh, share_of(surely_fresh, evidence->fresh));
    return believed(evidence) * counts * fmin(grain * luma_unit(evidence), most);
}

// Grain that is stronger at half the size is so at a quarter, too, where only what changes at rest counts; texture is
// not.
static double coarser_share(const udm_noise_evidence *evidence, levels found)
{
    const double half = found.half[UDM_NOISE_LUMA], fine = found.fine[UDM_NOISE_LUMA];
    if (!evidence->certain || evidence->grain[0] < 0)
        return 0;
    return share_of(coarser, half / fmax(fine, 1e-6)) * share_of(grows, evidence->grain[0] / fmax(half, 1e-6));
}

static levels levels_of(const udm_noise_evidence *evidence)
{
    levels found = { 0 };
    for (int part = 0; part < (evidence->components == 1 ? 1 : 2); part++) {
        const double fine = found.fine[part] = fine_level(evidence, part);
        const double half = found.half[part] = half_level(evidence, part);
        found.coarse[part] = tilted_share(&evidence->spatial[part][0]) * share_of(coarse, half / fmax(fine, 1e-6));
    }
    found.coarser = coarser_share(evidence, found);
    found.coarse[UDM_NOISE_LUMA] = fmax(found.coarse[UDM_NOISE_LUMA], found.coarser);
    found.grain = grain_of(evidence, found.fine[UDM_NOISE_LUMA]);
    return found;
}

// The sigma of white noise in red, green and blue that is as harmful.
static double white_sigma(const udm_noise_evidence *evidence, levels found)
{
    const double luma = mix(found.fine[0], flat_shortfall * found.half[0], found.coarse[0]);
    const double chroma = mix(found.fine[1], found.half[1], found.coarse[1]);
    const double both = sqrt((luma * luma + 2 * chroma * chroma) / 3);
    const double sigma =
        evidence->components == 1 ? luma : mix(luma, both, luma > 0 ? share_of(coloured, chroma / luma) : 1);
    return fmax(sigma, found.grain);
}

static double whiteness_of(const udm_noise_evidence *evidence, levels found)
{
    const double luma = found.fine[0], chroma = found.fine[1];
    const double coarser = fmax(mix(luma, found.half[0], found.coarse[0]), found.grain / luma_unit(evidence));
    double ratio = coarser > luma ? luma / coarser : 1;
    if (evidence->components > 1)
        ratio *= fmin(luma, chroma) / fmax(fmax(luma, chroma), 1e-6);
    return fmin(ratio, 1);
}

// The level that a model of the noise of cameras, films and codecs is to be told. more: than luma has, where it is
// white.
static double real_sigma(const udm_noise_evidence *evidence, levels found, double white, double whiteness, double more)
{
    const double unit = luma_unit(evidence);
    const double flat = more * unit * found.fine[0];
    const double quarter = fmin(evidence->grain[0], most_coarser * found.half[0]);
    const bool settled = evidence->fresh > UDM_GRAIN_UNKNOWN;
    const double doubled = fmin(fmin(2 * found.half[0], 4), settled ? unit * fresh_grain(evidence) : INFINITY);
    const double grains = mix(fmax(found.half[0], doubled), fmax(found.half[0], quarter), found.coarser);
    const double real = fmax(mix(flat, grains, found.coarse[0]), found.grain);
    return mix(real, white, share_of((ramp){ 0.5, 0.8 }, whiteness));
}

static double confidence_of(const udm_noise_evidence *evidence)
{
    const double weak = evidence->spatial[UDM_NOISE_LUMA][0].weak;
    const double a = evidence->spatial[UDM_NOISE_LUMA][0].sigma, b = evidence->temporal.sigma;
    const double agreement = evidence->paired ? fmin(a, b) / fmax(fmax(a, b), 1e-6) : 0;
    return fmin(weak / enough_weak, 1) * (1 + agreement) / 2;
}

static udm_noise_finding finding_of(const udm_noise_evidence *evidence, double sigma)
{
    const udm_noise_reading *luma = &evidence->spatial[UDM_NOISE_LUMA][0];
    if (!luma->looked_at)
        return UDM_NOISE_TOO_SMALL;
    if (luma->varied < empty_varied)
        return UDM_NOISE_EMPTY;
    const bool drawn = luma->equal > drawn_equal || (luma->sigma > bold && luma->close > drawn_equal);
    if (luma->varied < drawn_varied && drawn)
        return UDM_NOISE_DRAWN;
    return sigma < least_sigma ? UDM_NOISE_WEAK : UDM_NOISE_FOUND;
}

udm_noise_estimate udm_noise_judge(const udm_noise_evidence *evidence)
{
    const levels found = levels_of(evidence);
    const double white = white_sigma(evidence, found), whiteness = whiteness_of(evidence, found);
    const double unit = luma_unit(evidence);
    udm_noise_estimate noise = { .finding = finding_of(evidence, white), .whiteness = whiteness };
    if (noise.finding != UDM_NOISE_FOUND && noise.finding != UDM_NOISE_WEAK)
        return noise;
    noise.settled = evidence->fresh > UDM_GRAIN_UNKNOWN;
    noise.luma = unit * found.fine[0];
    noise.chroma = UDM_NOISE_WHITE_CHROMA * found.fine[1];
    noise.half_chroma = UDM_NOISE_WHITE_CHROMA * mix(found.fine[1], found.half[1], found.coarse[1]) / 2;
    noise.octaves[0] = noise.luma, noise.octaves[1] = unit * found.half[0];
    for (int octave = 2; octave < UDM_NOISE_OCTAVES; octave++)
        noise.octaves[octave] = unit * fmax(evidence->grain[octave - 2], 0);
    noise.confidence = confidence_of(evidence);
    if (noise.finding == UDM_NOISE_FOUND) {
        noise.sigma = white;
        noise.real_sigma = real_sigma(evidence, found, white, whiteness, real_luma);
        noise.apart_sigma = real_sigma(evidence, found, white, whiteness, apart_luma);
    }
    return noise;
}
