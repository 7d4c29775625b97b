// SPDX-License-Identifier: LGPL-2.1-or-later
// Every operation of every backend against `reference`, over many shapes.
//
// To add an operation: a run_NAME in ops.h, a test here, one by a closed form in test_reference.c, and a case for
// bench_ops.c. Backends are found by the list.
#include "backend/backend.h"

#include <limits.h>

#include "compare.h"
#include "devices.h"
#include "ops.h"

// ---- the device under test, and what it is compared with

enum { THREADS = 3 };

// An operation on one case: runs it on a device and gives its result in planes.
typedef float *(*run_case)(udm_device *device, const void *of);

// What `reference` gives on the cases of a test, one after the other: it takes longest, and all devices need it.
enum { MOST_RESULTS = 256, RESULT_FLOATS = 8 << 20 };

typedef struct reference_results {
    size_t first[MOST_RESULTS + 1]; // where each begins; 0 after the last that is known, but for the first
    float values[RESULT_FLOATS];
} reference_results;

static reference_results *results;
static int next_result; // of the test that runs

static const float *want_of(run_case run, const void *of, size_t count)
{
    const int number = next_result++;
    float *values = results->values + results->first[number];
    ck_assert_int_lt(number, MOST_RESULTS);
    ck_assert_uint_le(results->first[number] + count, RESULT_FLOATS);
    if (results->first[number + 1] == 0) {
        udm_device *reference = udm_device_open("reference", 1, NULL);
        float *want = run(reference, of);
        memcpy(values, want, count * sizeof *values);
        results->first[number + 1] = results->first[number] + count;
        free(want);
        udm_device_close(reference);
    }
    ck_assert_uint_eq(results->first[number + 1], results->first[number] + count);
    return values;
}

static device_list *devices;
static udm_device *under_test[THREADS]; // on 1, 2 and 4 threads
static double tolerance;

// False, and a skip, where this machine lacks the device.
static bool open_under_test(int number)
{
    const char *name = devices->names[number];
    test_case("%s", name);
    static const double tolerances[] = {
        [UDM_PRECISION_F32] = 3e-5, [UDM_PRECISION_BF16] = 0.03, [UDM_PRECISION_F16] = 4e-3
    };
    tolerance = tolerances[precision_of(name)];
    next_result = 0;
    if (number == 0) // another test begins
        memset(results->first, 0, sizeof results->first);
    for (int i = 0; i < THREADS; i++) {
        udm_error error = { 0 };
        under_test[i] = open_device(name, 1 << i, &error);
        if (!under_test[i] && i == 0) {
            test_skip("%s", error.message);
            return false;
        }
        ck_assert_msg(under_test[i], "%s on %d threads: %s", name, 1 << i, error.message);
    }
    return true;
}

static void close_under_test(void)
{
    for (int i = 0; i < THREADS; i++)
        udm_device_close(under_test[i]);
}

// On 1, 2 and 4 threads: near the reference, and the same bits on all.
static void compare(run_case run, const void *of, udm_shape shape, const char *label)
{
    const size_t count = udm_shape_elements(shape);
    const float *want = want_of(run, of, count);
    float *first = NULL;
    for (int i = 0; i < THREADS; i++) {
        udm_device *device = under_test[i];
        float *got = run(device, of);
        test_at("%s -> [%d, %d, %d] on %d threads", label, shape.c, shape.h, shape.w, 1 << i);
        ck_assert(device->ops->finish(device, NULL));
        if (first)
            assert_same(got, first, count);
        else
            assert_close(got, want, count, tolerance);
        free(first);
        first = got;
    }
    free(first);
}

static void compare_conv(const conv_case *c)
{
    char label[128];
    snprintf(label, sizeof(label), "conv %d+%d+%d, size %d, stride %d, padding %d, activation %d, residual %d of %dx%d",
             c->in[0], c->in[1], c->in[2], c->size, c->stride, c->padding, c->activation, c->residual, c->height,
             c->width);
    compare(run_conv, c, conv_shape(c), label);
}

// What has no bf16 or f16 says so, and auto goes without.
START_TEST(precision)
{
    udm_error error = { 0 };
    udm_precision found;
    ck_assert(udm_precision_find("auto", &found));
    ck_assert_int_eq(found, UDM_PRECISION_AUTO);
    ck_assert(udm_precision_find("f16", &found));
    ck_assert_int_eq(found, UDM_PRECISION_F16);
    ck_assert(!udm_precision_find("f64", &found));
    udm_device *device = udm_device_open("reference", 1, NULL);
    ck_assert(!device->ops->set_precision(device, UDM_PRECISION_BF16, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "f32");
    ck_assert(!device->ops->set_precision(device, UDM_PRECISION_F16, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "device to opencl");
    ck_assert(device->ops->set_precision(device, UDM_PRECISION_AUTO, NULL));
    udm_device_close(device);
    device = udm_device_open("cpu", 1, &error);
    ck_assert(!device->ops->set_precision(device, UDM_PRECISION_F16, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "set precision to bf16, f32 or auto, or device to opencl");
    udm_device_close(device);
}
END_TEST

// bf16 is rounded, or it would be no faster.
START_TEST(bf16_is_rounded)
{
    udm_error error = { 0 };
    udm_device *device = open_device("cpu" BF16, 1, &error);
    if (!device) {
        test_skip("%s", error.message);
        return;
    }
    const conv_case c = {
        .sources = 1, .in = { 48 }, .out = 16, .size = 3, .stride = 1, .padding = 1, .height = 8, .width = 8
    };
    const size_t count = udm_shape_elements(conv_shape(&c));
    float *rounded = run_conv(device, &c);
    ck_assert(device->ops->set_precision(device, UDM_PRECISION_F32, NULL));
    float *exact = run_conv(device, &c);
    ck_assert_double_gt(relative_difference(rounded, exact, count), 1e-4);
    free(rounded);
    free(exact);
    udm_device_close(device);
}
END_TEST

static void note_timing(void *context, const char *operation, const udm_timing *timing)
{
    udm_timing *convs = context;
    test_at("%s", operation);
    ck_assert_int_gt(timing->runs, 0);
    ck_assert_double_gt(timing->ms, 0);
    ck_assert_double_gt(timing->flops + timing->bytes, 0);
    if (strncmp(operation, "conv 3x3", 8) == 0)
        *convs = *timing;
}

// A device that times its operations gives what others give, and says what it did.
START_TEST(timing)
{
    const conv_case c = {
        .sources = 1, .in = { 16 }, .out = 32, .size = 3, .stride = 1, .padding = 1, .height = 8, .width = 12
    };
    udm_device *timed = udm_device_open("cpu:profile", 1, NULL), *plain = udm_device_open("cpu", 1, NULL);
    ck_assert_ptr_nonnull(timed);
    ck_assert_ptr_nonnull(plain);
    float *a = run_conv(timed, &c), *b = run_conv(plain, &c);
    assert_same(a, b, udm_shape_elements(conv_shape(&c)));
    udm_timing convs = { 0 };
    timed->ops->profile(timed, note_timing, &convs);
    ck_assert_int_eq(convs.runs, 1);
    ck_assert_double_eq(convs.flops, 2. * 6 * 36 * 16 * 32); // six tiles
    free(a);
    free(b);
    udm_device_close(timed);
    udm_device_close(plain);
    ck_assert_ptr_null(udm_device_open("cpu:profiles", 1, NULL));
}
END_TEST

START_TEST(conv_sizes)
{
    if (!open_under_test(_i))
        return;
    static const int sizes[][2] = { { 1, 1 }, { 1, 9 }, { 7, 1 },   { 2, 3 },  { 3, 2 },
                                    { 4, 4 }, { 5, 6 }, { 13, 29 }, { 33, 8 }, { 8, 65 } };
    static const int kinds[][3] = { { 3, 1, 1 }, { 1, 1, 0 }, { 2, 2, 0 }, { 3, 2, 1 },
                                    { 3, 1, 0 }, { 1, 2, 1 }, { 2, 1, 1 }, { 3, 2, PADDING_AFTER } };
    for (int k = 0; k < COUNT_OF(kinds); k++)
        for (int i = 0; i < COUNT_OF(sizes); i++) {
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
    close_under_test();
}
END_TEST

START_TEST(conv_channels)
{
    if (!open_under_test(_i))
        return;
    static const int channels[][4] = { { 1, 0, 0, 1 },    { 3, 0, 0, 16 },  { 15, 0, 0, 17 },   { 16, 0, 0, 32 },
                                       { 36, 0, 0, 32 },  { 32, 0, 0, 12 }, { 64, 0, 0, 33 },   { 130, 0, 0, 130 },
                                       { 1, 1, 0, 5 },    { 17, 3, 0, 48 }, { 32, 32, 32, 32 }, { 1, 2, 3, 64 },
                                       { 33, 16, 1, 49 }, { 5, 31, 9, 20 } };
    static const int kinds[][3] = { { 3, 1, 1 }, { 1, 1, 0 }, { 2, 2, 0 } };
    for (int i = 0; i < COUNT_OF(channels); i++)
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
    close_under_test();
}
END_TEST

START_TEST(conv_activations_and_residuals)
{
    if (!open_under_test(_i))
        return;
    for (int a = UDM_LINEAR; a <= UDM_RELU_OF_SUM; a++)
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
    close_under_test();
}
END_TEST

// Many weights for few pixels, as the kernel is told; and for more than it was told of.
START_TEST(conv_few_pixels)
{
    if (!open_under_test(_i))
        return;
    static const int channels[][4] = { { 256, 0, 0, 256 }, { 130, 200, 0, 240 }, { 241, 3, 16, 130 } };
    static const int sizes[][2] = { { 16, 16 }, { 3, 7 }, { 22, 21 }, { 1, 1 }, { 40, 50 } };
    for (int i = 0; i < COUNT_OF(channels); i++)
        for (int k = 0; k < COUNT_OF(sizes); k++) {
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
    close_under_test();
}
END_TEST

// More tiles and pixels than one batch takes, so that all threads have work.
START_TEST(conv_large)
{
    if (!open_under_test(_i))
        return;
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
    close_under_test();
}
END_TEST

static const patch_case patch_cases[] = {
    { 3, 2, 2, 2, true, 0, 0 },    { 1, 1, 1, 1, false, 0, 0 },   { 3, 14, 130, 2, true, 0, 0 },
    { 1, 6, 258, 2, false, 0, 0 }, { 4, 12, 69, 3, true, 0, 0 },  { 3, 8, 8, 4, false, 0, 0 },
    { 17, 6, 10, 2, true, 0, 0 },  { 40, 4, 6, 2, true, 0, 0 },   { 3, 70, 64, 2, true, 0, 0 },
    { 2, 5, 200, 1, true, 0, 0 },  { 3, 6, 130, 2, false, 1, 0 }, { 1, 4, 12, 4, false, 2, 0 },
};

enum { PATCH_CASES = COUNT_OF(patch_cases) };

START_TEST(observe)
{
    if (!open_under_test(_i))
        return;
    for (int i = 0; i < PATCH_CASES; i++)
        compare(run_observe, &patch_cases[i], observe_shape(&patch_cases[i]), "observe");
    close_under_test();
}
END_TEST

START_TEST(restore)
{
    if (!open_under_test(_i))
        return;
    for (int i = 0; i < PATCH_CASES; i++)
        compare(run_restore, &patch_cases[i], restore_shape(&patch_cases[i]), "restore");
    close_under_test();
}
END_TEST

// Frames that end before the patches do, as they lie in the memory of the process.
static const patch_case mirrored_cases[] = {
    { 3, 8, 72, 2, true, 0, 1 },  { 3, 12, 136, 2, true, 1, 2 }, { 1, 8, 8, 4, false, 0, 3 },
    { 2, 12, 69, 3, true, 0, 2 }, { 3, 8, 68, 2, false, 0, 3 },
};

START_TEST(mirrored)
{
    if (!open_under_test(_i))
        return;
    for (size_t i = 0; under_test[0]->mirrors && i < COUNT_OF(mirrored_cases); i++) {
        compare(run_observe, &mirrored_cases[i], observe_shape(&mirrored_cases[i]), "observe beyond the edge");
        compare(run_restore, &mirrored_cases[i], restore_shape(&mirrored_cases[i]), "restore up to the edge");
    }
    close_under_test();
}
END_TEST

START_TEST(shuffle_add)
{
    if (!open_under_test(_i))
        return;
    for (int i = 0; i < PATCH_CASES; i++)
        if (patch_cases[i].height % 2 == 0 && patch_cases[i].width % 2 == 0)
            compare(run_shuffle, &patch_cases[i], frame_shape(&patch_cases[i]), "shuffle_add");
    close_under_test();
}
END_TEST

START_TEST(copy)
{
    if (!open_under_test(_i))
        return;
    for (int i = 0; i < PATCH_CASES; i++)
        compare(run_copy, &patch_cases[i], frame_shape(&patch_cases[i]), "copy");
    close_under_test();
}
END_TEST

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

enum { NORM_CASES = COUNT_OF(norm_cases) };

// Values far from zero are rounded to halves before their mean is taken off.
START_TEST(norm)
{
    if (!open_under_test(_i))
        return;
    const double usual = tolerance;
    for (int i = 0; i < NORM_CASES; i++) {
        tolerance = usual * (precision_of(devices->names[_i]) == UDM_PRECISION_F16 ? 1 + fabs(norm_cases[i].mean) : 1);
        compare(run_norm, &norm_cases[i], norm_shape(&norm_cases[i]), "norm");
    }
    close_under_test();
}
END_TEST

static const attention_case attention_cases[] = {
    { 8, 1, 1, 1, 1, 1, 1, false },     { 8, 2, 3, 5, 3, 5, 1, false },        { 10, 2, 6, 7, 6, 7, 1, false },
    { 32, 4, 8, 8, 8, 8, 20, false },   { 40, 5, 9, 3, 2, 7, 3, false },       { 64, 1, 16, 16, 16, 16, 1, false },
    { 96, 2, 4, 9, 13, 11, 50, false }, { 256, 32, 16, 17, 16, 17, 1, false }, { 20, 1, 2, 9, 1, 1, 100, false },
    { 512, 1, 8, 8, 8, 8, 1, false },   { 33, 3, 5, 5, 40, 40, 5, false },     { 128, 2, 20, 20, 20, 20, 1, false },
    { 8, 2, 1, 1, 1, 1, 1, true },      { 24, 3, 1, 77, 1, 77, 3, true },      { 32, 1, 1, 200, 1, 200, 20, true },
    { 128, 4, 1, 33, 1, 33, 2, true },
};

enum { ATTENTION_CASES = COUNT_OF(attention_cases) };

// Scores that are rounded to 8 bits are off by more the larger they are, and so are the weights.
START_TEST(attention)
{
    if (!open_under_test(_i))
        return;
    const double usual = tolerance;
    // It ends a work-item after 65,535 turns of its loops (tests/drivers/loops.c).
    const int most = strstr(under_test[0]->name, "llvmpipe") ? 256 : INT_MAX;
    for (int i = 0; i < ATTENTION_CASES; i++)
        if (attention_cases[i].channels / attention_cases[i].heads <= most) {
            const bool rounds = precision_of(devices->names[_i]) == UDM_PRECISION_BF16;
            tolerance = usual * (rounds ? 1 + attention_cases[i].sharpness / 20 : 1);
            compare(run_attention, &attention_cases[i], attention_shape(&attention_cases[i]), "attention");
        }
    close_under_test();
}
END_TEST

static const layer_norm_case layer_norm_cases[] = {
    { 1, 1, 1, 0 }, { 16, 1, 5, 0 }, { 40, 3, 7, 3 }, { 128, 1, 77, 0 }, { 1000, 1, 2, -2 }, { 24, 9, 9, 100 },
};

START_TEST(layer_norm)
{
    if (!open_under_test(_i))
        return;
    const double usual = tolerance;
    for (int i = 0; i < COUNT_OF(layer_norm_cases); i++) {
        const double far = fabs(layer_norm_cases[i].mean);
        tolerance = usual * (precision_of(devices->names[_i]) == UDM_PRECISION_F16 ? 1 + far : 1);
        compare(run_layer_norm, &layer_norm_cases[i], layer_norm_shape(&layer_norm_cases[i]), "layer_norm");
    }
    close_under_test();
}
END_TEST

START_TEST(multiply)
{
    if (!open_under_test(_i))
        return;
    for (int i = 0; i < COUNT_OF(layer_norm_cases); i++)
        compare(run_multiply, &layer_norm_cases[i], layer_norm_shape(&layer_norm_cases[i]), "multiply");
    close_under_test();
}
END_TEST

static const join_case join_cases[] = {
    { 8, 1, { 1 }, 0, 1 },
    { 40, 2, { 5, 3 }, 0, 8 },
    { 128, 3, { 32, 1, 64 }, 0, 97 },
    { 20, 1, { 9 }, 8, 1 },
    { 16, 3, { 4, 4, 4 }, 5, 6 },
    { 33, 3, { 2, 1, 7 }, 3, 7 },
    { 20, 7, { 3, 1, 4, 1, 5, 9, 2 }, 0, 25 },
    { 20, 7, { 3, 1, 4, 1, 5, 9, 2 }, 9, 13 },
    { 8, 8, { 3, 1, 4, 1, 5, 9, 2, 6 }, 4, 8 },
};

START_TEST(join)
{
    if (!open_under_test(_i))
        return;
    for (int i = 0; i < COUNT_OF(join_cases); i++)
        compare(run_join, &join_cases[i], join_shape(&join_cases[i]), "join");
    close_under_test();
}
END_TEST

static const frame_attention_case frame_attention_cases[] = {
    { 4, 1, 1, 1, 1 }, { 16, 4, 3, 5, 2 }, { 33, 3, 4, 2, 5 }, { 128, 4, 4, 4, 8 }, { 64, 64, 2, 3, 16 },
};

enum { FRAME_ATTENTION_CASES = COUNT_OF(frame_attention_cases) };

START_TEST(attend_frames)
{
    if (!open_under_test(_i))
        return;
    for (int i = 0; i < FRAME_ATTENTION_CASES; i++)
        compare(run_attend_frames, &frame_attention_cases[i], frame_attention_shape(&frame_attention_cases[i]),
                "attend_frames");
    close_under_test();
}
END_TEST

START_TEST(resample)
{
    if (!open_under_test(_i))
        return;
    for (int i = 0; i < PATCH_CASES; i++)
        if (patch_cases[i].addend || (patch_cases[i].height % 2 == 0 && patch_cases[i].width % 2 == 0))
            compare(run_resample, &patch_cases[i], resample_shape(&patch_cases[i]), "resample");
    close_under_test();
}
END_TEST

START_TEST(convert)
{
    if (!open_under_test(_i))
        return;
    for (int i = 0; i < PATCH_CASES; i++)
        compare(run_convert, &patch_cases[i], frame_shape(&patch_cases[i]), "copy between layouts");
    close_under_test();
}
END_TEST

static const warp_case warp_cases[] = {
    { 1, 1, 1, UDM_BILINEAR, 3, true },    { 1, 1, 1, UDM_LANCZOS_3, 3, true },
    { 3, 5, 4, UDM_LANCZOS_3, 2, true },   { 2, 9, 7, UDM_BILINEAR, 20, false },
    { 1, 8, 70, UDM_BILINEAR, 1, true },   { 3, 40, 131, UDM_LANCZOS_3, 4, true },
    { 3, 33, 64, UDM_LANCZOS_3, 0, true }, { 4, 17, 200, UDM_LANCZOS_3, 300, false },
};

START_TEST(warp)
{
    if (!open_under_test(_i))
        return;
    for (int i = 0; i < COUNT_OF(warp_cases); i++)
        compare(run_warp, &warp_cases[i], warp_shape(&warp_cases[i]), "warp");
    close_under_test();
}
END_TEST

START_TEST(device_names)
{
    udm_error error = { 0 };
    ck_assert_ptr_null(udm_device_open("abacus", 1, &error));
    assert_error(&error, UDM_ERROR_NOT_FOUND, "unknown device 'abacus'; have: auto, cpu");
    ck_assert_ptr_null(udm_device_open("cpu:mmx", 1, &error));
    assert_error(&error, UDM_ERROR_NOT_FOUND, "");
    ck_assert_ptr_null(udm_device_open("auto", 1000, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "");
    udm_device *device = udm_device_open("auto", 2, &error);
    ck_assert_msg(device, "%s", error.message);
    if (strncmp(device->name, "cpu", 3) == 0) // and not a GPU
        assert_contains(device->name, "2 threads");
    udm_device_close(device);
    udm_device_close(NULL);
}
END_TEST

START_TEST(sizes_that_do_not_fit)
{
    udm_shape huge = { 1 << 30, 1 << 30, 1 << 30 };
    udm_error error = { 0 };
    test_case("%s", udm_backends[_i]->name);
    udm_device *device = udm_device_open(udm_backends[_i]->name, 1, &error);
    if (!device) {
        test_skip("%s", error.message);
        return;
    }
    ck_assert_uint_eq(device->ops->bytes(device, huge, UDM_FEATURES), 0);
    ck_assert_ptr_null(device->ops->alloc(device, SIZE_MAX - 70, &error));
    assert_error(&error, UDM_ERROR_MEMORY, "");
    udm_device_close(device);
}
END_TEST

int main(void)
{
    devices = find_devices();
    results = test_shared(sizeof *results);
    const int count = devices->count;
    const test_entry tests[] = {
        { .test = precision },
        { .test = bf16_is_rounded },
        { .test = timing },
        { .test = conv_sizes, .cases = count },
        { .test = conv_channels, .cases = count },
        { .test = conv_activations_and_residuals, .cases = count },
        { .test = conv_few_pixels, .cases = count },
        { .test = conv_large, .cases = count },
        { .test = observe, .cases = count },
        { .test = mirrored, .cases = count },
        { .test = restore, .cases = count },
        { .test = shuffle_add, .cases = count },
        { .test = copy, .cases = count },
        { .test = norm, .cases = count },
        { .test = attention, .cases = count },
        { .test = layer_norm, .cases = count },
        { .test = join, .cases = count },
        { .test = multiply, .cases = count },
        { .test = attend_frames, .cases = count },
        { .test = resample, .cases = count },
        { .test = convert, .cases = count },
        { .test = warp, .cases = count },
        { .test = device_names },
        { .test = sizes_that_do_not_fit, .cases = list_length(udm_backends) },
    };
    return test_main("ops", tests, COUNT_OF(tests));
}
