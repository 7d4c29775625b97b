// SPDX-License-Identifier: LGPL-2.1-or-later
// The estimate of the noise, on drawn pictures with noise of known sigma, rounded and clipped as in 8 bits.
#include "testing.h"

#include "base/random.h"
#include "analysis/noise_estimation.h"

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

static float as_8_bits(double value)
{
    return (float)(fmin(fmax(rint(value), 0), 255) / 127.5 - 1);
}

// out: [channels, HEIGHT, WIDTH]
static void draw(picture of, int channels, double sigma, float *out)
{
    udm_normal(7, 0, 0, 0, (size_t)channels * AREA, out);
    for (int i = 0; i < channels * AREA; i++)
        out[i] = as_8_bits(of(i / AREA, i % AREA / WIDTH, i % WIDTH) + sigma * out[i]);
}

static double estimate(const float *planes, int channels, int width, int height)
{
    udm_error error = { 0 };
    double sigma = -1;
    assert_ok(udm_estimate_sigma(planes, channels, width, height, &sigma, &error), &error);
    return sigma;
}

static float planes[3 * AREA];

static double estimate_of(picture of, int channels, double sigma)
{
    draw(of, channels, sigma, planes);
    return estimate(planes, channels, WIDTH, HEIGHT);
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
        ck_assert_double_eq_tol(estimate_of(pictures[_i / SIGMAS].of, channels, sigma), sigma, 0.1 * sigma);
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
    ck_assert_double_eq_tol(estimate(planes, 3, WIDTH, HEIGHT), 0.75 * sigma, 0.25 * sigma);
}
END_TEST

START_TEST(clean)
{
    ck_assert_double_eq_tol(estimate_of(mid_grey, 3, 0), 0, 1e-6);
    ck_assert_double_eq_tol(estimate_of(extremes, 3, 0), 0, 0.1);
    ck_assert_double_eq_tol(estimate_of(ramp, 3, 0), 0, 0.5); // its steps are noise, a little
    ck_assert_double_eq_tol(estimate_of(edges, 3, 0), 0, 0.5);
}
END_TEST

START_TEST(grey_as_rgb)
{
    double one = estimate_of(texture, 1, 20);
    memcpy(planes + AREA, planes, AREA * sizeof *planes);
    memcpy(planes + 2 * AREA, planes, AREA * sizeof *planes);
    ck_assert_double_eq_tol(estimate(planes, 3, WIDTH, HEIGHT), one, 1e-9);
}
END_TEST

// Bars without noise above and below, a third of the picture.
START_TEST(black_bars)
{
    draw(edges, 3, 25, planes);
    for (int i = 0; i < 3 * AREA; i++) {
        int y = i % AREA / WIDTH;
        if (y < HEIGHT / 6 || y >= HEIGHT - HEIGHT / 6)
            planes[i] = -1;
    }
    ck_assert_double_eq_tol(estimate(planes, 3, WIDTH, HEIGHT), 25, 2.5);
}
END_TEST

START_TEST(small)
{
    draw(mid_grey, 1, 20, planes);
    ck_assert_double_eq(estimate(planes, 1, 1, 1), 0);
    ck_assert_double_eq(estimate(planes, 1, 7, 300), 0);
    ck_assert_double_eq(estimate(planes, 1, 8, 8), 0);
    ck_assert_double_eq_tol(estimate(planes, 1, 48, 48), 20, 4);
    ck_assert_double_eq_tol(estimate(planes, 3, 80, 60), 20, 4);
}
END_TEST

// Whatever is in it, the answer is a number on the scale.
START_TEST(broken)
{
    draw(texture, 1, 20, planes);
    for (int i = 0; i < AREA; i += 97)
        planes[i] = i % 2 ? NAN : INFINITY;
    double sigma = estimate(planes, 1, WIDTH, HEIGHT);
    ck_assert_double_ge(sigma, 0);
    ck_assert_double_le(sigma, 255);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = white_noise, .cases = ESTIMATES },
        { .test = coloured, .cases = COUNT_OF(coarse) },
        { .test = clean },
        { .test = grey_as_rgb },
        { .test = black_bars },
        { .test = small },
        { .test = broken },
    };
    return test_main("estimate", tests, COUNT_OF(tests));
}
