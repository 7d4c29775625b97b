// SPDX-License-Identifier: LGPL-2.1-or-later
// The public interface: frames before and after one, and views of it.
#include "streams.h"

// The third of three frames of a model with a prediction; alone: nothing came before it. cancel: once in between.
static void third_frame(const udm_model *model, bool alone, bool cancel, uint8_t *out)
{
    static uint8_t in[BYTES], unused[BYTES];
    udm_restorer *stream = open_stream(model, 3, 1, "ddim");
    for (int f = 0; f < 3; f++) {
        paint(in, sizeof in, 7919u * (unsigned)f); // nothing alike
        udm_image image = image_of(in, W, H, 3), to = image_of(f < 2 ? unused : out, W, H, 3);
        udm_frame frame = { .image = &image, .time = udm_model_time(model, 40), .number = (uint64_t)f };
        frame.discontinuity = alone;
        test_at("frame %d", f);
        ck_assert(udm_restorer_push(stream, &frame, NULL));
        if (cancel) {
            udm_restorer_cancel(stream, true);
            ck_assert_int_eq(udm_restorer_pull(stream, &to, NULL), UDM_PULLED_FAILED);
            udm_restorer_cancel(stream, false);
        }
        ck_assert_int_eq(udm_restorer_pull(stream, &to, NULL), UDM_PULLED_FRAME);
    }
    udm_restorer_free(stream);
}

START_TEST(a_frame_is_seen_in_the_light_of_those_before)
{
    static uint8_t after[BYTES], again[BYTES], alone[BYTES];
    udm_model *model = golden_model("tiny-guess");
    third_frame(model, false, false, after);
    third_frame(model, false, true, again);
    third_frame(model, true, false, alone);
    assert_same(again, after, BYTES);
    assert_differ(alone, after, BYTES);
    udm_model_free(model);
}
END_TEST

static udm_restorer *open_ahead(const udm_model *model, int lookahead)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = W, settings.height = H, settings.device = "cpu", settings.threads = 1;
    settings.lookahead = lookahead;
    udm_error error = { 0 };
    udm_restorer *stream = udm_restorer_open(model, &settings, &error);
    ck_assert_msg(stream, "%s", error.message);
    return stream;
}

enum { FILM = 6 };

typedef uint8_t film[FILM][BYTES];

// What comes out of `count` frames; the one at `cut` is discontinuous, and each pull is cancelled once if that is asked
// for.
static void look_ahead(const udm_model *model, int lookahead, int count, int cut, bool cancel, film out)
{
    static uint8_t in[BYTES];
    udm_restorer *stream = open_ahead(model, lookahead);
    ck_assert_int_eq(udm_restorer_delay(stream), lookahead);
    int pulled = 0;
    for (int f = 0; f <= count; f++) {
        paint(in, sizeof in, 7919u * (unsigned)f); // nothing alike
        udm_image image = image_of(in, W, H, 3);
        udm_frame frame = { .image = &image, .time = udm_model_time(model, 40), .number = (uint64_t)f };
        frame.discontinuity = f == cut;
        test_at("frame %d of %d, lookahead %d", f, count, lookahead);
        if (f < count)
            ck_assert(udm_restorer_push(stream, &frame, NULL));
        else
            udm_restorer_end(stream);
        for (udm_pulled got = UDM_PULLED_FRAME; got == UDM_PULLED_FRAME && pulled < count;) {
            udm_image to = image_of(out[pulled], W, H, 3);
            udm_restorer_cancel(stream, cancel);
            if (cancel) {
                got = udm_restorer_pull(stream, &to, NULL);
                ck_assert_msg(got == UDM_PULLED_FAILED || got == UDM_PULLED_NOTHING, "pulled %d", got);
            }
            udm_restorer_cancel(stream, false);
            got = udm_restorer_pull(stream, &to, NULL);
            pulled += got == UDM_PULLED_FRAME;
        }
        ck_assert_int_eq(pulled, f == count ? count : f + 1 < lookahead ? 0 : f + 1 - lookahead);
    }
    udm_stats stats;
    udm_restorer_stats(stream, &stats, sizeof stats);
    ck_assert_uint_eq(stats.frames, count);
    ck_assert_uint_eq(stats.scenes, cut > 0 ? 2 : 1);
    udm_restorer_free(stream);
}

START_TEST(a_frame_is_seen_in_the_light_of_those_after)
{
    static film without, with, again;
    udm_model *model = golden_model("tiny-guess");
    look_ahead(model, 0, FILM, -1, false, without);
    look_ahead(model, 2, FILM, -1, false, with);
    for (int f = 0; f < FILM - 1; f++) {
        test_at("frame %d", f);
        assert_differ(with[f], without[f], BYTES);
    }
    assert_same(with[FILM - 1], without[FILM - 1], BYTES); // nothing follows it
    look_ahead(model, 2, FILM, -1, true, again);
    assert_same(again[0], with[0], FILM * BYTES);
    look_ahead(model, UDM_MAX_LOOKAHEAD, 3, -1, false, again); // more than there are
    look_ahead(model, 2, 3, -1, false, with);
    assert_same(again[0], with[0], 3 * BYTES);
    udm_model_free(model);
}
END_TEST

START_TEST(nobody_looks_beyond_a_cut)
{
    static film whole, first;
    udm_model *model = golden_model("tiny-guess");
    look_ahead(model, 3, FILM, 4, false, whole);
    look_ahead(model, 3, 4, -1, false, first);
    assert_same(whole[0], first[0], 4 * BYTES);
    udm_model_free(model);
}
END_TEST

static void stats_of(const udm_model *model, const udm_settings *settings, udm_stats *stats)
{
    udm_error error = { 0 };
    udm_restorer *stream = udm_restorer_open(model, settings, &error);
    ck_assert_msg(stream, "%s", error.message);
    udm_restorer_stats(stream, stats, sizeof *stats);
    udm_restorer_free(stream);
}

START_TEST(there_are_eight_views)
{
    udm_model *model = golden_model("tiny-guess");
    udm_error error = { 0 };
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = W, settings.height = H, settings.device = "cpu", settings.threads = 1;
    const int wrong[] = { -1, 0, UDM_MAX_ENSEMBLE + 1 };
    for (int i = 0; i < COUNT_OF(wrong); i++) {
        settings.ensemble = wrong[i];
        ck_assert_ptr_null(udm_restorer_open(model, &settings, &error));
        assert_error(&error, UDM_ERROR_SETTINGS, "ensemble");
    }
    udm_stats one, eight;
    settings.ensemble = 1;
    stats_of(model, &settings, &one);
    settings.ensemble = UDM_MAX_ENSEMBLE;
    stats_of(model, &settings, &eight);
    ck_assert_uint_gt(eight.memory, one.memory);
    udm_model_free(model);
}
END_TEST

START_TEST(who_can_looks_ahead_by_two)
{
    static const char *const models[] = { "tiny-guess", "tiny-denoise", "tiny-temporal" };
    for (int i = 0; i < COUNT_OF(models); i++) {
        udm_model *model = golden_model(models[i]);
        udm_restorer *stream = open_ahead(model, UDM_LOOKAHEAD_AUTO);
        test_at("%s", models[i]);
        ck_assert_int_eq(udm_restorer_delay(stream), i == 0 ? 2 : 0);
        udm_restorer_free(stream);
        udm_model_free(model);
    }
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    ck_assert_int_eq(settings.lookahead, UDM_LOOKAHEAD_AUTO);
}
END_TEST

START_TEST(looking_ahead_needs_a_guess)
{
    udm_model *model = golden_model("tiny-guess"), *alone = golden_model("tiny-denoise");
    udm_error error = { 0 };
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = W, settings.height = H, settings.lookahead = UDM_MAX_LOOKAHEAD + 1;
    ck_assert_ptr_null(udm_restorer_open(model, &settings, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "");
    settings.lookahead = UDM_LOOKAHEAD_AUTO - 1;
    ck_assert_ptr_null(udm_restorer_open(model, &settings, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "lookahead is -2");
    settings.lookahead = 1;
    ck_assert_ptr_null(udm_restorer_open(alone, &settings, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "lookahead");
    udm_model_free(alone);
    udm_model_free(model);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = a_frame_is_seen_in_the_light_of_those_before },
        { .test = a_frame_is_seen_in_the_light_of_those_after },
        { .test = nobody_looks_beyond_a_cut },
        { .test = there_are_eight_views },
        { .test = who_can_looks_ahead_by_two },
        { .test = looking_ahead_needs_a_guess },
    };
    return test_main("ahead", tests, COUNT_OF(tests));
}
