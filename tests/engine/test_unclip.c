// SPDX-License-Identifier: LGPL-2.1-or-later
// Karlo (the public DALL-E 2) against diffusers, on random weights (tests/models/make_unclip.py): from a prompt, and
// from a picture, by prior, decoder and both networks of super-resolution, with the same noise.
#include <stdio.h>
#include <unistd.h>

#include "devices.h"
#include "folder.h"
#include "golden.h"
#include "tensor/bicubic.h"
#include "udm/udm.h"

#define MODEL "tiny-unclip/"
#define PROMPT "a small red seven, and a blue star"

enum { SIDE = 32, SEEN = 8, PIXELS = SIDE * SIDE };
static const double level = 2.0 / 255;

static device_list *devices;

typedef struct drawn {
    float planes[3 * PIXELS];
} drawn;

static udm_settings make_settings(const char *device)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.device = device, settings.threads = 2, settings.steps = 5;
    return settings;
}

static udm_painter *open_painter(const udm_model *model, const udm_settings *settings)
{
    udm_error error = { 0 };
    udm_painter *painter = udm_painter_open(model, settings, &error);
    ck_assert_msg(painter, "%s", error.message);
    return painter;
}

static bool read_prompt(udm_painter *painter, const char *text, float *embedding, udm_error *error)
{
    udm_prompting prompting;
    udm_prompting_init(&prompting, sizeof prompting);
    prompting.text = text, prompting.steps = 4, prompting.guidance = 3;
    return udm_painter_read(painter, &prompting, embedding, error);
}

// The embedding of the golden picture.
static void look(udm_painter *painter, float *embedding)
{
    enum { STEP = 3 * sizeof(uint16_t) };
    udm_error error = { 0 };
    npy picture = golden_read(MODEL "image.npy");
    uint16_t pixels[3 * SEEN * SEEN];
    uint8_t *bytes = (uint8_t *)pixels;
    const udm_image image = { .width = SEEN,
                              .height = SEEN,
                              .channels = 3,
                              .bits = 16,
                              .data = { bytes, bytes + 2, bytes + 4 },
                              .stride = { STEP * SEEN, STEP * SEEN, STEP * SEEN },
                              .step = { STEP, STEP, STEP } };
    udm_image_from_planes(&image, picture.data);
    assert_ok(udm_painter_look(painter, &image, embedding, &error), &error);
    free(picture.data);
}

static bool paint(udm_painter *painter, const float *embedding, drawn *out, udm_error *error)
{
    udm_painting painting;
    udm_painting_init(&painting, sizeof painting);
    painting.embedding = embedding, painting.guidance = 2.5, painting.super_res_steps = 3;
    return udm_painter_paint(painter, &painting, out->planes, error);
}

static const char *const kinds[] = { "prompt", "variations" };

static void draw(const char *kind, const udm_settings *settings, drawn *out)
{
    char path[64];
    udm_error error = { 0 };
    snprintf(path, sizeof path, MODEL "%s", kind);
    udm_model *model = golden_model(path);
    udm_painter *painter = open_painter(model, settings);
    ck_assert_int_eq(udm_painter_width(painter), SIDE);
    float *embedding = malloc(udm_painter_size(painter) * sizeof *embedding);
    if (strcmp(kind, "prompt") == 0)
        assert_ok(read_prompt(painter, PROMPT, embedding, &error), &error);
    else
        look(painter, embedding);
    assert_ok(paint(painter, embedding, out, &error), &error);
    free(embedding);
    udm_painter_free(painter);
    udm_model_free(model);
}

START_TEST(pictures_are_those_of_diffusers)
{
    udm_error error = { 0 };
    const udm_settings settings = make_settings(devices->names[_i]);
    udm_device *device = open_device(devices->names[_i], 2, &error);
    test_case("%s", devices->names[_i]);
    if (!device) {
        test_skip("%s", error.message);
        return;
    }
    udm_device_close(device);
    for (int i = 0; i < COUNT_OF(kinds); i++) {
        char path[64];
        drawn out;
        snprintf(path, sizeof path, MODEL "%s-made.npy", kinds[i]);
        test_at("%s", kinds[i]);
        draw(kinds[i], &settings, &out);
        npy want = golden_read(path);
        ck_assert_uint_eq(want.elements, 3 * PIXELS);
        assert_within(out.planes, want.data, want.elements, 0.6 * level); // alphas near 0 are float32 there
        free(want.data);
    }
}
END_TEST

// With less memory than the networks take, each goes when its turn is over: the same bits.
START_TEST(parts_that_go)
{
    udm_settings settings = make_settings("cpu");
    drawn all, frugal;
    draw("prompt", &settings, &all);
    settings.memory_limit = 1;
    draw("prompt", &settings, &frugal);
    assert_within(frugal.planes, all.planes, 3 * PIXELS, 0);
}
END_TEST

// All memory is limited, to the least that is said to be enough: weights lie in a file then, with the same bits.
START_TEST(a_limit_to_all_memory)
{
    udm_error error = { 0 };
    udm_settings settings = make_settings("cpu");
    udm_info info;
    udm_model *model = golden_model(MODEL "prompt");
    drawn all, limited;
    assert_ok(udm_model_info(model, &info, sizeof info, &error), &error);
    ck_assert_uint_gt(info.least_memory, 0);
    ck_assert_uint_gt(info.memory, info.least_memory);
    draw("prompt", &settings, &all);
    settings.total_memory = info.least_memory;
    draw("prompt", &settings, &limited);
    assert_within(limited.planes, all.planes, 3 * PIXELS, 0);
    settings.total_memory = info.least_memory - 1;
    ck_assert_ptr_null(udm_painter_open(model, &settings, &error));
    ck_assert_int_eq(error.code, UDM_ERROR_SETTINGS);
    ck_assert_ptr_nonnull(strstr(error.message, "needs at least"));
    settings.total_memory = info.least_memory, settings.device = "reference";
    ck_assert_ptr_null(udm_painter_open(model, &settings, &error));
    ck_assert_int_eq(error.code, UDM_ERROR_UNSUPPORTED);
    udm_model_free(model);
}
END_TEST

// What the prior says of a text in one step, without guidance.
static float *read_at_once(udm_painter *painter, const char *text)
{
    udm_error error = { 0 };
    udm_prompting prompting;
    udm_prompting_init(&prompting, sizeof prompting);
    prompting.text = text, prompting.steps = 1, prompting.guidance = 1;
    float *embedding = malloc(udm_painter_size(painter) * sizeof *embedding);
    assert_ok(udm_painter_read(painter, &prompting, embedding, &error), &error);
    return embedding;
}

// Of more tokens than the tower takes: the prior's answers to the chunks are averaged, and so are their embeddings;
// the decoder sees the tokens of all, one chunk after the other.
START_TEST(texts_of_several_chunks)
{
    enum { SIZE = 16, TOKENS = 6 * 77 };
    udm_error error = { 0 };
    const udm_settings settings = make_settings("cpu");
    udm_model *model = golden_model(MODEL "prompt");
    udm_painter *painter = open_painter(model, &settings);
    float *first = read_at_once(painter, PROMPT), *second = read_at_once(painter, "a green ring");
    float *both = read_at_once(painter, PROMPT " BREAK a green ring");
    const int size = udm_painter_size(painter), seen = (int)first[size - 1];
    drawn one, two;
    ck_assert_int_eq(size, 2 * SIZE + TOKENS * SIZE + 1);
    ck_assert_float_eq(both[size - 1], first[size - 1] + second[size - 1]);
    for (int i = 0; i < 2 * SIZE; i++)
        ck_assert_float_eq_tol(both[i], (first[i] + second[i]) / 2, 1e-5f);
    for (int c = 0; c < SIZE; c++) {
        const int row = 2 * SIZE + c * TOKENS;
        assert_within(both + row, first + row, seen, 0);
        assert_within(both + row + seen, second + row, (int)second[size - 1], 0);
    }
    assert_ok(paint(painter, first, &one, &error), &error);
    assert_ok(paint(painter, both, &two, &error), &error);
    double off = 0;
    for (int k = 0; k < 3 * PIXELS; k++)
        off += fabs(two.planes[k] - one.planes[k]);
    ck_assert_double_gt(off / (3 * PIXELS), level);
    ck_assert(!read_prompt(painter, "a BREAK b BREAK c BREAK d BREAK e BREAK f BREAK g", both, &error));
    ck_assert_int_eq(error.code, UDM_ERROR_SETTINGS);
    ck_assert_ptr_nonnull(strstr(error.message, "7 chunks"));
    free(first), free(second), free(both);
    udm_painter_free(painter);
    udm_model_free(model);
}
END_TEST

// A text that is longer than the empty one, a shorter one, and what lies between their embeddings.
START_TEST(texts_of_different_lengths)
{
    udm_error error = { 0 };
    const udm_settings settings = make_settings("cpu");
    udm_model *model = golden_model(MODEL "prompt");
    udm_painter *painter = open_painter(model, &settings);
    const int size = udm_painter_size(painter);
    float *memory = malloc(3 * (size_t)size * sizeof *memory);
    float *const of[3] = { memory, memory + size, memory + 2 * size };
    drawn out[4];
    assert_ok(read_prompt(painter, PROMPT, of[0], &error), &error);
    assert_ok(read_prompt(painter, "star", of[1], &error), &error);
    ck_assert_float_gt(of[0][size - 1], of[1][size - 1]); // how many tokens count
    for (int i = 0; i < size; i++)
        of[2][i] = (of[0][i] + of[1][i]) / 2;
    for (int i = 0; i < 4; i++)
        assert_ok(paint(painter, of[i % 3], &out[i], &error), &error);
    assert_within(out[3].planes, out[0].planes, 3 * PIXELS, 0); // as before, after others
    for (int i = 1; i < 3; i++) {
        double off = 0;
        for (int k = 0; k < 3 * PIXELS; k++)
            off += fabs(out[i].planes[k] - out[0].planes[k]);
        ck_assert_double_gt(off / (3 * PIXELS), level);
    }
    free(memory);
    udm_painter_free(painter);
    udm_model_free(model);
}
END_TEST

START_TEST(other_sizes)
{
    udm_error error = { 0 };
    udm_settings settings = make_settings("cpu");
    udm_model *model = golden_model(MODEL "prompt");
    settings.width = 48, settings.height = 20;
    udm_painter *painter = open_painter(model, &settings);
    int shape[3];
    udm_painter_latents(painter, shape);
    ck_assert_int_eq(shape[1], 5);
    ck_assert_int_eq(shape[2], 12);
    float *embedding = malloc(udm_painter_size(painter) * sizeof *embedding);
    drawn out;
    assert_ok(read_prompt(painter, PROMPT, embedding, &error), &error);
    assert_ok(paint(painter, embedding, &out, &error), &error);
    for (int i = 0; i < 3 * 48 * 20; i++)
        ck_assert(out.planes[i] >= -1 && out.planes[i] <= 1);
    free(embedding);
    udm_painter_free(painter);
    settings.width = 50;
    ck_assert_ptr_null(udm_painter_open(model, &settings, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "multiples of 4");
    udm_model_free(model);
}
END_TEST

START_TEST(what_is_refused)
{
    udm_error error = { 0 };
    const udm_settings settings = make_settings("cpu");
    udm_model *model = golden_model(MODEL "variations");
    udm_painter *painter = open_painter(model, &settings);
    float *embedding = calloc(udm_painter_size(painter), sizeof *embedding);
    udm_painting painting;
    drawn out;
    ck_assert(!read_prompt(painter, PROMPT, embedding, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "no prior");
    udm_painting_init(&painting, sizeof painting);
    painting.embedding = embedding;
    static const int steps[] = { -1, UDM_MAX_STEPS + 1 };
    for (int i = 0; i < 2; i++) {
        painting.super_res_steps = steps[i];
        ck_assert(!udm_painter_paint(painter, &painting, out.planes, &error));
        assert_error(&error, UDM_ERROR_SETTINGS, "super-resolution");
    }
    udm_painter_cancel(painter, true);
    painting.super_res_steps = 1;
    ck_assert(!udm_painter_paint(painter, &painting, out.planes, &error));
    assert_error(&error, UDM_ERROR_CANCELLED, "");
    free(embedding);
    udm_painter_free(painter);
    udm_model_free(model);
}
END_TEST

// ---- directories that are changed: links to the parts, but for one config

static void link_parts(const folder *made, const char *but)
{
    static const char *const names[] = {
        "decoder",       "decoder_scheduler", "text_proj",       "tokenizer",      "text_encoder",
        "prior",         "prior_scheduler",   "super_res_first", "super_res_last", "super_res_scheduler",
        "image_encoder", "feature_extractor"
    };
    char from[4096];
    for (int i = 0; i < COUNT_OF(names); i++) {
        snprintf(from, sizeof from, "%s%s", golden_path(MODEL "parts/"), names[i]);
        char *real = realpath(from, NULL);
        ck_assert_ptr_nonnull(real);
        if (strcmp(names[i], but) != 0)
            ck_assert_int_eq(symlink(real, folder_path(made, names[i])), 0);
        free(real);
    }
}

static const struct {
    const char *part, *config, *word;
} bent[] = {
    { "text_proj", "{\"clip_embeddings_dim\": 16, \"time_embed_dim\": 64, \"cross_attention_dim\": 24}", "24, but 12" },
    { "text_proj", "{\"clip_embeddings_dim\": 16, \"time_embed_dim\": 64, \"cross_attention_dim\": 12, \"more\": 1}",
      "\"more\"" },
    { "text_proj", "{\"clip_embeddings_dim\": 24, \"time_embed_dim\": 64, \"cross_attention_dim\": 12}", "[24]" },
    { "super_res_first", "{\"_class_name\": \"UNet2DModel\", \"sample_size\": 36}", "three planes beside three" },
    { "super_res_first",
      "{\"_class_name\": \"UNet2DModel\", \"in_channels\": 6, \"out_channels\": 3, "
      "\"sample_size\": 36}",
      "the same multiple" },
    { "super_res_last",
      "{\"_class_name\": \"UNet2DModel\", \"in_channels\": 6, \"out_channels\": 3, "
      "\"sample_size\": 64}",
      "the same multiple" },
};

START_TEST(parts_that_do_not_fit)
{
    udm_error error = { 0 };
    char path[4200], name[64];
    const udm_settings settings = make_settings("cpu");
    folder made = folder_new();
    test_case("%s %s", bent[_i].part, bent[_i].word);
    link_parts(&made, bent[_i].part);
    folder_make(&made, bent[_i].part);
    snprintf(name, sizeof name, "%s/config.json", bent[_i].part);
    folder_write_text(&made, name, bent[_i].config);
    snprintf(path, sizeof path, "%s%s/diffusion_pytorch_model.safetensors", golden_path(MODEL "parts/"), bent[_i].part);
    char *real = realpath(path, NULL);
    ck_assert_ptr_nonnull(real);
    snprintf(name, sizeof name, "%s/diffusion_pytorch_model.safetensors", bent[_i].part);
    ck_assert_int_eq(symlink(real, folder_path(&made, name)), 0);
    free(real);
    real = realpath(golden_path(MODEL "prompt/model_index.json"), NULL);
    ck_assert_int_eq(symlink(real, folder_path(&made, "model_index.json")), 0);
    free(real);
    udm_model *model = udm_model_open(made.path, &error);
    ck_assert_msg(model, "%s", error.message);
    ck_assert_ptr_null(udm_painter_open(model, &settings, &error));
    assert_contains(error.message, bent[_i].word);
    udm_model_free(model);
    folder_free(&made);
}
END_TEST

static const struct {
    const char *index, *word;
} indexes[] = {
    { "{\"decoder\": [\"d\", \"D\"], \"text_proj\": [\"u\", \"U\"]}", "\"tokenizer\"" },
    { "{\"decoder\": [\"d\", \"D\"], \"text_proj\": [\"u\", \"U\"], \"tokenizer\": [\"t\", \"T\"], \"text_encoder\": "
      "[\"t\", \"CLIPTextModelWithProjection\"], \"decoder_scheduler\": [\"d\", \"UnCLIPScheduler\"], "
      "\"super_res_first\": [\"d\", \"U\"], \"super_res_last\": [\"d\", \"U\"], \"super_res_scheduler\": [\"d\", "
      "\"UnCLIPScheduler\"]}",
      "\"prior\"" },
};

START_TEST(indexes_that_lack_parts)
{
    udm_error error = { 0 };
    folder made = folder_new();
    test_case("%s", indexes[_i].word);
    link_parts(&made, "");
    folder_write_text(&made, "model_index.json", indexes[_i].index);
    ck_assert_ptr_null(udm_model_open(made.path, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, indexes[_i].word);
    folder_free(&made);
}
END_TEST

// PyTorch's interpolate(x, size, mode="bicubic", antialias=True), which swings beyond 1.
START_TEST(enlarged)
{
    static const float in[3] = { 1, -1, 0.5f }, square[4] = { 1, -1, -1, -1 };
    static const float want[6] = { 1.1765f, 0.5876f, -0.6603f, -0.8053f, 0.1715f, 0.6324f };
    static const float first[4] = { 1.3685f, 0.7256f, -0.5492f, -1.1920f };
    float out[16];
    ck_assert(udm_bicubic_resize(in, 1, 3, 1, 6, 1, out));
    assert_within(out, want, 6, 1e-4);
    ck_assert(udm_bicubic_resize(square, 1, 2, 2, 4, 4, out));
    assert_within(out, first, 4, 1e-4);
    for (int y = 0; y < 4; y++)
        ck_assert_float_eq_tol(out[4 * y], first[y], 1e-4f);
    ck_assert(udm_bicubic_resize(square, 1, 2, 2, 2, 2, out));
    assert_within(out, square, 4, 1e-6);
}
END_TEST

int main(void)
{
    devices = find_exact_devices();
    const test_entry tests[] = {
        { .test = pictures_are_those_of_diffusers, .cases = devices->count },
        { .test = parts_that_go },
        { .test = a_limit_to_all_memory },
        { .test = texts_of_several_chunks },
        { .test = texts_of_different_lengths },
        { .test = other_sizes },
        { .test = what_is_refused },
        { .test = parts_that_do_not_fit, .cases = COUNT_OF(bent) },
        { .test = indexes_that_lack_parts, .cases = COUNT_OF(indexes) },
        { .test = enlarged },
    };
    return test_main("unclip", tests, COUNT_OF(tests));
}
