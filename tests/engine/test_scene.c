// SPDX-License-Identifier: LGPL-2.1-or-later
// Scene cuts, on drawn scenes: what is a cut, and what only looks like one.
#include "check.h"

#include "base/random.h"
#include "analysis/scene.h"

enum { WIDTH = 176, HEIGHT = 144, AREA = WIDTH * HEIGHT };

// A frame of a scene of waves and boxes; the number of the scene decides which.
typedef struct shot {
    int scene;
    double x, y;             // where the camera looks
    double gain, brightness; // 0-255
    double sigma;
} shot;

static const shot still = { .gain = 1, .brightness = 120 };

static float planes[3 * AREA];

static double look(int scene, int c, double x, double y)
{
    double k = 1 + 0.37 * scene;
    double wave = sin(0.03 * k * x + scene) * cos(0.05 * y / k + 2 * scene) + 0.5 * sin(0.11 * x / k + 0.07 * k * y);
    int box = (int)floor(x / (30 + 7 * scene)) * 7 + (int)floor(y / (25 + 5 * scene)) * (3 + scene);
    return 35 * wave + 12 * ((box % 5 + 5) % 5) - 24 + 5 * c;
}

static float as_8_bits(double value)
{
    return (float)(fmin(fmax(rint(value), 0), 255) / 127.5 - 1);
}

static bool begins(udm_scene *scene, int number, shot s)
{
    udm_normal(3, (uint64_t)number, 0, 0, 3 * AREA, planes);
    for (int i = 0; i < 3 * AREA; i++) {
        double value = look(s.scene, i / AREA, i % WIDTH + s.x, i % AREA / WIDTH + s.y);
        planes[i] = as_8_bits(s.brightness + s.gain * value + s.sigma * planes[i]);
    }
    return udm_scene_begins(scene, planes, s.sigma);
}

static udm_scene *new_scene(void)
{
    udm_error error = { 0 };
    return udm_scene_new(3, WIDTH, HEIGHT, &error);
}

TEST(cuts)
{
    static const double sigmas[] = { 0, 25, 75 };
    for (int k = 0; k < 3; k++) {
        udm_scene *scene = new_scene();
        REQUIRE(scene);
        for (int i = 0; i < 24; i++) {
            shot s = still;
            s.scene = i / 4, s.x = 2 * i, s.sigma = sigmas[k];
            CHECK(begins(scene, i, s) == (i % 4 == 0));
        }
        udm_scene_free(scene);
    }
}

TEST(reset)
{
    udm_scene *scene = new_scene();
    REQUIRE(scene);
    CHECK(begins(scene, 0, still));
    CHECK(!begins(scene, 1, still));
    udm_scene_reset(scene);
    CHECK(begins(scene, 2, still));
    CHECK(!begins(scene, 3, still));
    udm_scene_free(scene);
}

// Speeds in pixels a frame.
static void check_pan(double across, double down, double sigma)
{
    udm_scene *scene = new_scene();
    REQUIRE(scene);
    for (int i = 0; i < 20; i++) {
        shot s = still;
        s.x = across * i, s.y = down * i, s.sigma = sigma;
        CHECK(begins(scene, i, s) == (i == 0));
    }
    udm_scene_free(scene);
}

TEST(pans)
{
    check_pan(3, 0, 0);
    check_pan(14, 0, 0);
    check_pan(-14, 0, 50);
    check_pan(0, 12, 25);
    check_pan(9, -9, 75);
}

TEST(cut_in_a_pan)
{
    udm_scene *scene = new_scene();
    REQUIRE(scene);
    for (int i = 0; i < 20; i++) {
        shot s = still;
        s.scene = i >= 10, s.x = 8 * i;
        CHECK(begins(scene, i, s) == (i % 10 == 0));
    }
    udm_scene_free(scene);
}

TEST(fade_to_black_and_back)
{
    udm_scene *scene = new_scene();
    REQUIRE(scene);
    for (int i = 0; i <= 24; i++) {
        shot s = still;
        s.gain = abs(i - 12) / 12.0, s.brightness = 120 * s.gain, s.sigma = 10;
        CHECK(begins(scene, i, s) == (i == 0));
    }
    udm_scene_free(scene);
}

TEST(flashes)
{
    udm_scene *scene = new_scene();
    REQUIRE(scene);
    for (int i = 0; i < 12; i++) {
        shot s = still;
        s.brightness = i % 4 == 2 ? 190 : 120;
        CHECK(begins(scene, i, s) == (i == 0));
    }
    shot white = { .brightness = 255 };
    CHECK(begins(scene, 12, white));
    CHECK(begins(scene, 13, still));
    CHECK(!begins(scene, 14, still));
    udm_scene_free(scene);
}

TEST(noise_alone)
{
    udm_scene *scene = new_scene();
    REQUIRE(scene);
    for (int i = 0; i < 20; i++) {
        shot s = { .brightness = 128, .gain = 0.1, .sigma = 75 };
        CHECK(begins(scene, i, s) == (i == 0));
    }
    udm_scene_free(scene);
}

// Sizes below the grid's, and at the edge of a block.
TEST(small)
{
    for (int size = 1; size < 40; size++) {
        udm_error error = { 0 };
        udm_scene *scene = udm_scene_new(1, size, 40 - size, &error);
        REQUIRE(scene);
        int area = size * (40 - size);
        for (int i = 0; i < area; i++)
            planes[i] = i % 3 - 1.0f;
        CHECK(udm_scene_begins(scene, planes, 0));
        CHECK(!udm_scene_begins(scene, planes, 0));
        udm_scene_free(scene);
    }
}

CHECK_MAIN()
