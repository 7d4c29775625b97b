// SPDX-License-Identifier: LGPL-2.1-or-later
// A stream on a model that makes video: frames are drawn anew in the window that rolls.
#include "golden.h"
#include "udm/udm.h"

enum { SIZE = 16, PIXELS = SIZE * SIZE, RAMP = 3, FILM = 7 };

static udm_model *model_of_all(void)
{
    static udm_model *model;
    if (!model)
        model = golden_model("tiny-video");
    return model;
}

static udm_settings settings_for(int steps)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = settings.height = SIZE;
    settings.channels = 1;
    settings.device = "reference";
    settings.threads = 1;
    settings.steps = steps;
    settings.seed = 7;
    settings.class_label = 2;
    return settings;
}

static udm_image image_of(uint16_t *pixels)
{
    return (udm_image){ .width = SIZE,
                        .height = SIZE,
                        .channels = 1,
                        .bits = 16,
                        .data = { (uint8_t *)pixels },
                        .stride = { SIZE * 2 },
                        .step = { 2 } };
}

// A frame with a slope that moves.
static void fill(uint16_t *pixels, int number)
{
    for (int i = 0; i < PIXELS; i++)
        pixels[i] = (uint16_t)(30000 + 60 * i + 500 * number);
}

typedef struct film {
    double strength;
    int cut; // before this frame; 0: none
    int first;
} film;

// Frames first to FILM - 1 go in, and what comes out is told apart from nothing and the end.
static void draw(const film *what, int steps, uint16_t out[][PIXELS])
{
    udm_error error = { 0 };
    const udm_settings settings = settings_for(steps);
    udm_restorer *stream = udm_restorer_open(model_of_all(), &settings, &error);
    int pulled = what->first;
    ck_assert_msg(stream, "%s", error.message);
    const int delay = udm_restorer_delay(stream);
    ck_assert_int_eq(delay, steps < RAMP ? steps : RAMP);
    for (int n = what->first; n <= FILM; n++) {
        uint16_t pixels[PIXELS];
        const udm_image in = image_of(pixels);
        const udm_frame frame = {
            .image = &in, .strength = what->strength, .number = (uint64_t)n, .discontinuity = n > 0 && n == what->cut
        };
        fill(pixels, n);
        test_at("frame %d", n);
        if (n < FILM)
            assert_ok(udm_restorer_push(stream, &frame, &error), &error);
        else
            udm_restorer_end(stream);
        for (udm_pulled got = UDM_PULLED_FRAME; got == UDM_PULLED_FRAME; pulled += got == UDM_PULLED_FRAME) {
            const udm_image made = image_of(out[pulled]);
            got = udm_restorer_pull(stream, &made, &error);
            assert_ok(got != UDM_PULLED_FAILED, &error);
        }
        if (n < FILM)
            ck_assert_int_eq(pulled, n - delay + 1 > what->first ? n - delay + 1 : what->first);
    }
    ck_assert_int_eq(pulled, FILM);
    udm_restorer_free(stream);
}

START_TEST(frames_of_strength_0_come_out_as_they_went_in)
{
    static uint16_t out[FILM + 1][PIXELS];
    uint16_t pixels[PIXELS];
    draw(&(film){ .strength = 0 }, 6, out);
    for (int n = 0; n < FILM; n++) {
        test_at("frame %d", n);
        fill(pixels, n);
        assert_within(out[n], pixels, PIXELS, 1);
    }
}
END_TEST

static double difference(uint16_t a[][PIXELS], uint16_t b[][PIXELS])
{
    double sum = 0;
    for (int n = 0; n < FILM; n++)
        for (int i = 0; i < PIXELS; i++)
            sum += fabs((double)a[n][i] - b[n][i]) / 32767.5;
    return sum / (FILM * PIXELS);
}

START_TEST(strength_changes_frames)
{
    static uint16_t in[FILM][PIXELS], little[FILM + 1][PIXELS], much[FILM + 1][PIXELS];
    for (int n = 0; n < FILM; n++)
        fill(in[n], n);
    draw(&(film){ .strength = 0.05 }, 6, little);
    draw(&(film){ .strength = 0.6 }, 6, much);
    ck_assert_double_gt(difference(in, little), 0.01);
    ck_assert_double_gt(difference(in, much), 0.01);
    ck_assert_double_gt(difference(little, much), 0.01);
}
END_TEST

static void frame_params_two(void *context, uint64_t number, udm_frame_params *frame_params)
{
    (void)context, (void)number;
    frame_params->class_label = 2;
}

// At full strength nearly nothing is left of the frames, and they are those of a source with the same seed.
START_TEST(full_strength_is_what_a_source_makes)
{
    static uint16_t anew[FILM + 1][PIXELS], made[FILM][PIXELS];
    const udm_settings settings = settings_for(6);
    const udm_generation film_of_two = { .size = sizeof(udm_generation), .rate = 25, .frame_params = frame_params_two };
    udm_error error = { 0 };
    udm_generator *generator = udm_generator_open(model_of_all(), &settings, &film_of_two, &error);
    ck_assert_msg(generator, "%s", error.message);
    for (int n = 0; n < FILM; n++) {
        const udm_image out = image_of(made[n]);
        assert_ok(udm_generator_make(generator, (uint64_t)n, &out, &error), &error);
    }
    draw(&(film){ .strength = 1 }, 6, anew);
    // The last frames saw no noise of frames after them in one of the two.
    for (int n = 0; n < FILM - RAMP; n++) {
        test_at("frame %d", n);
        assert_within(anew[n], made[n], PIXELS, 0.05 * 32767.5);
    }
    udm_generator_free(generator);
}
END_TEST

START_TEST(a_cut_begins_anew)
{
    static uint16_t whole[FILM + 1][PIXELS], part[FILM + 1][PIXELS];
    enum { CUT = 3 };
    draw(&(film){ .strength = 0.5, .cut = CUT }, 2, whole);
    draw(&(film){ .strength = 0.5, .first = CUT }, 2, part);
    assert_same(whole[CUT], part[CUT], (FILM - CUT) * PIXELS);
    draw(&(film){ .strength = 0.5 }, 2, part);
    assert_differ(whole[CUT], part[CUT], PIXELS);
}
END_TEST

static void check_refused(const udm_settings *settings, const char *says)
{
    udm_error error = { 0 };
    test_at("%s", says);
    ck_assert_ptr_null(udm_restorer_open(model_of_all(), settings, &error));
    assert_contains(error.message, says);
}

START_TEST(what_cannot_be_drawn_is_refused)
{
    udm_settings settings = settings_for(6);
    settings.width = 20;
    check_refused(&settings, "16x16 with 1 channels only");
    settings = settings_for(6);
    settings.lookahead = 1;
    check_refused(&settings, "lookahead");
    settings = settings_for(6);
    settings.ensemble = 2;
    check_refused(&settings, "ensemble");
    settings = settings_for(6);
    settings.sampler = "heun";
    check_refused(&settings, "heun");
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = frames_of_strength_0_come_out_as_they_went_in },
        { .test = strength_changes_frames },
        { .test = full_strength_is_what_a_source_makes },
        { .test = a_cut_begins_anew },
        { .test = what_cannot_be_drawn_is_refused },
    };
    return test_main("redraw", tests, COUNT_OF(tests));
}
