// SPDX-License-Identifier: LGPL-2.1-or-later
// Every operation of every backend against `reference`, over many shapes.
//
// To add an operation: a run_NAME in ops.h, a TEST here, one by a closed form in test_reference.c, and a case for
// bench_ops.c. Backends are found by the list.
#include "backend/backend.h"

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

int main(int argc, char **argv)
{
    int status = check_run(argc, argv);
    for (int i = 0; i < MAX_DEVICES; i++)
        for (int t = 0; t < THREADS; t++)
            udm_device_close(all_devices()->open[i][t]);
    return status;
}
