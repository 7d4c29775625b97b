// SPDX-License-Identifier: LGPL-2.1-or-later
// The estimate of the noise, on drawn pictures with noise of known sigma, rounded and clipped as in 8 bits.
#include "check.h"

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
    CHECK(udm_estimate_sigma(planes, channels, width, height, &sigma, &error));
    return sigma;
}

static float planes[3 * AREA];

static double estimate_of(picture of, int channels, double sigma)
{
    draw(of, channels, sigma, planes);
    return estimate(planes, channels, WIDTH, HEIGHT);
}

static void check_picture(picture of)
{
    static const double sigmas[] = { 5, 10, 15, 25, 35, 50 };
    for (int channels = 1; channels <= 3; channels += 2) {
        for (size_t i = 0; i < sizeof sigmas / sizeof *sigmas; i++)
            CHECK_CLOSE(estimate_of(of, channels, sigmas[i]), sigmas[i], 0.1 * sigmas[i]);
    }
}

TEST(ramp)
{
    check_picture(ramp);
}

TEST(edges)
{
    check_picture(edges);
}

TEST(texture)
{
    check_picture(texture);
}

TEST(clipped)
{
    check_picture(extremes);
}

// Noise that is the mean of 2x2 white values has half their sigma; halved in size, 3/8 of it, where white noise of this
// sigma would have 1/4. Single pixels do not show it.
TEST(coloured)
{
    static const double sigmas[] = { 10, 20, 40 };
    for (size_t i = 0; i < sizeof sigmas / sizeof *sigmas; i++) {
        udm_normal(7, 0, 0, 0, 3 * AREA, planes);
        for (int k = 0; k < 3 * AREA - WIDTH - 1; k++) {
            float mean = (planes[k] + planes[k + 1] + planes[k + WIDTH] + planes[k + WIDTH + 1]) / 4;
            planes[k] = as_8_bits(ramp(k / AREA, k % AREA / WIDTH, k % WIDTH) + sigmas[i] * mean);
        }
        for (int k = 3 * AREA - WIDTH - 1; k < 3 * AREA; k++)
            planes[k] = 0;
        CHECK_CLOSE(estimate(planes, 3, WIDTH, HEIGHT), 0.75 * sigmas[i], 0.25 * sigmas[i]);
    }
}

TEST(clean)
{
    CHECK_CLOSE(estimate_of(mid_grey, 3, 0), 0, 1e-6);
    CHECK_CLOSE(estimate_of(extremes, 3, 0), 0, 0.1);
    CHECK_CLOSE(estimate_of(ramp, 3, 0), 0, 0.5); // its steps are noise, a little
    CHECK_CLOSE(estimate_of(edges, 3, 0), 0, 0.5);
}

TEST(grey_as_rgb)
{
    double one = estimate_of(texture, 1, 20);
    memcpy(planes + AREA, planes, AREA * sizeof *planes);
    memcpy(planes + 2 * AREA, planes, AREA * sizeof *planes);
    CHECK_CLOSE(estimate(planes, 3, WIDTH, HEIGHT), one, 1e-9);
}

// Bars without noise above and below, a third of the picture.
TEST(black_bars)
{
    draw(edges, 3, 25, planes);
    for (int i = 0; i < 3 * AREA; i++) {
        int y = i % AREA / WIDTH;
        if (y < HEIGHT / 6 || y >= HEIGHT - HEIGHT / 6)
            planes[i] = -1;
    }
    CHECK_CLOSE(estimate(planes, 3, WIDTH, HEIGHT), 25, 2.5);
}

TEST(small)
{
    draw(mid_grey, 1, 20, planes);
    CHECK_CLOSE(estimate(planes, 1, 1, 1), 0, 0);
    CHECK_CLOSE(estimate(planes, 1, 7, 300), 0, 0);
    CHECK_CLOSE(estimate(planes, 1, 8, 8), 0, 0);
    CHECK_CLOSE(estimate(planes, 1, 48, 48), 20, 4);
    CHECK_CLOSE(estimate(planes, 3, 80, 60), 20, 4);
}

// Whatever is in it, the answer is a number on the scale.
TEST(broken)
{
    draw(texture, 1, 20, planes);
    for (int i = 0; i < AREA; i += 97)
        planes[i] = i % 2 ? NAN : INFINITY;
    double sigma = estimate(planes, 1, WIDTH, HEIGHT);
    CHECK(sigma >= 0 && sigma <= 255);
}

CHECK_MAIN()
