// SPDX-License-Identifier: LGPL-2.1-or-later
// Video from nothing: the network and the window that rolls against PyTorch (tests/models/make_video.py), and what a
// source promises.
#include <pthread.h>
#include <unistd.h>

#include "golden.h"
#include "diffusion/rolling_window.h"
#include "udm/udm.h"

enum { SIZE = 16, PIXELS = SIZE * SIZE, FRAMES = 5, SCENE = 8 };

static const char *const devices[] = { "reference", "cpu", "cpu:sse2" };

START_TEST(the_network_equals_pytorch)
{
    test_case("%s", devices[_i]);
    npy x = golden_read("tiny-video/window.npy"), level = golden_read("tiny-video/level.npy");
    npy want = golden_read("tiny-video/expected.npy");
    golden_network golden = golden_open("tiny-video", devices[_i], 2);
    udm_error error = { 0 };
    udm_window *window = udm_window_new(golden.network, 0, &error);
    udm_window_state state = { .classes = { 1, 1, 0, -1, 2 }, .rate = 12.5 };
    const float *frames[FRAMES];
    float out[FRAMES * PIXELS];
    for (int f = 0; f < FRAMES; f++)
        frames[f] = x.data + f * PIXELS, state.levels[f] = level.data[f];
    ck_assert_msg(window, "%s", error.message);
    assert_ok(udm_window_run(window, frames, &state, out, NULL, &error), &error);
    ck_assert_uint_eq(want.elements, COUNT_OF(out));
    assert_close(out, want.data, want.elements, 1e-4);
    udm_window_free(window);
    golden_close(&golden);
    free(x.data), free(level.data), free(want.data);
}
END_TEST

// As make_video.py has it.
static void frame_params_of_params(void *context, uint64_t number, udm_frame_params *frame_params)
{
    (void)context;
    frame_params->class_label = number < 3 ? -1 : 2;
    frame_params->guidance = 1.5 + (double)number / 4;
}

static udm_settings settings_for(const char *device, int threads)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = settings.height = SIZE;
    settings.channels = 1;
    settings.device = device;
    settings.threads = threads;
    settings.steps = 6;
    settings.seed = 7;
    return settings;
}

// The model of all the sources here, which outlives them.
static const udm_model *model_of_all(void)
{
    static const udm_model *model;
    if (!model)
        model = golden_model("tiny-video");
    return model;
}

static udm_generator *open_params(const udm_settings *settings, const udm_generation *params)
{
    udm_error error = { 0 };
    udm_generator *generator = udm_generator_open(model_of_all(), settings, params, &error);
    ck_assert_msg(generator, "%s", error.message);
    return generator;
}

static udm_generator *open_generator(const udm_settings *settings, uint64_t scene)
{
    return open_params(settings, &(udm_generation){ .size = sizeof(udm_generation),
                                                    .rate = 12.5,
                                                    .scene = scene,
                                                    .frame_params = frame_params_of_params });
}

static udm_image image16(uint16_t *pixels, int size, int channels)
{
    udm_image image = { .width = size, .height = size, .channels = channels, .bits = 16 };
    for (int c = 0; c < channels; c++) {
        image.data[c] = (uint8_t *)(pixels + c);
        image.stride[c] = size * channels * 2;
        image.step[c] = channels * 2;
    }
    return image;
}

static void make(udm_generator *generator, uint64_t number, uint16_t *pixels)
{
    udm_error error = { 0 };
    const udm_image out = image16(pixels, SIZE, 1);
    ck_assert_msg(udm_generator_make(generator, number, &out, &error), "frame %d: %s", (int)number, error.message);
}

// The frames of a film are those of a golden file.
static void check_params(const udm_settings *settings, const udm_generation *params, const char *golden)
{
    npy want = golden_read(golden);
    udm_generator *generator = open_params(settings, params);
    uint16_t pixels[PIXELS];
    ck_assert_uint_ge(want.elements, 6 * PIXELS);
    for (size_t n = 0; n < want.elements / PIXELS; n++) {
        float wanted[PIXELS];
        for (int i = 0; i < PIXELS; i++)
            wanted[i] = (want.data[n * PIXELS + i] + 1) * 32767.5f;
        make(generator, n, pixels);
        test_at("frame %zu of %s", n, golden);
        assert_within(pixels, wanted, PIXELS, 5e-4 * 32767.5);
    }
    udm_generator_free(generator);
    free(want.data);
}

START_TEST(the_params_equals_pytorch)
{
    test_case("%s", devices[_i]);
    const udm_settings settings = settings_for(devices[_i], 2);
    check_params(
        &settings,
        &(udm_generation){ .size = sizeof(udm_generation), .rate = 12.5, .frame_params = frame_params_of_params },
        "tiny-video/film.npy");
}
END_TEST

// All frames of two scenes and a bit, one after the other.
static void make_all(const udm_settings *settings, uint16_t frames[][PIXELS], int count)
{
    udm_generator *generator = open_generator(settings, SCENE);
    for (int n = 0; n < count; n++)
        make(generator, (uint64_t)n, frames[n]);
    udm_generator_free(generator);
}

// As make_video.py has them.
static void frame_params_one(void *context, uint64_t number, udm_frame_params *frame_params)
{
    (void)context;
    *frame_params = (udm_frame_params){ .class_label = 1, .guidance = 1.5 + (double)number / 4 };
}

static void frame_params_all(void *context, uint64_t number, udm_frame_params *frame_params)
{
    (void)context;
    *frame_params = (udm_frame_params){ .class_label = (int)(number % 3), .guidance = 1.5 + (double)number / 4 };
}

static void frame_params_none_at_first(void *context, uint64_t number, udm_frame_params *frame_params)
{
    (void)context;
    *frame_params = (udm_frame_params){ .class_label = number < 2 ? -1 : 0, .guidance = 1.5 + (double)number / 4 };
}

START_TEST(steps_fewer_than_the_ramp_equal_pytorch)
{
    udm_settings settings = settings_for("reference", 2);
    settings.steps = 2;
    check_params(&settings,
                 &(udm_generation){ .size = sizeof(udm_generation), .rate = 12.5, .frame_params = frame_params_one },
                 "tiny-video/few.npy");
}
END_TEST

START_TEST(residual_guidance_equals_pytorch)
{
    const udm_settings settings = settings_for("reference", 2);
    const udm_generation params = {
        .size = sizeof(udm_generation), .rate = 12.5, .frame_params = frame_params_all, .residual_guidance = true
    };
    check_params(&settings, &params, "tiny-video/residual.npy");
}
END_TEST

START_TEST(state_that_is_kept_equals_pytorch)
{
    test_case("%s", devices[_i]);
    const udm_settings settings = settings_for(devices[_i], 2);
    const udm_generation params = {
        .size = sizeof(udm_generation), .rate = 12.5, .frame_params = frame_params_all, .keep_state = true
    };
    check_params(&settings, &params, "tiny-video/recalled.npy");
}
END_TEST

// ---- what goes on from a clip

// Frames of 8 or 16 bits cannot hold a golden film exactly; so the clip is a film of the engine, of 16 bits.
enum { KNOWN = 3 };

static udm_generation continued(uint16_t known[][PIXELS], udm_image *images, int count)
{
    for (int i = 0; i < count; i++)
        images[i] = image16(known[i], SIZE, 1);
    return (udm_generation){ .size = sizeof(udm_generation),
                             .rate = 12.5,
                             .frame_params = frame_params_none_at_first,
                             .known = images,
                             .known_count = count };
}

START_TEST(a_clip_that_is_continued_equals_pytorch)
{
    static uint16_t known[KNOWN][PIXELS];
    udm_image images[KNOWN];
    npy params = golden_read("tiny-video/film.npy");
    const udm_settings settings = settings_for("reference", 2);
    ck_assert_uint_ge(params.elements, KNOWN * PIXELS);
    for (int i = 0; i < KNOWN * PIXELS; i++)
        known[i / PIXELS][i % PIXELS] = (uint16_t)lround((params.data[i] + 1) * 32767.5);
    const udm_generation on = continued(known, images, KNOWN);
    check_params(&settings, &on, "tiny-video/continued.npy");
    free(params.data);
}
END_TEST

// Only the end of a long clip counts, only the first scene goes on from it, and one picture is enough.
START_TEST(the_end_of_a_clip_counts_for_the_first_scene)
{
    static uint16_t known[FRAMES + 2][PIXELS], pixels[4][PIXELS];
    udm_image images[FRAMES + 2];
    const udm_settings settings = settings_for("reference", 1);
    for (int i = 0; i < (FRAMES + 2) * PIXELS; i++)
        known[i / PIXELS][i % PIXELS] = (uint16_t)(i * 977);
    udm_generation params = continued(known, images, FRAMES + 2);
    params.scene = 2;
    udm_generator *all = open_params(&settings, &params);
    params.known += 3, params.known_count -= 3;
    udm_generator *end = open_params(&settings, &params);
    params.known_count = 1;
    udm_generator *still = open_params(&settings, &params);
    params.known_count = 0;
    udm_generator *none = open_params(&settings, &params);
    for (uint64_t n = 0; n < 4; n++) {
        make(all, n, pixels[0]);
        make(end, n, pixels[1]);
        make(still, n, pixels[2]);
        make(none, n, pixels[3]);
        test_at("frame %d", (int)n);
        assert_same(pixels[1], pixels[0], PIXELS);
        if (n < 2) {
            assert_differ(pixels[0], pixels[3], PIXELS);
            assert_differ(pixels[2], pixels[3], PIXELS);
        } else {
            assert_same(pixels[0], pixels[3], PIXELS);
            assert_same(pixels[2], pixels[3], PIXELS);
        }
    }
    udm_generator_free(all), udm_generator_free(end), udm_generator_free(still), udm_generator_free(none);
}
END_TEST

// ---- every step as a frame

START_TEST(a_preview_shows_every_step)
{
    static uint16_t frames[3][PIXELS], steps[3][6][PIXELS];
    const udm_settings settings = settings_for("reference", 1);
    udm_generation params = {
        .size = sizeof(udm_generation), .rate = 12.5, .frame_params = frame_params_of_params, .preview = true
    };
    make_all(&settings, frames, 3);
    udm_generator *generator = open_params(&settings, &params);
    ck_assert_int_eq(udm_generator_steps(generator), 6);
    for (int n = 0; n < 18; n++)
        make(generator, (uint64_t)n, steps[n / 6][n % 6]);
    for (int n = 0; n < 3; n++) {
        test_at("frame %d", n);
        assert_same(steps[n][5], frames[n], PIXELS);
        for (int k = 1; k < 6; k++)
            assert_differ(steps[n][k], steps[n][k - 1], PIXELS);
    }
    uint16_t again[PIXELS];
    make(generator, 8, again); // a jump back
    assert_same(again, steps[1][2], PIXELS);
    udm_generator_free(generator);
}
END_TEST

enum { ALL = 2 * SCENE + 3 };

START_TEST(frames_are_the_same_however_one_comes_to_them)
{
    static uint16_t frames[ALL][PIXELS];
    static const int jumps[] = { 5, 6, 2, 2, 17, 16, 7, 8, 0, 18, 9 };
    udm_settings settings = settings_for("reference", 1);
    uint16_t pixels[PIXELS];
    udm_stats stats;
    make_all(&settings, frames, ALL);
    udm_generator *generator = open_generator(&settings, SCENE);
    for (int i = 0; i < COUNT_OF(jumps); i++) {
        make(generator, (uint64_t)jumps[i], pixels);
        test_at("frame %d, jump %d", jumps[i], i);
        assert_same(pixels, frames[jumps[i]], PIXELS);
    }
    udm_generator_stats(generator, &stats, sizeof stats);
    ck_assert_uint_eq(stats.frames, COUNT_OF(jumps));
    ck_assert_uint_eq(stats.scenes, 9); // begun for all but 6 and the second 2
    udm_generator_free(generator);
}
END_TEST

START_TEST(threads_do_not_change_frames)
{
    static uint16_t one[ALL][PIXELS], two[ALL][PIXELS], four[ALL][PIXELS];
    udm_settings settings = settings_for("reference", 1);
    make_all(&settings, one, ALL);
    settings.threads = 2;
    make_all(&settings, two, ALL);
    settings.threads = 4;
    make_all(&settings, four, ALL);
    assert_same(two[0], one[0], ALL * PIXELS);
    assert_same(four[0], one[0], ALL * PIXELS);
}
END_TEST

START_TEST(seeds_and_stochastic_samplers_change_frames)
{
    static uint16_t frames[2][1][PIXELS];
    udm_settings settings = settings_for("reference", 1);
    make_all(&settings, frames[0], 1);
    settings.seed++;
    make_all(&settings, frames[1], 1);
    assert_differ(frames[0][0], frames[1][0], PIXELS);
    settings.seed--;
    settings.sampler = "ddpm";
    make_all(&settings, frames[1], 1);
    assert_differ(frames[0][0], frames[1][0], PIXELS);
}
END_TEST

START_TEST(memory_does_not_grow)
{
    udm_settings settings = settings_for("reference", 1);
    udm_generator *generator = open_generator(&settings, 0);
    uint16_t pixels[PIXELS];
    udm_stats first, last;
    make(generator, 0, pixels);
    udm_generator_stats(generator, &first, sizeof first);
    make(generator, 40, pixels);
    udm_generator_stats(generator, &last, sizeof last);
    ck_assert_uint_gt(first.memory, 0);
    ck_assert_uint_eq(first.memory, last.memory);
    udm_generator_free(generator);
}
END_TEST

// ---- cancelling

typedef struct canceller {
    udm_generator *generator;
    useconds_t after;
} canceller;

static void *cancel_soon(void *context)
{
    const canceller *c = context;
    usleep(c->after);
    udm_generator_cancel(c->generator, true);
    return NULL;
}

START_TEST(a_cancelled_source_goes_on_where_it_was)
{
    static uint16_t frames[ALL][PIXELS];
    udm_settings settings = settings_for("reference", 1);
    uint16_t pixels[PIXELS];
    make_all(&settings, frames, SCENE);
    udm_generator *generator = open_generator(&settings, SCENE);
    const udm_image out = image16(pixels, SIZE, 1);
    canceller soon = { generator, 1000 };
    int cancelled = 0;
    for (bool made = false; !made; soon.after += soon.after / 4) {
        udm_error error = { 0 };
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, &soon), 0);
        made = udm_generator_make(generator, SCENE - 1, &out, &error);
        pthread_join(thread, NULL);
        udm_generator_cancel(generator, false);
        if (!made)
            assert_error(&error, UDM_ERROR_CANCELLED, "");
        cancelled += !made;
    }
    ck_assert_int_gt(cancelled, 0);
    assert_same(pixels, frames[SCENE - 1], PIXELS);
    udm_generator_free(generator);
}
END_TEST

// ---- sizes, and what is refused

START_TEST(frames_are_enlarged_by_whole_factors)
{
    udm_settings settings = settings_for("reference", 1);
    udm_generator *generator = open_generator(&settings, SCENE);
    static uint16_t small[PIXELS], large[9 * PIXELS * 3], want[9 * PIXELS * 3];
    udm_error error = { 0 };
    make(generator, 0, small);
    udm_generator_free(generator);
    settings.width = settings.height = 3 * SIZE, settings.channels = 3;
    generator = open_generator(&settings, SCENE);
    const udm_image out = image16(large, 3 * SIZE, 3);
    assert_ok(udm_generator_make(generator, 0, &out, &error), &error);
    for (int y = 0; y < 3 * SIZE; y++)
        for (int x = 0; x < 3 * SIZE; x++)
            for (int c = 0; c < 3; c++)
                want[(y * 3 * SIZE + x) * 3 + c] = small[y / 3 * SIZE + x / 3];
    assert_same(large, want, 9 * PIXELS * 3);
    udm_generator_free(generator);
}
END_TEST

static void check_refused(const char *name, const udm_settings *settings, double rate, const char *says)
{
    udm_error error = { 0 };
    udm_model *model = golden_model(name);
    const udm_generation params = { .size = sizeof(udm_generation), .rate = rate };
    test_at("%s", says);
    ck_assert_ptr_null(udm_generator_open(model, settings, &params, &error));
    assert_contains(error.message, says);
    udm_model_free(model);
}

START_TEST(what_cannot_be_made_is_refused)
{
    udm_settings settings = settings_for("reference", 1);
    check_refused("tiny-grey", &settings, 25, "restores frames");
    check_refused("tiny-video", &settings, 0, "rate");
    udm_error error = { 0 };
    const udm_image wrong = { .width = SIZE, .height = SIZE, .channels = 3 };
    const udm_generation params = { .size = sizeof(udm_generation), .rate = 25, .known = &wrong, .known_count = 1 };
    ck_assert_ptr_null(udm_generator_open(model_of_all(), &settings, &params, &error));
    assert_contains(error.message, "16x16 with 1 channels");
    settings.width = 40;
    check_refused("tiny-video", &settings, 25, "whole factors");
    settings.width = 2 * SIZE;
    check_refused("tiny-video", &settings, 25, "whole factors");
    settings = settings_for("reference", 1);
    settings.sampler = "heun";
    check_refused("tiny-video", &settings, 25, "heun");
    settings.sampler = "none";
    check_refused("tiny-video", &settings, 25, "none");
}
END_TEST

// udm_model_forward() is the network at 25 frames a second, with one class for all frames.
START_TEST(forward_runs_a_window)
{
    udm_error error = { 0 };
    udm_settings settings = settings_for("cpu", 1);
    const udm_model *model = model_of_all();
    npy x = golden_read("tiny-video/window.npy");
    const double times[FRAMES] = { 0, 0.1, 0.4, 0.7, 1 };
    float by_forward[FRAMES * PIXELS], by_window[FRAMES * PIXELS];
    golden_network golden = golden_open("tiny-video", "cpu", 1);
    settings.class_label = 2;
    assert_ok(udm_model_forward(model, &settings, 1, FRAMES, x.data, times, by_forward, &error), &error);
    udm_window *window = udm_window_new(golden.network, 0, &error);
    udm_window_state state = { .classes = { 2, 2, 2, 2, 2 }, .rate = 25 };
    const float *frames[FRAMES];
    for (int f = 0; f < FRAMES; f++) {
        frames[f] = x.data + f * PIXELS;
        state.levels[f] = (float)udm_noise_level(&udm_model_scheduler(golden.model)->noise, times[f]);
    }
    ck_assert_msg(window, "%s", error.message);
    assert_ok(udm_window_run(window, frames, &state, by_window, NULL, &error), &error);
    assert_same(by_forward, by_window, FRAMES * PIXELS);
    ck_assert(!udm_model_forward(model, &settings, 1, 2, x.data, times, by_forward, &error));
    assert_contains(error.message, "5 frames of 16x16");
    udm_window_free(window);
    golden_close(&golden);
    free(x.data);
}
END_TEST

START_TEST(a_model_says_what_it_makes)
{
    udm_error error = { 0 };
    udm_info info;
    const udm_model *model = model_of_all();
    assert_ok(udm_model_info(model, &info, sizeof info, &error), &error);
    ck_assert_int_eq(info.width, SIZE);
    ck_assert_int_eq(info.height, SIZE);
    ck_assert_int_eq(info.frames, FRAMES);
    ck_assert_int_eq(info.classes, 3);
    ck_assert_int_eq(info.channels, 1);
    ck_assert_str_eq(info.network, "UdmPseudo3D");
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = the_network_equals_pytorch, .cases = COUNT_OF(devices) },
        { .test = the_params_equals_pytorch, .cases = COUNT_OF(devices) },
        { .test = steps_fewer_than_the_ramp_equal_pytorch },
        { .test = residual_guidance_equals_pytorch },
        { .test = state_that_is_kept_equals_pytorch, .cases = COUNT_OF(devices) },
        { .test = a_clip_that_is_continued_equals_pytorch },
        { .test = the_end_of_a_clip_counts_for_the_first_scene },
        { .test = a_preview_shows_every_step },
        { .test = frames_are_the_same_however_one_comes_to_them },
        { .test = threads_do_not_change_frames },
        { .test = seeds_and_stochastic_samplers_change_frames },
        { .test = memory_does_not_grow },
        { .test = a_cancelled_source_goes_on_where_it_was },
        { .test = frames_are_enlarged_by_whole_factors },
        { .test = what_cannot_be_made_is_refused },
        { .test = forward_runs_a_window },
        { .test = a_model_says_what_it_makes },
    };
    return test_main("source", tests, COUNT_OF(tests));
}
