// SPDX-License-Identifier: LGPL-2.1-or-later
// Films of embeddings through all networks of a model, against models/train on random weights
// (tests/models/make_cascade.py): windows that go on, frames between, larger frames; and how they are used.
#include <math.h>
#include <stdio.h>

#include "golden.h"
#include "testing.h"
#include "udm/udm.h"

#define MODEL "tiny-cascade"
#define GOLDEN MODEL "/golden/"

enum { SIDE = 16, MOST = 64, STEPS = 3, SEED = 7 };

static const double tolerance = 2 / 255.;

typedef struct told {
    const char *prompt;
    double guidance;
} told;

static void tell(void *context, uint64_t number, udm_frame_params *params)
{
    const told *of = context;
    (void)number;
    params->prompt = of->prompt, params->guidance = of->guidance;
}

static told nothing = { "", 1 }, something = { "a small red seven, and a blue star", UDM_GUIDANCE_USUAL };

static udm_generator *try_to_open(const udm_model *model, int side, udm_generation *generation, udm_error *error)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.device = "cpu", settings.threads = 2, settings.steps = STEPS, settings.channels = 3, settings.seed = SEED;
    settings.width = settings.height = side;
    generation->frame_params = tell;
    return udm_generator_open(model, &settings, generation, error);
}

static udm_generator *open_film(const udm_model *model, int side, double rate, told *of)
{
    udm_error error = { 0 };
    udm_generation generation;
    udm_generation_init(&generation, sizeof generation);
    generation.rate = rate, generation.context = of;
    udm_generator *generator = try_to_open(model, side, &generation, &error);
    ck_assert_msg(generator, "%s", error.message);
    return generator;
}

// out: [3, side, side]
static void make(udm_generator *generator, int side, uint64_t number, float *out)
{
    uint16_t pixels[3 * MOST * MOST];
    uint8_t *bytes = (uint8_t *)pixels;
    udm_error error = { 0 };
    const udm_image image = { .width = side,
                              .height = side,
                              .channels = 3,
                              .bits = 16,
                              .data = { bytes, bytes + 2, bytes + 4 },
                              .stride = { 6 * side, 6 * side, 6 * side },
                              .step = { 6, 6, 6 } };
    assert_ok(udm_generator_make(generator, number, &image, &error), &error);
    udm_image_to_planes(&image, out);
}

static const struct {
    const char *name;
    int side;
    double rate;
    uint64_t first; // the frame that the first one in the file is
} films[] = {
    { "slow", SIDE, 2, 0 },          // below 5 frames a second nothing is filled in
    { "fast", SIDE, 25, 0 },         // 4 windows of frames between 5 others, and one of the next of those
    { "large", 2 * SIDE, 25, 20 },   // ...
    { "largest", 4 * SIDE, 25, 20 }, // each by itself
};

START_TEST(golden_films)
{
    udm_model *model = golden_model(MODEL);
    char path[64];
    snprintf(path, sizeof path, GOLDEN "%s.npy", films[_i].name);
    npy want = golden_read(path);
    const size_t frame = want.elements / want.shape[0];
    float made[3 * MOST * MOST];
    udm_generator *generator = open_film(model, films[_i].side, films[_i].rate, &nothing);
    test_case("%s", films[_i].name);
    for (size_t f = 0; f < want.shape[0]; f++) {
        make(generator, films[_i].side, films[_i].first + f, made);
        test_at("frame %zu", f);
        assert_within(made, want.data + f * frame, frame, tolerance);
    }
    udm_generator_free(generator);
    free(want.data);
    udm_model_free(model);
}
END_TEST

// A frame is the same wherever playing began, and after others of its scene and of another.
START_TEST(seeking)
{
    static const uint64_t order[] = { 7, 33, 0, 26, 7, 8, 33 };
    udm_model *model = golden_model(MODEL);
    udm_error error = { 0 };
    udm_generation generation;
    udm_generation_init(&generation, sizeof generation);
    generation.scene = 25, generation.context = &something;
    udm_generator *whole = try_to_open(model, 2 * SIDE, &generation, &error);
    ck_assert_msg(whole, "%s", error.message);
    udm_generator *jumps = try_to_open(model, 2 * SIDE, &generation, &error);
    static float films_made[34][3 * 4 * SIDE * SIDE];
    float made[3 * 4 * SIDE * SIDE];
    for (uint64_t n = 0; n < 34; n++)
        make(whole, 2 * SIDE, n, films_made[n]);
    for (int i = 0; i < COUNT_OF(order); i++) {
        make(jumps, 2 * SIDE, order[i], made);
        test_at("frame %d", (int)order[i]);
        assert_within(made, films_made[order[i]], COUNT_OF(made), 0);
    }
    udm_stats stats;
    udm_generator_stats(whole, &stats, sizeof stats);
    ck_assert_int_eq((int)stats.scenes, 2);
    ck_assert(stats.memory > 0);
    udm_generator_free(whole);
    udm_generator_free(jumps);
    udm_model_free(model);
}
END_TEST

// Frames after the second of "slow": as in Python, the same wherever playing began, and nothing in the next scene.
START_TEST(going_on)
{
    enum { FRAME = 3 * SIDE * SIDE, SCENE = 8 };
    udm_model *model = golden_model(MODEL);
    npy clip = golden_read(GOLDEN "slow.npy"), want = golden_read(GOLDEN "more.npy");
    uint16_t pixels[2][FRAME];
    udm_image known[2];
    udm_error error = { 0 };
    udm_generation generation;
    float made[FRAME], again[FRAME];
    for (int i = 0; i < 2 * FRAME; i++)
        pixels[i / FRAME][i % FRAME] = (uint16_t)lrintf((clip.data[i] + 1) * 32767.5f);
    for (int i = 0; i < 2; i++)
        known[i] = (udm_image){ .width = SIDE,
                                .height = SIDE,
                                .channels = 3,
                                .bits = 16,
                                .data = { (uint8_t *)pixels[i], (uint8_t *)(pixels[i] + SIDE * SIDE),
                                          (uint8_t *)(pixels[i] + 2 * SIDE * SIDE) },
                                .stride = { 2 * SIDE, 2 * SIDE, 2 * SIDE },
                                .step = { 2, 2, 2 } };
    udm_generation_init(&generation, sizeof generation);
    generation.rate = 2, generation.context = &nothing, generation.scene = SCENE;
    udm_generator *plain = try_to_open(model, SIDE, &generation, &error);
    generation.known = known, generation.known_count = 2;
    udm_generator *more = try_to_open(model, SIDE, &generation, &error);
    ck_assert_msg(plain && more, "%s", error.message);
    for (uint64_t f = 0; f < want.shape[0]; f++) {
        make(more, SIDE, f, made);
        test_at("frame %d", (int)f);
        assert_within(made, want.data + f * FRAME, FRAME, tolerance);
    }
    make(more, SIDE, SCENE, made);
    make(plain, SIDE, SCENE, again);
    assert_within(made, again, FRAME, 0);
    make(more, SIDE, 5, made);
    assert_within(made, want.data + 5 * FRAME, FRAME, tolerance);
    known[0].width = known[1].width = SIDE / 2;
    ck_assert_ptr_null(try_to_open(model, SIDE, &generation, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "it must be 16x16");
    udm_generator_free(plain);
    udm_generator_free(more);
    free(clip.data), free(want.data);
    udm_model_free(model);
}
END_TEST

// A prompt, and where there is none a picture, change what is drawn; the size that no network makes is enlarged.
START_TEST(what_is_told)
{
    udm_model *model = golden_model(MODEL);
    udm_generator *generators[4] = { open_film(model, SIDE, 25, &nothing), open_film(model, SIDE, 25, &something) };
    udm_error error = { 0 };
    udm_generation generation;
    uint8_t pixels[3 * SIDE * SIDE];
    memset(pixels, 200, sizeof pixels);
    const udm_image picture = { .width = SIDE,
                                .height = SIDE,
                                .channels = 3,
                                .bits = 8,
                                .data = { pixels, pixels + SIDE * SIDE, pixels + 2 * SIDE * SIDE },
                                .stride = { SIDE, SIDE, SIDE },
                                .step = { 1, 1, 1 } };
    udm_generation_init(&generation, sizeof generation);
    generation.image = &picture, generation.context = &nothing;
    generators[2] = try_to_open(model, SIDE, &generation, &error);
    generation.context = &something;
    generators[3] = try_to_open(model, SIDE, &generation, &error);
    float made[4][3 * SIDE * SIDE], large[3 * 9 * SIDE * SIDE];
    for (int i = 0; i < 4; i++) {
        ck_assert_msg(generators[i], "%s", error.message);
        make(generators[i], SIDE, 0, made[i]);
        for (int k = 0; k < i; k++) {
            double most = 0;
            for (int p = 0; p < 3 * SIDE * SIDE; p++)
                most = fmax(most, fabs(made[i][p] - made[k][p]));
            ck_assert_msg(most > 0.01, "%d and %d are alike", i, k);
        }
        udm_generator_free(generators[i]);
    }
    udm_generator *enlarged = open_film(model, 3 * SIDE, 25, &nothing);
    make(enlarged, 3 * SIDE, 0, large);
    for (int y = 0; y < 3 * SIDE; y++)
        for (int x = 0; x < 3 * SIDE; x++)
            ck_assert_double_eq_tol(large[y * 3 * SIDE + x], made[0][y / 3 * SIDE + x / 3], 1e-6);
    udm_generator_free(enlarged);
    udm_model_free(model);
}
END_TEST

START_TEST(info)
{
    udm_model *model = golden_model(MODEL);
    udm_info info;
    udm_error error = { 0 };
    assert_ok(udm_model_info(model, &info, sizeof info, &error), &error);
    ck_assert_int_eq(info.frames, 5);
    ck_assert(info.embedding > 0);
    udm_generation generation;
    udm_generation_init(&generation, sizeof generation);
    generation.preview = true, generation.context = &nothing;
    ck_assert_ptr_null(try_to_open(model, SIDE, &generation, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "no previews");
    generation.preview = false, generation.window = 6;
    ck_assert_ptr_null(try_to_open(model, SIDE, &generation, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "6 frames at once");
    udm_model_free(model);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = golden_films, .cases = COUNT_OF(films) },
        { .test = seeking },
        { .test = going_on },
        { .test = what_is_told },
        { .test = info },
    };
    return test_main("cascade", tests, COUNT_OF(tests));
}
