// SPDX-License-Identifier: LGPL-2.1-or-later
// The public interface: what a stream promises.
#include <pthread.h>
#include <unistd.h>

#include "lists.h"
#include "sampler/sampler.h"
#include "streams.h"

START_TEST(as_many_frames_come_out_as_went_in)
{
    udm_model *model = golden_model("tiny-temporal");
    udm_restorer *stream = open_stream(model, 3, 1, "ddim");
    uint8_t pixels[BYTES], out[BYTES];
    udm_image in = image_of(pixels, W, H, 3), to = image_of(out, W, H, 3);
    udm_error error = { 0 };
    ck_assert_int_eq(udm_restorer_pull(stream, &to, &error), UDM_PULLED_NOTHING);
    for (int n = 0; n < 5; n++) { // pushed ahead, then pulled
        paint(pixels, sizeof pixels, n);
        udm_frame frame = { .image = &in, .time = 0.1, .number = n };
        assert_ok(udm_restorer_push(stream, &frame, &error), &error);
    }
    udm_restorer_end(stream);
    udm_frame late = { .image = &in, .time = 0.1 };
    ck_assert(!udm_restorer_push(stream, &late, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "");
    for (int n = 0; n < 5; n++)
        assert_ok(udm_restorer_pull(stream, &to, &error) == UDM_PULLED_FRAME, &error);
    ck_assert_int_eq(udm_restorer_pull(stream, &to, &error), UDM_PULLED_END);
    udm_stats stats;
    udm_restorer_stats(stream, &stats, sizeof stats);
    ck_assert_uint_eq(stats.frames, 5);
    ck_assert_uint_ge(stats.scenes, 1);
    ck_assert_uint_gt(stats.memory, 0);
    ck_assert_int_eq(stats.tiles, 1);
    ck_assert_double_gt(stats.mean_ms, 0);
    ck_assert_str_ne(stats.device, "");
    udm_restorer_free(stream);
    udm_model_free(model);
}
END_TEST

START_TEST(a_frame_at_time_0_comes_back_bit_for_bit)
{
    udm_model *model = golden_model("tiny-denoise");
    udm_restorer *stream = open_stream(model, 3, 1, "ddim");
    uint8_t pixels[BYTES], out[BYTES];
    udm_image in = image_of(pixels, W, H, 3);
    paint(pixels, sizeof pixels, 1);
    must_pass(stream, (udm_frame){ .image = &in }, out, 3);
    assert_same(out, pixels, BYTES);
    udm_restorer_free(stream);
    udm_model_free(model);
}
END_TEST

START_TEST(known_pixels_of_a_time_map_stay)
{
    udm_model *model = golden_model("tiny-denoise");
    udm_restorer *stream = open_stream(model, 3, 4, "ddpm");
    uint8_t pixels[BYTES], out[BYTES], want[BYTES];
    float map[W * H];
    udm_image in = image_of(pixels, W, H, 3);
    paint(pixels, sizeof pixels, 1);
    for (int i = 0; i < W * H; i++)
        map[i] = i % W < W / 2 ? 0 : 0.2f;
    must_pass(stream, (udm_frame){ .image = &in, .time_map = map }, out, 3);
    int changed = 0;
    for (int i = 0; i < BYTES; i++) {
        want[i] = map[i / 3] > 0 ? out[i] : pixels[i];
        changed += pixels[i] != out[i];
    }
    assert_same(out, want, BYTES);
    ck_assert_int_gt(changed, W * H / 4);
    udm_restorer_free(stream);
    udm_model_free(model);
}
END_TEST

static bool needs_no_more(const udm_sampler *sampler)
{
    return !sampler->needs_power && !sampler->learned;
}

// The same frame twice with a seed, for every sampler and several steps: the noise is named by numbers alone.
START_TEST(the_same_numbers_give_the_same_frame)
{
    static const uint64_t numbers[] = { 7, 7, 8 };
    uint8_t pixels[BYTES], out[3][BYTES];
    const udm_image in = image_of(pixels, W, H, 3);
    const char *sampler = nth_sampler(needs_no_more, _i)->name;
    test_case("%s", sampler);
    udm_model *model = golden_model("tiny-denoise");
    udm_restorer *stream = open_stream(model, 3, 5, sampler);
    paint(pixels, sizeof pixels, 1);
    for (int k = 0; k < 3; k++) {
        udm_frame frame = { .image = &in, .time = 0.15, .strength = 0.8, .number = numbers[k] };
        must_pass(stream, frame, out[k], 3);
    }
    assert_same(out[1], out[0], BYTES);
    assert_differ(out[2], out[0], BYTES);
    udm_restorer_free(stream);
    udm_model_free(model);
}
END_TEST

static const char *const wanting[] = { "ddpm_analytic", "ddpm_learned" };

// What the network or the model would have to say is an error that names it, not a default.
START_TEST(samplers_that_a_model_has_nothing_for)
{
    uint8_t pixels[BYTES], out[BYTES];
    const udm_image in = image_of(pixels, W, H, 3);
    udm_error error = { 0 };
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    test_case("%s", wanting[_i]);
    udm_model *model = golden_model("tiny-denoise");
    paint(pixels, sizeof pixels, 1);
    settings.width = W, settings.height = H, settings.steps = 3, settings.sampler = wanting[_i];
    udm_restorer *stream = udm_restorer_open(model, &settings, &error);
    if (stream)
        ck_assert_int_eq(pass(stream, (udm_frame){ .image = &in, .time = 0.2 }, out, 3, &error), UDM_PULLED_FAILED);
    assert_error(&error, UDM_ERROR_UNSUPPORTED, wanting[_i]);
    udm_restorer_free(stream);
    udm_model_free(model);
}
END_TEST

static const char *const shipped[] = { "denoise", "denoise-quality", "denoise-real" };

// models/train/power.py was run for them.
START_TEST(shipped_models_know_the_power_of_their_noise)
{
    static uint8_t pixels[BYTES], plain[BYTES], analytic[BYTES];
    const char *folder = getenv("UDM_SHIPPED_MODELS");
    const udm_image in = image_of(pixels, W, H, 3);
    char path[4096];
    udm_error error = { 0 };
    test_case("%s", shipped[_i]);
    paint(pixels, sizeof pixels, 1);
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "models", shipped[_i]);
    udm_model *model = udm_model_open(path, &error);
    ck_assert_msg(model, "%s", error.message);
    udm_restorer *a = open_stream(model, 3, 2, "ddpm"), *b = open_stream(model, 3, 2, "ddpm_analytic");
    const udm_frame frame = { .image = &in, .time = udm_model_time(model, 25) };
    must_pass(a, frame, plain, 3);
    must_pass(b, frame, analytic, 3);
    assert_differ(analytic, plain, BYTES); // it adds what is not known of x0
    udm_restorer_free(a);
    udm_restorer_free(b);
    udm_model_free(model);
}
END_TEST

START_TEST(grey_frames_pass_a_colour_network)
{
    udm_model *model = golden_model("tiny-denoise");
    udm_restorer *stream = open_stream(model, 1, 2, "ddpm");
    uint8_t pixels[W * H], out[W * H];
    udm_image in = image_of(pixels, W, H, 1);
    paint(pixels, sizeof pixels, 1);
    must_pass(stream, (udm_frame){ .image = &in, .time = UDM_TIME_ESTIMATE }, out, 1);
    udm_stats stats;
    udm_restorer_stats(stream, &stats, sizeof stats);
    ck_assert_double_ge(stats.sigma, 0);
    ck_assert_double_lt(stats.sigma, 300);
    udm_restorer_free(stream);
    udm_model_free(model);
}
END_TEST

static udm_stats noise_stats(const udm_model *model, uint8_t *pixels, double time)
{
    static uint8_t out[3 * W * H];
    udm_restorer *stream = open_stream(model, 3, 1, "ddpm");
    const udm_image in = image_of(pixels, W, H, 3);
    udm_stats stats;
    must_pass(stream, (udm_frame){ .image = &in, .time = time }, out, 3);
    udm_restorer_stats(stream, &stats, sizeof stats);
    udm_restorer_free(stream);
    return stats;
}

START_TEST(stats_say_why_there_is_no_noise)
{
    static uint8_t pixels[3 * W * H];
    udm_model *model = golden_model("tiny-denoise");
    const udm_stats empty = noise_stats(model, pixels, UDM_TIME_ESTIMATE);
    ck_assert_double_eq(empty.sigma, 0);
    ck_assert_str_eq(empty.reason, "the picture is empty: black, white, or of one colour");
    const udm_stats given = noise_stats(model, pixels, udm_model_time(model, 20));
    ck_assert_double_eq_tol(given.sigma, 20, 0.1);
    ck_assert_str_eq(given.reason, "");
    udm_model_free(model);
}
END_TEST

static const char *const schedules[] = { "linear", "cosine", "scaled_linear" };

// One frame at sigma 25.
static void pass_with_schedule(const udm_model *model, const char *schedule, uint8_t *out)
{
    uint8_t pixels[BYTES];
    const udm_image in = image_of(pixels, W, H, 3);
    udm_error error = { 0 };
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    paint(pixels, sizeof pixels, 1);
    settings.width = W, settings.height = H, settings.threads = 1, settings.schedule = schedule;
    udm_restorer *stream = udm_restorer_open(model, &settings, &error);
    ck_assert_msg(stream, "%s", error.message);
    must_pass(stream, (udm_frame){ .image = &in, .time = udm_model_time(model, 25) }, out, 3);
    udm_restorer_free(stream);
}

START_TEST(other_schedules_begin_at_the_same_noise)
{
    uint8_t want[BYTES], out[BYTES];
    test_case("%s", schedules[_i]);
    udm_model *model = golden_model("tiny-denoise");
    pass_with_schedule(model, "model", want);
    pass_with_schedule(model, schedules[_i], out);
    assert_within(out, want, BYTES, 1);
    udm_model_free(model);
}
END_TEST

START_TEST(a_sigma_and_its_time_are_each_others_inverse)
{
    udm_model *model = golden_model("tiny-denoise");
    ck_assert_double_eq_tol(udm_model_time(model, 0), 0, 1e-9);
    for (double sigma = 1; sigma < udm_model_degradation(model)->most; sigma += 10)
        ck_assert_double_eq_tol(udm_model_amount(model, udm_model_time(model, sigma)), sigma, 1e-3 * sigma);
    ck_assert_double_eq(udm_model_time(model, 1e9), udm_model_time(model, udm_model_degradation(model)->most));
    udm_model_free(model);
}
END_TEST

START_TEST(what_a_stream_cannot_take_is_an_error)
{
    udm_model *model = golden_model("tiny-grey");
    udm_settings good;
    udm_settings_init(&good, sizeof good);
    good.width = W, good.height = H, good.channels = 1, good.device = "cpu", good.threads = 1, good.sampler = "ddim";
    udm_settings bad[10];
    for (int i = 0; i < 10; i++)
        bad[i] = good;
    bad[8].spacing = bad[9].precision = "no";
    bad[0].width = 0, bad[1].height = 65537, bad[2].channels = 2, bad[3].steps = 0, bad[4].sampler = "no";
    bad[5].schedule = "no", bad[6].threads = -1, bad[7].channels = 3; // colour, for a grey model
    for (int i = 0; i < 10; i++) {
        udm_error error = { 0 };
        test_at("bad settings %d", i);
        ck_assert_ptr_null(udm_restorer_open(model, &bad[i], &error));
        ck_assert_str_ne(error.message, "");
        assert_error(&error, UDM_ERROR_SETTINGS, "");
    }
    udm_settings nowhere = good;
    nowhere.device = "abacus";
    udm_error error = { 0 };
    ck_assert_ptr_null(udm_restorer_open(model, &nowhere, &error));
    assert_error(&error, UDM_ERROR_NOT_FOUND, "");

    udm_restorer *stream = udm_restorer_open(model, &good, &error);
    ck_assert_msg(stream, "%s", error.message);
    uint8_t pixels[W * H], out[W * H];
    paint(pixels, sizeof pixels, 1);
    udm_image in = image_of(pixels, W, H, 1), small = image_of(pixels, W - 1, H, 1);
    float map[W * H] = { [5] = 2 };
    const udm_frame frames[] = {
        { .image = NULL },
        { .image = &small },
        { .image = &in, .time = 1.5 },
        { .image = &in, .time = NAN },
        { .image = &in, .strength = -1 },
        { .image = &in, .grain = 1.5 },
        { .image = &in, .grain = NAN },
        { .image = &in, .time_map = map },
    };
    for (int i = 0; i < COUNT_OF(frames); i++) {
        test_at("bad frame %d", i);
        ck_assert_int_eq(pass(stream, frames[i], out, 1, &error), UDM_PULLED_FAILED);
        assert_error(&error, UDM_ERROR_SETTINGS, "");
    }
    must_pass(stream, (udm_frame){ .image = &in }, out, 1); // and it still works
    udm_restorer_free(stream);
    udm_model_free(model);
}
END_TEST

static void *cancel_soon(void *stream)
{
    usleep(20000);
    udm_restorer_cancel(stream, true);
    return NULL;
}

START_TEST(a_cancelled_frame_can_be_pulled_again)
{
    udm_model *model = golden_model("tiny-temporal");
    enum { SIDE = 600, STEPS = 200 };
    static uint8_t pixels[SIDE * SIDE * 3];
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = settings.height = SIDE, settings.device = "reference", settings.steps = 1;
    udm_error error = { 0 };
    udm_restorer *stream = udm_restorer_open(model, &settings, &error);
    ck_assert_msg(stream, "%s", error.message);
    udm_image image = image_of(pixels, SIDE, SIDE, 3);
    udm_frame frame = { .image = &image, .time = 0.2 };
    ck_assert(udm_restorer_push(stream, &frame, NULL));
    pthread_t other;
    ck_assert_int_eq(pthread_create(&other, NULL, cancel_soon, stream), 0);
    ck_assert_int_eq(udm_restorer_pull(stream, &image, &error), UDM_PULLED_FAILED);
    assert_error(&error, UDM_ERROR_CANCELLED, "");
    pthread_join(other, NULL);
    ck_assert_int_eq(udm_restorer_pull(stream, &image, &error), UDM_PULLED_FAILED); // until it is taken back
    udm_restorer_cancel(stream, false);
    ck_assert_int_eq(udm_restorer_pull(stream, &image, NULL), UDM_PULLED_FRAME);
    udm_restorer_free(stream);
    udm_model_free(model);
}
END_TEST

START_TEST(reset_drops_what_is_held)
{
    udm_model *model = golden_model("tiny-denoise");
    udm_restorer *stream = open_stream(model, 3, 1, "ddim");
    uint8_t pixels[BYTES], out[BYTES];
    udm_image in = image_of(pixels, W, H, 3), to = image_of(out, W, H, 3);
    paint(pixels, sizeof pixels, 1);
    udm_frame frame = { .image = &in };
    ck_assert(udm_restorer_push(stream, &frame, NULL));
    ck_assert(udm_restorer_push(stream, &frame, NULL));
    udm_restorer_end(stream);
    udm_restorer_reset(stream);
    ck_assert_int_eq(udm_restorer_pull(stream, &to, NULL), UDM_PULLED_NOTHING);
    ck_assert(udm_restorer_push(stream, &frame, NULL));
    ck_assert_int_eq(udm_restorer_pull(stream, &to, NULL), UDM_PULLED_FRAME);
    udm_restorer_free(stream);
    udm_model_free(model);
}
END_TEST

// A film that is cut into parts: from memory_frames on, a later start gives the same frames.
START_TEST(a_later_start_gives_the_same_frames)
{
    udm_model *model = golden_model("tiny-temporal");
    udm_info info;
    ck_assert(udm_model_info(model, &info, sizeof info, NULL));
    ck_assert_int_gt(info.memory_frames, 0);
    ck_assert_int_eq(info.channels, 3);
    ck_assert_int_gt(info.weights, 0);
    enum { MORE = 3 };
    uint8_t pixels[BYTES], early[BYTES], late[BYTES];
    udm_image in = image_of(pixels, W, H, 3);
    udm_restorer *a = open_stream(model, 3, 1, "ddim"), *b = open_stream(model, 3, 1, "ddim");
    for (int n = 0; n < 5 + info.memory_frames + MORE; n++) {
        for (int i = 0; i < BYTES; i++)
            pixels[i] = (uint8_t)(100 + i % W + 2 * n + (i * 7 + n * 13) % 11); // one scene
        udm_frame frame = { .image = &in, .time = 0.1, .number = n };
        must_pass(a, frame, early, 3);
        if (n < 5)
            continue;
        must_pass(b, frame, late, 3);
        test_at("frame %d", n);
        if (n >= 5 + info.memory_frames)
            assert_same(late, early, BYTES);
    }
    udm_restorer_free(a);
    udm_restorer_free(b);
    udm_model_free(model);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = as_many_frames_come_out_as_went_in },
        { .test = a_frame_at_time_0_comes_back_bit_for_bit },
        { .test = known_pixels_of_a_time_map_stay },
        { .test = the_same_numbers_give_the_same_frame, .cases = count_samplers(needs_no_more) },
        { .test = samplers_that_a_model_has_nothing_for, .cases = COUNT_OF(wanting) },
        { .test = shipped_models_know_the_power_of_their_noise, .cases = COUNT_OF(shipped) },
        { .test = grey_frames_pass_a_colour_network },
        { .test = stats_say_why_there_is_no_noise },
        { .test = other_schedules_begin_at_the_same_noise, .cases = COUNT_OF(schedules) },
        { .test = a_sigma_and_its_time_are_each_others_inverse },
        { .test = what_a_stream_cannot_take_is_an_error },
        { .test = a_cancelled_frame_can_be_pulled_again },
        { .test = reset_drops_what_is_held },
        { .test = a_later_start_gives_the_same_frames },
    };
    return test_main("stream", tests, COUNT_OF(tests));
}
