// SPDX-License-Identifier: LGPL-2.1-or-later
// Scene cuts, on drawn scenes: what is a cut, and what only looks like one.
#include "testing.h"

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
    udm_scene *scene = udm_scene_new(3, WIDTH, HEIGHT, &error);
    ck_assert_msg(scene, "%s", error.message);
    return scene;
}

static void check_begins(udm_scene *scene, int number, shot s, bool wanted)
{
    test_at("frame %d", number);
    ck_assert_int_eq(begins(scene, number, s), wanted);
}

static const double sigmas[] = { 0, 25, 75 };

START_TEST(cuts)
{
    test_case("sigma %g", sigmas[_i]);
    udm_scene *scene = new_scene();
    for (int i = 0; i < 24; i++) {
        shot s = still;
        s.scene = i / 4, s.x = 2 * i, s.sigma = sigmas[_i];
        check_begins(scene, i, s, i % 4 == 0);
    }
    udm_scene_free(scene);
}
END_TEST

START_TEST(reset)
{
    udm_scene *scene = new_scene();
    ck_assert(begins(scene, 0, still));
    ck_assert(!begins(scene, 1, still));
    udm_scene_reset(scene);
    ck_assert(begins(scene, 2, still));
    ck_assert(!begins(scene, 3, still));
    udm_scene_free(scene);
}
END_TEST

static const struct {
    double across, down; // in pixels a frame
    double sigma;
} pans[] = { { 3, 0, 0 }, { 14, 0, 0 }, { -14, 0, 50 }, { 0, 12, 25 }, { 9, -9, 75 } };

START_TEST(no_cut_in_a_pan)
{
    test_case("(%g, %g) a frame, sigma %g", pans[_i].across, pans[_i].down, pans[_i].sigma);
    udm_scene *scene = new_scene();
    for (int i = 0; i < 20; i++) {
        shot s = still;
        s.x = pans[_i].across * i, s.y = pans[_i].down * i, s.sigma = pans[_i].sigma;
        check_begins(scene, i, s, i == 0);
    }
    udm_scene_free(scene);
}
END_TEST

START_TEST(cut_in_a_pan)
{
    udm_scene *scene = new_scene();
    for (int i = 0; i < 20; i++) {
        shot s = still;
        s.scene = i >= 10, s.x = 8 * i;
        check_begins(scene, i, s, i % 10 == 0);
    }
    udm_scene_free(scene);
}
END_TEST

START_TEST(fade_to_black_and_back)
{
    udm_scene *scene = new_scene();
    for (int i = 0; i <= 24; i++) {
        shot s = still;
        s.gain = abs(i - 12) / 12.0, s.brightness = 120 * s.gain, s.sigma = 10;
        check_begins(scene, i, s, i == 0);
    }
    udm_scene_free(scene);
}
END_TEST

START_TEST(flashes)
{
    udm_scene *scene = new_scene();
    for (int i = 0; i < 12; i++) {
        shot s = still;
        s.brightness = i % 4 == 2 ? 190 : 120;
        check_begins(scene, i, s, i == 0);
    }
    shot white = { .brightness = 255 };
    ck_assert(begins(scene, 12, white));
    ck_assert(begins(scene, 13, still));
    ck_assert(!begins(scene, 14, still));
    udm_scene_free(scene);
}
END_TEST

START_TEST(noise_alone)
{
    udm_scene *scene = new_scene();
    for (int i = 0; i < 20; i++) {
        shot s = { .brightness = 128, .gain = 0.1, .sigma = 75 };
        check_begins(scene, i, s, i == 0);
    }
    udm_scene_free(scene);
}
END_TEST

// Sizes below the grid's, and at the edge of a block.
START_TEST(small)
{
    for (int size = 1; size < 40; size++) {
        udm_error error = { 0 };
        udm_scene *scene = udm_scene_new(1, size, 40 - size, &error);
        ck_assert_msg(scene, "%dx%d: %s", size, 40 - size, error.message);
        test_at("%dx%d", size, 40 - size);
        int area = size * (40 - size);
        for (int i = 0; i < area; i++)
            planes[i] = i % 3 - 1.0f;
        ck_assert(udm_scene_begins(scene, planes, 0));
        ck_assert(!udm_scene_begins(scene, planes, 0));
        udm_scene_free(scene);
    }
}
END_TEST

// Three frames: where the camera looks, and how bright they are.
static const struct {
    const char *name;
    shot shots[3];
    udm_scene_course course;
} courses[] = {
    { "a fade",
      { { .gain = 1, .brightness = 120 }, { .gain = .6, .brightness = 72 }, { .gain = .2, .brightness = 24 } },
      UDM_SCENE_GOES_ON },
    { "the end of a fade",
      { { .gain = 1, .brightness = 120 }, { .gain = .6, .brightness = 72 }, { .gain = .45, .brightness = 54 } },
      UDM_SCENE_GOES_ON },
    { "a cut",
      { { .gain = 1, .brightness = 120 },
        { .scene = 2, .gain = 1, .brightness = 120 },
        { .scene = 2, .x = 2, .gain = 1, .brightness = 120 } },
      UDM_SCENE_TURNS },
    { "a cut to black", { { .gain = 1, .brightness = 120 }, { .gain = 0 }, { .gain = 0 } }, UDM_SCENE_TURNS },
    { "three scenes",
      { { .gain = 1, .brightness = 120 },
        { .scene = 1, .gain = 1, .brightness = 120 },
        { .scene = 2, .gain = 1, .brightness = 120 } },
      UDM_SCENE_TURNS },
    { "a flash",
      { { .gain = 1, .brightness = 120 }, { .gain = .7, .brightness = 170 }, { .gain = 1, .brightness = 120 } },
      UDM_SCENE_RETURNS },
    { "light out for a frame",
      { { .gain = 1, .brightness = 120 }, { .gain = .3, .brightness = 40 }, { .gain = 1, .brightness = 120 } },
      UDM_SCENE_RETURNS },
    { "flicker",
      { { .gain = 1, .brightness = 120 }, { .gain = 1, .brightness = 126 }, { .gain = 1, .brightness = 120 } },
      UDM_SCENE_TURNS },
    { "there and back",
      { { .gain = 1, .brightness = 120 }, { .x = 20, .gain = 1, .brightness = 120 }, { .gain = 1, .brightness = 120 } },
      UDM_SCENE_TURNS },
};

START_TEST(course)
{
    test_case("%s", courses[_i].name);
    udm_scene *scene = new_scene();
    udm_scene_look looks[3];
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < 3 * AREA; i++) {
            const shot *s = &courses[_i].shots[k];
            const double value = look(s->scene, i / AREA, i % WIDTH + s->x, i % AREA / WIDTH + s->y);
            planes[i] = as_8_bits(s->brightness + s->gain * value);
        }
        udm_scene_shrink(scene, planes, &looks[k]);
    }
    ck_assert_int_eq(udm_scene_course_of(scene, &looks[0], &looks[1], &looks[2]), courses[_i].course);
    ck_assert_int_eq(udm_scene_course_of(scene, &looks[0], &looks[0], &looks[0]), UDM_SCENE_TURNS);
    udm_scene_free(scene);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = cuts, .cases = COUNT_OF(sigmas) },
        { .test = reset },
        { .test = course, .cases = COUNT_OF(courses) },
        { .test = no_cut_in_a_pan, .cases = COUNT_OF(pans) },
        { .test = cut_in_a_pan },
        { .test = fade_to_black_and_back },
        { .test = flashes },
        { .test = noise_alone },
        { .test = small },
    };
    return test_main("scene", tests, COUNT_OF(tests));
}
