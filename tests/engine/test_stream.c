// SPDX-License-Identifier: LGPL-2.1-or-later
// The public interface: what a stream promises.
#include <pthread.h>
#include <unistd.h>

#include "golden.h"
#include "sampler/sampler.h"
#include "udm/udm.h"

enum { W = 37, H = 22 };

static udm_image image_of(uint8_t *pixels, int width, int height, int channels)
{
    udm_image image = { .width = width, .height = height, .channels = channels, .bits = 8 };
    for (int c = 0; c < channels; c++)
        image.data[c] = pixels + c, image.stride[c] = width * channels, image.step[c] = channels;
    return image;
}

static void paint(uint8_t *pixels, size_t count, unsigned seed)
{
    for (size_t i = 0; i < count; i++)
        pixels[i] = (uint8_t)((i * 2654435761u + seed * 40503u) >> 23);
}

static udm_restorer *open_stream(const udm_model *model, int channels, int steps, const char *sampler)
{
    udm_error error = { 0 };
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = W, settings.height = H, settings.channels = channels;
    settings.device = "cpu", settings.threads = 1, settings.steps = steps, settings.sampler = sampler;
    udm_restorer *stream = udm_restorer_open(model, &settings, &error);
    if (!stream) {
        printf("    %s\n", error.message);
        check_failed = true;
    }
    return stream;
}

static udm_model *open_model(const char *name)
{
    udm_error error = { 0 };
    udm_model *model = udm_model_open(golden_path(name), &error);
    if (!model) {
        printf("    %s\n", error.message);
        check_failed = true;
    }
    return model;
}

// Pushes and pulls one frame.
static udm_pulled pass(udm_restorer *stream, udm_frame frame, uint8_t *out, int channels, udm_error *error)
{
    udm_image to = image_of(out, W, H, channels);
    if (!udm_restorer_push(stream, &frame, error))
        return UDM_PULLED_FAILED;
    return udm_restorer_pull(stream, &to, error);
}

TEST(as_many_frames_come_out_as_went_in)
{
    udm_model *model = open_model("tiny-temporal");
    udm_restorer *stream = model ? open_stream(model, 3, 1, "ddim") : NULL;
    REQUIRE(stream);
    uint8_t pixels[W * H * 3], out[W * H * 3];
    udm_image in = image_of(pixels, W, H, 3), to = image_of(out, W, H, 3);
    udm_error error = { 0 };
    CHECK(udm_restorer_pull(stream, &to, &error) == UDM_PULLED_NOTHING);
    for (int n = 0; n < 5; n++) { // pushed ahead, then pulled
        paint(pixels, sizeof pixels, n);
        udm_frame frame = { .image = &in, .time = 0.1, .number = n };
        CHECK(udm_restorer_push(stream, &frame, &error));
    }
    udm_restorer_end(stream);
    udm_frame late = { .image = &in, .time = 0.1 };
    CHECK(!udm_restorer_push(stream, &late, &error) && error.code == UDM_ERROR_SETTINGS);
    for (int n = 0; n < 5; n++)
        CHECK(udm_restorer_pull(stream, &to, &error) == UDM_PULLED_FRAME);
    CHECK(udm_restorer_pull(stream, &to, &error) == UDM_PULLED_END);
    udm_stats stats;
    udm_restorer_stats(stream, &stats, sizeof stats);
    CHECK_CLOSE(stats.frames, 5, 0);
    CHECK(stats.scenes >= 1 && stats.memory > 0 && stats.tiles == 1 && stats.mean_ms > 0 && stats.device[0]);
    udm_restorer_free(stream);
    udm_model_free(model);
}

TEST(a_frame_at_time_0_comes_back_bit_for_bit)
{
    udm_model *model = open_model("tiny-denoise");
    udm_restorer *stream = model ? open_stream(model, 3, 1, "ddim") : NULL;
    REQUIRE(stream);
    uint8_t pixels[W * H * 3], out[W * H * 3];
    udm_image in = image_of(pixels, W, H, 3);
    paint(pixels, sizeof pixels, 1);
    CHECK(pass(stream, (udm_frame){ .image = &in }, out, 3, NULL) == UDM_PULLED_FRAME);
    CHECK(memcmp(pixels, out, sizeof out) == 0);
    udm_restorer_free(stream);
    udm_model_free(model);
}

TEST(known_pixels_of_a_time_map_stay)
{
    udm_model *model = open_model("tiny-denoise");
    udm_restorer *stream = model ? open_stream(model, 3, 4, "ddpm") : NULL;
    REQUIRE(stream);
    uint8_t pixels[W * H * 3], out[W * H * 3];
    float map[W * H];
    udm_image in = image_of(pixels, W, H, 3);
    paint(pixels, sizeof pixels, 1);
    for (int i = 0; i < W * H; i++)
        map[i] = i % W < W / 2 ? 0 : 0.2f;
    CHECK(pass(stream, (udm_frame){ .image = &in, .time_map = map }, out, 3, NULL) == UDM_PULLED_FRAME);
    int changed = 0;
    for (int i = 0; i < W * H * 3; i++) {
        CHECK(map[i / 3] > 0 || pixels[i] == out[i]);
        changed += map[i / 3] > 0 && pixels[i] != out[i];
    }
    CHECK(changed > W * H / 4);
    udm_restorer_free(stream);
    udm_model_free(model);
}

// The same frame twice with a seed, for every sampler and several steps: the noise is named by numbers alone.
TEST(the_same_numbers_give_the_same_frame)
{
    udm_model *model = open_model("tiny-denoise");
    REQUIRE(model);
    uint8_t pixels[W * H * 3], out[3][W * H * 3];
    udm_image in = image_of(pixels, W, H, 3);
    paint(pixels, sizeof pixels, 1);
    for (int i = 0; udm_samplers[i]; i++) {
        if (udm_samplers[i]->needs_power || udm_samplers[i]->learned)
            continue;
        udm_restorer *stream = open_stream(model, 3, 5, udm_samplers[i]->name);
        REQUIRE(stream);
        const uint64_t numbers[] = { 7, 7, 8 };
        for (int k = 0; k < 3; k++) {
            udm_frame frame = { .image = &in, .time = 0.15, .strength = 0.8, .number = numbers[k] };
            CHECK(pass(stream, frame, out[k], 3, NULL) == UDM_PULLED_FRAME);
        }
        CHECK(memcmp(out[0], out[1], sizeof out[0]) == 0);
        CHECK(memcmp(out[0], out[2], sizeof out[0]) != 0);
        udm_restorer_free(stream);
    }
    udm_model_free(model);
}

// What the network or the model would have to say is an error that names it, not a default.
TEST(samplers_that_a_model_has_nothing_for)
{
    static const char *const samplers[] = { "ddpm_analytic", "ddpm_learned" };
    udm_model *model = open_model("tiny-denoise");
    REQUIRE(model);
    uint8_t pixels[W * H * 3], out[W * H * 3];
    udm_image in = image_of(pixels, W, H, 3), to = image_of(out, W, H, 3);
    paint(pixels, sizeof pixels, 1);
    for (int i = 0; i < 2; i++) {
        udm_error error = { 0 };
        udm_settings settings;
        udm_settings_init(&settings, sizeof settings);
        settings.width = W, settings.height = H, settings.steps = 3, settings.sampler = samplers[i];
        udm_restorer *stream = udm_restorer_open(model, &settings, &error);
        const udm_frame frame = { .image = &in, .time = 0.2 };
        if (stream && udm_restorer_push(stream, &frame, &error))
            CHECK(udm_restorer_pull(stream, &to, &error) == UDM_PULLED_FAILED);
        CHECK(error.code == UDM_ERROR_UNSUPPORTED && strstr(error.message, samplers[i]));
        udm_restorer_free(stream);
    }
    udm_model_free(model);
}

// models/train/power.py was run for them.
TEST(shipped_models_know_the_power_of_their_noise)
{
    static const char *const names[] = { "denoise", "denoise-quality", "denoise-real" };
    const char *folder = getenv("UDM_SHIPPED_MODELS");
    static uint8_t pixels[W * H * 3], plain[W * H * 3], analytic[W * H * 3];
    udm_image in = image_of(pixels, W, H, 3);
    paint(pixels, sizeof pixels, 1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder ? folder : "models", names[i]);
        udm_model *model = udm_model_open(path, NULL);
        udm_restorer *a = model ? open_stream(model, 3, 2, "ddpm") : NULL;
        udm_restorer *b = a ? open_stream(model, 3, 2, "ddpm_analytic") : NULL;
        REQUIRE(b);
        const udm_frame frame = { .image = &in, .time = udm_model_time(model, 25) };
        CHECK(pass(a, frame, plain, 3, NULL) == UDM_PULLED_FRAME &&
              pass(b, frame, analytic, 3, NULL) == UDM_PULLED_FRAME);
        CHECK(memcmp(plain, analytic, sizeof plain) != 0); // it adds what is not known of x0
        udm_restorer_free(a);
        udm_restorer_free(b);
        udm_model_free(model);
    }
}

TEST(grey_frames_pass_a_colour_network)
{
    udm_model *model = open_model("tiny-denoise");
    udm_restorer *stream = model ? open_stream(model, 1, 2, "ddpm") : NULL;
    REQUIRE(stream);
    uint8_t pixels[W * H], out[W * H];
    udm_image in = image_of(pixels, W, H, 1);
    paint(pixels, sizeof pixels, 1);
    CHECK(pass(stream, (udm_frame){ .image = &in, .time = UDM_TIME_ESTIMATE }, out, 1, NULL) == UDM_PULLED_FRAME);
    udm_stats stats;
    udm_restorer_stats(stream, &stats, sizeof stats);
    CHECK(stats.sigma >= 0 && stats.sigma < 300);
    udm_restorer_free(stream);
    udm_model_free(model);
}

TEST(other_schedules_begin_at_the_same_noise)
{
    udm_model *model = open_model("tiny-denoise");
    REQUIRE(model);
    uint8_t pixels[W * H * 3], first[W * H * 3], out[W * H * 3];
    udm_image in = image_of(pixels, W, H, 3);
    paint(pixels, sizeof pixels, 1);
    static const char *const schedules[] = { "model", "linear", "cosine", "scaled_linear" };
    for (int i = 0; i < 4; i++) {
        udm_settings settings;
        udm_settings_init(&settings, sizeof settings);
        settings.width = W, settings.height = H, settings.threads = 1, settings.schedule = schedules[i];
        udm_restorer *stream = udm_restorer_open(model, &settings, NULL);
        REQUIRE(stream);
        udm_frame frame = { .image = &in, .time = udm_model_time(model, 25) };
        CHECK(pass(stream, frame, i ? out : first, 3, NULL) == UDM_PULLED_FRAME);
        for (int k = 0; i && k < W * H * 3; k++)
            CHECK(abs(first[k] - out[k]) <= 1);
        udm_restorer_free(stream);
    }
    udm_model_free(model);
}

TEST(a_sigma_and_its_time_are_each_others_inverse)
{
    udm_model *model = open_model("tiny-denoise");
    REQUIRE(model);
    CHECK_CLOSE(udm_model_time(model, 0), 0, 1e-9);
    for (double sigma = 1; sigma < udm_model_degradation(model)->most; sigma += 10)
        CHECK_CLOSE(udm_model_amount(model, udm_model_time(model, sigma)), sigma, 1e-3 * sigma);
    CHECK_CLOSE(udm_model_time(model, 1e9), udm_model_time(model, udm_model_degradation(model)->most), 0);
    udm_model_free(model);
}

TEST(what_a_stream_cannot_take_is_an_error)
{
    udm_model *model = open_model("tiny-grey");
    REQUIRE(model);
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
        CHECK(!udm_restorer_open(model, &bad[i], &error));
        CHECK(error.code == UDM_ERROR_SETTINGS && error.message[0]);
    }
    udm_settings nowhere = good;
    nowhere.device = "abacus";
    udm_error error = { 0 };
    CHECK(!udm_restorer_open(model, &nowhere, &error) && error.code == UDM_ERROR_NOT_FOUND);

    udm_restorer *stream = udm_restorer_open(model, &good, NULL);
    REQUIRE(stream);
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
        { .image = &in, .time_map = map },
    };
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        error = (udm_error){ 0 };
        CHECK(pass(stream, frames[i], out, 1, &error) == UDM_PULLED_FAILED && error.code == UDM_ERROR_SETTINGS);
    }
    CHECK(pass(stream, (udm_frame){ .image = &in }, out, 1, NULL) == UDM_PULLED_FRAME); // and it still works
    udm_restorer_free(stream);
    udm_model_free(model);
}

static void *cancel_soon(void *stream)
{
    usleep(20000);
    udm_restorer_cancel(stream, true);
    return NULL;
}

TEST(a_cancelled_frame_can_be_pulled_again)
{
    udm_model *model = open_model("tiny-temporal");
    REQUIRE(model);
    enum { SIDE = 600, STEPS = 200 };
    static uint8_t pixels[SIDE * SIDE * 3];
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = settings.height = SIDE, settings.device = "reference", settings.steps = 1;
    udm_restorer *stream = udm_restorer_open(model, &settings, NULL);
    REQUIRE(stream);
    udm_image image = image_of(pixels, SIDE, SIDE, 3);
    udm_frame frame = { .image = &image, .time = 0.2 };
    CHECK(udm_restorer_push(stream, &frame, NULL));
    pthread_t other;
    REQUIRE(pthread_create(&other, NULL, cancel_soon, stream) == 0);
    udm_error error = { 0 };
    CHECK(udm_restorer_pull(stream, &image, &error) == UDM_PULLED_FAILED && error.code == UDM_ERROR_CANCELLED);
    pthread_join(other, NULL);
    CHECK(udm_restorer_pull(stream, &image, &error) == UDM_PULLED_FAILED); // until it is taken back
    udm_restorer_cancel(stream, false);
    CHECK(udm_restorer_pull(stream, &image, NULL) == UDM_PULLED_FRAME);
    udm_restorer_free(stream);
    udm_model_free(model);
}

TEST(reset_drops_what_is_held)
{
    udm_model *model = open_model("tiny-denoise");
    udm_restorer *stream = model ? open_stream(model, 3, 1, "ddim") : NULL;
    REQUIRE(stream);
    uint8_t pixels[W * H * 3], out[W * H * 3];
    udm_image in = image_of(pixels, W, H, 3), to = image_of(out, W, H, 3);
    paint(pixels, sizeof pixels, 1);
    udm_frame frame = { .image = &in };
    CHECK(udm_restorer_push(stream, &frame, NULL) && udm_restorer_push(stream, &frame, NULL));
    udm_restorer_end(stream);
    udm_restorer_reset(stream);
    CHECK(udm_restorer_pull(stream, &to, NULL) == UDM_PULLED_NOTHING);
    CHECK(udm_restorer_push(stream, &frame, NULL));
    CHECK(udm_restorer_pull(stream, &to, NULL) == UDM_PULLED_FRAME);
    udm_restorer_free(stream);
    udm_model_free(model);
}

// A film that is cut into parts: from memory_frames on, a later start gives the same frames.
TEST(a_later_start_gives_the_same_frames)
{
    udm_model *model = open_model("tiny-temporal");
    REQUIRE(model);
    udm_info info;
    REQUIRE(udm_model_info(model, &info, sizeof info, NULL));
    CHECK(info.memory_frames > 0 && info.channels == 3 && info.weights > 0);
    enum { MORE = 3 };
    uint8_t pixels[W * H * 3], early[W * H * 3], late[W * H * 3];
    udm_image in = image_of(pixels, W, H, 3);
    udm_restorer *a = open_stream(model, 3, 1, "ddim"), *b = open_stream(model, 3, 1, "ddim");
    REQUIRE(a && b);
    for (int n = 0; n < 5 + info.memory_frames + MORE; n++) {
        for (int i = 0; i < W * H * 3; i++)
            pixels[i] = (uint8_t)(100 + i % W + 2 * n + (i * 7 + n * 13) % 11); // one scene
        udm_frame frame = { .image = &in, .time = 0.1, .number = n };
        CHECK(pass(a, frame, early, 3, NULL) == UDM_PULLED_FRAME);
        if (n < 5)
            continue;
        CHECK(pass(b, frame, late, 3, NULL) == UDM_PULLED_FRAME);
        CHECK(n < 5 + info.memory_frames || memcmp(early, late, sizeof late) == 0);
    }
    udm_restorer_free(a);
    udm_restorer_free(b);
    udm_model_free(model);
}

// The third of three frames of a model with a prediction; alone: nothing came before it. cancel: once in between.
static void third_frame(const udm_model *model, bool alone, bool cancel, uint8_t *out)
{
    static uint8_t in[3 * W * H], unused[3 * W * H];
    udm_restorer *stream = open_stream(model, 3, 1, "ddim");
    REQUIRE(stream);
    for (int f = 0; f < 3; f++) {
        paint(in, sizeof in, (unsigned)f);
        udm_image image = image_of(in, W, H, 3), to = image_of(f < 2 ? unused : out, W, H, 3);
        udm_frame frame = { .image = &image, .time = udm_model_time(model, 40), .number = (uint64_t)f };
        frame.discontinuity = alone;
        CHECK(udm_restorer_push(stream, &frame, NULL));
        if (cancel) {
            udm_restorer_cancel(stream, true);
            CHECK(udm_restorer_pull(stream, &to, NULL) == UDM_PULLED_FAILED);
            udm_restorer_cancel(stream, false);
        }
        CHECK(udm_restorer_pull(stream, &to, NULL) == UDM_PULLED_FRAME);
    }
    udm_restorer_free(stream);
}

TEST(a_frame_is_seen_in_the_light_of_those_before)
{
    static uint8_t after[3 * W * H], again[3 * W * H], alone[3 * W * H];
    udm_model *model = open_model("tiny-guess");
    REQUIRE(model);
    third_frame(model, false, false, after);
    third_frame(model, false, true, again);
    third_frame(model, true, false, alone);
    CHECK(memcmp(after, again, sizeof after) == 0);
    CHECK(memcmp(after, alone, sizeof after) != 0);
    udm_model_free(model);
}

// ---- looking ahead

static udm_restorer *open_ahead(const udm_model *model, int lookahead)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = W, settings.height = H, settings.device = "cpu", settings.threads = 1;
    settings.lookahead = lookahead;
    udm_error error = { 0 };
    udm_restorer *stream = udm_restorer_open(model, &settings, &error);
    if (!stream)
        printf("    %s\n", error.message);
    return stream;
}

enum { FILM = 6 };

typedef uint8_t film[FILM][3 * W * H];

// What comes out of `count` frames; the one at `cut` is discontinuous, and each pull is cancelled once if that is asked
// for.
static void look_ahead(const udm_model *model, int lookahead, int count, int cut, bool cancel, film out)
{
    static uint8_t in[3 * W * H];
    udm_restorer *stream = open_ahead(model, lookahead);
    REQUIRE(stream);
    CHECK(udm_restorer_delay(stream) == lookahead);
    int pulled = 0;
    for (int f = 0; f <= count; f++) {
        paint(in, sizeof in, (unsigned)f);
        udm_image image = image_of(in, W, H, 3);
        udm_frame frame = { .image = &image, .time = udm_model_time(model, 40), .number = (uint64_t)f };
        frame.discontinuity = f == cut;
        if (f < count)
            CHECK(udm_restorer_push(stream, &frame, NULL));
        else
            udm_restorer_end(stream);
        for (udm_pulled got = UDM_PULLED_FRAME; got == UDM_PULLED_FRAME && pulled < count;) {
            udm_image to = image_of(out[pulled], W, H, 3);
            udm_restorer_cancel(stream, cancel);
            if (cancel)
                got = udm_restorer_pull(stream, &to, NULL);
            CHECK(!cancel || got == UDM_PULLED_FAILED || got == UDM_PULLED_NOTHING);
            udm_restorer_cancel(stream, false);
            got = udm_restorer_pull(stream, &to, NULL);
            pulled += got == UDM_PULLED_FRAME;
        }
        CHECK(pulled == (f == count ? count : f + 1 < lookahead ? 0 : f + 1 - lookahead));
    }
    udm_stats stats;
    udm_restorer_stats(stream, &stats, sizeof stats);
    CHECK(stats.frames == (uint64_t)count && stats.scenes == (cut > 0 ? 2 : 1));
    udm_restorer_free(stream);
}

TEST(a_frame_is_seen_in_the_light_of_those_after)
{
    static film without, with, again;
    udm_model *model = open_model("tiny-guess");
    REQUIRE(model);
    look_ahead(model, 0, FILM, -1, false, without);
    look_ahead(model, 2, FILM, -1, false, with);
    for (int f = 0; f < FILM; f++) // nothing follows the last one
        CHECK((memcmp(with[f], without[f], sizeof with[f]) == 0) == (f == FILM - 1));
    look_ahead(model, 2, FILM, -1, true, again);
    CHECK(memcmp(with, again, sizeof with) == 0);
    look_ahead(model, UDM_MAX_LOOKAHEAD, 3, -1, false, again); // more than there are
    look_ahead(model, 2, 3, -1, false, with);
    CHECK(memcmp(with, again, 3 * sizeof with[0]) == 0);
    udm_model_free(model);
}

TEST(nobody_looks_beyond_a_cut)
{
    static film whole, first;
    udm_model *model = open_model("tiny-guess");
    REQUIRE(model);
    look_ahead(model, 3, FILM, 4, false, whole);
    look_ahead(model, 3, 4, -1, false, first);
    CHECK(memcmp(whole, first, 4 * sizeof first[0]) == 0);
    udm_model_free(model);
}

static void stats_of(const udm_model *model, const udm_settings *settings, udm_stats *stats)
{
    udm_restorer *stream = udm_restorer_open(model, settings, NULL);
    REQUIRE(stream);
    udm_restorer_stats(stream, stats, sizeof *stats);
    udm_restorer_free(stream);
}

TEST(there_are_eight_views)
{
    udm_model *model = open_model("tiny-guess");
    REQUIRE(model);
    udm_error error = { 0 };
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = W, settings.height = H, settings.device = "cpu", settings.threads = 1;
    const int wrong[] = { -1, 0, UDM_MAX_ENSEMBLE + 1 };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        settings.ensemble = wrong[i];
        CHECK(!udm_restorer_open(model, &settings, &error) && error.code == UDM_ERROR_SETTINGS);
        CHECK(strstr(error.message, "ensemble"));
    }
    udm_stats one, eight;
    settings.ensemble = 1;
    stats_of(model, &settings, &one);
    settings.ensemble = UDM_MAX_ENSEMBLE;
    stats_of(model, &settings, &eight);
    CHECK(eight.memory > one.memory);
    udm_model_free(model);
}

TEST(looking_ahead_needs_a_guess)
{
    udm_model *model = open_model("tiny-guess"), *alone = open_model("tiny-denoise");
    REQUIRE(model && alone);
    udm_error error = { 0 };
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = W, settings.height = H, settings.lookahead = UDM_MAX_LOOKAHEAD + 1;
    CHECK(!udm_restorer_open(model, &settings, &error) && error.code == UDM_ERROR_SETTINGS);
    settings.lookahead = 1;
    CHECK(!udm_restorer_open(alone, &settings, &error) && error.code == UDM_ERROR_SETTINGS);
    CHECK(strstr(error.message, "lookahead"));
    udm_model_free(alone);
    udm_model_free(model);
}

CHECK_MAIN()
