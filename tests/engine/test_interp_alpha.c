// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames with alpha between frames with alpha: what is seen of them over any background.
#include "golden.h"
#include "udm/udm.h"

enum { WIDTH = 160, HEIGHT = 96, PLANE = WIDTH * HEIGHT, RADIUS = 24 };

typedef struct picture {
    uint8_t pixels[4 * PLANE]; // red, green, blue, alpha
    udm_image image, alpha;
} picture;

static void view(picture *p)
{
    const udm_image plane = { .width = WIDTH,
                              .height = HEIGHT,
                              .channels = 1,
                              .bits = 8,
                              .data = { p->pixels + 3 },
                              .stride = { 4 * WIDTH },
                              .step = { 4 } };
    p->alpha = p->image = plane;
    p->image.channels = 3;
    for (int c = 0; c < 3; c++)
        p->image.data[c] = p->pixels + c, p->image.stride[c] = 4 * WIDTH, p->image.step[c] = 4;
}

static uint8_t to_byte(float x)
{
    return (uint8_t)lroundf(fminf(fmaxf(x, 0), 1) * 255);
}

// What moves: a disc with a pattern, the same in black, or one that fades to its edge.
typedef enum look { PATTERN, BLACK, SOFT, OPAQUE } look;

static const char *const looks[] = { "a pattern", "black", "soft", "opaque" };

static float colour_of(look look, int c, float x, float y)
{
    return look == BLACK ? 0 : 0.5f + 0.3f * sinf(0.25f * x + (float)c) + 0.15f * cosf(0.3f * y - 0.1f * x);
}

// What is transparent has colours of its own, as exporters leave them.
static void draw(picture *p, look look, float left)
{
    view(p);
    for (int i = 0; i < PLANE; i++) {
        const float x = (float)(i % WIDTH) - left, y = (float)(i / WIDTH) - HEIGHT / 2;
        const float inside = RADIUS - sqrtf(x * x + y * y) + 0.5f;
        const float cover = look == OPAQUE ? 1 : look == SOFT ? inside / RADIUS : inside;
        for (int c = 0; c < 3; c++)
            p->pixels[4 * i + c] = to_byte(cover > 0 ? colour_of(look, c, x, y) : (float)(i % 7 == c));
        p->pixels[4 * i + 3] = to_byte(cover);
    }
}

// In decibels, over a background.
static double psnr_over(const picture *a, const picture *b, const float background[3])
{
    double sum = 0;
    for (int i = 0; i < PLANE; i++)
        for (int c = 0; c < 3; c++) {
            const double alpha[2] = { a->pixels[4 * i + 3] / 255., b->pixels[4 * i + 3] / 255. };
            const double seen = alpha[0] * a->pixels[4 * i + c] + (1 - alpha[0]) * 255 * (double)background[c];
            const double want = alpha[1] * b->pixels[4 * i + c] + (1 - alpha[1]) * 255 * (double)background[c];
            sum += (seen - want) * (seen - want);
        }
    return 10 * log10(255 * 255 / (sum / (3 * PLANE) + 1e-9));
}

static udm_interpolator *open(const udm_model *model, bool alpha)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = WIDTH, settings.height = HEIGHT, settings.threads = 1, settings.alpha = alpha;
    udm_error error = { 0 };
    udm_interpolator *interpolator = udm_interpolator_open(model, &settings, &error);
    ck_assert_msg(interpolator, "%s", error.message);
    return interpolator;
}

// The frame between two that are 16 pixels apart, with what comes after.
static void make_between(udm_interpolator *interpolator, look look, picture *out)
{
    static picture pictures[3];
    udm_error error = { 0 };
    for (int i = 0; i < 3; i++)
        draw(&pictures[i], look, 50 + 16.f * (float)i);
    view(out);
    assert_ok(udm_interpolator_pair_alpha(interpolator, &pictures[0].image, &pictures[0].alpha, &pictures[1].image,
                                          &pictures[1].alpha, 1, &error),
              &error);
    assert_ok(udm_interpolator_follow_alpha(interpolator, &pictures[2].image, &pictures[2].alpha, 1, &error), &error);
    assert_ok(udm_interpolator_make_alpha(interpolator, 0.5, 0, &out->image, &out->alpha, &error), &error);
}

START_TEST(alpha_moves_along)
{
    static const float backgrounds[][3] = { { 0, 0, 0 }, { 1, 1, 1 }, { 0, 0, 1 }, { 0.5f, 0.5f, 0.5f } };
    static picture made, want;
    const bool with_model = _i >= OPAQUE;
    const look look = (enum look)(_i % OPAQUE);
    test_case("%s, %s", looks[look], with_model ? "a model" : "motion alone");
    char path[1024];
    snprintf(path, sizeof path, "%s/interp", getenv("UDM_SHIPPED_MODELS"));
    udm_model *model = with_model ? udm_model_open(path, NULL) : NULL;
    ck_assert_int_eq(model != NULL, with_model);
    udm_interpolator *interpolator = open(model, true);
    make_between(interpolator, look, &made);
    draw(&want, look, 58);
    for (int i = 0; i < COUNT_OF(backgrounds); i++)
        ck_assert_double_ge(psnr_over(&made, &want, backgrounds[i]), 45);
    udm_interpolator_free(interpolator);
    udm_model_free(model);
}
END_TEST

// What is opaque comes out as if there were no alpha, bit for bit.
START_TEST(opaque_is_as_without)
{
    static picture first, second, with, without;
    udm_interpolator *plain = open(NULL, false), *layered = open(NULL, true);
    udm_error error = { 0 };
    draw(&first, OPAQUE, 50);
    draw(&second, OPAQUE, 60);
    view(&with);
    view(&without);
    for (int i = 0; i < PLANE; i++)
        without.pixels[4 * i + 3] = 255;
    assert_ok(udm_interpolator_pair(plain, &first.image, &second.image, 1, &error), &error);
    assert_ok(udm_interpolator_make(plain, 0.4, 0, &without.image, &error), &error);
    assert_ok(udm_interpolator_pair_alpha(layered, &first.image, &first.alpha, &second.image, NULL, 1, &error), &error);
    assert_ok(udm_interpolator_make_alpha(layered, 0.4, 0, &with.image, &with.alpha, &error), &error);
    assert_same(with.pixels, without.pixels, sizeof with.pixels);
    udm_interpolator_free(plain);
    udm_interpolator_free(layered);
}
END_TEST

// An instant is the same after others as alone: none writes over what the next one is made of.
START_TEST(instants_do_not_change_each_other)
{
    static picture first, second, third, alone, after, other;
    const bool alpha = _i;
    udm_interpolator *interpolator = open(NULL, alpha);
    udm_error error = { 0 };
    test_case("%s", alpha ? "with alpha" : "without");
    draw(&first, SOFT, 50);
    draw(&second, SOFT, 62);
    draw(&third, SOFT, 74);
    view(&alone), view(&after), view(&other);
    for (int turn = 0; turn < 2; turn++) {
        picture *last = turn ? &after : &alone;
        const picture *const pictures[] = { &first, &second, &third };
        for (int i = 0; i < 2; i++) // the second pair has the motion of the first behind it
            assert_ok(udm_interpolator_pair_alpha(interpolator, &pictures[i]->image, alpha ? &pictures[i]->alpha : NULL,
                                                  &pictures[i + 1]->image, alpha ? &pictures[i + 1]->alpha : NULL, 1,
                                                  &error),
                      &error);
        for (int i = 1; i <= 7; i++)
            if (turn)
                assert_ok(udm_interpolator_make_alpha(interpolator, i / 8., 0, &other.image,
                                                      alpha ? &other.alpha : NULL, &error),
                          &error);
        assert_ok(udm_interpolator_make_alpha(interpolator, 0.5, 0, &last->image, alpha ? &last->alpha : NULL, &error),
                  &error);
    }
    assert_same(after.pixels, alone.pixels, sizeof after.pixels);
    udm_interpolator_free(interpolator);
}
END_TEST

// Black that moves over what is transparent is no repetition.
START_TEST(only_alpha_changes)
{
    static picture first, second;
    udm_interpolator *interpolator = open(NULL, true);
    udm_error error = { 0 };
    draw(&first, BLACK, 50);
    draw(&second, BLACK, 66);
    assert_ok(
        udm_interpolator_pair_alpha(interpolator, &first.image, &first.alpha, &second.image, &second.alpha, 1, &error),
        &error);
    ck_assert(!udm_interpolator_repeats(interpolator));
    udm_interpolator_free(interpolator);
}
END_TEST

START_TEST(alpha_that_does_not_fit_is_refused)
{
    static picture p;
    udm_interpolator *plain = open(NULL, false), *layered = open(NULL, true);
    udm_error error = { 0 };
    udm_settings settings;
    draw(&p, PATTERN, 50);
    ck_assert(!udm_interpolator_pair_alpha(plain, &p.image, &p.alpha, &p.image, &p.alpha, 1, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "the settings say that there is none");
    ck_assert(!udm_interpolator_pair_alpha(layered, &p.image, &p.image, &p.image, &p.alpha, 1, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "the alpha");
    udm_settings_init(&settings, sizeof settings);
    settings.width = WIDTH, settings.height = HEIGHT, settings.channels = 1, settings.alpha = true;
    ck_assert_ptr_null(udm_interpolator_open(NULL, &settings, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "channels");
    udm_interpolator_free(plain);
    udm_interpolator_free(layered);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = alpha_moves_along, .cases = 2 * OPAQUE },
        { .test = opaque_is_as_without },
        { .test = instants_do_not_change_each_other, .cases = 2 },
        { .test = only_alpha_changes },
        { .test = alpha_that_does_not_fit_is_refused },
    };
    return test_main("interp_alpha", tests, COUNT_OF(tests));
}
