// SPDX-License-Identifier: LGPL-2.1-or-later
// Pipelines of latent diffusion against diffusers, on random weights (tests/models/make_latents.py): pictures of texts,
// long ones among them, within limits to memory, and what is refused.
#include <stdio.h>

#include "api/pipelines/latent.h"
#include "devices.h"
#include "folder.h"
#include "golden.h"
#include "testing.h"
#include "udm/udm.h"

#define MODEL "tiny-latents/"

static device_list *devices;

static npy read_golden(const char *name, const char *what)
{
    char path[160];
    snprintf(path, sizeof path, MODEL "%s%s.npy", name, what);
    test_at("%s%s", name, what);
    return golden_read(path);
}

#define PROMPT "a small red seven, and a blue star"
#define NEGATIVE "a green ring"
#define LONG "a small red seven BREAK a blue star over sand"

enum { SEED = 7, PLANES = 3 * 64 * 96 };

typedef struct pipeline {
    const char *name;
    int steps;
    double guidance, strength;
    const char *image; // [3 or 4, H, W]
} pipeline;

static const pipeline pipelines[] = {
    { "sd1", 5, 7.5, 0, NULL },     { "sd2", 4, 5, 0, NULL },   { "turbo", 1, 0, 0, NULL },
    { "solver", 5, 3, 0, NULL },    { "lcm", 3, 8.5, 0, NULL }, { "changed", 5, 4, 0.65, "picture" },
    { "filled", 4, 4, 0, "holed" },
};

static udm_painter *open_painter(const udm_model *model, const char *device, const pipeline *of, int width, int height,
                                 udm_error *error)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.device = device, settings.threads = 2, settings.steps = of->steps, settings.seed = SEED;
    settings.width = width, settings.height = height;
    return udm_painter_open(model, &settings, error);
}

static bool paint_text(udm_painter *painter, const pipeline *of, const char *text, const char *negative,
                       const float *noise, float *planes, udm_error *error)
{
    udm_prompting prompting;
    udm_painting painting;
    const size_t pixels = (size_t)udm_painter_width(painter) * udm_painter_height(painter);
    float *embedding = malloc(udm_painter_size(painter) * sizeof *embedding), *mask = NULL;
    npy image = of->image ? read_golden(of->image, "") : (npy){ 0 };
    udm_prompting_init(&prompting, sizeof prompting);
    prompting.text = text, prompting.negative = negative;
    udm_painting_init(&painting, sizeof painting);
    painting.embedding = embedding, painting.guidance = of->guidance, painting.latents = noise;
    painting.image = image.data, painting.strength = of->strength;
    if (image.elements == 4 * pixels) {
        painting.mask = mask = malloc(pixels * sizeof *mask);
        for (size_t i = 0; i < pixels; i++)
            mask[i] = image.data[3 * pixels + i] < 0;
    }
    const bool good =
        udm_painter_read(painter, &prompting, embedding, error) && udm_painter_paint(painter, &painting, planes, error);
    free(mask);
    free(image.data);
    free(embedding);
    return good;
}

static bool paint(udm_painter *painter, const pipeline *of, const float *noise, float *planes, udm_error *error)
{
    return paint_text(painter, of, PROMPT, NEGATIVE, noise, planes, error);
}

static void check_pipeline(const pipeline *of, const char *device)
{
    char path[64];
    udm_error error = { 0 };
    snprintf(path, sizeof path, MODEL "%s", of->name);
    udm_model *model = golden_model(path);
    npy noise = read_golden(of->name, "-noise"), made = read_golden(of->name, "-made");
    udm_painter *painter = open_painter(model, device, of, (int)made.shape[3], (int)made.shape[2], &error);
    ck_assert_msg(painter, "%s: %s", of->name, error.message);
    int shape[3];
    udm_painter_latents(painter, shape);
    ck_assert_uint_eq(noise.elements, (size_t)shape[0] * shape[1] * shape[2]);
    float *planes = malloc(PLANES * sizeof *planes);
    assert_ok(paint(painter, of, noise.data, planes, &error), &error);
    test_at("%s", of->name);
    assert_within(planes, made.data, made.elements, 1e-3); // 0.13 of a level of 255
    free(planes);
    free(noise.data), free(made.data);
    udm_painter_free(painter);
    udm_model_free(model);
}

START_TEST(whole_pipelines)
{
    test_case("%s", devices->names[_i]);
    udm_error error = { 0 };
    udm_device *device = open_device(devices->names[_i], 2, &error);
    if (!device) {
        test_skip("%s", error.message);
        return;
    }
    udm_device_close(device);
    for (int i = 0; i < COUNT_OF(pipelines); i++)
        check_pipeline(&pipelines[i], devices->names[_i]);
}
END_TEST

// Two chunks are what diffusers makes of both, side by side; more are said by what they repeat, and too many refused.
START_TEST(long_prompts)
{
    enum { PIXELS = 3 * 16 * 24 };
    static const char words[] = "a blue star over sand ";
    udm_error error = { 0 };
    udm_model *model = golden_model(MODEL "sd1");
    npy noise = read_golden("sd1", "-noise"), made = read_golden("long", "-made");
    udm_painter *painter = open_painter(model, "cpu", &pipelines[0], 24, 16, &error);
    ck_assert_msg(painter, "%s", error.message);
    float planes[2][PIXELS];
    const char *const same[][2] = { { "red", "green" },
                                    { "red BREAK red", "green" },
                                    { "red", "green BREAK green BREAK green" },
                                    { "red BREAK red BREAK red", "green BREAK green" } };
    assert_ok(paint_text(painter, &pipelines[0], LONG, NEGATIVE, noise.data, planes[0], &error), &error);
    assert_within(planes[0], made.data, PIXELS, 1e-3);
    for (int i = 0; i < COUNT_OF(same); i++) {
        test_at("%s", same[i][0]);
        assert_ok(paint_text(painter, &pipelines[0], same[i][0], same[i][1], noise.data, planes[i > 0], &error),
                  &error);
        assert_within(planes[i > 0], planes[0], PIXELS, 1e-3);
    }
    char text[110 * sizeof words] = "";
    for (int i = 0; i < 17; i++) // 85 tokens and more: the last words count
        strcat(text, words);
    assert_ok(paint_text(painter, &pipelines[0], text, NEGATIVE, noise.data, planes[0], &error), &error);
    strcat(text, "seven");
    assert_ok(paint_text(painter, &pipelines[0], text, NEGATIVE, noise.data, planes[1], &error), &error);
    ck_assert(memcmp(planes[0], planes[1], sizeof planes[0]) != 0);
    for (int i = 0; i < 90; i++)
        strcat(text, words);
    ck_assert(!paint_text(painter, &pipelines[0], text, NEGATIVE, noise.data, planes[0], &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "chunks of 75 tokens");
    free(noise.data), free(made.data);
    udm_painter_free(painter);
    udm_model_free(model);
}
END_TEST

// A picture that is asked for again, and one without a limit of memory, are the same bits.
START_TEST(same_bits)
{
    udm_error error = { 0 };
    udm_model *model = golden_model(MODEL "sd1");
    float *planes[3];
    for (int i = 0; i < 3; i++)
        planes[i] = malloc(PLANES * sizeof *planes[i]);
    udm_painter *painter = open_painter(model, "cpu", &pipelines[0], 16, 24, &error);
    for (int i = 0; i < 2; i++)
        assert_ok(paint(painter, &pipelines[0], NULL, planes[i], &error), &error);
    udm_painter_free(painter);
    udm_settings settings; // so little that every part goes when its turn is over, and the picture is in tiles
    udm_settings_init(&settings, sizeof settings);
    settings.device = "cpu", settings.threads = 1, settings.steps = 5, settings.seed = SEED;
    settings.width = 16, settings.height = 24, settings.memory_limit = 1;
    painter = udm_painter_open(model, &settings, &error);
    assert_ok(paint(painter, &pipelines[0], NULL, planes[2], &error), &error);
    udm_painter_free(painter);
    for (int i = 1; i < 3; i++)
        assert_within(planes[i], planes[0], 3 * 16 * 24, 0);
    for (int i = 0; i < 3; i++)
        free(planes[i]);
    udm_model_free(model);
}
END_TEST

// With the least memory, weights lie in a file and parts take turns: the same bits. With less, the error says how much.
START_TEST(limits_to_all_memory)
{
    udm_error error = { 0 };
    udm_info info;
    udm_model *model = golden_model(MODEL "sd1");
    float *planes[3];
    assert_ok(udm_model_info(model, &info, sizeof info, &error), &error);
    ck_assert_uint_gt(info.least_memory, 0);
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.device = "cpu", settings.threads = 2, settings.steps = 5, settings.seed = SEED;
    settings.width = info.width, settings.height = info.height; // that the least is said for
    const size_t totals[] = { 0, info.least_memory, (size_t)4 << 30 };
    for (int i = 0; i < COUNT_OF(totals); i++) {
        settings.total_memory = totals[i];
        planes[i] = malloc(PLANES * sizeof *planes[i]);
        udm_painter *painter = udm_painter_open(model, &settings, &error);
        ck_assert_msg(painter, "%s", error.message);
        assert_ok(paint(painter, &pipelines[0], NULL, planes[i], &error), &error);
        assert_within(planes[i], planes[0], 3 * (size_t)info.width * info.height, 0);
        assert_ok(paint(painter, &pipelines[0], NULL, planes[i], &error), &error); // once more
        assert_within(planes[i], planes[0], 3 * (size_t)info.width * info.height, 0);
        udm_painter_free(painter);
    }
    settings.total_memory = info.least_memory - 1;
    ck_assert_ptr_null(udm_painter_open(model, &settings, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "needs at least");
    settings.device = "reference", settings.total_memory = (size_t)4 << 30;
    ck_assert_ptr_null(udm_painter_open(model, &settings, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "for the processor");
    for (int i = 0; i < COUNT_OF(totals); i++)
        free(planes[i]);
    udm_model_free(model);
}
END_TEST

// The least and the usual memory of all parts, the encoder among them, and a picture that is changed within the least.
START_TEST(pictures_within_limits)
{
    udm_error error = { 0 };
    udm_info info;
    udm_latent_needs needs;
    const pipeline *of = &pipelines[5];
    udm_model *model = golden_model(MODEL "changed");
    float *planes[2];
    assert_ok(udm_model_info(model, &info, sizeof info, &error), &error);
    ck_assert_uint_ge(info.memory, info.least_memory);
    assert_ok(udm_latent_plan(model, 24 / 2, 16 / 2, &info, &needs, &error), &error);
    const udm_need *encoder = &needs.of[UDM_LATENT_ENCODER], *decoder = &needs.of[UDM_LATENT_DECODER];
    ck_assert_uint_gt(encoder->weights, 0);
    ck_assert_uint_ne(encoder->weights, decoder->weights);
    ck_assert_uint_ge(needs.least, needs.rest + encoder->least_values);
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.device = "cpu", settings.threads = 2, settings.steps = of->steps, settings.seed = SEED;
    settings.width = 24, settings.height = 16;
    const size_t totals[] = { 0, needs.least };
    for (int i = 0; i < COUNT_OF(totals); i++) {
        settings.total_memory = totals[i];
        planes[i] = malloc(PLANES * sizeof *planes[i]);
        udm_painter *painter = udm_painter_open(model, &settings, &error);
        ck_assert_msg(painter, "%s", error.message);
        assert_ok(paint(painter, of, NULL, planes[i], &error), &error);
        udm_painter_free(painter);
        assert_within(planes[i], planes[0], 3 * 24 * 16, 0);
    }
    for (int i = 0; i < COUNT_OF(totals); i++)
        free(planes[i]);
    udm_model_free(model);
}
END_TEST

// Of a number beyond 32 bits nothing is lost: a little above 4 GiB is no little limit, with which pictures are in
// tiles.
START_TEST(large_limits)
{
    udm_error error = { 0 };
    udm_info info;
    udm_latent_needs needs;
    udm_model *model = golden_model(MODEL "sd1");
    float *planes[2];
    assert_ok(udm_latent_plan(model, 64 / 2, 96 / 2, &info, &needs, &error), &error);
    const udm_need *unet = &needs.of[UDM_LATENT_UNET], *decoder = &needs.of[UDM_LATENT_DECODER];
    const size_t parts = needs.rest + unet->weights + unet->values + decoder->weights + decoder->least_values;
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.device = "cpu", settings.threads = 2, settings.steps = 1, settings.width = 64, settings.height = 96;
    for (int i = 0; i < 2; i++) {
        settings.total_memory = i ? ((size_t)4 << 30) + parts : 0;
        planes[i] = malloc(PLANES * sizeof *planes[i]);
        udm_painter *painter = udm_painter_open(model, &settings, &error);
        ck_assert_msg(painter, "%s", error.message);
        assert_ok(paint(painter, &pipelines[0], NULL, planes[i], &error), &error);
        assert_within(planes[i], planes[0], PLANES, 0);
        udm_painter_free(painter);
    }
    free(planes[0]), free(planes[1]);
    udm_model_free(model);
}
END_TEST

// What a painter refuses, and what it says.
START_TEST(wrong_paintings)
{
    static const pipeline few = { "sd1", 1, 2, 0.5, "picture" }, holes = { "sd1", 2, 2, 0, "holed" };
    static const pipeline blind = { "filled", 2, 2, 0, NULL };
    const struct {
        const pipeline *of;
        udm_error_code code;
        const char *says;
    } wrong[] = {
        { &few, UDM_ERROR_SETTINGS, "a strength of 0.5 of 1 steps" },
        { &holes, UDM_ERROR_UNSUPPORTED, "9 channels" },
        { &blind, UDM_ERROR_SETTINGS, "this model fills holes" },
    };
    float planes[3 * 16 * 24];
    udm_error error = { 0 };
    for (int i = 0; i < COUNT_OF(wrong); i++) {
        char path[64];
        snprintf(path, sizeof path, MODEL "%s", wrong[i].of->name);
        udm_model *model = golden_model(path);
        udm_painter *painter = open_painter(model, "cpu", wrong[i].of, 24, 16, &error);
        ck_assert_msg(painter, "%s", error.message);
        ck_assert(!paint(painter, wrong[i].of, NULL, planes, &error));
        assert_error(&error, wrong[i].code, wrong[i].says);
        udm_painter_free(painter);
        udm_model_free(model);
    }
    udm_model *model = golden_model(MODEL "sd1");
    ck_assert_ptr_null(open_painter(model, "cpu", &pipelines[0], 17, 16, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "multiples of 2 with this model, the nearest are 18x16");
    udm_painter *painter = open_painter(model, "cpu", &pipelines[0], 0, 0, &error);
    ck_assert_int_eq(udm_painter_width(painter), 16);
    ck_assert(!udm_painter_looks(painter));
    udm_painter_cancel(painter, true);
    ck_assert(!paint(painter, &pipelines[0], NULL, planes, &error));
    ck_assert_int_eq(error.code, UDM_ERROR_CANCELLED);
    udm_painter_free(painter);
    udm_model_free(model);
}
END_TEST

// A directory whose parts are those of a pipeline, with another index.
static udm_model *open_changed(const folder *made, const char *index, udm_error *error)
{
    static const char *const parts[] = { "unet", "vae", "tokenizer", "text_encoder", "scheduler" };
    for (int i = 0; i < COUNT_OF(parts); i++) {
        char real[512], name[64];
        snprintf(name, sizeof name, MODEL "sd1/%s", parts[i]);
        ck_assert_ptr_nonnull(realpath(golden_path(name), real));
        remove(folder_path(made, parts[i]));
        ck_assert_int_eq(symlink(real, folder_path(made, parts[i])), 0);
    }
    folder_write_text(made, "model_index.json", index);
    return udm_model_open(made->path, error);
}

// What a directory takes is found without computing anything, and every tensor is looked at.
START_TEST(facts)
{
    udm_error error = { 0 };
    udm_info info;
    udm_model *model = golden_model(MODEL "sd1");
    assert_ok(udm_model_info(model, &info, sizeof info, &error), &error);
    ck_assert_str_eq(info.network, "UNet2DConditionModel");
    ck_assert_int_eq(info.width, 16);
    ck_assert_int_eq(info.stride, 4);
    ck_assert_int_eq(info.embedding, 2 * 6 * 77 * 12); // room for six chunks
    ck_assert_double_gt(info.work, 1e6);
    ck_assert_uint_gt(info.memory, (uint64_t)info.weights * 2);
    ck_assert_uint_lt(info.memory, 64 << 20);
    udm_model_free(model);
    const folder made = folder_new(); // a U-Net for holes in the place of another one: conv_in has another shape
    static const char index[] = "{\"_class_name\": \"StableDiffusionPipeline\", \"unet\": [\"\", \"\"], \"vae\": "
                                "[\"\", \"\"], \"text_encoder\": [\"\", \"CLIPTextModel\"], \"tokenizer\": [\"\", "
                                "\"\"], \"scheduler\": [\"\", \"PNDMScheduler\"]}";
    model = open_changed(&made, index, &error);
    ck_assert_msg(model, "%s", error.message);
    udm_model_free(model);
    char unet[512], config[640];
    ck_assert_ptr_nonnull(realpath(golden_path(MODEL "filled/unet"), unet));
    remove(folder_path(&made, "unet"));
    folder_make(&made, "unet");
    snprintf(config, sizeof config, "%s/diffusion_pytorch_model.safetensors", unet);
    ck_assert_int_eq(symlink(config, folder_path(&made, "unet/diffusion_pytorch_model.safetensors")), 0);
    ck_assert_ptr_nonnull(realpath(golden_path(MODEL "sd1/unet/config.json"), config));
    ck_assert_int_eq(symlink(config, folder_path(&made, "unet/config.json")), 0);
    model = udm_model_open(made.path, &error);
    ck_assert_msg(model, "%s", error.message);
    ck_assert(!udm_model_info(model, &info, sizeof info, &error));
    assert_error(&error, UDM_ERROR_CORRUPT, "\"conv_in.weight\"");
    udm_model_free(model);
    folder_free(&made);
}
END_TEST

START_TEST(wrong_indices)
{
#define USUAL "\"unet\": [\"\", \"\"], \"tokenizer\": [\"\", \"\"], \"scheduler\": [\"diffusers\", \"PNDMScheduler\"]"
    static const char start[] = "{\"_class_name\": \"StableDiffusionPipeline\", " USUAL;
    static const struct {
        const char *rest, *says;
    } wrong[] = {
        { ", \"text_encoder\": [\"\", \"CLIPTextModel\"]}", "must have the part \"vae\"" },
        { ", \"vae\": [\"\", \"\"]}", "must have the part \"text_encoder\"" },
        { ", \"text_encoder\": [\"\", \"CLIPTextModel\"], \"vaee\": [\"diffusers\", \"AutoencoderKL\"]}", "\"vaee\"" },
        { ", \"vae\": [\"\", \"\"], \"text_encoder\": [\"\", \"\"], \"_class_name\": \"\"}", "" },
    };
    udm_error error = { 0 };
    const folder made = folder_new();
    for (int i = 0; i < COUNT_OF(wrong); i++) {
        char index[512];
        snprintf(index, sizeof index, "%s%s", start, wrong[i].rest);
        ck_assert_ptr_null(open_changed(&made, index, &error));
        test_at("%s", wrong[i].rest);
        assert_error(&error, *wrong[i].says ? UDM_ERROR_UNSUPPORTED : UDM_ERROR_CORRUPT, wrong[i].says);
    }
    ck_assert_ptr_null(open_changed(
        &made, "{\"_class_name\": \"StableDiffusionUpscalePipeline\", \"vae\": [\"\", \"\"], " USUAL "}", &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "StableDiffusionUpscalePipeline");
    folder_free(&made);
}
END_TEST

int main(void)
{
    devices = find_exact_devices();
    const test_entry tests[] = {
        { .test = whole_pipelines, .cases = devices->count },
        { .test = long_prompts },
        { .test = same_bits },
        { .test = limits_to_all_memory },
        { .test = pictures_within_limits },
        { .test = large_limits },
        { .test = wrong_paintings },
        { .test = wrong_indices },
        { .test = facts },
    };
    return test_main("latent_pictures", tests, COUNT_OF(tests));
}
