// SPDX-License-Identifier: LGPL-2.1-or-later
// What an interpolator carries from pair to pair is forgotten where another scene begins: frames of it are bit for bit
// what they are alone, after frames of another, a cancel, or an exposure that came to nothing.
#include "compare.h"
#include "golden.h"
#include "udm/udm.h"

enum { WIDTH = 64, HEIGHT = 48, PIXELS = WIDTH * HEIGHT, FRAMES = 3, BYTES = 4 * PIXELS, MADE = 3 };

static const struct {
    const char *model; // "": motion alone
    bool alpha;
} kinds[] = { { "", false }, { "", true }, { "tiny-interp", false }, { "tiny-interp", true } };

typedef enum before { MADE_OTHERS, CANCELLED, CANCELLED_EXPOSURE, THROWN_AWAY, BEFORES } before;

static const char *const before_names[] = { "other frames", "a cancel", "a cancelled exposure", "an exposure" };

static uint8_t of_a[FRAMES][BYTES], of_b[FRAMES][BYTES];

// Two scenes that move in ways of their own; red, green, blue, alpha.
static void draw(void)
{
    for (int n = 0; n < FRAMES; n++)
        for (int i = 0; i < BYTES; i++) {
            const int x = i / 4 % WIDTH, y = i / 4 / WIDTH, c = i % 4;
            const bool inside = abs(x - 20 - 5 * n) < 14 && abs(y - 24) < 14;
            of_a[n][i] = (uint8_t)(c == 3 ? 255 - x : (x - 3 * n + 99) / 8 % 2 * 120 + y + 20 * c);
            of_b[n][i] =
                (uint8_t)(c == 3 ? (inside ? 255 : 3 * y) : (inside ? 200 - 3 * (x - 5 * n) : 2 * x + y) + 9 * c);
        }
}

typedef struct picture {
    udm_image colours, alpha;
} picture;

static picture picture_of(uint8_t *pixels)
{
    const udm_image plane = { .width = WIDTH,
                              .height = HEIGHT,
                              .channels = 1,
                              .bits = 8,
                              .data = { pixels + 3 },
                              .stride = { 4 * WIDTH },
                              .step = { 4 } };
    picture of = { plane, plane };
    of.colours.channels = 3;
    for (int c = 0; c < 3; c++)
        of.colours.data[c] = pixels + c, of.colours.stride[c] = 4 * WIDTH, of.colours.step[c] = 4;
    return of;
}

static udm_interpolator *open(const udm_model *model, bool alpha)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = WIDTH, settings.height = HEIGHT, settings.device = "cpu", settings.threads = 2;
    settings.alpha = alpha;
    udm_error error = { 0 };
    udm_interpolator *interpolator = udm_interpolator_open(model, &settings, &error);
    ck_assert_msg(interpolator, "%s", error.message);
    return interpolator;
}

static void pair(udm_interpolator *interpolator, bool alpha, uint8_t frames[][BYTES], int first)
{
    udm_error error = { 0 };
    picture a = picture_of(frames[first]), b = picture_of(frames[first + 1]);
    assert_ok(udm_interpolator_pair_alpha(interpolator, &a.colours, alpha ? &a.alpha : NULL, &b.colours,
                                          alpha ? &b.alpha : NULL, 0.04, &error),
              &error);
}

static void follow(udm_interpolator *interpolator, bool alpha, uint8_t frames[][BYTES], int which)
{
    udm_error error = { 0 };
    picture next = picture_of(frames[which]);
    assert_ok(udm_interpolator_follow_alpha(interpolator, &next.colours, alpha ? &next.alpha : NULL, 0.04, &error),
              &error);
}

// A scene: a frame of its first pair, which what follows is known of, and of the second one, and one of an exposure.
static void make_scene(udm_interpolator *interpolator, bool alpha, uint8_t frames[][BYTES], uint8_t made[MADE][BYTES])
{
    udm_error error = { 0 };
    memset(made, 0, MADE * sizeof *made);
    picture out[MADE] = { picture_of(made[0]), picture_of(made[1]), picture_of(made[2]) };
    pair(interpolator, alpha, frames, 0);
    follow(interpolator, alpha, frames, 2);
    assert_ok(udm_interpolator_make_alpha(interpolator, 0.5, 0, &out[0].colours, alpha ? &out[0].alpha : NULL, &error),
              &error);
    pair(interpolator, alpha, frames, 1);
    assert_ok(udm_interpolator_make_alpha(interpolator, 0.25, 1, &out[1].colours, alpha ? &out[1].alpha : NULL, &error),
              &error);
    assert_ok(udm_interpolator_expose(interpolator, 0.25, 0.75, 2, &error), &error);
    assert_ok(udm_interpolator_develop_alpha(interpolator, &out[2].colours, alpha ? &out[2].alpha : NULL, &error),
              &error);
}

// What comes before the scene that is looked at.
static void make_before(udm_interpolator *interpolator, bool alpha, before what)
{
    static uint8_t dropped[MADE][BYTES];
    udm_error error = { 0 };
    picture out = picture_of(dropped[0]);
    make_scene(interpolator, alpha, of_a, dropped);
    pair(interpolator, alpha, of_a, 0);
    follow(interpolator, alpha, of_a, 2);
    if (what == CANCELLED_EXPOSURE) // what was exposed before is lost as well
        assert_ok(udm_interpolator_expose(interpolator, 0, 0.5, 0, &error), &error);
    udm_interpolator_cancel(interpolator, what == CANCELLED || what == CANCELLED_EXPOSURE);
    if (what == CANCELLED)
        ck_assert(!udm_interpolator_make(interpolator, 0.5, 0, &out.colours, &error));
    if (what == CANCELLED_EXPOSURE)
        ck_assert(!udm_interpolator_expose(interpolator, 0.5, 1, 0, &error));
    if (what == THROWN_AWAY) {
        assert_ok(udm_interpolator_expose(interpolator, 0, 1, 0, &error), &error);
        assert_ok(udm_interpolator_develop(interpolator, NULL, &error), &error);
    }
    if (error.code)
        assert_error(&error, UDM_ERROR_CANCELLED, "");
    udm_interpolator_cancel(interpolator, false);
}

START_TEST(another_scene_before_changes_nothing)
{
    static uint8_t alone[MADE][BYTES], after[MADE][BYTES];
    const int kind = _i / BEFORES;
    const before what = _i % BEFORES;
    const bool alpha = kinds[kind].alpha, asks = *kinds[kind].model;
    udm_error error = { 0 };
    test_case("%s%s, after %s", asks ? kinds[kind].model : "motion alone", alpha ? ", alpha" : "", before_names[what]);
    draw();
    udm_model *model = asks ? udm_model_open(golden_path(kinds[kind].model), &error) : NULL;
    ck_assert_msg(model || !asks, "%s", error.message);
    udm_interpolator *interpolator = open(model, alpha);
    make_scene(interpolator, alpha, of_b, alone);
    udm_interpolator_free(interpolator);
    interpolator = open(model, alpha);
    make_before(interpolator, alpha, what);
    make_scene(interpolator, alpha, of_b, after);
    for (int i = 0; i < MADE; i++) {
        test_at("frame %d", i);
        assert_same(after[i], alone[i], sizeof alone[i]);
        ck_assert_msg(memcmp(alone[i], of_b[i], BYTES) != 0, "it does nothing, so that this shows nothing");
    }
    udm_interpolator_free(interpolator);
    udm_model_free(model);
}
END_TEST

// Motion that was being looked for when it was cancelled is looked for anew, as if nothing had come before.
START_TEST(a_cancelled_pair_begins_anew)
{
    static uint8_t alone[BYTES], after[BYTES];
    udm_error error = { 0 };
    const bool alpha = _i;
    picture made[2] = { picture_of(alone), picture_of(after) };
    test_case("%s", alpha ? "with alpha" : "without");
    draw();
    for (int again = 0; again < 2; again++) {
        udm_interpolator *interpolator = open(NULL, alpha);
        if (again) {
            pair(interpolator, alpha, of_b, 0);
            follow(interpolator, alpha, of_b, 2);
            assert_ok(udm_interpolator_make(interpolator, 0.5, 0, &made[1].colours, &error), &error);
        }
        pair(interpolator, alpha, of_b, 1);
        udm_interpolator_cancel(interpolator, again);
        if (again) {
            ck_assert(!udm_interpolator_make(interpolator, 0.5, 0, &made[1].colours, &error));
            assert_error(&error, UDM_ERROR_CANCELLED, "");
        }
        udm_interpolator_cancel(interpolator, false);
        assert_ok(udm_interpolator_make_alpha(interpolator, 0.5, 0, &made[again].colours,
                                              alpha ? &made[again].alpha : NULL, &error),
                  &error);
        udm_interpolator_free(interpolator);
    }
    for (int i = 0; i < BYTES; i++)
        if (!alpha && i % 4 == 3)
            alone[i] = after[i] = 0;
    assert_same(after, alone, sizeof alone);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = another_scene_before_changes_nothing, .cases = COUNT_OF(kinds) * BEFORES },
        { .test = a_cancelled_pair_begins_anew, .cases = 2 },
    };
    return test_main("interp_forgets", tests, COUNT_OF(tests));
}
