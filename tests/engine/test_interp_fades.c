// SPDX-License-Identifier: LGPL-2.1-or-later
// Fades, cross-fades, lamps and flashes: how bright frames between others are, and that what moves in them is followed.
#include "golden.h"
#include "udm/udm.h"

enum { WIDTH = 128, HEIGHT = 96, PLANE = WIDTH * HEIGHT, STEP = 6 };

typedef struct picture {
    uint8_t pixels[3 * PLANE]; // planes
    udm_image image;
} picture;

// Scene 0 or 1 of waves and boxes, which moves to the right by STEP pixels a frame.
static double look(int scene, int c, double x, double y)
{
    const double k = 1 + 0.4 * scene;
    const int box = (int)floor(x / (19 + 6 * scene)) * 7 + (int)floor(y / (17 + 4 * scene)) * (3 + scene);
    const double wave = sin(0.11 * k * x + scene) * cos(0.13 * y / k + scene) + 0.6 * sin(0.31 * x / k + 0.2 * k * y);
    return 110 + 45 * wave + 11 * ((box % 5 + 5) % 5) - 22 + 9 * c;
}

#define UNSEEN 44. // dB, from which on nobody sees a difference

typedef double shading(int c, double x, double y, double time);

static double plain(int c, double x, double y, double time)
{
    return look(0, c, x - STEP * time, y);
}

static double to_black(int c, double x, double y, double time)
{
    return plain(c, x, y, time) * (1 - 0.25 * time);
}

// The last of so few frames that nothing is left in the next.
static double at_once_to_black(int c, double x, double y, double time)
{
    return plain(c, x, y, time) * fmax(1 - 0.5 * time, 0);
}

static double from_white(int c, double x, double y, double time)
{
    return 255 - (255 - plain(c, x, y, time)) * 0.25 * time;
}

static double lamp_on_the_left(int c, double x, double y, double time)
{
    return plain(c, x, y, time) * (0.5 + 0.15 * time * (1 - 0.6 * x / WIDTH));
}

static double into_another(int c, double x, double y, double time)
{
    return plain(c, x, y, time) + 0.25 * time * (look(1, c, x + STEP * time, y) - plain(c, x, y, time));
}

static double still_into_another(int c, double x, double y, double time)
{
    return look(0, c, x, y) + 0.25 * time * (look(1, c, x, y) - look(0, c, x, y));
}

static double flash_in_one(int c, double x, double y, double time)
{
    return 255 - (255 - plain(c, x, y, time)) * (time == 1 ? 0.4 : 1);
}

static void draw(picture *p, shading *shade, double time)
{
    p->image = (udm_image){ .width = WIDTH, .height = HEIGHT, .channels = 3, .bits = 8 };
    for (int c = 0; c < 3; c++) {
        p->image.data[c] = p->pixels + c * PLANE, p->image.stride[c] = WIDTH, p->image.step[c] = 1;
        for (int i = 0; shade && i < PLANE; i++)
            p->pixels[c * PLANE + i] = (uint8_t)lround(fmin(fmax(shade(c, i % WIDTH, i / WIDTH, time), 0), 255));
    }
}

static udm_interpolator *open(const udm_model *model)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = WIDTH, settings.height = HEIGHT, settings.channels = 3, settings.threads = 1;
    udm_error error = { 0 };
    udm_interpolator *interpolator = udm_interpolator_open(model, &settings, &error);
    ck_assert_msg(interpolator, "%s", error.message);
    return interpolator;
}

static udm_model *shipped(void)
{
    char path[4096];
    const char *folder = getenv("UDM_SHIPPED_MODELS");
    snprintf(path, sizeof path, "%s/interp", folder ? folder : "models");
    udm_model *model = udm_model_open(path, NULL);
    ck_assert_msg(model, "there is no %s", path);
    return model;
}

// The frames `first` and the one after it, and what comes then, if `after`. Returns the change.
static double pair(udm_interpolator *interpolator, shading *shade, int first, bool after)
{
    static picture pictures[3];
    udm_error error = { 0 };
    for (int i = 0; i < 3; i++)
        draw(&pictures[i], shade, first + i);
    assert_ok(udm_interpolator_pair(interpolator, &pictures[0].image, &pictures[1].image, 1, &error), &error);
    if (after)
        assert_ok(udm_interpolator_follow(interpolator, &pictures[2].image, 1, &error), &error);
    return udm_interpolator_change(interpolator);
}

static void make(udm_interpolator *interpolator, double position, picture *out)
{
    udm_error error = { 0 };
    draw(out, NULL, 0);
    assert_ok(udm_interpolator_make(interpolator, position, 0, &out->image, &error), &error);
}

// By so many levels the first is brighter.
static double excess(const picture *a, const picture *b)
{
    double sum = 0;
    for (int i = 0; i < 3 * PLANE; i++)
        sum += a->pixels[i] - b->pixels[i];
    return sum / (3 * PLANE);
}

// Away from the sides, where what comes in is not known.
static double psnr(const picture *a, const picture *b)
{
    double sum = 0;
    int count = 0;
    for (int i = 0; i < 3 * PLANE; i++)
        if (i % WIDTH >= 8 && i % WIDTH < WIDTH - 8)
            sum += (a->pixels[i] - b->pixels[i]) * (a->pixels[i] - b->pixels[i]), count++;
    return 10 * log10(255 * 255 / (sum / count + 1e-9));
}

static void blend(const picture *a, const picture *b, double position, picture *out)
{
    draw(out, NULL, 0);
    for (int i = 0; i < 3 * PLANE; i++)
        out->pixels[i] = (uint8_t)lround(a->pixels[i] + position * (b->pixels[i] - a->pixels[i]));
}

static const struct {
    const char *name;
    shading *shade;
    int first;
    double gain; // dB over blending, at the least
} fades[] = {
    { "to black", to_black, 0, 6 },         { "to black, half way", to_black, 2, 4 },
    { "from white", from_white, 1, 4 },     { "a lamp", lamp_on_the_left, 0, 6 },
    { "a cross-fade", into_another, 0, 3 }, { "a cross-fade of stills, half way", still_into_another, 1, 0 },
};

static const double positions[] = { 0.25, 0.5, 0.75 };

static void check_frames(const udm_model *model, int at)
{
    static picture first, second, want, made, blended;
    udm_interpolator *interpolator = open(model);
    draw(&first, fades[at].shade, fades[at].first), draw(&second, fades[at].shade, fades[at].first + 1);
    ck_assert_double_lt(pair(interpolator, fades[at].shade, fades[at].first, true), 0.3);
    for (int i = 0; i < COUNT_OF(positions); i++) {
        test_at("%s, at %g", model ? "model=interp" : "motion alone", positions[i]);
        draw(&want, fades[at].shade, fades[at].first + positions[i]);
        make(interpolator, positions[i], &made);
        blend(&first, &second, positions[i], &blended);
        ck_assert_double_le(fabs(excess(&made, &want)), 0.5);
        if (fabs(excess(&first, &second)) > 2) // between both
            ck_assert_double_lt(excess(&made, &first) * excess(&made, &second), 0);
        ck_assert_double_ge(psnr(&made, &want), fmin(psnr(&blended, &want) + fades[at].gain, UNSEEN));
    }
    udm_interpolator_free(interpolator);
}

START_TEST(frames_are_as_bright_as_their_instant)
{
    test_case("%s", fades[_i].name);
    check_frames(NULL, _i);
    udm_model *model = shipped();
    check_frames(model, _i);
    udm_model_free(model);
}
END_TEST

// The last step of a fade ends in black, of which nothing is seen. If nothing else is known, that is a cut.
START_TEST(a_fade_ends_without_a_cut)
{
    udm_interpolator *interpolator = open(NULL);
    ck_assert_double_gt(pair(interpolator, at_once_to_black, 1, false), 0.3);
    ck_assert_double_lt(pair(interpolator, at_once_to_black, 0, false), 0.3);
    ck_assert_double_lt(pair(interpolator, at_once_to_black, 1, false), 0.3);
    ck_assert_double_gt(pair(interpolator, from_white, 0, false), 0.3);
    ck_assert_double_lt(pair(interpolator, from_white, 0, true), 0.3);
    udm_interpolator_free(interpolator);
}
END_TEST

// Frames beside a flash are its neighbours again, so that it takes no longer than it did.
START_TEST(a_flash_is_not_smeared)
{
    udm_interpolator *interpolator = open(NULL);
    ck_assert_double_gt(pair(interpolator, flash_in_one, 0, true), 0.3);
    ck_assert_double_gt(pair(interpolator, flash_in_one, 1, true), 0.3);
    ck_assert_double_lt(pair(interpolator, flash_in_one, 2, true), 0.3);
    udm_interpolator_free(interpolator);
}
END_TEST

static double up_and_down(int c, double x, double y, double time)
{
    return plain(c, x, y, time) * (1 - 0.25 * fabs(time - 2));
}

START_TEST(a_lamp_that_turns_is_no_flash)
{
    udm_interpolator *interpolator = open(NULL);
    for (int first = 0; first < 4; first++) {
        test_at("frame %d", first);
        ck_assert_double_lt(pair(interpolator, up_and_down, first, true), 0.3);
    }
    udm_interpolator_free(interpolator);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = frames_are_as_bright_as_their_instant, .cases = COUNT_OF(fades) },
        { .test = a_fade_ends_without_a_cut },
        { .test = a_flash_is_not_smeared },
        { .test = a_lamp_that_turns_is_no_flash },
    };
    return test_main("fades", tests, COUNT_OF(tests));
}
