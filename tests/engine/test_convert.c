// SPDX-License-Identifier: LGPL-2.1-or-later
// Single files of Stable Diffusion to directories: their pictures against those that diffusers makes of the same
// weights (tests/models/make_original.py), what is guessed, what is refused, and that nothing is lost or left.
#include "udm/convert.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "folder.h"
#include "golden.h"
#include "udm/udm.h"

enum { WIDTH = 24, HEIGHT = 16, PIXELS = WIDTH * HEIGHT };
static const double level = 2.0 / 255;

typedef struct lines {
    char text[4096];
} lines;

static void keep_line(void *context, const char *line)
{
    lines *all = context;
    const size_t used = strlen(all->text);
    snprintf(all->text + used, sizeof all->text - used, "%s\n", line);
}

static udm_converting make_converting(lines *said, bool with)
{
    static char folder[4096];
    udm_converting converting;
    udm_converting_init(&converting, sizeof converting);
    snprintf(folder, sizeof folder, "%s", golden_path("tiny-original"));
    converting.with = with ? folder : NULL;
    converting.said = said ? keep_line : NULL, converting.context = said;
    if (said)
        *said = (lines){ 0 };
    return converting;
}

// ---- pictures

static const struct pipeline {
    const char *name, *file, *made, *guessed;
    int steps;
    double guidance;
} pipelines[] = {
    { "sd1", "tiny-original/sd1.safetensors", "tiny-original/sd1-made.npy", "1.x", 5, 7.5 },
    { "sd2", "tiny-original/sd2.safetensors", "tiny-original/sd2-made.npy", "v_prediction (guessed", 4, 5 },
};

static void draw(const udm_model *model, const struct pipeline *of, const float *noise, float *out)
{
    udm_error error = { 0 };
    udm_settings settings;
    udm_prompting prompting;
    udm_painting painting;
    udm_settings_init(&settings, sizeof settings);
    udm_prompting_init(&prompting, sizeof prompting);
    udm_painting_init(&painting, sizeof painting);
    settings.device = "cpu", settings.steps = of->steps, settings.width = WIDTH, settings.height = HEIGHT;
    prompting.text = "a small red seven, and a blue star", prompting.negative = "a green ring";
    udm_painter *painter = udm_painter_open(model, &settings, &error);
    ck_assert_msg(painter, "%s", error.message);
    float *embedding = malloc(udm_painter_size(painter) * sizeof *embedding);
    assert_ok(udm_painter_read(painter, &prompting, embedding, &error), &error);
    painting.embedding = embedding, painting.latents = noise, painting.guidance = of->guidance;
    assert_ok(udm_painter_paint(painter, &painting, out, &error), &error);
    free(embedding);
    udm_painter_free(painter);
}

START_TEST(pictures_are_those_of_diffusers)
{
    const struct pipeline *of = &pipelines[_i];
    static float out[3 * PIXELS];
    udm_error error = { 0 };
    lines said;
    const udm_converting converting = make_converting(&said, true);
    folder made = folder_new();
    char to[512];
    snprintf(to, sizeof to, "%s/%s/", made.path, of->name); // a slash at the end changes nothing
    test_case("%s", of->name);
    assert_ok(udm_convert(golden_path(of->file), to, &converting, &error), &error);
    assert_contains(said.text, of->guessed);
    udm_model *model = udm_model_open(to, &error);
    ck_assert_msg(model, "%s", error.message);
    npy noise = golden_read("tiny-original/noise.npy"), want = golden_read(of->made);
    draw(model, of, noise.data, out);
    ck_assert_uint_eq(want.elements, COUNT_OF(out));
    assert_within(out, want.data, want.elements, 0.01 * level);
    free(noise.data), free(want.data);
    udm_model_free(model);
    folder_free(&made);
}
END_TEST

// ---- files that are written for a test: the tensors of the first one, and changes to them

typedef struct change {
    const char *drop; // tensors whose names begin so
    const char *add;  // a tensor [1], or NULL
    const char *dtype;
} change;

static size_t size_of(const char *dtype)
{
    return strcmp(dtype, "F32") == 0 ? 4 : strcmp(dtype, "F16") == 0 ? 2 : 8;
}

static const char *dtype_of(const udm_weight *weight)
{
    return weight->dtype == UDM_F32 ? "F32" : weight->dtype == UDM_F16 ? "F16" : "I64";
}

static void put(FILE *header, const char *name, const char *dtype, const char *shape, size_t *at, size_t bytes)
{
    fprintf(header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}", *at ? "," : "", name,
            dtype, shape, *at, *at + bytes);
    *at += bytes;
}

static bool stays(const udm_weight *weight, const change *by)
{
    return !by->drop || strncmp(weight->name, by->drop, strlen(by->drop)) != 0;
}

static void put_all(FILE *header, const udm_weights *from, const change *by)
{
    size_t at = 0;
    fputc('{', header);
    for (size_t i = 0; i < udm_weights_count(from); i++) {
        const udm_weight *weight = udm_weights_at(from, i);
        char shape[128] = "";
        for (int k = 0; k < weight->dims; k++)
            snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%s%lld", k ? "," : "",
                     (long long)weight->shape[k]);
        if (stays(weight, by))
            put(header, weight->name, dtype_of(weight), shape, &at, weight->bytes);
    }
    if (by->add)
        put(header, by->add, by->dtype, "1", &at, size_of(by->dtype));
    fputc('}', header);
}

static const char *write_changed(const folder *made, const char *name, const change *by)
{
    static const char zeros[8];
    char *text;
    size_t length;
    udm_weights *from = udm_weights_open(golden_path("tiny-original/sd1.safetensors"), NULL);
    FILE *header = open_memstream(&text, &length);
    put_all(header, from, by);
    fclose(header);
    const char *path = folder_path(made, name);
    FILE *file = fopen(path, "wb");
    const uint64_t said = length;
    fwrite(&said, sizeof said, 1, file);
    fwrite(text, length, 1, file);
    for (size_t i = 0; i < udm_weights_count(from); i++)
        if (stays(udm_weights_at(from, i), by))
            fwrite(udm_weights_at(from, i)->data, udm_weights_at(from, i)->bytes, 1, file);
    if (by->add)
        fwrite(zeros, size_of(by->dtype), 1, file);
    fclose(file);
    free(text);
    udm_weights_free(from);
    return path;
}

static int entries(const char *path)
{
    int count = 0;
    DIR *folder = opendir(path);
    ck_assert_ptr_nonnull(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 2;
}

static const struct {
    change by;
    udm_error_code code;
    const char *word;
} refused[] = {
    { { "model.diffusion_model.", NULL, NULL }, UDM_ERROR_UNSUPPORTED, "input_blocks.0.0.weight" },
    { { "model.diffusion_model.out.2.weight", NULL, NULL }, UDM_ERROR_UNSUPPORTED, "lacks layers" },
    { { "model.diffusion_model.out.2.bias", NULL, NULL }, UDM_ERROR_CORRUPT, "conv_out.bias" },
    { { NULL, "model.diffusion_model.more.weight", "F16" },
      UDM_ERROR_UNSUPPORTED,
      "model.diffusion_model.more.weight" },
    { { NULL, "model.diffusion_model.input_blocks.1.2.x", "F16" }, UDM_ERROR_UNSUPPORTED, "input_blocks.1.2.x" },
    { { NULL, "model.diffusion_model.input_blocks.01.0.op.bias", "F16" }, UDM_ERROR_UNSUPPORTED, "input_blocks.01" },
    { { NULL, "first_stage_model.encoder.down.0.attn.0.q.bias", "F16" }, UDM_ERROR_UNSUPPORTED, "attn.0.q.bias" },
    { { NULL, "cond_stage_model.other", "F16" }, UDM_ERROR_UNSUPPORTED, "cond_stage_model.other" },
    { { NULL, "first_stage_model.quant_conv.more", "I64" }, UDM_ERROR_UNSUPPORTED, "must be F32" },
    { { "first_stage_model.", NULL, NULL }, UDM_ERROR_NOT_FOUND, "vae/config.json" },
    { { "cond_stage_model.", NULL, NULL }, UDM_ERROR_NOT_FOUND, "text_encoder/config.json" },
    { { "first_stage_model.decoder.conv_in.weight", NULL, NULL }, UDM_ERROR_UNSUPPORTED, "lacks layers" },
    { { NULL, "conditioner.embedders.0", "F16" }, UDM_ERROR_UNSUPPORTED, "Stable Diffusion XL" },
    { { NULL, "lora_unet_x", "F16" }, UDM_ERROR_UNSUPPORTED, "--lora" },
    { { NULL, "down_blocks.0.x", "F16" }, UDM_ERROR_UNSUPPORTED, "names of diffusers already" },
};

START_TEST(what_is_refused)
{
    udm_error error = { 0 };
    folder made = folder_new();
    const char *path = write_changed(&made, "x.safetensors", &refused[_i].by);
    const udm_converting converting = make_converting(NULL, true);
    test_case("%s", refused[_i].word);
    ck_assert(!udm_convert(path, folder_path(&made, "out"), &converting, &error));
    assert_error(&error, refused[_i].code, refused[_i].word);
    ck_assert_int_eq(entries(made.path), 1); // nothing is left
    folder_free(&made);
}
END_TEST

// ---- what it lacks

START_TEST(parts_of_another_directory)
{
    udm_error error = { 0 };
    lines said;
    udm_converting converting = make_converting(&said, true);
    folder made = folder_new();
    char whole[512], bare[512];
    snprintf(whole, sizeof whole, "%s", folder_path(&made, "whole"));
    assert_ok(udm_convert(golden_path("tiny-original/sd1.safetensors"), whole, &converting, &error), &error);
    const change by = { .drop = "first_stage_model." };
    snprintf(bare, sizeof bare, "%s", write_changed(&made, "bare.safetensors", &by));
    converting.with = NULL;
    ck_assert(!udm_convert(bare, folder_path(&made, "out"), &converting, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "--with");
    converting.with = whole;
    assert_ok(udm_convert(bare, folder_path(&made, "out"), &converting, &error), &error);
    assert_contains(said.text, "autoencoder: of ");
    static float out[3 * PIXELS];
    npy noise = golden_read("tiny-original/noise.npy"), want = golden_read("tiny-original/sd1-made.npy");
    udm_model *model = udm_model_open(folder_path(&made, "out"), &error);
    ck_assert_msg(model, "%s", error.message);
    draw(model, &pipelines[0], noise.data, out);
    assert_within(out, want.data, want.elements, 0.01 * level);
    free(noise.data), free(want.data);
    udm_model_free(model);
    folder_free(&made);
}
END_TEST

START_TEST(without_a_tokenizer)
{
    udm_error error = { 0 };
    lines said;
    udm_converting converting = make_converting(&said, false);
    folder made = folder_new();
    const char *file = golden_path("tiny-original/sd1.safetensors"), *out = folder_path(&made, "out");
    assert_ok(udm_convert(file, out, &converting, &error), &error);
    assert_contains(said.text, "vocab.json and merges.txt");
    ck_assert_int_eq(entries(out), 5); // index, scheduler and three parts
    converting.with = made.path;
    ck_assert(!udm_convert(file, folder_path(&made, "two"), &converting, &error));
    assert_error(&error, UDM_ERROR_NOT_FOUND, "vocab.json");
    char other[4096];
    const char *shipped = getenv("UDM_SHIPPED_MODELS");
    snprintf(other, sizeof other, "%s/world", shipped ? shipped : "models");
    converting.with = other;
    ck_assert(!udm_convert(file, folder_path(&made, "two"), &converting, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "different models");
    folder_free(&made);
}
END_TEST

// ---- settings, and what is there already

START_TEST(nothing_is_overwritten)
{
    udm_error error = { 0 };
    const udm_converting converting = make_converting(NULL, true);
    folder made = folder_new();
    const char *file = golden_path("tiny-original/sd1.safetensors");
    folder_make(&made, "empty");
    folder_write_text(&made, "file", "mine");
    ck_assert_int_eq(symlink("nowhere", folder_path(&made, "link")), 0);
    static const char *const names[] = { "empty", "file", "link" };
    for (int i = 0; i < COUNT_OF(names); i++) {
        ck_assert(!udm_convert(file, folder_path(&made, names[i]), &converting, &error));
        assert_error(&error, UDM_ERROR_SETTINGS, "not overwritten");
    }
    ck_assert(!udm_convert(file, folder_path(&made, "no/out"), &converting, &error));
    assert_error(&error, UDM_ERROR_UNREADABLE, "No such file");
    ck_assert_int_eq(entries(made.path), 3);
    folder_free(&made);
}
END_TEST

static bool give_up(void *context, uint64_t done, uint64_t bytes)
{
    ck_assert_uint_le(done, bytes);
    return ++*(int *)context < 3;
}

START_TEST(cancelling_leaves_nothing)
{
    udm_error error = { 0 };
    udm_converting converting = make_converting(NULL, true);
    folder made = folder_new();
    int calls = 0;
    converting.progress = give_up, converting.context = &calls;
    ck_assert(
        !udm_convert(golden_path("tiny-original/sd1.safetensors"), folder_path(&made, "out"), &converting, &error));
    assert_error(&error, UDM_ERROR_CANCELLED, "cancelled");
    ck_assert_int_eq(calls, 3);
    ck_assert_int_eq(entries(made.path), 0);
    folder_free(&made);
}
END_TEST

START_TEST(the_prediction_that_is_said)
{
    udm_error error = { 0 };
    lines said;
    udm_converting converting = make_converting(&said, true);
    folder made = folder_new();
    const char *file = golden_path("tiny-original/sd2.safetensors");
    converting.prediction = "epsilon";
    assert_ok(udm_convert(file, folder_path(&made, "out"), &converting, &error), &error);
    assert_contains(said.text, "prediction: epsilon\n");
    json_t *config = json_load_file(folder_path(&made, "out/scheduler/scheduler_config.json"), 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(config, "prediction_type")), "epsilon");
    json_decref(config);
    converting.prediction = "v";
    ck_assert(!udm_convert(file, folder_path(&made, "two"), &converting, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "epsilon or v_prediction");
    // A file may say it.
    const change by = { .add = "v_pred", .dtype = "F16" };
    converting.prediction = NULL;
    assert_ok(udm_convert(write_changed(&made, "v.safetensors", &by), folder_path(&made, "v"), &converting, &error),
              &error);
    assert_contains(said.text, "prediction: v_prediction\n");
    folder_free(&made);
}
END_TEST

START_TEST(pickles)
{
    static const char *const bytes[] = { "PK\3\4....", "\x80\2......" };
    udm_error error = { 0 };
    const udm_converting converting = make_converting(NULL, true);
    folder made = folder_new();
    for (int i = 0; i < COUNT_OF(bytes); i++) {
        const char *path = folder_write(&made, "x.safetensors", bytes[i], 8);
        ck_assert(!udm_convert(path, folder_path(&made, "out"), &converting, &error));
        assert_contains(error.message, path);
        assert_error(&error, UDM_ERROR_UNSUPPORTED, "weights_only=True");
    }
    const char *path = folder_write(&made, "$(touch x).ckpt", "PK\3\4....", 8);
    ck_assert(!udm_convert(path, folder_path(&made, "out"), &converting, &error));
    assert_contains(error.message, "torch.load('FILE'");
    ck_assert(!udm_convert(folder_path(&made, "absent"), folder_path(&made, "out"), &converting, &error));
    assert_error(&error, UDM_ERROR_NOT_FOUND, "absent");
    folder_free(&made);
}
END_TEST

START_TEST(arguments)
{
    udm_error error = { 0 };
    const udm_converting none = { 0 }, good = make_converting(NULL, false);
    ck_assert(!udm_convert(NULL, "out", &good, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "the file");
    ck_assert(!udm_convert("in", NULL, &good, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "the directory");
    ck_assert(!udm_convert("in", "", &good, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "empty");
    ck_assert(!udm_convert("in", "out", NULL, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "NULL");
    ck_assert(!udm_convert("in", "out", &none, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "udm_converting_init()");
    ck_assert(!udm_convert("in", "out", &good, NULL));
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = pictures_are_those_of_diffusers, .cases = COUNT_OF(pipelines) },
        { .test = what_is_refused, .cases = COUNT_OF(refused) },
        { .test = parts_of_another_directory },
        { .test = without_a_tokenizer },
        { .test = nothing_is_overwritten },
        { .test = cancelling_leaves_nothing },
        { .test = the_prediction_that_is_said },
        { .test = pickles },
        { .test = arguments },
    };
    return test_main("convert", tests, COUNT_OF(tests));
}
