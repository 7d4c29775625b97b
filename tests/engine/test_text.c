// SPDX-License-Identifier: LGPL-2.1-or-later
// From text to pictures: each network against transformers and diffusers, and the prior's loop against
// models/train/chain.py, on random weights (tests/models/make_text.py).
#include <stdio.h>

#include "devices.h"
#include "diffusion/prompt.h"
#include "folder.h"
#include "golden.h"
#include "network/clip.h"
#include "network/prior.h"
#include "runner/pass.h"
#include "runner/tiling.h"
#include "tensor/bicubic.h"
#include "testing.h"
#include "text/travel.h"
#include "udm/udm.h"

#define MODEL "tiny-text"
#define GOLDEN MODEL "/golden/"
#define PROMPT "a small red seven, and a blue star"
#define NEGATIVE "a green ring"

enum {
    SIZE = 24,
    SIDE = 16,
    PIXELS = SIDE * SIDE,
    ROOM = 8,
    LATENTS = 6,
    LENGTH = 16,
    TOLD = SIZE + SIZE + LENGTH * SIZE
};
static const double tolerance = 1e-4; // of the largest value

static device_list *devices;

// A device of the list, or NULL and a skip.
static udm_device *open_listed(int number)
{
    udm_error error = { 0 };
    udm_device *device = open_device(devices->names[number], 2, &error);
    test_case("%s", devices->names[number]);
    if (!device)
        test_skip("%s", error.message);
    return device;
}

static void check_golden(const char *name, const float *got)
{
    char path[128];
    snprintf(path, sizeof path, GOLDEN "%s.npy", name);
    npy want = golden_read(path);
    double most = 0;
    for (size_t i = 0; i < want.elements; i++)
        most = fmax(most, fabs(want.data[i]));
    test_at("%s", name);
    assert_within(got, want.data, want.elements, tolerance * most);
    free(want.data);
}

typedef struct ids {
    int list[SIDE];
    int count;
} ids;

static ids golden_ids(void)
{
    npy array = golden_read(GOLDEN "text-ids.npy");
    ids read = { .count = (int)array.elements };
    for (int i = 0; i < read.count; i++)
        read.list[i] = (int)array.data[i];
    free(array.data);
    return read;
}

// embedding: NULL where the tower has none
static void run_text(const udm_clip_text *text, const ids *of, float *tokens, float *embedding)
{
    udm_error error = { 0 };
    udm_pass pass;
    float in[SIZE * SIDE];
    assert_ok(udm_clip_text_embed(text, of->list, of->count, in, &error), &error);
    assert_ok(udm_pass_begin(&pass, text->device, &error), &error);
    const int end = udm_clip_text_end(text, of->list, of->count);
    assert_ok(udm_clip_text_build(text, pass.graph, of->count, end, &error), &error);
    assert_ok(udm_pass_settle(&pass, &error), &error);
    udm_pass_put(&pass, 0, in);
    assert_ok(udm_pass_run(&pass, (float *const[]){ tokens, embedding }, embedding ? 2 : 1, NULL, &error), &error);
    udm_pass_end(&pass);
}

START_TEST(text_tower)
{
    udm_device *device = open_listed(_i);
    if (!device)
        return;
    udm_error error = { 0 };
    udm_model *model = golden_model(MODEL);
    const udm_text_parts *parts = udm_model_text(model);
    udm_clip_text *text =
        udm_clip_text_open(parts->text.config, parts->text.weights, parts->text_class, device, &error);
    ck_assert_msg(text, "%s", error.message);
    const ids of = golden_ids();
    float tokens[SIZE * SIDE], embedding[SIZE];
    run_text(text, &of, tokens, embedding);
    check_golden("text-tokens", tokens);
    check_golden("text-embedding", embedding);
    udm_clip_text_free(text);
    udm_model_free(model);
    udm_device_close(device);
}
END_TEST

// CLIPTextModel: quick GELU, no projection, and other names in its file.
START_TEST(plain_text_tower)
{
    udm_error error = { 0 };
    udm_device *device = udm_device_open("cpu", 1, &error);
    udm_config *config = udm_config_open(golden_path(MODEL "/other/text_encoder/config.json"), &error);
    udm_weights *weights = udm_weights_open(golden_path(MODEL "/other/text_encoder/model.safetensors"), &error);
    ck_assert_msg(config && weights, "%s", error.message);
    udm_clip_text *text = udm_clip_text_open(config, weights, "CLIPTextModel", device, &error);
    ck_assert_msg(text, "%s", error.message);
    ck_assert_int_eq(text->size, 0);
    const ids of = golden_ids();
    float tokens[SIZE * SIDE];
    run_text(text, &of, tokens, NULL);
    check_golden("plain-tokens", tokens);
    udm_clip_text_free(text);
    udm_config_free(config);
    udm_weights_free(weights);
    udm_device_close(device);
}
END_TEST

// What is neither known nor read is an error that names it.
START_TEST(nothing_is_ignored)
{
    udm_error error = { 0 };
    udm_device *device = udm_device_open("cpu", 1, &error);
    udm_model *model = golden_model(MODEL);
    const udm_text_parts *parts = udm_model_text(model);
    ck_assert_ptr_null(udm_clip_text_open(parts->text.config, parts->text.weights, "CLIPTextModel", device, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "text_projection.weight");
    ck_assert_ptr_null(udm_clip_text_open(parts->text.config, parts->text.weights, "T5EncoderModel", device, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "T5EncoderModel");
    folder made = folder_new();
    static const struct {
        const char *text, *says;
    } configs[] = { { "{\"num_vectors\": 3}", "num_vectors" },
                    { "{\"hidden_act\": \"gelu_new\"}", "gelu_new" },
                    { "{\"norm_in_type\": \"layer\"}", "norm_in_type" },
                    { "{\"added_emb_type\": null}", "added_emb_type" },
                    { "{\"class_embed_type\": \"identity\"}", "class_embed_type" },
                    { "{\"encoder_hid_dim\": 24}", "text_proj" }, // what it is if nothing is said
                    { "{\"encoder_hid_dim\": 24, \"encoder_hid_dim_type\": \"text_proj\"}", "text_proj" },
                    { "{\"encoder_hid_dim_type\": \"text_image_proj\"}", "text_image_proj" },
                    { "{\"encoder_hid_dim\": 24, \"encoder_hid_dim_type\": \"text_image_proj\"}", "null" } };
    for (int i = 0; i < COUNT_OF(configs); i++) {
        udm_config *config = udm_config_open(folder_write_text(&made, "config.json", configs[i].text), &error);
        test_at("%s", configs[i].text);
        if (i < 2)
            ck_assert_ptr_null(udm_clip_text_open(config, parts->text.weights, parts->text_class, device, &error));
        else if (i < 4)
            ck_assert_ptr_null(udm_prior_open(config, parts->prior.weights, device, &error));
        else
            ck_assert_ptr_null(
                udm_network_unet2d_condition.open(config, udm_model_network_weights(model), device, &error));
        assert_error(&error, UDM_ERROR_UNSUPPORTED, configs[i].says);
        udm_config_free(config);
    }
    folder_free(&made);
    udm_model_free(model);
    udm_device_close(device);
}
END_TEST

START_TEST(end_tokens)
{
    const udm_clip_text usual = { .end = 7 }, legacy = { .end = -1 };
    ck_assert_int_eq(udm_clip_text_end(&usual, (int[]){ 3, 7, 9, 7 }, 4), 1);
    ck_assert_int_eq(udm_clip_text_end(&usual, (int[]){ 3, 9 }, 2), 0);
    ck_assert_int_eq(udm_clip_text_end(&legacy, (int[]){ 3, 9, 7, 9 }, 4), 1);
}
END_TEST

// As CLIPImageProcessor shows a picture to the tower, which rounds to 8 bits twice on the way.
START_TEST(shown)
{
    static const char *const names[] = { "large", "small" };
    for (int i = 0; i < COUNT_OF(names); i++) {
        char name[64];
        float out[3 * PIXELS];
        snprintf(name, sizeof name, GOLDEN "%s-picture.npy", names[i]);
        npy picture = golden_read(name);
        snprintf(name, sizeof name, GOLDEN "%s-shown.npy", names[i]);
        npy want = golden_read(name);
        test_at("%s", names[i]);
        ck_assert(udm_bicubic_square(picture.data, 3, (int)picture.shape[2], (int)picture.shape[1], SIDE, out));
        assert_within(out, want.data, 3 * PIXELS, 2.5 / 255);
        free(picture.data), free(want.data);
    }
}
END_TEST

START_TEST(vision_tower)
{
    udm_device *device = open_listed(_i);
    if (!device)
        return;
    udm_error error = { 0 };
    udm_model *model = golden_model(MODEL);
    udm_reader *reader = udm_reader_new(udm_model_text(model), device, &error);
    ck_assert_msg(reader, "%s", error.message);
    npy image = golden_read(GOLDEN "image.npy");
    float embedding[SIZE];
    assert_ok(udm_reader_look(reader, image.data, SIDE, SIDE, SIZE, embedding, NULL, &error), &error);
    check_golden("image-embedding", embedding);
    free(image.data);
    udm_reader_free(reader);
    udm_model_free(model);
    udm_device_close(device);
}
END_TEST

START_TEST(prior_network)
{
    udm_device *device = open_listed(_i);
    if (!device)
        return;
    udm_error error = { 0 };
    udm_model *model = golden_model(MODEL);
    const udm_text_parts *parts = udm_model_text(model);
    udm_prior *prior = udm_prior_open(parts->prior.config, parts->prior.weights, device, &error);
    ck_assert_msg(prior, "%s", error.message);
    npy tokens = golden_read(GOLDEN "text-tokens.npy"), text = golden_read(GOLDEN "text-embedding.npy");
    npy noisy = golden_read(GOLDEN "prior-noisy.npy");
    const int count = (int)tokens.shape[2];
    float time[32], places[32 * SIDE], extra[32 * 4], embedding[SIZE];
    udm_pass pass;
    assert_ok(udm_pass_begin(&pass, device, &error), &error);
    assert_ok(udm_prior_build(prior, pass.graph, count, &error), &error);
    assert_ok(udm_pass_settle(&pass, &error), &error);
    udm_prior_time(prior, 417, time);
    udm_prior_places(prior, count, places, extra);
    const float *const in[UDM_PRIOR_INPUTS] = { noisy.data, time, text.data, tokens.data, places, extra };
    for (int i = 0; i < UDM_PRIOR_INPUTS; i++)
        udm_pass_put(&pass, i, in[i]);
    assert_ok(udm_pass_run(&pass, (float *const[]){ embedding }, 1, NULL, &error), &error);
    check_golden("prior-embedding", embedding);
    udm_pass_end(&pass);
    free(tokens.data), free(text.data), free(noisy.data);
    udm_prior_free(prior);
    udm_model_free(model);
    udm_device_close(device);
}
END_TEST

// embedding: how many of the values of the golden one it takes.
static void check_decoder(udm_device *device, const udm_model *model, int embedding, const char *expected)
{
    udm_error error = { 0 };
    udm_network *network =
        udm_network_open(udm_model_network_config(model), udm_model_network_weights(model), device, &error);
    ck_assert_msg(network, "%s", error.message);
    ck_assert_int_eq(network->embedding, embedding);
    ck_assert_int_eq(network->width, ROOM);
    ck_assert_int_eq(network->channels, LATENTS);
    npy noisy = golden_read(GOLDEN "decoder-noisy.npy"), told = golden_read(GOLDEN "decoder-told.npy");
    ck_assert_int_eq(told.elements, TOLD);
    float *condition = malloc((network->labels + network->tokens * network->token_width) * sizeof *condition);
    float out[LATENTS * ROOM * ROOM], level[ROOM * ROOM] = { 0 };
    network->class->embed(network, told.data, condition);
    udm_tiling *tiles = udm_tiling_new(network, NULL, ROOM, ROOM, 1, 1 << 30, &error);
    ck_assert_msg(tiles, "%s", error.message);
    const udm_network_input seen = {
        .frame = noisy.data, .level = level, .timestep = 417, .label = -1, .condition = condition
    };
    assert_ok(udm_tiling_run(tiles, 0, 0, &seen, out, NULL, &error), &error);
    check_golden(expected, out);
    udm_tiling_free(tiles);
    free(condition), free(noisy.data), free(told.data);
    udm_network_free(network);
}

// Of the embedding of a picture and a text, and of the first alone.
START_TEST(decoders)
{
    udm_device *device = open_listed(_i);
    if (!device)
        return;
    udm_model *both = golden_model(MODEL), *pictures = golden_model(MODEL "/other/pictures");
    check_decoder(device, both, TOLD, "decoder-expected");
    check_decoder(device, pictures, SIZE, "pictures-expected");
    udm_model_free(both);
    udm_model_free(pictures);
    udm_device_close(device);
}
END_TEST

// Of Stable Diffusion 1 and 2: attention to the tokens of a text.
START_TEST(text_unets)
{
    udm_device *device = open_listed(_i);
    if (!device)
        return;
    npy noisy = golden_read(GOLDEN "sd-noisy.npy"), tokens = golden_read(GOLDEN "sd-tokens.npy");
    for (int i = 1; i <= 2; i++) {
        udm_error error = { 0 };
        char name[64];
        float out[4 * 64], level[64] = { 0 };
        snprintf(name, sizeof name, MODEL "/other/sd%d", i);
        udm_model *model = golden_model(name);
        udm_network *network =
            udm_network_open(udm_model_network_config(model), udm_model_network_weights(model), device, &error);
        ck_assert_msg(network, "%s: %s", name, error.message);
        udm_tiling *tiles = udm_tiling_new(network, NULL, 8, 8, 1, 1 << 30, &error);
        ck_assert_msg(tiles, "%s", error.message);
        const udm_network_input seen = {
            .frame = noisy.data, .level = level, .timestep = 417, .label = -1, .condition = tokens.data
        };
        assert_ok(udm_tiling_run(tiles, 0, 0, &seen, out, NULL, &error), &error);
        snprintf(name, sizeof name, "sd%d-expected", i);
        check_golden(name, out);
        udm_tiling_free(tiles);
        udm_network_free(network);
        udm_model_free(model);
    }
    free(noisy.data), free(tokens.data);
    udm_device_close(device);
}
END_TEST

// The prior's way from given noise, with guidance away from a negative prompt.
START_TEST(prompt)
{
    udm_device *device = open_listed(_i);
    if (!device)
        return;
    udm_error error = { 0 };
    udm_model *model = golden_model(MODEL);
    udm_reader *reader = udm_reader_new(udm_model_text(model), device, &error);
    npy noise = golden_read(GOLDEN "chain-prior-noise.npy");
    const udm_prompt asked = {
        .text = PROMPT, .negative = NEGATIVE, .guidance = 2, .steps = (int)noise.shape[0], .noise = noise.data
    };
    float embedding[SIZE];
    assert_ok(udm_reader_read(reader, &asked, SIZE, embedding, NULL, &error), &error);
    check_golden("chain-embedding", embedding);
    free(noise.data);
    udm_reader_free(reader);
    udm_model_free(model);
    udm_device_close(device);
}
END_TEST

// What the decoder is told of a text: the embedding, and its tokens, filled up.
START_TEST(told)
{
    udm_device *device = open_listed(_i);
    if (!device)
        return;
    udm_error error = { 0 };
    udm_model *model = golden_model(MODEL);
    udm_reader *reader = udm_reader_new(udm_model_text(model), device, &error);
    udm_embedding_shape shape = {
        .picture = SIZE, .text = SIZE, .tokens = LENGTH, .token_width = SIZE, .chunk = LENGTH
    };
    float embedding[TOLD - SIZE];
    assert_ok(udm_reader_tell(reader, PROMPT, &shape, embedding, NULL, &error), &error);
    check_golden("chain-told", embedding);
    shape.chunk++;
    ck_assert(!udm_reader_tell(reader, PROMPT, &shape, embedding, NULL, &error));
    assert_error(&error, UDM_ERROR_CORRUPT, "do not fit together");
    udm_reader_free(reader);
    udm_model_free(model);
    udm_device_close(device);
}
END_TEST

static const struct {
    const char *prompt;
    uint64_t frame;
    const char *from, *to;
    double share;
} travels[] = {
    { "a red star", 7, "a red star", NULL, 0 },
    { "", 0, "", NULL, 0 },
    { "7 stars: red", 3, "7 stars: red", NULL, 0 }, // no line of that kind
    { "one\n5: two", 9, "one\n5: two", NULL, 0 },   // nor is this one
    { "10: a", 3, "a", NULL, 0 },
    { "10: a\n20: b", 3, "a", NULL, 0 },
    { "10: a\n20: b", 10, "a", NULL, 0 },
    { "10: a\n20: b", 15, "a", "b", 0.5 },
    { "10: a\n20: b", 20, "b", NULL, 0 },
    { "10: a\n20: b", 999, "b", NULL, 0 },
    { "\n 20 :  b \r\n\n0:a\n", 5, "a", "b", 0.25 }, // in any order
    { "0: a\n0: b", 0, "b", NULL, 0 },               // the last counts
    { "0: at 3: three", 0, "at 3: three", NULL, 0 },
};

START_TEST(travel)
{
    udm_error error = { 0 };
    udm_travel found;
    test_at("%s", travels[_i].prompt);
    assert_ok(udm_travel_at(travels[_i].prompt, travels[_i].frame, &found, &error), &error);
    ck_assert_str_eq(found.from, travels[_i].from);
    ck_assert(!found.to == !travels[_i].to);
    if (found.to)
        ck_assert_str_eq(found.to, travels[_i].to);
    ck_assert_double_eq_tol(found.share, travels[_i].share, 1e-12);
    udm_travel_clear(&found);
}
END_TEST

START_TEST(broken_travel)
{
    udm_error error = { 0 };
    udm_travel found;
    ck_assert(!udm_travel_at("0: a\n\nb", 0, &found, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "line 3");
    udm_travel_clear(&found);
}
END_TEST

int main(void)
{
    devices = find_exact_devices();
    const int count = devices->count;
    const test_entry tests[] = {
        { .test = text_tower, .cases = count },
        { .test = plain_text_tower },
        { .test = nothing_is_ignored },
        { .test = end_tokens },
        { .test = shown },
        { .test = vision_tower, .cases = count },
        { .test = prior_network, .cases = count },
        { .test = decoders, .cases = count },
        { .test = text_unets, .cases = count },
        { .test = prompt, .cases = count },
        { .test = told, .cases = count },
        { .test = travel, .cases = COUNT_OF(travels) },
        { .test = broken_travel },
    };
    return test_main("text", tests, COUNT_OF(tests));
}
