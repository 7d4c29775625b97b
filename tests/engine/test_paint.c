// SPDX-License-Identifier: LGPL-2.1-or-later
// udm/paint.h: the whole chain from text to pictures against models/train/chain.py, on random weights
// (tests/models/make_text.py), and how it is used.
#include <stdio.h>

#include "diffusion/prompt.h"
#include "golden.h"
#include "testing.h"
#include "udm/udm.h"

#define MODEL "tiny-text"
#define GOLDEN MODEL "/golden/"
#define PROMPT "a small red seven, and a blue star"
#define NEGATIVE "a green ring"

enum { SIZE = 24, SIDE = 16, PIXELS = SIDE * SIDE, LENGTH = 16, TOLD = SIZE + SIZE + LENGTH * SIZE };

static udm_painter *open_painter(const udm_model *model, int steps)
{
    udm_error error = { 0 };
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.device = "cpu", settings.threads = 2, settings.steps = steps;
    udm_painter *painter = udm_painter_open(model, &settings, &error);
    ck_assert_msg(painter, "%s", error.message);
    ck_assert_int_eq(udm_painter_width(painter), SIDE);
    ck_assert_int_eq(udm_painter_height(painter), SIDE);
    ck_assert_int_eq(udm_painter_size(painter), TOLD);
    return painter;
}

// The decoder's way from given noise, to a step of 8 bits.
START_TEST(picture)
{
    udm_error error = { 0 };
    udm_model *model = golden_model(MODEL);
    udm_painter *painter = open_painter(model, 4);
    npy embedding = golden_read(GOLDEN "chain-embedding.npy"), told = golden_read(GOLDEN "chain-told.npy");
    npy want = golden_read(GOLDEN "chain-picture.npy"), noise = golden_read(GOLDEN "chain-noise.npy");
    float both[TOLD];
    memcpy(both, embedding.data, SIZE * sizeof *both);
    memcpy(both + SIZE, told.data, (TOLD - SIZE) * sizeof *both);
    udm_painting painting;
    float planes[3 * PIXELS];
    udm_painting_init(&painting, sizeof painting);
    painting.embedding = both, painting.latents = noise.data;
    assert_ok(udm_painter_paint(painter, &painting, planes, &error), &error);
    assert_within(planes, want.data, 3 * PIXELS, 1 / 255.);
    free(embedding.data), free(told.data), free(noise.data), free(want.data);
    udm_painter_free(painter);
    udm_model_free(model);
}
END_TEST

// Of a picture that it is shown, the decoder is told the embedding and the empty text.
START_TEST(picture_alone)
{
    udm_error error = { 0 };
    udm_model *model = golden_model(MODEL);
    udm_painter *painter = open_painter(model, 4);
    float nothing[TOLD - SIZE], seen[TOLD];
    uint8_t pixels[3 * PIXELS] = { 0 };
    udm_device *device = udm_device_open("cpu", 1, &error);
    udm_reader *reader = udm_reader_new(udm_model_text(model), device, &error);
    const udm_embedding_shape shape = {
        .picture = SIZE, .text = SIZE, .tokens = LENGTH, .token_width = SIZE, .chunk = LENGTH
    };
    assert_ok(udm_reader_tell(reader, "", &shape, nothing, NULL, &error), &error);
    const udm_image black = { .width = SIDE,
                              .height = SIDE,
                              .channels = 3,
                              .bits = 8,
                              .data = { pixels, pixels + PIXELS, pixels + 2 * PIXELS },
                              .stride = { SIDE, SIDE, SIDE },
                              .step = { 1, 1, 1 } };
    assert_ok(udm_painter_look(painter, &black, seen, &error), &error);
    assert_within(seen + SIZE, nothing, TOLD - SIZE, 1e-6);
    udm_reader_free(reader);
    udm_device_close(device);
    udm_painter_free(painter);
    udm_model_free(model);
}
END_TEST

// Without the prior, the decoder is told the text and no picture.
START_TEST(text_alone)
{
    udm_error error = { 0 };
    udm_model *model = golden_model(MODEL);
    udm_painter *painter = open_painter(model, 4);
    udm_prompting prompting;
    float embedding[TOLD], nothing[SIZE] = { 0 };
    npy told = golden_read(GOLDEN "chain-told.npy");
    udm_prompting_init(&prompting, sizeof prompting);
    prompting.text = PROMPT, prompting.steps = 0;
    assert_ok(udm_painter_read(painter, &prompting, embedding, &error), &error);
    assert_within(embedding, nothing, SIZE, 0);
    assert_within(embedding + SIZE, told.data, TOLD - SIZE, 1e-3);
    prompting.steps = 1; // is another prompt
    assert_ok(udm_painter_read(painter, &prompting, embedding, &error), &error);
    ck_assert_mem_ne(embedding, nothing, sizeof nothing);
    free(told.data);
    udm_painter_free(painter);
    udm_model_free(model);
}
END_TEST

static void paint(udm_painter *painter, const char *text, uint64_t number, float *planes)
{
    udm_error error = { 0 };
    udm_prompting prompting;
    udm_painting painting;
    float embedding[TOLD];
    udm_prompting_init(&prompting, sizeof prompting);
    udm_painting_init(&painting, sizeof painting);
    prompting.text = text;
    assert_ok(udm_painter_read(painter, &prompting, embedding, &error), &error);
    painting.embedding = embedding, painting.number = number;
    assert_ok(udm_painter_paint(painter, &painting, planes, &error), &error);
}

// What is drawn depends on the prompt and the number, and on nothing that was drawn before.
START_TEST(pictures_have_names)
{
    udm_model *model = golden_model(MODEL);
    udm_painter *painter = open_painter(model, 2);
    float first[3 * PIXELS], again[3 * PIXELS];
    paint(painter, PROMPT, 0, first);
    paint(painter, PROMPT, 1, again);
    ck_assert_mem_ne(first, again, sizeof first);
    paint(painter, NEGATIVE, 0, again);
    ck_assert_mem_ne(first, again, sizeof first);
    for (int i = 0; i < 20; i++) { // more than are kept
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        paint(painter, text, 0, again);
    }
    paint(painter, PROMPT, 0, again);
    ck_assert_mem_eq(first, again, sizeof first);
    udm_painter_free(painter);
    udm_model_free(model);
}
END_TEST

// The same bits for any number of threads, and with AVX2 and AVX-512.
START_TEST(same_bits)
{
    static const struct {
        const char *device;
        int threads;
    } places[] = { { "cpu:avx2", 1 }, { "cpu:avx2", 3 }, { "cpu:avx512", 1 }, { "cpu:avx512", 2 } };
    udm_model *model = golden_model(MODEL);
    float first[3 * PIXELS], planes[3 * PIXELS];
    int drawn = 0;
    for (int i = 0; i < COUNT_OF(places); i++) {
        udm_error error = { 0 };
        udm_settings settings;
        udm_settings_init(&settings, sizeof settings);
        settings.device = places[i].device, settings.threads = places[i].threads, settings.steps = 3;
        udm_painter *painter = udm_painter_open(model, &settings, &error);
        if (!painter && error.code == UDM_ERROR_NOT_FOUND)
            continue; // this machine lacks it
        ck_assert_msg(painter, "%s", error.message);
        test_at("%s on %d threads", places[i].device, places[i].threads);
        paint(painter, PROMPT, 0, drawn == 0 ? first : planes);
        if (drawn++ > 0)
            ck_assert_mem_eq(planes, first, sizeof first);
        udm_painter_free(painter);
    }
    udm_model_free(model);
    if (drawn == 0)
        test_skip("this machine has neither");
}
END_TEST

START_TEST(other_sizes)
{
    udm_error error = { 0 };
    udm_model *model = golden_model(MODEL);
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.device = "cpu", settings.steps = 2, settings.width = 27, settings.height = 18;
    ck_assert_ptr_null(udm_painter_open(model, &settings, &error)); // of latents of 2x2 pixels
    assert_error(&error, UDM_ERROR_SETTINGS, "multiples of 2");
    settings.width = 30;
    udm_painter *painter = udm_painter_open(model, &settings, &error);
    ck_assert_msg(painter, "%s", error.message);
    float planes[3 * 30 * 18];
    paint(painter, PROMPT, 0, planes);
    for (int i = 0; i < 3 * 30 * 18; i++)
        ck_assert(isfinite(planes[i]));
    udm_painter_free(painter);
    udm_model_free(model);
}
END_TEST

START_TEST(cancelled)
{
    udm_error error = { 0 };
    udm_model *model = golden_model(MODEL);
    udm_painter *painter = open_painter(model, 2);
    udm_prompting prompting;
    float embedding[TOLD];
    udm_prompting_init(&prompting, sizeof prompting);
    prompting.text = PROMPT;
    udm_painter_cancel(painter, true);
    ck_assert(!udm_painter_read(painter, &prompting, embedding, &error));
    assert_error(&error, UDM_ERROR_CANCELLED, "cancelled");
    udm_painter_cancel(painter, false);
    assert_ok(udm_painter_read(painter, &prompting, embedding, &error), &error);
    udm_painter_free(painter);
    udm_model_free(model);
}
END_TEST

START_TEST(wrong_use)
{
    udm_error error = { 0 };
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    udm_model *other = golden_model("unet2d-ddpm"), *model = golden_model(MODEL);
    ck_assert_ptr_null(udm_painter_open(other, &settings, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "knows no text");
    float planes[3 * PIXELS];
    const udm_sampling sampling = { .count = 1, .guidance = 1 };
    settings.width = settings.height = SIDE;
    ck_assert(!udm_model_sample(model, &settings, &sampling, planes, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "draws what a text says");
    udm_painter *painter = open_painter(model, 2);
    udm_prompting prompting;
    float embedding[TOLD];
    udm_prompting_init(&prompting, sizeof prompting);
    ck_assert(!udm_painter_read(painter, &prompting, embedding, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "text of the prompt");
    prompting.text = "\xc3";
    ck_assert(!udm_painter_read(painter, &prompting, embedding, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "UTF-8");
    prompting.text = PROMPT, prompting.guidance = -2;
    ck_assert(!udm_painter_read(painter, &prompting, embedding, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "guidance scale");
    prompting.guidance = 2, prompting.steps = -1;
    ck_assert(!udm_painter_read(painter, &prompting, embedding, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "steps");
    udm_painter_free(painter);
    udm_model_free(other);
    udm_model_free(model);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = picture },   { .test = picture_alone }, { .test = text_alone }, { .test = pictures_have_names },
        { .test = same_bits }, { .test = other_sizes },   { .test = cancelled },  { .test = wrong_use },
    };
    return test_main("paint", tests, COUNT_OF(tests));
}
