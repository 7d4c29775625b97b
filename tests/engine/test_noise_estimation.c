// SPDX-License-Identifier: LGPL-2.1-or-later
// The estimate of the noise, on drawn pictures with noise of known sigma, rounded and clipped as in 8 bits; and how it
// is followed from frame to frame.
#include "testing.h"

#include "analysis/clipping.h"
#include "analysis/eigenvalues.h"
#include "analysis/grain.h"
#include "analysis/noise_tracker.h"
#include "base/random.h"

enum { WIDTH = 320, HEIGHT = 240, AREA = WIDTH * HEIGHT };

typedef double (*picture)(int c, int y, int x); // 0-255

static double ramp(int c, int y, int x)
{
    return 60 + 40 * c + 50.0 * x / WIDTH + 30.0 * y / HEIGHT;
}

// Edges of all directions.
static double edges(int c, int y, int x)
{
    double angle = atan2(y - HEIGHT / 2, x - WIDTH / 2);
    return 128 + (sin(7 * angle + c) > 0 ? 50 : -50) + ((x / 40 + y / 30) % 2 ? 15 : -15);
}

// Fine waves everywhere, coarser to the right; their contrast falls to the bottom.
static double texture(int c, int y, int x)
{
    double wave = sin(x * (1.2 - 1.0 * x / WIDTH) + c) + sin(0.9 * y + 0.3 * x) + sin(0.05 * x * y / 10.0);
    return 128 + 20 * wave * (1.1 - 1.0 * y / HEIGHT);
}

// A third is black and a third is white, so that half of its noise is cut off there.
static double extremes(int c, int y, int x)
{
    return x < WIDTH / 3 ? 0 : x < 2 * WIDTH / 3 ? 128 : 255;
}

static double mid_grey(int c, int y, int x)
{
    return 128;
}

static double black(int c, int y, int x)
{
    return 0;
}

// Letters, of strokes with smooth edges, on white.
static double text(int c, int y, int x)
{
    const int line = y % 14, letter = x / 7 + 31 * (y / 14), stroke = x % 7;
    if (line > 9 || letter * 2654435761u % 6 == 0)
        return 255;
    const bool upright = stroke == letter % 5, across = line == letter % 9;
    return upright || across ? 20 : stroke == letter % 5 + 1 ? 150 : 255;
}

// The same after a codec, whose paper is no longer of one level.
static double coded_text(int c, int y, int x)
{
    return text(c, y, x) - (text(c, y, x) == 255 && (x + y) % 2 == 1);
}

static float as_8_bits(double value)
{
    return (float)(fmin(fmax(rint(value), 0), 255) / 127.5 - 1);
}

static float planes[3 * AREA], noise[3 * AREA];

// A frame's noise is its own. out: [channels, HEIGHT, WIDTH], the picture moved left by so many pixels
static void draw_frame(picture of, int channels, double sigma, int frame, int moved)
{
    udm_normal(7, frame, 0, 0, (size_t)channels * AREA, noise);
    for (int i = 0; i < channels * AREA; i++)
        planes[i] = as_8_bits(of(i / AREA, i % AREA / WIDTH, i % WIDTH + moved) + sigma * noise[i]);
}

static udm_noise_tracker *open_tracker(int channels, int width, int height)
{
    udm_error error = { 0 };
    udm_noise_tracker *tracker = udm_noise_tracker_new(channels, width, height, &error);
    assert_ok(tracker != NULL, &error);
    return tracker;
}

static udm_noise_estimate look(udm_noise_tracker *tracker)
{
    udm_noise_tracker_look(tracker, planes, (udm_noise_hint){ .sigma = -1 });
    return *udm_noise_tracker_noise(tracker);
}

// Of the one picture in `planes`.
static udm_noise_estimate estimate(int channels, int width, int height)
{
    udm_noise_tracker *tracker = open_tracker(channels, width, height);
    const udm_noise_estimate found = look(tracker);
    udm_noise_tracker_free(tracker);
    return found;
}

static double sigma_of(picture of, int channels, double sigma)
{
    draw_frame(of, channels, sigma, 0, 0);
    return estimate(channels, WIDTH, HEIGHT).sigma;
}

static const struct {
    const char *name;
    picture of;
} pictures[] = { { "ramp", ramp }, { "edges", edges }, { "texture", texture }, { "extremes", extremes } };

static const double sigmas[] = { 5, 10, 15, 25, 35, 50 };

enum { SIGMAS = COUNT_OF(sigmas), ESTIMATES = COUNT_OF(pictures) * SIGMAS };

START_TEST(white_noise)
{
    const double sigma = sigmas[_i % SIGMAS];
    test_case("%s, sigma %g", pictures[_i / SIGMAS].name, sigma);
    for (int channels = 1; channels <= 3; channels += 2) {
        test_at("%d channels", channels);
        draw_frame(pictures[_i / SIGMAS].of, channels, sigma, 0, 0);
        const udm_noise_estimate found = estimate(channels, WIDTH, HEIGHT);
        ck_assert_int_eq(found.finding, UDM_NOISE_FOUND);
        ck_assert_double_eq_tol(found.sigma, sigma, 0.1 * sigma);
        ck_assert_double_eq_tol(found.real_sigma, sigma, 0.15 * sigma);
        ck_assert_double_eq_tol(found.apart_sigma, sigma, 0.15 * sigma);
        ck_assert_double_ge(found.whiteness, 0.8);
        ck_assert_double_eq_tol(found.luma, channels == 1 ? sigma : 0.668 * sigma, 0.1 * sigma);
        ck_assert_double_eq_tol(found.chroma, channels == 1 ? 0 : 0.640 * sigma, 0.1 * sigma);
        ck_assert_double_eq_tol(found.half_chroma, found.chroma / 2, 0.05 * sigma);
    }
}
END_TEST

// Noise that is the mean of 2x2 white values has half their sigma; halved in size, 3/8 of it, where white noise of this
// sigma would have 1/4. Single pixels do not show it.
static const double coarse[] = { 10, 20, 40 };

START_TEST(coloured)
{
    const double sigma = coarse[_i];
    test_case("sigma %g", sigma);
    udm_normal(7, 0, 0, 0, 3 * AREA, planes);
    for (int k = 0; k < 3 * AREA - WIDTH - 1; k++) {
        float mean = (planes[k] + planes[k + 1] + planes[k + WIDTH] + planes[k + WIDTH + 1]) / 4;
        planes[k] = as_8_bits(ramp(k / AREA, k % AREA / WIDTH, k % WIDTH) + sigma * mean);
    }
    for (int k = 3 * AREA - WIDTH - 1; k < 3 * AREA; k++)
        planes[k] = 0;
    const udm_noise_estimate found = estimate(3, WIDTH, HEIGHT);
    ck_assert_double_eq_tol(found.sigma, 0.85 * sigma, 0.35 * sigma);
    ck_assert_double_le(found.whiteness, 0.5);
}
END_TEST

// As in 4:2:0: luma has noise of its own in all three planes, and pixels of chroma are as large as four.
START_TEST(subsampled)
{
    static float chroma[2 * AREA];
    udm_normal(7, 0, 0, 0, AREA, noise);
    udm_normal(7, 1, 0, 0, 2 * AREA, chroma);
    for (int i = 0; i < AREA; i++) {
        const int y = i / WIDTH, x = i % WIDTH, at = y / 2 * WIDTH + x / 2;
        const double cb = 10 * chroma[at], cr = 10 * chroma[AREA + at], luma = 12 * noise[i];
        planes[i] = as_8_bits(ramp(0, y, x) + luma + 1.402 * cr);
        planes[AREA + i] = as_8_bits(ramp(1, y, x) + luma - 0.344 * cb - 0.714 * cr);
        planes[2 * AREA + i] = as_8_bits(ramp(2, y, x) + luma + 1.772 * cb);
    }
    const udm_noise_estimate found = estimate(3, WIDTH, HEIGHT);
    ck_assert_double_eq_tol(found.luma, 12, 1.2);
    ck_assert_double_eq_tol(found.sigma, 1.9 * 12, 6);      // denoise is best at 25 there,
    ck_assert_double_eq_tol(found.real_sigma, 1.2 * 12, 2); // denoise-real at 15
    ck_assert_double_eq_tol(found.apart_sigma, 12, 1.7);
    ck_assert_double_eq_tol(found.half_chroma, 10, 1.5);
    ck_assert_double_le(found.whiteness, 0.3);
}
END_TEST

START_TEST(clean)
{
    ck_assert_double_eq(sigma_of(mid_grey, 3, 0), 0);
    ck_assert_double_eq(sigma_of(extremes, 3, 0), 0);
    ck_assert_double_eq(sigma_of(ramp, 3, 0), 0);
    ck_assert_double_eq(sigma_of(edges, 3, 0), 0);
    ck_assert_double_eq(sigma_of(text, 3, 0), 0);
    ck_assert_double_eq(sigma_of(coded_text, 3, 0), 0);
}
END_TEST

static void assert_reason(picture of, double sigma, udm_noise_finding finding)
{
    draw_frame(of, 3, sigma, 0, 0);
    const udm_noise_estimate found = estimate(3, WIDTH, HEIGHT);
    ck_assert_int_eq(found.finding, finding);
    ck_assert_int_eq(found.sigma > 0, udm_noise_reason(found.finding)[0] == '\0');
}

START_TEST(reasons)
{
    assert_reason(mid_grey, 10, UDM_NOISE_FOUND);
    assert_reason(mid_grey, 0, UDM_NOISE_EMPTY);
    assert_reason(black, 0, UDM_NOISE_EMPTY);
    assert_reason(ramp, 0.5, UDM_NOISE_WEAK);
    assert_reason(text, 0, UDM_NOISE_DRAWN);
}
END_TEST

START_TEST(grey_as_rgb)
{
    double one = sigma_of(texture, 1, 20);
    memcpy(planes + AREA, planes, AREA * sizeof *planes);
    memcpy(planes + 2 * AREA, planes, AREA * sizeof *planes);
    ck_assert_double_eq(estimate(3, WIDTH, HEIGHT).sigma, one);
}
END_TEST

// Borders without noise above and below, a third of the picture, of one value or of two in turns, as a codec leaves it.
static const struct {
    int value, other;
} borders[] = { { 0, 0 }, { 1, 1 }, { 16, 16 }, { 16, 17 }, { 128, 128 }, { 235, 235 }, { 255, 255 } };

START_TEST(clean_borders)
{
    test_case("%d and %d", borders[_i].value, borders[_i].other);
    for (double sigma = 5; sigma < 50; sigma *= 2) {
        draw_frame(edges, 3, sigma, 0, 0);
        for (int i = 0; i < 3 * AREA; i++) {
            const int y = i % AREA / WIDTH, x = i % WIDTH;
            if (y < HEIGHT / 6 || y >= HEIGHT - HEIGHT / 6)
                planes[i] = as_8_bits((x * 7 + y * 3) % 11 == 0 ? borders[_i].other : borders[_i].value);
        }
        ck_assert_double_eq_tol(estimate(3, WIDTH, HEIGHT).sigma, sigma, 0.1 * sigma);
    }
}
END_TEST

// Clean letters on a clean ground over half of a noisy picture.
START_TEST(clean_overlay)
{
    draw_frame(ramp, 3, 15, 0, 0);
    for (int i = 0; i < 3 * AREA; i++)
        if (i % AREA / WIDTH > HEIGHT / 2)
            planes[i] = as_8_bits(text(0, i % AREA / WIDTH, i % WIDTH));
    ck_assert_double_eq_tol(estimate(3, WIDTH, HEIGHT).sigma, 15, 1.5);
}
END_TEST

// The second frame is the first again, or nearly, as a codec leaves it; the third one has new noise.
START_TEST(repeats)
{
    udm_noise_tracker *tracker = open_tracker(3, WIDTH, HEIGHT);
    for (int frame = 0; frame < 24; frame++) {
        draw_frame(edges, 3, 20, frame / 2, 0);
        for (int i = 0; frame % 2 && i < 3 * AREA; i++)
            planes[i] += (float)(i * 7919 % 3 - 1) / 127.5f * _i;
        ck_assert_double_eq_tol(look(tracker).sigma, 20, 2);
    }
    udm_noise_tracker_free(tracker);
}
END_TEST

// One picture, held.
START_TEST(held)
{
    udm_noise_tracker *tracker = open_tracker(3, WIDTH, HEIGHT);
    draw_frame(edges, 3, 20, 0, 0);
    const double first = look(tracker).sigma;
    ck_assert_double_eq_tol(first, 20, 2);
    for (int frame = 1; frame < 40; frame++)
        ck_assert_double_eq(look(tracker).sigma, first);
    udm_noise_tracker_free(tracker);
}
END_TEST

// Those that the caller knows are not looked at, whatever is in them.
START_TEST(hinted_repeats)
{
    udm_noise_tracker *tracker = open_tracker(3, WIDTH, HEIGHT);
    draw_frame(edges, 3, 20, 0, 0);
    const double first = look(tracker).sigma;
    for (int frame = 1; frame < 20; frame++) {
        draw_frame(edges, 3, 5, frame, 0);
        udm_noise_tracker_look(tracker, planes, (udm_noise_hint){ .sigma = -1, .repeats = true });
        ck_assert_double_eq(udm_noise_tracker_noise(tracker)->sigma, first);
    }
    udm_noise_tracker_free(tracker);
}
END_TEST

// A quarter of a second at 24 frames a second, and one frame.
static const struct {
    double before, after;
} changes[] = { { 5, 25 }, { 25, 5 }, { 10, 14 }, { 40, 10 } };

START_TEST(noise_that_changes_is_followed)
{
    test_case("%g to %g", changes[_i].before, changes[_i].after);
    udm_noise_tracker *tracker = open_tracker(3, WIDTH, HEIGHT);
    for (int middle = 20; middle < 25; middle += 2) {
        udm_noise_tracker_reset(tracker);
        udm_noise_estimate found = { 0 };
        for (int frame = 0; frame < middle + 7; frame++) {
            draw_frame(edges, 3, frame < middle ? changes[_i].before : changes[_i].after, frame, 0);
            found = look(tracker);
        }
        ck_assert_double_eq_tol(found.sigma, changes[_i].after, 0.1 * changes[_i].after);
    }
    udm_noise_tracker_free(tracker);
}
END_TEST

// White noise that the first picture tells of for sure, and a second one that is a flash.
START_TEST(one_picture_that_says_more_is_not_believed)
{
    udm_noise_tracker *tracker = open_tracker(3, WIDTH, HEIGHT);
    for (int frame = 0; frame < 4; frame++) {
        draw_frame(ramp, 3, frame == 1 ? 30 : 10, frame, 0);
        ck_assert_double_eq_tol(look(tracker).sigma, 10, 1);
    }
    udm_noise_tracker_free(tracker);
}
END_TEST

// Twelve black frames, clean or noisy, twelve that fade in, and half a second.
START_TEST(black_head)
{
    udm_noise_tracker *tracker = open_tracker(3, WIDTH, HEIGHT);
    udm_noise_estimate found = { 0 };
    for (int frame = 0; frame < 36; frame++) {
        const double light = fmin(fmax(frame - 12, 0) / 12, 1);
        udm_normal(7, frame, 0, 0, 3 * AREA, noise);
        for (int i = 0; i < 3 * AREA; i++)
            planes[i] = as_8_bits(light * edges(i / AREA, i % AREA / WIDTH, i % WIDTH) +
                                  (frame >= 12 || _i ? 20 : 0) * noise[i]);
        found = look(tracker);
        if (frame > 13)
            ck_assert_double_eq_tol(found.sigma, 20, 4);
    }
    ck_assert_double_eq_tol(found.sigma, 20, 2);
    udm_noise_tracker_free(tracker);
}
END_TEST

START_TEST(cuts_are_followed_at_once)
{
    udm_noise_tracker *tracker = open_tracker(3, WIDTH, HEIGHT);
    for (int frame = 0; frame < 10; frame++) {
        draw_frame(edges, 3, 30, frame, 0);
        look(tracker);
    }
    draw_frame(extremes, 3, 5, 10, 0);
    ck_assert(udm_noise_tracker_look(tracker, planes, (udm_noise_hint){ .sigma = -1 }));
    ck_assert_double_eq_tol(udm_noise_tracker_noise(tracker)->sigma, 5, 0.75);
    udm_noise_tracker_free(tracker);
}
END_TEST

// Texture everywhere, which moves at once by some pixels, or slowly by a part of one: from the third frame on time
// tells that it is no grain. It was taken for noise of sigma 11, and then for grain of 4.5.
START_TEST(moving_texture_is_not_noise)
{
    static const int speeds[] = { 1, 2, 3 };
    udm_noise_tracker *tracker = open_tracker(3, WIDTH, HEIGHT);
    for (int frame = 0; frame < 12; frame++) {
        draw_frame(texture, 3, 0, frame, speeds[_i] * frame);
        const double sigma = look(tracker).sigma;
        ck_assert_double_le(sigma, frame < 2 ? 5 : 1.3);
    }
    udm_noise_tracker_free(tracker);
}
END_TEST

// What changes anew from picture to picture is noise, what goes on is motion, and of repeats nothing is known.
START_TEST(freshness)
{
    static udm_noise_picture pictures[3];
    static const struct {
        double sigma;
        int moved[3], noises[3];
        double least, most;
    } cases[] = {
        { 8, { 0, 0, 0 }, { 0, 1, 2 }, 0.8, 1.2 },
        { 0, { 0, 1, 2 }, { 0, 0, 0 }, -2, 0.1 },
        { 8, { 0, 0, 0 }, { 0, 1, 1 }, UDM_GRAIN_UNKNOWN, UDM_GRAIN_UNKNOWN },
        { 8, { 0, 0, 0 }, { 0, 0, 1 }, UDM_GRAIN_UNKNOWN, UDM_GRAIN_UNKNOWN },
    };
    for (int i = 0; i < 3; i++) {
        ck_assert(udm_noise_picture_init(&pictures[i], 3, WIDTH, HEIGHT));
        draw_frame(texture, 3, cases[_i].sigma, cases[_i].noises[i], cases[_i].moved[i]);
        udm_noise_picture_set(&pictures[i], 3, planes, NULL);
    }
    const udm_grain found = udm_grain_measure(&pictures[2], &pictures[1], pictures[0].octaves[0][2], 2);
    ck_assert_double_ge(found.fresh, cases[_i].least);
    ck_assert_double_le(found.fresh, cases[_i].most);
    for (int i = 0; i < 3; i++)
        udm_noise_picture_clear(&pictures[i]);
}
END_TEST

// A glance sees what a picture shows at that size.
START_TEST(glance)
{
    static udm_noise_picture picture;
    udm_noise_glance kept, alone;
    const int channels = _i == 0 ? 1 : 3;
    draw_frame(texture, channels, 8, 0, 0);
    ck_assert(udm_noise_picture_init(&picture, channels, WIDTH, HEIGHT) &&
              udm_noise_glance_init(&kept, WIDTH, HEIGHT) && udm_noise_glance_init(&alone, WIDTH, HEIGHT));
    udm_noise_picture_set(&picture, channels, planes, NULL);
    udm_noise_glance_keep(&kept, &picture);
    udm_noise_glance_set(&alone, channels, WIDTH, HEIGHT, planes);
    ck_assert_int_eq(alone.channels, channels);
    ck_assert_int_eq(kept.channels, channels);
    for (int i = 0; i < AREA / 16; i++)
        ck_assert_double_eq_tol(alone.luma[i], kept.luma[i], 1e-3);
    udm_noise_picture_clear(&picture);
    udm_noise_glance_clear(&kept);
    udm_noise_glance_clear(&alone);
}
END_TEST

// Grain of some pixels, from frame to frame anew, is not to be seen between neighbours.
START_TEST(coarse_grain_is_seen_over_time)
{
    static float grain[AREA];
    udm_noise_tracker *tracker = open_tracker(1, WIDTH, HEIGHT);
    udm_noise_estimate found = { 0 };
    for (int frame = 0; frame < 8; frame++) {
        udm_normal(7, frame, 0, 0, AREA, grain);
        for (int i = 0; i < AREA; i++) { // linear between one value in four, each way
            const int y = i / WIDTH, x = i % WIDTH;
            const float *at = grain + y / 4 * WIDTH + x / 4, right = x % 4 / 4.f, down = y % 4 / 4.f;
            const float above = at[0] + right * (at[1] - at[0]);
            const float below = at[WIDTH] + right * (at[WIDTH + 1] - at[WIDTH]);
            planes[i] = as_8_bits(edges(0, y, x) + 3 * (above + down * (below - above)));
        }
        found = look(tracker);
    }
    ck_assert_int_eq(found.finding, UDM_NOISE_FOUND);
    ck_assert_double_ge(found.real_sigma, 3);
    ck_assert_double_le(found.real_sigma, 8);
    ck_assert_double_ge(found.octaves[2], 4 * found.octaves[0]);
    ck_assert_double_le(found.whiteness, 0.5);
    udm_noise_tracker_free(tracker);
}
END_TEST

START_TEST(small)
{
    draw_frame(mid_grey, 1, 20, 0, 0);
    const int sizes[][2] = { { 1, 1 }, { 9, 9 }, { 5, 300 }, { 300, 5 } };
    for (int i = 0; i < COUNT_OF(sizes); i++) {
        const udm_noise_estimate found = estimate(1, sizes[i][0], sizes[i][1]);
        ck_assert_double_eq(found.sigma, 0);
        ck_assert_int_eq(found.finding, UDM_NOISE_TOO_SMALL);
    }
    ck_assert_double_eq_tol(estimate(1, 48, 48).sigma, 20, 4);
    ck_assert_double_eq_tol(estimate(3, 80, 60).sigma, 20, 4);
}
END_TEST

// Whatever is in it, the answer is a number on the scale.
START_TEST(broken)
{
    draw_frame(texture, 1, 20, 0, 0);
    for (int i = 0; i < AREA; i += 97)
        planes[i] = i % 2 ? NAN : INFINITY;
    const udm_noise_estimate found = estimate(1, WIDTH, HEIGHT);
    ck_assert_double_ge(found.sigma, 0);
    ck_assert_double_le(found.sigma, 255);
}
END_TEST

// Whatever the order of its eigenvalues, and where some are the same: those of a known matrix, Q diag(values) Q'.
static const double spectra[][4] = {
    { 1, 2, 3, 4 }, { 4, 3, 2, 1 }, { 0, 0, 0, 0 }, { 5, 5, 5, 5 }, { -1, 0, 0, 7e5 }
};

START_TEST(eigenvalues)
{
    // A quaternion as a rotation of four dimensions: every row has the length 1 and is orthogonal to the others.
    const double q[4][4] = {
        { 0.1, 0.5, 0.5, 0.7 }, { -0.5, 0.1, -0.7, 0.5 }, { -0.5, 0.7, 0.1, -0.5 }, { -0.7, -0.5, 0.5, 0.1 }
    };
    double matrix[16] = { 0 }, sorted[4], values[4];
    for (int i = 0; i < 16; i++)
        for (int k = 0; k < 4; k++)
            matrix[i] += q[i / 4][k] * spectra[_i][k] * q[i % 4][k];
    memcpy(sorted, spectra[_i], sizeof sorted);
    for (int i = 1; i < 4; i++)
        for (int j = i; j > 0 && sorted[j] < sorted[j - 1]; j--) {
            const double swapped = sorted[j];
            sorted[j] = sorted[j - 1], sorted[j - 1] = swapped;
        }
    udm_eigenvalues(4, matrix, values);
    for (int i = 0; i < 4; i++)
        ck_assert_double_eq_tol(values[i], sorted[i], 1e-9 * (1 + fabs(sorted[3])));
}
END_TEST

// At the end of the scale half of the noise is cut off: N(0, 1) above 0 has a variance of 1/2 - 1/(2 pi).
START_TEST(clipping_is_undone)
{
    const double sigma = 20, left = 0.5 - 0.5 / M_PI;
    udm_clipping clipping = { .weights = { 1 } };
    clipping.means[0][(int)rint(sigma / sqrt(2 * M_PI))] = 1;
    ck_assert_double_eq_tol(udm_unclipped_sigma(&clipping, left * sigma * sigma), sigma, 0.02 * sigma);
    clipping = (udm_clipping){ .means = { { [128] = 1 } }, .weights = { 1 } };
    ck_assert_double_eq_tol(udm_unclipped_sigma(&clipping, sigma * sigma), sigma, 1e-3 * sigma);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = white_noise, .cases = ESTIMATES },
        { .test = coloured, .cases = COUNT_OF(coarse) },
        { .test = subsampled },
        { .test = clean },
        { .test = reasons },
        { .test = grey_as_rgb },
        { .test = clean_borders, .cases = COUNT_OF(borders) },
        { .test = clean_overlay },
        { .test = repeats, .cases = 2 },
        { .test = held },
        { .test = hinted_repeats },
        { .test = noise_that_changes_is_followed, .cases = COUNT_OF(changes) },
        { .test = one_picture_that_says_more_is_not_believed },
        { .test = black_head, .cases = 2 },
        { .test = cuts_are_followed_at_once },
        { .test = moving_texture_is_not_noise, .cases = 3 },
        { .test = freshness, .cases = 4 },
        { .test = glance, .cases = 2 },
        { .test = coarse_grain_is_seen_over_time },
        { .test = small },
        { .test = broken },
        { .test = eigenvalues, .cases = COUNT_OF(spectra) },
        { .test = clipping_is_undone },
    };
    return test_main("estimate", tests, COUNT_OF(tests));
}
