// SPDX-License-Identifier: LGPL-2.1-or-later
// Films of what a text says, from a directory to pixels, against the pipelines of diffusers
// (tests/models/make_film.py); films that are longer than a window.
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "devices.h"
#include "folder.h"
#include "golden.h"
#include "testing.h"
#include "udm/udm.h"

#define MODEL "tiny-film"
#define PROMPT "a small red seven, and a blue star"
#define NEGATIVE "a green ring"

static device_list *devices;

enum { SIDE = 8, PLANE = SIDE * SIDE, FRAME = 3 * PLANE };

typedef struct told {
    const char *prompt, *negative;
    double guidance;
} told;

static void tell(void *context, uint64_t number, udm_frame_params *params)
{
    const told *of = context;
    (void)number;
    params->prompt = of->prompt, params->negative_prompt = of->negative, params->guidance = of->guidance;
}

static told usual = { PROMPT, NEGATIVE, 7.5 };

static udm_settings make_settings(const char *device, int steps)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.device = device, settings.threads = 2, settings.steps = steps, settings.channels = 3;
    settings.width = settings.height = SIDE;
    return settings;
}

static udm_generator *open_with(const udm_model *model, const udm_settings *settings, udm_generation *generation)
{
    udm_error error = { 0 };
    generation->frame_params = tell;
    if (!generation->context)
        generation->context = &usual;
    udm_generator *generator = udm_generator_open(model, settings, generation, &error);
    ck_assert_msg(generator, "%s", error.message);
    return generator;
}

static udm_generator *open_film(const udm_model *model, int steps, udm_generation *generation)
{
    const udm_settings settings = make_settings("cpu", steps);
    return open_with(model, &settings, generation);
}

static bool try_frame(udm_generator *generator, uint64_t number, float *planes, udm_error *error)
{
    uint16_t pixels[FRAME];
    uint8_t *bytes = (uint8_t *)pixels;
    const udm_image image = { .width = SIDE,
                              .height = SIDE,
                              .channels = 3,
                              .bits = 16,
                              .data = { bytes, bytes + 2, bytes + 4 },
                              .stride = { 6 * SIDE, 6 * SIDE, 6 * SIDE },
                              .step = { 6, 6, 6 } };
    if (!udm_generator_make(generator, number, &image, error))
        return false;
    udm_image_to_planes(&image, planes);
    return true;
}

static void make_frame(udm_generator *generator, uint64_t number, float *planes)
{
    udm_error error = { 0 };
    assert_ok(try_frame(generator, number, planes, &error), &error);
}

#define NINE(text) text text text text text text text text text

// The second is more than a chunk of tokens, and has weights.
static told long_prompt = { NINE("a (small red:1.3) seven, ") NINE("a (small red:1.3) seven, ") "and [a blue star]",
                            NEGATIVE, 7.5 };
static const struct {
    const char *model, *golden;
    told *said;
} films[] = { { "animate", "film", &usual },
              { "scope", "film", &usual },
              { "animate", "long", &long_prompt },
              { "scope", "long", &long_prompt } };

// All frames, to some hundredths of a step of 8 bits.
static void check_film(const udm_model *model, const char *device, const char *folder, const char *golden, told *said)
{
    const udm_settings settings = make_settings(device, 4);
    char path[64];
    udm_generation generation;
    snprintf(path, sizeof path, MODEL "/%s/golden/noise.npy", folder);
    npy noise = golden_read(path);
    snprintf(path, sizeof path, MODEL "/%s/golden/%s.npy", folder, golden);
    npy want = golden_read(path);
    udm_generation_init(&generation, sizeof generation);
    generation.window = (int)noise.shape[2], generation.latents = noise.data, generation.context = said;
    udm_generator *generator = open_with(model, &settings, &generation);
    for (int f = 0; f < generation.window; f++) {
        float planes[FRAME], expected[FRAME];
        make_frame(generator, f, planes);
        for (int c = 0; c < 3; c++)
            memcpy(expected + c * PLANE, want.data + (c * generation.window + f) * PLANE, PLANE * sizeof *expected);
        test_at("frame %d", f);
        assert_within(planes, expected, FRAME, 0.05 / 255);
    }
    udm_generator_free(generator);
    free(noise.data), free(want.data);
}

START_TEST(parity)
{
    char path[64];
    test_case("%s, %s", films[_i].model, films[_i].golden);
    snprintf(path, sizeof path, MODEL "/%s", films[_i].model);
    udm_model *model = golden_model(path);
    check_film(model, "cpu", films[_i].model, films[_i].golden, films[_i].said);
    udm_model_free(model);
}
END_TEST

START_TEST(other_devices)
{
    static const char *const names[] = { "animate", "scope" };
    udm_error error = { 0 };
    udm_device *device = open_device(devices->names[_i], 2, &error);
    test_case("%s", devices->names[_i]);
    if (!device)
        test_skip("%s", error.message);
    udm_device_close(device);
    for (int i = 0; i < COUNT_OF(names); i++) {
        char path[64];
        snprintf(path, sizeof path, MODEL "/%s", names[i]);
        udm_model *model = golden_model(path);
        check_film(model, devices->names[_i], names[i], "film", &usual);
        udm_model_free(model);
    }
}
END_TEST

// All memory is limited, to the least that is said to be enough: weights lie in a file then, with the same bits.
START_TEST(a_limit_to_all_memory)
{
    static const char *const names[] = { "animate", "scope" };
    udm_error error = { 0 };
    udm_info info;
    char path[64];
    udm_settings settings = make_settings("cpu", 2);
    float free_planes[FRAME], planes[FRAME];
    udm_generation generation;
    test_case("%s", names[_i]);
    snprintf(path, sizeof path, MODEL "/%s", names[_i]);
    udm_model *model = golden_model(path);
    assert_ok(udm_model_info(model, &info, sizeof info, &error), &error);
    ck_assert_uint_gt(info.memory, info.least_memory);
    ck_assert_double_gt(info.work, 0);
    udm_generation_init(&generation, sizeof generation);
    udm_generator *generator = open_with(model, &settings, &generation);
    make_frame(generator, 3, free_planes);
    udm_generator_free(generator);
    settings.total_memory = info.least_memory; // of frames of another size: these are smaller
    generator = open_with(model, &settings, &generation);
    make_frame(generator, 3, planes);
    ck_assert_mem_eq(planes, free_planes, sizeof planes);
    udm_generator_free(generator);
    told longer = { "a BREAK b BREAK c BREAK d BREAK e BREAK f BREAK g", NEGATIVE, 7.5 };
    generation.context = &longer;
    generator = open_with(model, &settings, &generation);
    ck_assert(!try_frame(generator, 0, planes, &error));
    ck_assert_int_eq(error.code, UDM_ERROR_SETTINGS);
    ck_assert_ptr_nonnull(strstr(error.message, "7 chunks"));
    udm_generator_free(generator);
    settings.total_memory = 1 << 20;
    ck_assert_ptr_null(udm_generator_open(model, &settings, &generation, &error));
    ck_assert_int_eq(error.code, UDM_ERROR_SETTINGS);
    ck_assert_ptr_nonnull(strstr(error.message, "needs at least"));
    udm_model_free(model);
}
END_TEST

// By EulerDiscreteScheduler, which begins with noise of another deviation than 1: the same parts with another
// scheduler.
START_TEST(euler)
{
    static const char *const parts[] = { "unet", "motion_adapter", "vae", "text_encoder", "tokenizer" };
    udm_error error = { 0 };
    folder made = folder_new();
    for (int i = 0; i < COUNT_OF(parts); i++) {
        char path[128], real[PATH_MAX];
        snprintf(path, sizeof path, MODEL "/animate/%s", parts[i]);
        ck_assert_ptr_nonnull(realpath(golden_path(path), real));
        ck_assert_int_eq(symlink(real, folder_path(&made, parts[i])), 0);
    }
    folder_make(&made, "scheduler");
    folder_write_text(&made, "scheduler/scheduler_config.json",
                      "{\"_class_name\": \"EulerDiscreteScheduler\", \"beta_schedule\": \"linear\", \"beta_start\": "
                      "0.00085, \"beta_end\": 0.012, \"steps_offset\": 1}");
    folder_write_text(&made, "model_index.json",
                      "{\"_class_name\": \"AnimateDiffPipeline\", \"unet\": [\"d\", \"UNet2DConditionModel\"], "
                      "\"motion_adapter\": [\"d\", \"MotionAdapter\"], \"vae\": [\"d\", \"AutoencoderKL\"], "
                      "\"text_encoder\": [\"t\", \"CLIPTextModel\"], \"tokenizer\": [\"t\", \"CLIPTokenizer\"], "
                      "\"scheduler\": [\"d\", \"EulerDiscreteScheduler\"]}");
    udm_model *model = udm_model_open(folder_path(&made, ""), &error);
    ck_assert_msg(model, "%s", error.message);
    check_film(model, "cpu", "animate", "euler", &usual);
    udm_model_free(model);
    folder_free(&made);
}
END_TEST

// A film of many windows: a frame is the same whatever was asked for before, and memory does not grow.
START_TEST(long_films)
{
    enum { FRAMES = 100 };
    udm_model *model = golden_model(MODEL "/scope");
    udm_generation generation;
    udm_generation_init(&generation, sizeof generation);
    generation.window = 8;
    udm_generator *generator = open_film(model, 2, &generation), *other = open_film(model, 2, &generation);
    float(*frames)[FRAME] = malloc(FRAMES * sizeof *frames), planes[FRAME];
    size_t memory = 0;
    for (int f = 0; f < FRAMES; f++) {
        udm_stats stats;
        make_frame(generator, f, frames[f]);
        udm_generator_stats(generator, &stats, sizeof stats);
        if (f == 0)
            memory = stats.memory;
        ck_assert_uint_eq(stats.memory, memory);
        ck_assert_uint_eq(stats.scenes, 1);
        if (f > 0)
            ck_assert_mem_ne(frames[f], frames[f - 1], sizeof planes);
    }
    static const int asked[] = { 99, 3, 50, 7, 8, 9, 6 };
    for (int i = 0; i < COUNT_OF(asked); i++) {
        make_frame(other, asked[i], planes);
        test_at("frame %d", asked[i]);
        ck_assert_mem_eq(planes, frames[asked[i]], sizeof planes);
    }
    udm_generator_free(generator);
    udm_generator_free(other);
    free(frames);
    udm_model_free(model);
}
END_TEST

// What follows a window depends on it, and what was in it is not changed by what follows.
START_TEST(windows_go_on)
{
    udm_model *model = golden_model(MODEL "/scope");
    udm_generation generation;
    float first[8][FRAME], plain[FRAME];
    udm_generation_init(&generation, sizeof generation);
    generation.window = 8;
    udm_generator *generator = open_film(model, 2, &generation);
    for (int f = 0; f < 8; f++)
        make_frame(generator, f, first[f]);
    make_frame(generator, 8, plain); // of the next window, whose first two frames are these last ones
    for (int f = 6; f < 8; f++) {
        float again[FRAME];
        make_frame(generator, f, again); // asked for again, they come from the first window, which is drawn anew
        ck_assert_mem_eq(again, first[f], sizeof again);
    }
    udm_generator_free(generator);
    generation.scene = 8; // then frame 8 knows nothing
    generator = open_film(model, 2, &generation);
    float alone[FRAME];
    make_frame(generator, 8, alone);
    ck_assert_mem_ne(alone, plain, sizeof alone);
    udm_generator_free(generator);
    udm_model_free(model);
}
END_TEST

START_TEST(prompts)
{
    static told all[] = { { PROMPT, NEGATIVE, 7.5 },
                          { "a green ring", NEGATIVE, 7.5 },
                          { PROMPT, "", 7.5 },
                          { PROMPT, NEGATIVE, 1 },
                          { "0: " PROMPT "\n6: a green ring", NEGATIVE, 7.5 },
                          { "(a small red seven, and a blue star:1)", NEGATIVE, 7.5 } };
    udm_model *model = golden_model(MODEL "/animate");
    float frames[COUNT_OF(all)][FRAME];
    for (int i = 0; i < COUNT_OF(all); i++) {
        udm_generation generation;
        udm_generation_init(&generation, sizeof generation);
        generation.context = &all[i], generation.window = 4;
        udm_generator *generator = open_film(model, 2, &generation);
        make_frame(generator, 2, frames[i]);
        udm_generator_free(generator);
        test_at("%s", all[i].prompt);
        if (i > 0 && i < COUNT_OF(all) - 1)
            ck_assert_mem_ne(frames[i], frames[0], sizeof frames[i]);
        else
            ck_assert_mem_eq(frames[i], frames[0], sizeof frames[i]);
    }
    udm_model_free(model);
}
END_TEST

START_TEST(cancelled)
{
    udm_error error = { 0 };
    udm_model *model = golden_model(MODEL "/scope");
    udm_generation generation;
    float planes[FRAME], again[FRAME];
    udm_generation_init(&generation, sizeof generation);
    generation.window = 4;
    udm_generator *generator = open_film(model, 2, &generation);
    make_frame(generator, 1, planes);
    udm_generator_cancel(generator, true);
    ck_assert(!try_frame(generator, 7, again, &error));
    assert_error(&error, UDM_ERROR_CANCELLED, "cancelled");
    udm_generator_cancel(generator, false);
    make_frame(generator, 1, again);
    ck_assert_mem_eq(planes, again, sizeof again);
    udm_generator_free(generator);
    udm_model_free(model);
}
END_TEST

START_TEST(wrong_use)
{
    static const struct {
        int window, width;
        bool preview;
        const char *says;
    } wrong[] = { { 25, SIDE, false, "1 to 24" }, { 4, 6, false, "multiples of 4" }, { 4, SIDE, true, "no previews" } };
    udm_model *model = golden_model(MODEL "/animate");
    for (int i = 0; i < COUNT_OF(wrong); i++) {
        udm_error error = { 0 };
        udm_settings settings;
        udm_generation generation;
        udm_settings_init(&settings, sizeof settings);
        udm_generation_init(&generation, sizeof generation);
        settings.device = "cpu", settings.channels = 3, settings.width = settings.height = wrong[i].width;
        generation.window = wrong[i].window, generation.preview = wrong[i].preview;
        ck_assert_ptr_null(udm_generator_open(model, &settings, &generation, &error));
        ck_assert_msg(strstr(error.message, wrong[i].says), "%s", error.message);
    }
    udm_model_free(model);
}
END_TEST

// A part that is unknown, or that is missing, is named.
START_TEST(parts)
{
    static const struct {
        const char *index, *says;
    } wrong[] = { { "{\"_class_name\": \"AnimateDiffPipeline\", \"unet\": [\"diffusers\", \"UNet2DConditionModel\"]}",
                    "\"vae\"" },
                  { "{\"_class_name\": \"TextToVideoSDPipeline\", \"unet\": [\"d\", \"U\"], \"vae\": [\"d\", \"A\"], "
                    "\"text_encoder\": [\"t\", \"C\"], \"tokenizer\": [\"t\", \"C\"], \"scheduler\": [\"d\", \"D\"], "
                    "\"controlnet\": [\"d\", \"SparseControlNetModel\"]}",
                    "controlnet" } };
    folder made = folder_new();
    for (int i = 0; i < COUNT_OF(wrong); i++) {
        udm_error error = { 0 };
        folder_write_text(&made, "model_index.json", wrong[i].index);
        ck_assert_ptr_null(udm_model_open(folder_path(&made, ""), &error));
        assert_error(&error, UDM_ERROR_UNSUPPORTED, wrong[i].says);
    }
    folder_free(&made);
}
END_TEST

START_TEST(facts)
{
    udm_error error = { 0 };
    udm_info info;
    udm_model *model = golden_model(MODEL "/animate");
    assert_ok(udm_model_info(model, &info, sizeof info, &error), &error);
    ck_assert_str_eq(info.network, "UNetMotionModel");
    ck_assert_int_eq(info.frames, 24);
    ck_assert_int_eq(info.width, 16);
    ck_assert_int_eq(info.channels, 3);
    ck_assert_int_gt(info.embedding, 0);
    udm_model_free(model);
}
END_TEST

int main(void)
{
    devices = find_exact_devices();
    const test_entry tests[] = {
        { .test = parity, .cases = COUNT_OF(films) },
        { .test = other_devices, .cases = devices->count },
        { .test = a_limit_to_all_memory, .cases = 2 },
        { .test = euler },
        { .test = long_films },
        { .test = windows_go_on },
        { .test = prompts },
        { .test = cancelled },
        { .test = wrong_use },
        { .test = parts },
        { .test = facts },
    };
    return test_main("film", tests, COUNT_OF(tests));
}
