// SPDX-License-Identifier: LGPL-2.1-or-later
// Every operation of every backend against `reference`, over many shapes; `test_ops bench [DEVICE]` times them.
//
// To add an operation: a run_NAME in ops.h, a TEST here, and a case for bench. Backends are found by the list.
#include "backend/backend.h"

#include <time.h>

#include "check.h"
#include "devices.h"
#include "ops.h"

static void compare_conv(const conv_case *c)
{
    char label[128];
    snprintf(label, sizeof(label), "conv %d+%d+%d, size %d, stride %d, padding %d, activation %d, residual %d of %dx%d",
             c->in[0], c->in[1], c->in[2], c->size, c->stride, c->padding, c->activation, c->residual, c->height,
             c->width);
    compare(run_conv, c, conv_shape(c), label);
}

// What has no bf16 says so, and auto goes without; bf16 is rounded, or it would be no faster.
TEST(precision)
{
    udm_error error = { 0 };
    udm_precision found;
    CHECK(udm_precision_find("auto", &found) && found == UDM_PRECISION_AUTO);
    CHECK(!udm_precision_find("f16", &found));
    udm_device *device = udm_device_open("reference", 1, NULL);
    CHECK(!device->ops->set_precision(device, UDM_PRECISION_BF16, &error));
    CHECK(error.code == UDM_ERROR_UNSUPPORTED && strstr(error.message, "f32"));
    CHECK(device->ops->set_precision(device, UDM_PRECISION_AUTO, NULL));
    udm_device_close(device);
    if (!(device = open_device("cpu" BF16, 1, NULL))) {
        printf("skip bf16: this processor has none\n");
        return;
    }
    const conv_case c = {
        .sources = 1, .in = { 48 }, .out = 16, .size = 3, .stride = 1, .padding = 1, .height = 8, .width = 8
    };
    const size_t count = udm_shape_elements(conv_shape(&c));
    float *rounded = run_conv(device, &c);
    CHECK(device->ops->set_precision(device, UDM_PRECISION_F32, NULL));
    float *exact = run_conv(device, &c);
    CHECK(difference(rounded, exact, count) > 1e-4);
    free(rounded);
    free(exact);
    udm_device_close(device);
}

static void note_timing(void *context, const char *operation, const udm_timing *timing)
{
    udm_timing *convs = context;
    CHECK(timing->runs > 0 && timing->ms > 0 && timing->flops + timing->bytes > 0);
    if (strncmp(operation, "conv 3x3", 8) == 0)
        *convs = *timing;
}

// A device that times its operations gives what others give, and says what it did.
TEST(timing)
{
    const conv_case c = {
        .sources = 1, .in = { 16 }, .out = 32, .size = 3, .stride = 1, .padding = 1, .height = 8, .width = 12
    };
    udm_device *timed = udm_device_open("cpu:profile", 1, NULL), *plain = udm_device_open("cpu", 1, NULL);
    REQUIRE(timed && plain);
    float *a = run_conv(timed, &c), *b = run_conv(plain, &c);
    CHECK(memcmp(a, b, udm_shape_elements(conv_shape(&c)) * sizeof *a) == 0);
    udm_timing convs = { 0 };
    timed->ops->profile(timed, note_timing, &convs);
    CHECK(convs.runs == 1);
    CHECK_CLOSE(convs.flops, 2. * 6 * 36 * 16 * 32, 0); // six tiles
    free(a);
    free(b);
    udm_device_close(timed);
    udm_device_close(plain);
    CHECK(!udm_device_open("cpu:profiles", 1, NULL));
}

TEST(conv_sizes)
{
    static const int sizes[][2] = { { 1, 1 }, { 1, 9 }, { 7, 1 },   { 2, 3 },  { 3, 2 },
                                    { 4, 4 }, { 5, 6 }, { 13, 29 }, { 33, 8 }, { 8, 65 } };
    static const int kinds[][3] = { { 3, 1, 1 }, { 1, 1, 0 }, { 2, 2, 0 }, { 3, 2, 1 },
                                    { 3, 1, 0 }, { 1, 2, 1 }, { 2, 1, 1 }, { 3, 2, PADDING_AFTER } };
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            conv_case c = { .sources = 1,
                            .in = { 20 },
                            .out = 36,
                            .size = kinds[k][0],
                            .stride = kinds[k][1],
                            .padding = kinds[k][2],
                            .height = sizes[i][0],
                            .width = sizes[i][1],
                            .bias = i % 2 };
            if (c.height + c.padding >= c.size && c.width + c.padding >= c.size)
                compare_conv(&c);
        }
}

TEST(conv_channels)
{
    static const int channels[][4] = { { 1, 0, 0, 1 },    { 3, 0, 0, 16 },  { 15, 0, 0, 17 },   { 16, 0, 0, 32 },
                                       { 36, 0, 0, 32 },  { 32, 0, 0, 12 }, { 64, 0, 0, 33 },   { 130, 0, 0, 130 },
                                       { 1, 1, 0, 5 },    { 17, 3, 0, 48 }, { 32, 32, 32, 32 }, { 1, 2, 3, 64 },
                                       { 33, 16, 1, 49 }, { 5, 31, 9, 20 } };
    static const int kinds[][3] = { { 3, 1, 1 }, { 1, 1, 0 }, { 2, 2, 0 } };
    for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++)
        for (int k = 0; k < 3; k++) {
            const int *n = channels[i];
            conv_case c = { .sources = 1 + (n[1] > 0) + (n[2] > 0),
                            .in = { n[0], n[1], n[2] },
                            .out = n[3],
                            .size = kinds[k][0],
                            .stride = kinds[k][1],
                            .padding = kinds[k][2],
                            .height = 9,
                            .width = 14,
                            .bias = true,
                            .residual = RESIDUAL };
            compare_conv(&c);
        }
}

TEST(conv_activations_and_residuals)
{
    for (int a = UDM_LINEAR; a <= UDM_SILU; a++)
        for (int r = NO_RESIDUAL; r <= IN_PLACE; r++)
            for (int size = 1; size <= 3; size += 2) {
                conv_case c = { .sources = 1,
                                .in = { 19 },
                                .out = 35,
                                .size = size,
                                .stride = 1,
                                .padding = size / 2,
                                .height = 10,
                                .width = 11,
                                .activation = a,
                                .residual = r,
                                .bias = r != RESIDUAL };
                compare_conv(&c);
            }
}

// Many weights for few pixels, as the kernel is told; and for more than it was told of.
TEST(conv_few_pixels)
{
    static const int channels[][4] = { { 256, 0, 0, 256 }, { 130, 200, 0, 240 }, { 241, 3, 16, 130 } };
    static const int sizes[][2] = { { 16, 16 }, { 3, 7 }, { 22, 21 }, { 1, 1 }, { 40, 50 } };
    for (size_t i = 0; i < sizeof channels / sizeof channels[0]; i++)
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            const int *n = channels[i];
            conv_case c = { .sources = 1 + (n[1] > 0) + (n[2] > 0),
                            .in = { n[0], n[1], n[2] },
                            .out = n[3],
                            .size = 3,
                            .stride = 1,
                            .padding = 1,
                            .height = sizes[k][0],
                            .width = sizes[k][1],
                            .activation = UDM_RELU,
                            .bias = true,
                            .residual = RESIDUAL,
                            .pixels = 256 };
            compare_conv(&c);
        }
}

// More tiles and pixels than one batch takes, so that all threads have work.
TEST(conv_large)
{
    conv_case winograd = { .sources = 1,
                           .in = { 32 },
                           .out = 32,
                           .size = 3,
                           .stride = 1,
                           .padding = 1,
                           .height = 83,
                           .width = 117,
                           .bias = true,
                           .activation = UDM_RELU,
                           .residual = IN_PLACE };
    conv_case temporal = { .sources = 3,
                           .in = { 24, 24, 24 },
                           .out = 24,
                           .size = 1,
                           .stride = 1,
                           .height = 67,
                           .width = 131,
                           .residual = RESIDUAL };
    compare_conv(&winograd);
    compare_conv(&temporal);
}

static const patch_case patch_cases[] = {
    { 3, 2, 2, 2, true, 0 },   { 1, 1, 1, 1, false, 0 },  { 3, 14, 130, 2, true, 0 }, { 1, 6, 258, 2, false, 0 },
    { 4, 12, 69, 3, true, 0 }, { 3, 8, 8, 4, false, 0 },  { 17, 6, 10, 2, true, 0 },  { 40, 4, 6, 2, true, 0 },
    { 3, 70, 64, 2, true, 0 }, { 2, 5, 200, 1, true, 0 }, { 3, 6, 130, 2, false, 1 }, { 1, 4, 12, 4, false, 2 },
};

enum { PATCH_CASES = sizeof(patch_cases) / sizeof(patch_cases[0]) };

TEST(observe)
{
    for (int i = 0; i < PATCH_CASES; i++)
        compare(run_observe, &patch_cases[i], observe_shape(&patch_cases[i]), "observe");
}

TEST(restore)
{
    for (int i = 0; i < PATCH_CASES; i++)
        compare(run_restore, &patch_cases[i], restore_shape(&patch_cases[i]), "restore");
}

TEST(shuffle_add)
{
    for (int i = 0; i < PATCH_CASES; i++)
        if (patch_cases[i].height % 2 == 0 && patch_cases[i].width % 2 == 0)
            compare(run_shuffle, &patch_cases[i], frame_shape(&patch_cases[i]), "shuffle_add");
}

TEST(copy)
{
    for (int i = 0; i < PATCH_CASES; i++)
        compare(run_copy, &patch_cases[i], frame_shape(&patch_cases[i]), "copy");
}

static const norm_case norm_cases[] = {
    { 1, { 4 }, 2, 1, 3, UDM_EMBED_NONE, 0, UDM_LINEAR, 0 },
    { 1, { 16 }, 16, 5, 6, UDM_EMBED_ADD, 0, UDM_SILU, 0 },
    { 1, { 64 }, 32, 17, 33, UDM_EMBED_ADD, 5, UDM_SILU, 1 },
    { 1, { 33 }, 11, 9, 8, UDM_EMBED_SCALE, 17, UDM_SILU, -2 },
    { 2, { 12, 8 }, 4, 7, 10, UDM_EMBED_NONE, 0, UDM_SILU, 0 },
    { 2, { 64, 32 }, 32, 12, 20, UDM_EMBED_NONE, 0, UDM_SILU, 0 },
    { 3, { 17, 5, 20 }, 7, 6, 11, UDM_EMBED_SCALE, 1, UDM_LINEAR, 0 },
    { 1, { 36 }, 6, 70, 61, UDM_EMBED_ADD, 2, UDM_RELU, 50 },
    { 1, { 512 }, 32, 4, 4, UDM_EMBED_ADD, 100, UDM_SILU, 0 },
    { 1, { 5 }, 1, 1, 1, UDM_EMBED_NONE, 0, UDM_LINEAR, 0 },
};

enum { NORM_CASES = sizeof(norm_cases) / sizeof(norm_cases[0]) };

TEST(norm)
{
    for (int i = 0; i < NORM_CASES; i++)
        compare(run_norm, &norm_cases[i], norm_shape(&norm_cases[i]), "norm");
}

static const attention_case attention_cases[] = {
    { 8, 1, 1, 1, 1, 1, 1 },     { 8, 2, 3, 5, 3, 5, 1 },        { 10, 2, 6, 7, 6, 7, 1 },
    { 32, 4, 8, 8, 8, 8, 20 },   { 40, 5, 9, 3, 2, 7, 3 },       { 64, 1, 16, 16, 16, 16, 1 },
    { 96, 2, 4, 9, 13, 11, 50 }, { 256, 32, 16, 17, 16, 17, 1 }, { 20, 1, 2, 9, 1, 1, 100 },
    { 512, 1, 8, 8, 8, 8, 1 },   { 33, 3, 5, 5, 40, 40, 5 },     { 128, 2, 20, 20, 20, 20, 1 },
};

enum { ATTENTION_CASES = sizeof(attention_cases) / sizeof(attention_cases[0]) };

TEST(attention)
{
    for (int i = 0; i < ATTENTION_CASES; i++)
        compare(run_attention, &attention_cases[i], attention_shape(&attention_cases[i]), "attention");
}

static const frame_attention_case frame_attention_cases[] = {
    { 4, 1, 1, 1, 1 }, { 16, 4, 3, 5, 2 }, { 33, 3, 4, 2, 5 }, { 128, 4, 4, 4, 8 }, { 64, 64, 2, 3, 16 },
};

enum { FRAME_ATTENTION_CASES = sizeof(frame_attention_cases) / sizeof(frame_attention_cases[0]) };

TEST(attend_frames)
{
    for (int i = 0; i < FRAME_ATTENTION_CASES; i++)
        compare(run_attend_frames, &frame_attention_cases[i], frame_attention_shape(&frame_attention_cases[i]),
                "attend_frames");
}

TEST(resample)
{
    for (int i = 0; i < PATCH_CASES; i++)
        if (patch_cases[i].addend || (patch_cases[i].height % 2 == 0 && patch_cases[i].width % 2 == 0))
            compare(run_resample, &patch_cases[i], resample_shape(&patch_cases[i]), "resample");
}

TEST(convert)
{
    for (int i = 0; i < PATCH_CASES; i++)
        compare(run_convert, &patch_cases[i], frame_shape(&patch_cases[i]), "copy between layouts");
}

static const warp_case warp_cases[] = {
    { 1, 1, 1, UDM_BILINEAR, 3, true },    { 1, 1, 1, UDM_LANCZOS_3, 3, true },
    { 3, 5, 4, UDM_LANCZOS_3, 2, true },   { 2, 9, 7, UDM_BILINEAR, 20, false },
    { 1, 8, 70, UDM_BILINEAR, 1, true },   { 3, 40, 131, UDM_LANCZOS_3, 4, true },
    { 3, 33, 64, UDM_LANCZOS_3, 0, true }, { 4, 17, 200, UDM_LANCZOS_3, 300, false },
};

TEST(warp)
{
    for (size_t i = 0; i < sizeof(warp_cases) / sizeof(warp_cases[0]); i++)
        compare(run_warp, &warp_cases[i], warp_shape(&warp_cases[i]), "warp");
}

// What follows checks the reference itself, by closed forms.
TEST(reference_conv)
{
    udm_device *device = udm_device_open("reference", 1, NULL);
    const float weight[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, bias[] = { 100 };
    const float in[] = { 1, 2, 3, 4, 5, 6 };               // [1, 2, 3]
    const float want[] = { 194, 254, 206, 158, 191, 158 }; // by hand
    udm_kernel_spec spec = {
        .sources = 1, .in = { 1 }, .out = 1, .size = 3, .stride = 1, .padding = 1, .weight = weight, .bias = bias
    };
    udm_conv conv = { .src = { tensor_new(device, (udm_shape){ 1, 2, 3 }, UDM_FEATURES, in) },
                      .dst = tensor_new(device, (udm_shape){ 1, 2, 3 }, UDM_FEATURES, NULL),
                      .kernel = device->ops->kernel_new(device, &spec, NULL) };
    device->ops->conv(device, &conv);
    float *got = download(device, &conv.dst);
    CHECK_CLOSE(difference(got, want, 6), 0, 1e-5);
    free(got);
    device->ops->kernel_free(device, (udm_kernel *)conv.kernel);
    tensor_free(device, &conv.src[0]);
    tensor_free(device, &conv.dst);
    udm_device_close(device);
}

// A group of 1, 2, 3, 4 and one of 10, 10, 10, 14: by hand.
TEST(reference_norm)
{
    udm_device *device = udm_device_open("reference", 1, NULL);
    const float in[] = { 1, 2, 3, 4, 10, 10, 10, 14 }, affine[] = { 1, 1, 2, 2, 0, 0, 0, 1 };
    const float e[] = { 9, 1, 0, 0, 3 }; // from 1 on: the first channel is 1 more, the last one 3
    const udm_shape shape = { 4, 1, 2 };
    udm_norm norm = { .dst = tensor_new(device, shape, UDM_FEATURES, NULL),
                      .src = { tensor_new(device, shape, UDM_FEATURES, in) },
                      .sources = 1,
                      .affine = tensor_new(device, (udm_shape){ 2, 1, 4 }, UDM_PLANAR, affine),
                      .groups = 2,
                      .embedding = UDM_EMBED_ADD,
                      .vector = tensor_new(device, (udm_shape){ 5, 1, 1 }, UDM_FEATURES, e),
                      .first = 1 };
    // 2, 3, 3, 4: mean 3, variance 1/2; 10, 10, 13, 17: mean 12.5, variance 8.25
    const float a = sqrtf(2), b = 2 / sqrtf(8.25f);
    const float want[] = { -a, 0, 0, a, -2.5f * b, -2.5f * b, .5f * b + 1, 4.5f * b + 1 };
    device->ops->norm(device, &norm);
    float *got = download(device, &norm.dst);
    CHECK_CLOSE(difference(got, want, 8), 0, 1e-5);
    free(got);
    norm_free(device, &norm);
    udm_device_close(device);
}

// With scores 0 and log 3 the weights are 1/4 and 3/4.
TEST(reference_attention)
{
    udm_device *device = udm_device_open("reference", 1, NULL);
    const float query[] = { 1, 2, 0, 0 }, key[] = { 0, logf(3) * sqrtf(2), 5, 5 }, value[] = { 4, 8, 0, 1 };
    const float want[] = { 7, 7.6f, .75f, .9f }; // and for the second pixel 1/10 and 9/10
    const udm_shape shape = { 2, 1, 2 };
    udm_attention attention = { .dst = tensor_new(device, shape, UDM_FEATURES, NULL),
                                .query = tensor_new(device, shape, UDM_FEATURES, query),
                                .key = tensor_new(device, shape, UDM_FEATURES, key),
                                .value = tensor_new(device, shape, UDM_FEATURES, value),
                                .heads = 1 };
    device->ops->attention(device, &attention);
    float *got = download(device, &attention.dst);
    CHECK_CLOSE(difference(got, want, 4), 0, 1e-5);
    free(got);
    attention_free(device, &attention);
    udm_device_close(device);
}

// With scores 0 and log 3, both for the second pixel's heads, the weights are 1/4 and 3/4.
TEST(reference_attend_frames)
{
    udm_device *device = udm_device_open("reference", 1, NULL);
    const float query[] = { 0, logf(3), 0, 1 }, keys[][4] = { { 7, 0, 7, 0 }, { 7, 1, 7, logf(3) } };
    const float values[][4] = { { 0, 4, 2, 4 }, { 2, 8, 4, 8 } }, want[] = { 1, 7, 3, 7 };
    const udm_shape shape = { 2, 1, 2 };
    udm_frame_attention attention = { .dst = tensor_new(device, shape, UDM_FEATURES, NULL),
                                      .query = tensor_new(device, shape, UDM_FEATURES, query),
                                      .frames = 2,
                                      .heads = 2 };
    for (int f = 0; f < 2; f++) {
        attention.key[f] = tensor_new(device, shape, UDM_FEATURES, keys[f]);
        attention.value[f] = tensor_new(device, shape, UDM_FEATURES, values[f]);
    }
    device->ops->attend_frames(device, &attention);
    float *got = download(device, &attention.dst);
    CHECK_CLOSE(difference(got, want, 4), 0, 1e-5);
    free(got);
    tensor_free(device, &attention.dst);
    tensor_free(device, &attention.query);
    for (int f = 0; f < 2; f++) {
        tensor_free(device, &attention.key[f]);
        tensor_free(device, &attention.value[f]);
    }
    udm_device_close(device);
}

// A tent by hand; Lanczos-3 half way between a pulse and its neighbours: sinc(d) sinc(d / 3) at 1/2, -3/2 and 5/2.
TEST(reference_warp)
{
    udm_device *device = udm_device_open("reference", 1, NULL);
    const udm_shape shape = { 1, 1, 8 };
    const float pulse[] = { 0, 0, 0, 1, 0, 0, 0, 0 };
    const float flow[] = { NAN, .25f, 9, .5f, -.5f, -.5f, -.5f, -4, 0, 0, 0, 0, 0, 0, 0, 0 };
    const float near = .607927f, far = -.135095f, last = .0243171f, sum = 2 * (near + far + last);
    const float tent[] = { 0, 0, 0, .5f, .5f, 0, 0, 1 },
                lanczos[] = { near / sum, near / sum, far / sum, last / sum, 1 };
    const float within[] = { 0, 1, 0, 1, 1, 1, 1, 1 };
    udm_tensor inside = tensor_new(device, shape, UDM_PLANAR, NULL);
    udm_warp warp = { .dst = tensor_new(device, shape, UDM_PLANAR, NULL),
                      .src = tensor_new(device, shape, UDM_PLANAR, pulse),
                      .flow = tensor_new(device, (udm_shape){ 2, 1, 8 }, UDM_PLANAR, flow),
                      .inside = &inside };
    device->ops->warp(device, &warp);
    float *got = download(device, &warp.dst), *was = download(device, &inside);
    CHECK_CLOSE(difference(got, tent, 8), 0, 1e-6);
    CHECK_CLOSE(difference(was, within, 8), 0, 0);
    free(got);
    warp.filter = UDM_LANCZOS_3;
    device->ops->warp(device, &warp);
    got = download(device, &warp.dst);
    CHECK_CLOSE(difference(got + 3, lanczos, 5), 0, 1e-5);
    free(got);
    free(was);
    warp_free(device, &warp);
    tensor_free(device, &inside);
    udm_device_close(device);
}

TEST(reference_resample)
{
    udm_device *device = udm_device_open("reference", 1, NULL);
    const float small[] = { 1, 2 }, want[] = { 1, 1, 2, 2, 1, 1, 2, 2 };
    udm_tensor src = tensor_new(device, (udm_shape){ 1, 1, 2 }, UDM_FEATURES, small);
    udm_tensor dst = tensor_new(device, (udm_shape){ 1, 2, 4 }, UDM_FEATURES, NULL);
    device->ops->resample(device, &dst, &src);
    float *large = download(device, &dst);
    CHECK_CLOSE(difference(large, want, 8), 0, 0);
    const float *values = (const float[]){ 1, 3, 0, 0, 5, 7, 0, 8 };
    device->ops->upload(device, &dst, &values, 1);
    device->ops->resample(device, &src, &dst);
    float *half = download(device, &src);
    CHECK_CLOSE(half[0], 4, 0);
    CHECK_CLOSE(half[1], 2, 0);
    free(large);
    free(half);
    tensor_free(device, &src);
    tensor_free(device, &dst);
    udm_device_close(device);
}

// One pixel: frame .6 at `level`, guess -.2 at `guess_level`; out: fused, rho, innovation, level, guess_level.
static void observe_pixel(float level, float guess_level, float out[5])
{
    udm_device *device = udm_device_open("reference", 1, NULL);
    udm_shape one = { 1, 1, 1 };
    float frame = .6f, guess = -.2f;
    udm_observation seen = { tensor_new(device, one, UDM_PLANAR, &frame), tensor_new(device, one, UDM_PLANAR, &level),
                             tensor_new(device, one, UDM_PLANAR, &guess),
                             tensor_new(device, one, UDM_PLANAR, &guess_level) };
    udm_tensor dst = tensor_new(device, (udm_shape){ 5, 1, 1 }, UDM_FEATURES, NULL);
    device->ops->observe(device, &dst, &seen, 1);
    device->ops->download(device, &(float *){ out }, &dst, 1);
    tensor_free(device, &dst);
    observation_free(device, &seen);
    udm_device_close(device);
}

TEST(reference_fusion)
{
    float out[5];
    observe_pixel(.5f, 1, out); // no guess: the frame, freed of its signal's gain (but for the tiny prior)
    CHECK_CLOSE(out[0], .6 / sqrt(1 - .25), 3e-3);
    CHECK_CLOSE(out[1], .5, 1e-3);
    observe_pixel(0, 0, out); // both known: their mean
    CHECK_CLOSE(out[0], .2, 1e-5);
    CHECK_CLOSE(out[2], -.8, 1e-5);
    CHECK_CLOSE(out[3] + out[4], 0, 0);
    observe_pixel(0, .9f, out); // a known frame needs no guess
    CHECK_CLOSE(out[0], .6, 1e-5);
    CHECK_CLOSE(out[1], UDM_MIN_LEVEL, 1e-5);
    observe_pixel(1, 1, out); // nothing is known
    CHECK_CLOSE(out[0], 0, 0);
    CHECK_CLOSE(out[1], sqrt(100. / 101), 1e-6);
    observe_pixel(.6f, .6f, out); // two alike: half the variance, .36 / .64 / 2
    CHECK_CLOSE(out[1], sqrt(.28125 / 1.28125), 2e-3);
}

TEST(device_names)
{
    udm_error error = { 0 };
    CHECK(!udm_device_open("abacus", 1, &error));
    CHECK(error.code == UDM_ERROR_NOT_FOUND);
    CHECK(strstr(error.message, "unknown device 'abacus'; have: auto, cpu") != NULL);
    CHECK(!udm_device_open("cpu:mmx", 1, &error));
    CHECK(error.code == UDM_ERROR_NOT_FOUND);
    CHECK(!udm_device_open("auto", 1000, &error));
    CHECK(error.code == UDM_ERROR_SETTINGS);
    udm_device *device = udm_device_open("auto", 2, &error);
    REQUIRE(device);
    CHECK(strstr(device->name, "2 threads") != NULL);
    udm_device_close(device);
    udm_device_close(NULL);
}

TEST(sizes_that_do_not_fit)
{
    udm_shape huge = { 1 << 30, 1 << 30, 1 << 30 };
    udm_error error = { 0 };
    for (int i = 0; udm_backends[i]; i++) {
        udm_device *device = udm_device_open(udm_backends[i]->name, 1, NULL);
        if (!device)
            continue;
        CHECK(device->ops->bytes(device, huge, UDM_FEATURES) == 0);
        CHECK(!device->ops->alloc(device, SIZE_MAX - 70, &error));
        CHECK(error.code == UDM_ERROR_MEMORY);
        udm_device_close(device);
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

typedef struct bench_case {
    const char *label;
    conv_case conv;
} bench_case;

// The shapes of the shipped network for a 1920x1080 frame, at half resolution and below.
static const bench_case conv_benches[] = {
    { "conv_in 36->32", { 1, { 36 }, 32, 3, 1, 1, 540, 960, UDM_LINEAR, true, NO_RESIDUAL, 0 } },
    { "3x3 32->32 relu", { 1, { 32 }, 32, 3, 1, 1, 540, 960, UDM_RELU, true, NO_RESIDUAL, 0 } },
    { "3x3 32->32 +res", { 1, { 32 }, 32, 3, 1, 1, 540, 960, UDM_LINEAR, true, IN_PLACE, 0 } },
    { "3x3 64->64 relu", { 1, { 64 }, 64, 3, 1, 1, 270, 480, UDM_RELU, true, NO_RESIDUAL, 0 } },
    { "3x3 64->64 +res", { 1, { 64 }, 64, 3, 1, 1, 270, 480, UDM_LINEAR, true, IN_PLACE, 0 } },
    { "3x3 128->128 relu", { 1, { 128 }, 128, 3, 1, 1, 135, 240, UDM_RELU, true, NO_RESIDUAL, 0 } },
    { "3x3 128->128 +res", { 1, { 128 }, 128, 3, 1, 1, 135, 240, UDM_LINEAR, true, IN_PLACE, 0 } },
    { "conv_out 32->12", { 1, { 32 }, 12, 3, 1, 1, 540, 960, UDM_LINEAR, true, NO_RESIDUAL, 0 } },
    { "2x2/2 32->64", { 1, { 32 }, 64, 2, 2, 0, 540, 960, UDM_LINEAR, true, NO_RESIDUAL, 0 } },
    { "2x2/2 64->128", { 1, { 64 }, 128, 2, 2, 0, 270, 480, UDM_LINEAR, true, NO_RESIDUAL, 0 } },
    { "1x1 128->256", { 1, { 128 }, 256, 1, 1, 0, 135, 240, UDM_LINEAR, true, NO_RESIDUAL, 0 } },
    { "1x1 64->128", { 1, { 64 }, 128, 1, 1, 0, 270, 480, UDM_LINEAR, true, NO_RESIDUAL, 0 } },
    { "time 3x32->32", { 3, { 32, 32, 32 }, 32, 1, 1, 0, 540, 960, UDM_LINEAR, false, RESIDUAL, 0 } },
    { "time 3x128->128", { 3, { 128, 128, 128 }, 128, 1, 1, 0, 135, 240, UDM_LINEAR, false, RESIDUAL, 0 } },
    { "small 3x3 64->64", { 1, { 64 }, 64, 3, 1, 1, 128, 128, UDM_RELU, true, NO_RESIDUAL, 0 } },
    { "small 3x3 32->32", { 1, { 32 }, 32, 3, 1, 1, 144, 176, UDM_RELU, true, NO_RESIDUAL, 0 } },
    { "tiny 3x3 128->128", { 1, { 128 }, 128, 3, 1, 1, 16, 16, UDM_RELU, true, NO_RESIDUAL, 0 } },
};

enum { CONV_BENCHES = sizeof(conv_benches) / sizeof(conv_benches[0]), REPEATS = 8 };

static void print_time(const char *device, const char *label, double seconds, double gflop)
{
    printf("%-11s %-18s %8.2f ms", device, label, seconds * 1e3);
    if (gflop > 0)
        printf(" %7.0f GFLOP/s", gflop / seconds);
    printf("\n");
    fflush(stdout);
}

static void bench_conv(const char *name, udm_device *device, const bench_case *bench)
{
    const conv_case *c = &bench->conv;
    conv_setup setup;
    conv_setup_init(&setup, device, c);
    double best = 1e9;
    for (int i = 0; i < REPEATS; i++) {
        double start = now();
        device->ops->conv(device, &setup.conv);
        device->ops->finish(device, NULL);
        double seconds = now() - start;
        best = seconds < best ? seconds : best;
    }
    udm_shape shape = conv_shape(c);
    double gflop = 2e-9 * c->size * c->size * total_in(c) * udm_shape_elements(shape);
    print_time(name, bench->label, best, gflop);
    conv_setup_clear(&setup, c);
}

// observe, restore, shuffle_add and warp at the sizes of a 1920x1080 frame
static void bench_pointwise(const char *name, udm_device *device)
{
    patch_case c = { 3, 1080, 1920, 2, true, 0 };
    udm_observation seen = observation_new(device, &c);
    udm_tensor features = random_tensor(device, observe_shape(&c), UDM_FEATURES, 1);
    udm_tensor correction = random_tensor(device, (udm_shape){ 12, 540, 960 }, UDM_FEATURES, 2);
    udm_tensor frame = random_tensor(device, frame_shape(&c), UDM_PLANAR, 3);
    udm_tensor deep = random_tensor(device, (udm_shape){ 128, 270, 480 }, UDM_FEATURES, 4);
    udm_tensor wide = random_tensor(device, (udm_shape){ 32, 540, 960 }, UDM_FEATURES, 5);
    static const char *const labels[] = { "observe", "restore", "shuffle_add", "warp" };
    const warp_case moved = { 3, 1080, 1920, UDM_LANCZOS_3, 4, false };
    const udm_warp warp = { frame, seen.frame, flow_new(device, &moved), NULL, moved.filter };
    for (int op = 0; op < 4; op++) {
        double best = 1e9;
        for (int i = 0; i < REPEATS; i++) {
            double start = now();
            if (op == 0)
                device->ops->observe(device, &features, &seen, 2);
            else if (op == 1)
                device->ops->restore(device, &frame, &correction, &seen, 2);
            else if (op == 2)
                device->ops->shuffle_add(device, &wide, &deep, &wide);
            else
                device->ops->warp(device, &warp);
            device->ops->finish(device, NULL);
            best = now() - start < best ? now() - start : best;
        }
        print_time(name, labels[op], best, 0);
    }
    observation_free(device, &seen);
    const udm_tensor *tensors[] = { &features, &correction, &frame, &deep, &wide, &warp.flow };
    for (int i = 0; i < 6; i++)
        tensor_free(device, tensors[i]);
}

static int bench(const char *only)
{
    const device_list *list = all_devices();
    for (int i = 0; i < list->count; i++) {
        udm_device *device = open_device(list->names[i], 0, NULL);
        if (only && strcmp(only, list->names[i]) != 0) {
            udm_device_close(device);
            continue;
        }
        printf("# %s\n", device->name);
        for (int b = 0; b < CONV_BENCHES; b++)
            bench_conv(list->names[i], device, &conv_benches[b]);
        bench_pointwise(list->names[i], device);
        udm_device_close(device);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "bench") == 0)
        return bench(argc > 2 ? argv[2] : NULL);
    int status = check_run(argc, argv);
    for (int i = 0; i < MAX_DEVICES; i++)
        for (int t = 0; t < THREADS; t++)
            udm_device_close(all_devices()->open[i][t]);
    return status;
}
