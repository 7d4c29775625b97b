// SPDX-License-Identifier: LGPL-2.1-or-later
// The frames between two pictures whose motion is known: where they are, what is hidden, and what is refused.
#include "golden.h"
#include "udm/udm.h"

enum { WIDTH = 96, HEIGHT = 64, PLANE = WIDTH * HEIGHT };

typedef struct picture {
    uint8_t pixels[PLANE];
    udm_image image;
} picture;

static uint8_t wave(float x, float y)
{
    return (uint8_t)lroundf(128 + 55 * sinf(x * 0.31f) * cosf(y * 0.23f) + 40 * sinf(0.11f * x + 0.17f * y));
}

static void view(picture *p)
{
    p->image = (udm_image){ .width = WIDTH,
                            .height = HEIGHT,
                            .channels = 1,
                            .bits = 8,
                            .data = { p->pixels },
                            .stride = { WIDTH },
                            .step = { 1 } };
}

// The wave, and on it, where `box` says so, a square at (left, 20) with waves of its own.
static void draw(picture *p, float shift, int box)
{
    view(p);
    for (int i = 0; i < PLANE; i++) {
        const int x = i % WIDTH, y = i / WIDTH;
        const bool inside = box >= 0 && x >= box && x < box + 24 && y >= 20 && y < 44;
        p->pixels[i] = inside ? (uint8_t)(255 - wave(0.9f * (float)(x - box) + 9, (float)y + 40))
                              : wave((float)x - shift, (float)y);
    }
}

static udm_interpolator *open(const udm_model *model, int threads)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = WIDTH, settings.height = HEIGHT, settings.channels = 1, settings.threads = threads;
    udm_error error = { 0 };
    udm_interpolator *interpolator = udm_interpolator_open(model, &settings, &error);
    ck_assert_msg(interpolator, "%s", error.message);
    return interpolator;
}

static void pair(udm_interpolator *interpolator, const udm_image *first, const udm_image *second, double gap)
{
    udm_error error = { 0 };
    assert_ok(udm_interpolator_pair(interpolator, first, second, gap, &error), &error);
}

static void make(udm_interpolator *interpolator, double position, uint64_t number, const udm_image *out)
{
    udm_error error = { 0 };
    assert_ok(udm_interpolator_make(interpolator, position, number, out, &error), &error);
}

// The mean absolute difference away from the border, in grey levels.
static double difference(const picture *a, const picture *b)
{
    double sum = 0;
    int count = 0;
    for (int i = 0; i < PLANE; i++) {
        const int x = i % WIDTH, y = i / WIDTH;
        if (x < 12 || y < 12 || x >= WIDTH - 12 || y >= HEIGHT - 12)
            continue;
        sum += abs(a->pixels[i] - b->pixels[i]);
        count++;
    }
    return sum / count;
}

static const double positions[] = { -0.5, 0, 0.25, 0.5, 0.8, 1, 1.5 };

START_TEST(frames_stand_where_their_position_says)
{
    test_case("%g", positions[_i]);
    static picture first, second, want, out;
    udm_interpolator *interpolator = open(NULL, 1);
    draw(&first, 0, -1);
    draw(&second, 4, -1);
    view(&out);
    pair(interpolator, &first.image, &second.image, 0);
    draw(&want, (float)(4 * positions[_i]), -1);
    make(interpolator, positions[_i], 0, &out.image);
    ck_assert_double_le(difference(&out, &want), 1.5);
    udm_interpolator_free(interpolator);
}
END_TEST

// The middle of the second gap of a picture that stands at these places, by how much it differs from the picture there.
// The engine sees the first gap, if `before`, and what follows the second, if `after`.
static double miss_interpolator(const float places[4], float there, const double gaps[3], bool before, bool after)
{
    static picture pictures[4], want, out;
    udm_interpolator *interpolator = open(NULL, 1);
    for (int i = 0; i < 4; i++)
        draw(&pictures[i], places[i], -1);
    draw(&want, there, -1);
    view(&out);
    if (before) {
        pair(interpolator, &pictures[0].image, &pictures[1].image, gaps[0]);
        make(interpolator, 0.5, 0, &out.image);
        pair(interpolator, &pictures[1].image, &pictures[3].image, gaps[1]); // looked at only
    }
    pair(interpolator, &pictures[1].image, &pictures[2].image, gaps[1]);
    if (after)
        ck_assert(udm_interpolator_follow(interpolator, &pictures[3].image, gaps[2], NULL));
    make(interpolator, 0.5, 0, &out.image);
    ck_assert(!udm_interpolator_follow(interpolator, &pictures[3].image, gaps[2], NULL)); // too late
    udm_interpolator_free(interpolator);
    return difference(&out, &want);
}

START_TEST(motion_bends)
{
    const double even[3] = { 1, 1, 1 }, uneven[3] = { 2, 1, 1 }, unknown[3] = { 0 };
    const float fall[4] = { 0, 1, 4, 9 }, late[4] = { 1, 1, 4, 9 }; // t^2 from 0 to 3, and from -1 to 3
    const double straight = miss_interpolator(fall, 2.25f, even, false, false);
    ck_assert_double_gt(straight, 1.5);
    ck_assert_double_lt(miss_interpolator(fall, 2.25f, even, true, false), 0.6 * straight);
    ck_assert_double_lt(miss_interpolator(fall, 2.25f, even, false, true), 0.6 * straight);
    ck_assert_double_lt(miss_interpolator(fall, 2.25f, even, true, true), 0.25 * straight);
    ck_assert_double_lt(miss_interpolator(fall, 2.25f, unknown, true, true), 0.25 * straight);
    ck_assert_double_lt(miss_interpolator(late, 2.25f, uneven, true, true), 0.25 * straight);
    const float steady[4] = { 0, 3, 6, 9 }, jump[4] = { 0, 3, 6, 70 };
    ck_assert_double_eq_tol(miss_interpolator(steady, 4.5f, even, true, true),
                            miss_interpolator(steady, 4.5f, even, false, false), 0.3);
    ck_assert_double_eq_tol(miss_interpolator(jump, 4.5f, even, true, true),
                            miss_interpolator(jump, 4.5f, even, false, false), 1);
}
END_TEST

// The motion is the same, whether it was found early or late; what was foreseen may also not come.
START_TEST(what_was_foreseen_is_what_comes)
{
    static picture pictures[3], other, made[3];
    for (int i = 0; i < 3; i++)
        draw(&pictures[i], (float)(i * i), -1);
    draw(&other, 4, 10);
    for (int told = 0; told < 3; told++) {
        udm_interpolator *interpolator = open(NULL, 1);
        test_at("what was foreseen: %s", told == 0 ? "nothing" : told == 1 ? "what came" : "another");
        view(&made[told]);
        pair(interpolator, &pictures[0].image, &pictures[1].image, 1);
        if (told)
            ck_assert(udm_interpolator_follow(interpolator, told == 1 ? &pictures[2].image : &other.image, 1, NULL));
        make(interpolator, 0.5, 0, &made[told].image);
        pair(interpolator, &pictures[1].image, &pictures[2].image, 1);
        make(interpolator, 0.5, 0, &made[told].image);
        udm_interpolator_free(interpolator);
    }
    assert_same(made[0].pixels, made[1].pixels, PLANE);
    assert_same(made[0].pixels, made[2].pixels, PLANE);
}
END_TEST

START_TEST(pictures_come_back_at_their_own_instants)
{
    static picture first, second, out;
    udm_interpolator *interpolator = open(NULL, 1);
    draw(&first, 0, 30);
    draw(&second, 0, 38);
    view(&out);
    pair(interpolator, &first.image, &second.image, 0);
    make(interpolator, 0, 0, &out.image);
    assert_same(out.pixels, first.pixels, PLANE);
    make(interpolator, 1, 0, &out.image);
    assert_same(out.pixels, second.pixels, PLANE);
    udm_interpolator_free(interpolator);
}
END_TEST

// Bars that stand before waves that move, or a grating of period 12.
typedef enum pattern { BARS, GRATING } pattern;

static void draw_pattern(picture *p, pattern what, float shift)
{
    draw(p, shift, -1);
    for (int i = 0; i < PLANE; i++) {
        const float wave = sinf(((float)(i % WIDTH) - shift) * 6.2832f / 12);
        if (what == GRATING)
            p->pixels[i] = (uint8_t)lroundf(128 + 100 * fminf(fmaxf(2 * wave, -1), 1));
        else if (i % WIDTH / 8 % 2 == 0)
            p->pixels[i] = 20;
    }
}

static double psnr(const picture *a, const picture *b)
{
    double sum = 0;
    for (int i = 0; i < PLANE; i++)
        sum += (a->pixels[i] - b->pixels[i]) * (a->pixels[i] - b->pixels[i]);
    return 10 * log10(255 * 255 / (sum / PLANE));
}

static const struct {
    const char *name;
    pattern what;
    float step;
    double least; // of the PSNR
} patterns[] = {
    { "bars, 16 pixels a frame", BARS, 16, 16.1 },
    { "bars, 8 pixels a frame", BARS, 8, 16.1 },
    { "a grating of 12 pixels, 4 a frame", GRATING, 4, 17.9 },
    { "a grating of 12 pixels, 2 a frame", GRATING, 2, 17.9 },
};

// Neither is a cut, and of the places where a grating fits the nearest counts.
START_TEST(fences_and_bars_are_interpolated)
{
    static picture first, second, want, out;
    udm_interpolator *interpolator = open(NULL, 1);
    test_case("%s", patterns[_i].name);
    draw_pattern(&first, patterns[_i].what, 0);
    draw_pattern(&second, patterns[_i].what, patterns[_i].step);
    draw_pattern(&want, patterns[_i].what, patterns[_i].step / 2);
    view(&out);
    pair(interpolator, &first.image, &second.image, 0);
    ck_assert_double_lt(udm_interpolator_change(interpolator), 0.3);
    make(interpolator, 0.5, 0, &out.image);
    ck_assert_double_ge(psnr(&out, &want), patterns[_i].least);
    udm_interpolator_free(interpolator);
}
END_TEST

// Strokes that stay before waves that move, as of subtitles. Returns whether a pixel is in one.
static bool is_stroke(int x, int y)
{
    return y >= 36 && y < 52 && x >= 12 && x < 84 && (x % 8 < 2 || (y % 12 < 2 && x % 16 < 8));
}

static void draw_subtitles(picture *p, float shift)
{
    draw(p, shift, -1);
    for (int i = 0; i < PLANE; i++)
        p->pixels[i] = is_stroke(i % WIDTH, i / WIDTH) ? 250 : (uint8_t)(p->pixels[i] * 3 / 4);
}

static double stroke_psnr(const picture *a, const picture *b)
{
    double sum = 0;
    int count = 0;
    for (int i = 0; i < PLANE; i++)
        if (is_stroke(i % WIDTH, i / WIDTH))
            sum += (a->pixels[i] - b->pixels[i]) * (a->pixels[i] - b->pixels[i]), count++;
    return 10 * log10(255 * 255 / (sum / count + 1e-9));
}

static const float pans[] = { 6, 12, 20 };

START_TEST(subtitles_stay)
{
    static picture first, second, want, out;
    udm_interpolator *interpolator = open(NULL, 1);
    test_case("a pan of %g pixels", pans[_i]);
    draw_subtitles(&first, 0);
    draw_subtitles(&second, pans[_i]);
    draw_subtitles(&want, pans[_i] / 2);
    view(&out);
    pair(interpolator, &first.image, &second.image, 0);
    make(interpolator, 0.5, 0, &out.image);
    ck_assert_double_ge(stroke_psnr(&out, &want), 26.9);
    udm_interpolator_free(interpolator);
}
END_TEST

START_TEST(a_square_uncovers_what_one_neighbour_knows)
{
    static picture first, second, want, out, blend;
    udm_interpolator *interpolator = open(NULL, 1);
    draw(&first, 0, 30);
    draw(&second, 0, 38);
    draw(&want, 0, 34);
    view(&out);
    for (int i = 0; i < PLANE; i++)
        blend.pixels[i] = (uint8_t)((first.pixels[i] + second.pixels[i] + 1) / 2);
    pair(interpolator, &first.image, &second.image, 0);
    make(interpolator, 0.5, 0, &out.image);
    ck_assert_double_le(difference(&out, &want), 0.5 * difference(&blend, &want));
    // Left of the square lies what it covers in the first, right of it what it covers in the second.
    const float *of_first = udm_interpolator_context(interpolator) + 3 * PLANE, *of_second = of_first + PLANE;
    ck_assert_double_lt(of_first[32 * WIDTH + 32], of_second[32 * WIDTH + 32]);
    ck_assert_double_gt(of_first[32 * WIDTH + 60], of_second[32 * WIDTH + 60]);
    udm_interpolator_free(interpolator);
}
END_TEST

START_TEST(what_comes_from_outside_is_unknown)
{
    static picture first, second, out;
    udm_interpolator *interpolator = open(NULL, 1);
    draw(&first, 0, -1);
    draw(&second, 6, -1);
    view(&out);
    pair(interpolator, &first.image, &second.image, 0);
    make(interpolator, 0.5, 0, &out.image);
    const float *of_first = udm_interpolator_context(interpolator) + 3 * PLANE, *of_second = of_first + PLANE;
    ck_assert_double_lt(of_first[32 * WIDTH], 0.01f * of_second[32 * WIDTH]);
    ck_assert_double_gt(udm_interpolator_level(interpolator)[32 * WIDTH],
                        udm_interpolator_level(interpolator)[32 * WIDTH + WIDTH / 2]);
    udm_interpolator_free(interpolator);
}
END_TEST

START_TEST(threads_change_nothing)
{
    static picture first, second, out[2];
    draw(&first, 0, 30);
    draw(&second, 3, 41);
    for (int k = 0; k < 2; k++) {
        udm_interpolator *interpolator = open(NULL, 1 + 2 * k);
        view(&out[k]);
        pair(interpolator, &first.image, &second.image, 0);
        make(interpolator, 0.3, 0, &out[k].image);
        udm_interpolator_free(interpolator);
    }
    assert_same(out[0].pixels, out[1].pixels, PLANE);
}
END_TEST

START_TEST(a_network_has_the_last_word)
{
    static picture first, second, out, mean;
    udm_model *model = golden_model("tiny-grey");
    udm_interpolator *interpolator = open(model, 1), *alone = open(NULL, 1);
    draw(&first, 0, 30);
    draw(&second, 0, 38);
    view(&out);
    view(&mean);
    pair(interpolator, &first.image, &second.image, 0);
    make(interpolator, 0.5, 0, &out.image);
    pair(alone, &first.image, &second.image, 0);
    make(alone, 0.5, 0, &mean.image);
    assert_differ(out.pixels, mean.pixels, PLANE);
    udm_stats stats;
    udm_interpolator_stats(interpolator, &stats, sizeof stats);
    ck_assert_uint_eq(stats.frames, 1);
    ck_assert_int_eq(stats.tiles, 1);
    udm_interpolator_free(alone);
    udm_interpolator_free(interpolator);
    udm_model_free(model);
}
END_TEST

// Frames of one colour, 16 bits a channel.
enum { FIELD_WIDTH = 32, FIELD_HEIGHT = 24, FIELD = FIELD_WIDTH * FIELD_HEIGHT };

typedef struct field {
    uint16_t pixels[3 * FIELD]; // planes
    udm_image image;
} field;

static void fill(field *f, float red, float green, float blue)
{
    const float colour[3] = { red, green, blue };
    f->image = (udm_image){ .width = FIELD_WIDTH, .height = FIELD_HEIGHT, .channels = 3, .bits = 16 };
    for (int c = 0; c < 3; c++) {
        f->image.data[c] = (uint8_t *)(f->pixels + c * FIELD);
        f->image.stride[c] = FIELD_WIDTH * 2, f->image.step[c] = 2;
        for (int i = 0; i < FIELD; i++)
            f->pixels[c * FIELD + i] = (uint16_t)lroundf((colour[c] + 1) * 32767.5f);
    }
}

static udm_interpolator *open_fields(const udm_model *model, int steps)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = FIELD_WIDTH, settings.height = FIELD_HEIGHT, settings.channels = 3;
    settings.threads = 2, settings.steps = steps;
    udm_error error = { 0 };
    udm_interpolator *interpolator = udm_interpolator_open(model, &settings, &error);
    ck_assert_msg(interpolator, "%s", error.message);
    return interpolator;
}

// Pictures of one colour stay where they are, so all that the network is shown is known.
START_TEST(a_network_is_told_what_pytorch_tells_it)
{
    static field first, second, out;
    npy golden = golden_read("tiny-interp/pair-expected.npy");
    udm_model *model = golden_model("tiny-interp");
    ck_assert_uint_eq(golden.elements, 3 * FIELD);
    udm_interpolator *interpolator = open_fields(model, 1);
    fill(&first, -0.5f, 0.25f, 0.125f);
    fill(&second, 0.5f, -0.125f, 0.375f);
    fill(&out, 0, 0, 0);
    pair(interpolator, &first.image, &second.image, 1.0 / 12);
    make(interpolator, 0.25, 0, &out.image);
    static float want[3 * FIELD];
    for (int i = 0; i < 3 * FIELD; i++)
        want[i] = (fminf(fmaxf(golden.data[i], -1), 1) + 1) * 32767.5f;
    assert_close(out.pixels, want, 3 * FIELD, 2e-3); // as small differences are left of large ones
    // Another distance in time is something else to be told.
    static field slower;
    fill(&slower, 0, 0, 0);
    pair(interpolator, &first.image, &second.image, 1);
    make(interpolator, 0.25, 0, &slower.image);
    assert_differ(slower.pixels, out.pixels, 3 * FIELD);
    udm_interpolator_free(interpolator);
    udm_model_free(model);
    free(golden.data);
}
END_TEST

// Where motion explains nearly all, the network that is shipped must not undo it.
START_TEST(the_shipped_network_keeps_what_motion_finds)
{
    static picture first, second, want, alone, out;
    char path[4096];
    const char *folder = getenv("UDM_SHIPPED_MODELS");
    snprintf(path, sizeof path, "%s/interp", folder ? folder : "models");
    udm_model *model = udm_model_open(path, NULL);
    ck_assert_msg(model, "there is no %s", path);
    draw(&first, 0, 30);
    draw(&second, 0, 38);
    draw(&want, 0, 34);
    udm_interpolator *by_motion = open(NULL, 1), *interpolator = open(model, 1);
    view(&alone);
    view(&out);
    pair(by_motion, &first.image, &second.image, 0);
    make(by_motion, 0.5, 0, &alone.image);
    pair(interpolator, &first.image, &second.image, 0);
    make(interpolator, 0.5, 0, &out.image);
    assert_differ(out.pixels, alone.pixels, PLANE);
    ck_assert_double_le(difference(&out, &want), 1.2 * difference(&alone, &want));
    udm_interpolator_free(by_motion);
    udm_interpolator_free(interpolator);
    udm_model_free(model);
}
END_TEST

START_TEST(more_steps_draw_what_their_number_names)
{
    static field first, second, out[3];
    static const uint64_t numbers[3] = { 7, 7, 8 };
    udm_model *model = golden_model("tiny-interp");
    udm_interpolator *interpolator = open_fields(model, 3);
    fill(&first, -0.5f, 0.25f, 0.125f);
    fill(&second, 0.5f, -0.125f, 0.375f);
    pair(interpolator, &first.image, &second.image, 0);
    for (int k = 0; k < 3; k++) {
        fill(&out[k], 0, 0, 0);
        make(interpolator, 0.5, numbers[k], &out[k].image);
    }
    assert_same(out[0].pixels, out[1].pixels, 3 * FIELD);
    assert_differ(out[0].pixels, out[2].pixels, 3 * FIELD);
    udm_interpolator_free(interpolator);
    udm_model_free(model);
}
END_TEST

START_TEST(cuts_and_repeats_are_told_from_motion)
{
    static picture first, second, other;
    udm_interpolator *interpolator = open(NULL, 1);
    draw(&first, 0, 30);
    draw(&second, 3, 41);
    pair(interpolator, &first.image, &second.image, 0);
    ck_assert_double_lt(udm_interpolator_change(interpolator), 0.2);
    ck_assert(!udm_interpolator_repeats(interpolator));
    view(&other);
    for (int i = 0; i < PLANE; i++)
        other.pixels[i] = wave(2.3f * (float)(i % WIDTH) + 50, 1.7f * (float)(i / WIDTH) + 20);
    pair(interpolator, &first.image, &other.image, 0);
    ck_assert_double_gt(udm_interpolator_change(interpolator), 0.3);
    ck_assert(!udm_interpolator_repeats(interpolator));
    // Touched up everywhere by a level, and then changed in one place.
    for (int i = 0; i < PLANE; i++)
        other.pixels[i] = (uint8_t)(first.pixels[i] + (i * 7 % 3) - 1);
    pair(interpolator, &first.image, &other.image, 0);
    ck_assert_double_lt(udm_interpolator_change(interpolator), 0.01);
    ck_assert(udm_interpolator_repeats(interpolator));
    for (int i = 0; i < 16; i++)
        memset(other.pixels + (32 + i) * WIDTH + 48, 128, 16);
    pair(interpolator, &first.image, &other.image, 0);
    ck_assert(!udm_interpolator_repeats(interpolator));
    udm_interpolator_free(interpolator);
}
END_TEST

// The wave's mean over a way from `shift` on, as a shutter sees it.
static void draw_exposed(picture *p, float shift, float length)
{
    enum { PARTS = 32 };
    view(p);
    for (int i = 0; i < PLANE; i++) {
        float sum = 0;
        for (int k = 0; k < PARTS; k++)
            sum += wave((float)(i % WIDTH) - shift - length * ((float)k + 0.5f) / PARTS, (float)(i / WIDTH));
        p->pixels[i] = (uint8_t)lroundf(sum / PARTS);
    }
}

// What is exposed of two pairs, of which the second lasts twice as long, counts by its time; then it is forgotten.
START_TEST(an_open_shutter_sees_the_mean)
{
    static picture first, second, third, want, out;
    udm_error error = { 0 };
    udm_interpolator *interpolator = open(NULL, 2);
    draw(&first, 0, -1), draw(&second, 3, -1), draw(&third, 9, -1);
    view(&out);
    pair(interpolator, &first.image, &second.image, 1);
    ck_assert(!udm_interpolator_develop(interpolator, &out.image, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "");
    assert_ok(udm_interpolator_expose(interpolator, 0, 0.25, 0, &error), &error);
    assert_ok(udm_interpolator_develop(interpolator, NULL, &error), &error); // thrown away
    assert_ok(udm_interpolator_expose(interpolator, 0.5, 1, 0, &error), &error);
    pair(interpolator, &second.image, &third.image, 2);
    assert_ok(udm_interpolator_expose(interpolator, 0, 0.25, 0, &error), &error);
    assert_ok(udm_interpolator_expose(interpolator, 0.25, 0.5, 0, &error), &error);
    assert_ok(udm_interpolator_develop(interpolator, &out.image, &error), &error);
    draw_exposed(&want, 1.5f, 4.5f);
    ck_assert_double_le(difference(&out, &want), 1.5);
    assert_ok(udm_interpolator_expose(interpolator, 0.2, 0.2, 0, &error), &error); // no time at all
    ck_assert(!udm_interpolator_develop(interpolator, &out.image, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "");
    ck_assert(!udm_interpolator_expose(interpolator, 0.7, 0.5, 0, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "");
    assert_ok(udm_interpolator_expose(interpolator, 0, 1, 0, &error), &error);
    udm_interpolator_cancel(interpolator, true);
    ck_assert(!udm_interpolator_expose(interpolator, 0, 1, 0, &error));
    assert_error(&error, UDM_ERROR_CANCELLED, "");
    udm_interpolator_cancel(interpolator, false);
    ck_assert(!udm_interpolator_develop(interpolator, &out.image, &error)); // what was exposed is lost
    udm_interpolator_free(interpolator);
}
END_TEST

START_TEST(what_cannot_be_done_is_refused)
{
    static picture first;
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    udm_error error = { 0 };
    ck_assert_ptr_null(udm_interpolator_open(NULL, &settings, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "");
    settings.width = settings.height = 8, settings.steps = 2;
    ck_assert_ptr_null(udm_interpolator_open(NULL, &settings, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "");
    settings.steps = 1, settings.ensemble = 2;
    ck_assert_ptr_null(udm_interpolator_open(NULL, &settings, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "ensemble");
    settings.ensemble = 1, settings.device = "opencl"; // for motion alone there is only the processor
    ck_assert_ptr_null(udm_interpolator_open(NULL, &settings, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "");
    udm_model *model = golden_model("tiny-interp");
    settings.device = "cpu"; // nor does a model for frames between restore any
    ck_assert_ptr_null(udm_restorer_open(model, &settings, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "");
    udm_model_free(model);
    udm_interpolator *interpolator = open(NULL, 1);
    draw(&first, 0, -1);
    ck_assert(!udm_interpolator_make(interpolator, 0.5, 0, &first.image, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "");
    assert_ok(udm_interpolator_pair(interpolator, &first.image, &first.image, 0, &error), &error);
    ck_assert(!udm_interpolator_make(interpolator, NAN, 0, &first.image, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "");
    udm_interpolator_cancel(interpolator, true);
    ck_assert(!udm_interpolator_make(interpolator, 0.5, 0, &first.image, &error));
    assert_error(&error, UDM_ERROR_CANCELLED, "");
    udm_interpolator_cancel(interpolator, false);
    assert_ok(udm_interpolator_make(interpolator, 0.5, 0, &first.image, &error), &error);
    first.image.width = 5;
    ck_assert(!udm_interpolator_pair(interpolator, &first.image, &first.image, 0, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "");
    udm_interpolator_free(interpolator);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = frames_stand_where_their_position_says, .cases = COUNT_OF(positions) },
        { .test = motion_bends },
        { .test = what_was_foreseen_is_what_comes },
        { .test = pictures_come_back_at_their_own_instants },
        { .test = fences_and_bars_are_interpolated, .cases = COUNT_OF(patterns) },
        { .test = subtitles_stay, .cases = COUNT_OF(pans) },
        { .test = a_square_uncovers_what_one_neighbour_knows },
        { .test = what_comes_from_outside_is_unknown },
        { .test = threads_change_nothing },
        { .test = a_network_has_the_last_word },
        { .test = a_network_is_told_what_pytorch_tells_it },
        { .test = the_shipped_network_keeps_what_motion_finds },
        { .test = more_steps_draw_what_their_number_names },
        { .test = cuts_and_repeats_are_told_from_motion },
        { .test = an_open_shutter_sees_the_mean },
        { .test = what_cannot_be_done_is_refused },
    };
    return test_main("between", tests, COUNT_OF(tests));
}
