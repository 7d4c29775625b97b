// SPDX-License-Identifier: LGPL-2.1-or-later
// Prompts with weights: what the syntax means, and what a text tower makes of a long one, against transformers and
// numpy (tests/models/make_text.py). tokens.py has random ones.
#include <stdio.h>

#include "golden.h"
#include "network/clip.h"
#include "runner/pass.h"
#include "testing.h"
#include "text/emphasis.h"
#include "udm/udm.h"

#define MODEL "tiny-text"
#define GOLDEN MODEL "/golden/"
#define WEIGHTED                                                                                                       \
    "a (small [red]:1.4) seven, ((and) a blue) star BREAK the \\(number\\) four, (green and:0.5) large next to a ring"

enum { SIZE = 24, LENGTH = 16, LARGE = 1024 };

static udm_tokenizer *open_words(void)
{
    udm_error error = { 0 };
    udm_tokenizer *tokenizer = udm_tokenizer_open(golden_path(MODEL "/tokenizer"), &error);
    ck_assert_msg(tokenizer, "%s", error.message);
    return tokenizer;
}

// The words of a prompt with one token each are these letters; `says`: a letter and its weight for each, chunks are
// divided by "|".
static const struct {
    const char *prompt, *says;
} meanings[] = {
    { "", "" },
    { "a b", "a1 b1" },
    { "a (b) c", "a1 b1.1 c1" },
    { "a ((b) c)", "a1 b1.21 c1.1" },
    { "[a [b]] c", "a0.909091 b0.826446 c1" },
    { "(a [b])", "a1.1 b1" },
    { "(a:1.5) b", "a1.5 b1" },
    { "(a (b:2):0.5)", "a0.5 b1" },
    { "(a: -.5 )", "a-0.5" },
    { "(a:+2)", "a2" },
    { "a (b c", "a1 b1.1 c1.1" },                      // open to the end
    { "a [(b", "a1 b1" },                              // both are
    { "a) b] c", "a1 )1 b1 ]1 c1" },                   // what closes nothing is text
    { "([a)b]", "a1 b0.909091" },                      // brackets of one kind are closed by that kind
    { "a\\(b", "a1 (1 b1" },                           // escaped
    { "(a\\)b)", "a1.1 )1.1 b1.1" },                   // ...
    { "\\a b\\", "a1 b1" },                            // a backslash before nothing of that kind is none
    { "[a:2] b", "a0.909091 :0.909091 20.909091 b1" }, // no weight: that is for round ones
    { "a:2)b", "a1 :1 21 )1 b1" },
    { "a BREAK b", "a1|b1" },
    { "(a BREAK b:2) c", "a2|b2 c1" },
    { "a BREAK", "a1" },
    { "BREAK a", "|a1" },
    { "a BREAK BREAK b", "a1||b1" },
    { "a b c d e f", "a1 b1 c1 d1 e1|f1" }, // five to a chunk
    { "a (b c d e f:2) BREAK a", "a1 b2 c2 d2 e2|f2|a1" },
};

// What was read, in that form.
static void describe(const udm_emphasis *read, char *says)
{
    static const char letters[] = "abcdef()[]:2";
    udm_tokenizer *tokenizer = open_words();
    *says = 0;
    for (int c = 0; c < read->chunks; c++) {
        const int *ids = read->ids + c * read->length;
        says += sprintf(says, c ? "|" : "");
        ck_assert_int_eq(ids[0], udm_tokenizer_begin(tokenizer));
        ck_assert_int_eq(ids[read->filled[c] - 1], udm_tokenizer_end(tokenizer));
        for (int t = 0; t < read->length; t++) {
            const float weight = read->weights[c * read->length + t];
            if (t == 0 || t >= read->filled[c] - 1)
                ck_assert_float_eq(weight, 1);
            if (t >= read->filled[c])
                ck_assert_int_eq(ids[t], udm_tokenizer_pad(tokenizer));
            for (int k = 0; t > 0 && t < read->filled[c] - 1 && letters[k]; k++) {
                int *id;
                size_t count;
                ck_assert(udm_tokenizer_encode_part(tokenizer, letters + k, 1, &id, &count, NULL) && count == 1);
                if (*id == ids[t])
                    says += sprintf(says, "%s%c%g", t > 1 ? " " : "", letters[k], weight);
                free(id);
            }
        }
    }
    udm_tokenizer_free(tokenizer);
}

START_TEST(meaning)
{
    udm_error error = { 0 };
    udm_emphasis read;
    char says[256];
    udm_tokenizer *tokenizer = open_words();
    test_at("%s", meanings[_i].prompt);
    assert_ok(udm_emphasis_read(&read, tokenizer, meanings[_i].prompt, 7, &error), &error);
    describe(&read, says);
    ck_assert_str_eq(says, meanings[_i].says);
    udm_emphasis_clear(&read);
    udm_tokenizer_free(tokenizer);
}
END_TEST

// A run of one weight is made tokens as one text: the letters of a word that brackets divide are words.
START_TEST(runs)
{
    udm_error error = { 0 };
    udm_emphasis one, same, divided;
    udm_tokenizer *tokenizer = open_words();
    assert_ok(udm_emphasis_read(&one, tokenizer, "red", LENGTH, &error), &error);
    assert_ok(udm_emphasis_read(&same, tokenizer, "(r:1)([e])d", LENGTH, &error), &error);
    assert_ok(udm_emphasis_read(&divided, tokenizer, "(r:2)ed", LENGTH, &error), &error);
    ck_assert_int_eq(one.filled[0], same.filled[0]);
    ck_assert_mem_eq(one.ids, same.ids, LENGTH * sizeof *one.ids);
    ck_assert_int_gt(divided.filled[0], one.filled[0]);
    udm_emphasis_clear(&one), udm_emphasis_clear(&same), udm_emphasis_clear(&divided);
    udm_tokenizer_free(tokenizer);
}
END_TEST

START_TEST(no_weights)
{
    static const struct {
        const char *prompt, *says;
    } wrong[] = { { "(a:1.2.3)", "1.2.3" },
                  { "(a:.)", "no number" },
                  { "(a:1000)", "1000" },
                  { "(a (b:50):50)", "2500" },
                  { "\xc3", "UTF-8" } };
    udm_tokenizer *tokenizer = open_words();
    for (int i = 0; i < COUNT_OF(wrong); i++) {
        udm_error error = { 0 };
        udm_emphasis read;
        test_at("%s", wrong[i].prompt);
        ck_assert(!udm_emphasis_read(&read, tokenizer, wrong[i].prompt, LENGTH, &error));
        assert_error(&error, UDM_ERROR_SETTINGS, wrong[i].says);
        udm_emphasis_clear(&read);
    }
    udm_tokenizer_free(tokenizer);
}
END_TEST

static void run_chunk(const udm_clip_text *text, const int *ids, float *tokens)
{
    udm_error error = { 0 };
    udm_pass pass;
    float in[SIZE * LENGTH];
    assert_ok(udm_clip_text_embed(text, ids, LENGTH, in, &error), &error);
    assert_ok(udm_pass_begin(&pass, text->device, &error), &error);
    assert_ok(udm_clip_text_build(text, pass.graph, LENGTH, 0, &error), &error);
    assert_ok(udm_pass_settle(&pass, &error), &error);
    udm_pass_put(&pass, 0, in);
    assert_ok(udm_pass_run(&pass, &tokens, 1, NULL, &error), &error);
    udm_pass_end(&pass);
}

// Through the text tower of Stable Diffusion's form.
START_TEST(tower)
{
    udm_error error = { 0 };
    udm_device *device = udm_device_open("cpu", 1, &error);
    udm_config *config = udm_config_open(golden_path(MODEL "/other/text_encoder/config.json"), &error);
    udm_weights *weights = udm_weights_open(golden_path(MODEL "/other/text_encoder/model.safetensors"), &error);
    ck_assert_msg(config && weights, "%s", error.message);
    udm_clip_text *text = udm_clip_text_open(config, weights, "CLIPTextModel", device, &error);
    ck_assert_msg(text, "%s", error.message);
    udm_tokenizer *tokenizer = open_words();
    npy ids = golden_read(GOLDEN "weighted-ids.npy"), want = golden_read(GOLDEN "weighted-tokens.npy");
    udm_emphasis read;
    assert_ok(udm_emphasis_read(&read, tokenizer, WEIGHTED, LENGTH, &error), &error);
    ck_assert_int_eq(read.chunks, (int)ids.shape[0]);
    for (size_t i = 0; i < ids.elements; i++)
        ck_assert_int_eq(read.ids[i], (int)ids.data[i]);
    for (int c = 0; c < read.chunks; c++) {
        float tokens[SIZE * LENGTH];
        run_chunk(text, read.ids + c * LENGTH, tokens);
        udm_emphasis_apply(read.weights + c * LENGTH, LENGTH, SIZE, tokens);
        test_at("chunk %d", c);
        assert_within(tokens, want.data + c * SIZE * LENGTH, SIZE * LENGTH, 3e-4);
    }
    udm_emphasis_clear(&read);
    free(ids.data), free(want.data);
    udm_tokenizer_free(tokenizer);
    udm_clip_text_free(text);
    udm_config_free(config), udm_weights_free(weights);
    udm_device_close(device);
}
END_TEST

static void read_prompt(udm_painter *painter, const char *text, float *embedding)
{
    udm_error error = { 0 };
    udm_prompting prompting;
    udm_prompting_init(&prompting, sizeof prompting);
    prompting.text = text, prompting.steps = 2;
    assert_ok(udm_painter_read(painter, &prompting, embedding, &error), &error);
}

// The prior sees the weighted tokens of the first chunk.
START_TEST(prior)
{
    udm_error error = { 0 };
    udm_settings settings;
    float plain[LARGE], other[LARGE];
    udm_settings_init(&settings, sizeof settings);
    settings.device = "cpu";
    udm_model *model = golden_model(MODEL);
    udm_painter *painter = udm_painter_open(model, &settings, &error);
    ck_assert_msg(painter, "%s", error.message);
    const size_t bytes = udm_painter_size(painter) * sizeof *plain;
    ck_assert_uint_le(bytes, sizeof plain);
    read_prompt(painter, "a red seven", plain);
    read_prompt(painter, "a (red:1) seven", other);
    ck_assert_mem_eq(plain, other, bytes);
    read_prompt(painter, "a red seven BREAK a ring", other);
    ck_assert_mem_ne(plain, other, bytes);
    read_prompt(painter, "a (red:1.5) seven", other);
    ck_assert_mem_ne(plain, other, bytes);
    udm_painter_free(painter);
    udm_model_free(model);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = meaning, .cases = COUNT_OF(meanings) },
        { .test = runs },
        { .test = no_weights },
        { .test = tower },
        { .test = prior },
    };
    return test_main("emphasis", tests, COUNT_OF(tests));
}
