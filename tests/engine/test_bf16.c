// SPDX-License-Identifier: LGPL-2.1-or-later
// What lies between the operations of a network in bf16: from the same numbers each operation makes what it makes as
// floats, rounded once.
#include "base/isa.h"
#include "compare.h"
#include "ops.h"

static const conv_case convs[] = {
    { 1, { 32 }, 32, 3, 1, 1, 43, 61, UDM_RELU, true, NO_RESIDUAL, 0 },
    { 1, { 32 }, 32, 3, 1, 1, 43, 61, UDM_LINEAR, true, IN_PLACE, 0 },
    { 1, { 36 }, 20, 3, 1, 1, 5, 7, UDM_LINEAR, true, RESIDUAL, 0 },
    { 2, { 36, 4 }, 32, 3, 1, 1, 18, 16, UDM_SILU, false, NO_RESIDUAL, 0 },
    { 1, { 20 }, 48, 2, 2, 0, 22, 34, UDM_LINEAR, true, NO_RESIDUAL, 0 },
    { 1, { 64 }, 128, 1, 1, 0, 9, 13, UDM_LINEAR, true, RESIDUAL, 0 },
};

static float rounded(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// NULL where this machine has no bf16.
static udm_device *open_bf16(void)
{
    udm_device *device = udm_device_open("cpu", 2, NULL);
    if (device->ops->set_precision(device, UDM_PRECISION_BF16, NULL)) {
        ck_assert(device->halves);
        return device;
    }
    ck_assert(!device->halves);
    udm_device_close(device);
    return NULL;
}

// Numbers that bf16 has.
static float *values_of(udm_shape shape, uint32_t seed)
{
    float *values = random_values(udm_shape_elements(shape), seed);
    for (size_t i = 0; i < udm_shape_elements(shape); i++)
        values[i] = rounded(values[i]);
    return values;
}

static udm_tensor tensor_of(udm_device *device, udm_shape shape, udm_layout layout, uint32_t seed)
{
    float *values = values_of(shape, seed);
    const udm_tensor tensor = tensor_new(device, shape, layout, values);
    free(values);
    return tensor;
}

static void compare_rounded(udm_device *device, const udm_tensor *floats, const udm_tensor *halves)
{
    float *expected = download(device, floats), *got = download(device, halves);
    for (size_t i = 0; i < udm_shape_elements(floats->shape); i++)
        ck_assert(rounded(expected[i]) == got[i]);
    free(expected);
    free(got);
}

static udm_tensor run_case(udm_device *device, const conv_case *c, udm_conv_weights *weights, udm_layout layout)
{
    udm_conv conv = { .weights = weights, .activation = c->activation };
    for (int s = 0; s < c->sources; s++)
        conv.src[s] = tensor_of(device, (udm_shape){ c->in[s], c->height, c->width }, s ? UDM_FEATURES : layout, 3 + s);
    const udm_tensor residual = tensor_of(device, conv_shape(c), layout, 9);
    conv.dst = c->residual == IN_PLACE ? residual : blank_tensor(device, conv_shape(c), layout);
    conv.residual = c->residual == NO_RESIDUAL ? NULL : &residual;
    device->ops->conv(device, &conv);
    for (int s = 0; s < c->sources; s++)
        tensor_free(device, &conv.src[s]);
    if (c->residual != IN_PLACE)
        tensor_free(device, &residual);
    return conv.dst;
}

START_TEST(convolutions)
{
    udm_device *device = open_bf16();
    if (!device)
        return;
    const conv_case *c = &convs[_i];
    udm_conv_weights *weights = conv_weights_new(device, c);
    const udm_tensor floats = run_case(device, c, weights, UDM_FEATURES);
    const udm_tensor halves = run_case(device, c, weights, UDM_HALVES);
    compare_rounded(device, &floats, &halves);
    tensor_free(device, &floats);
    tensor_free(device, &halves);
    device->ops->conv_weights_free(device, weights);
    udm_device_close(device);
}
END_TEST

// The pixels of a patch become channels, and come back.
START_TEST(patches)
{
    enum { CHANNELS = 3, PATCH = 2, HEIGHT = 14, WIDTH = 130 };
    udm_device *device = open_bf16();
    if (!device)
        return;
    const udm_shape picture = { CHANNELS, HEIGHT, WIDTH }, plane = { 1, HEIGHT, WIDTH };
    const udm_shape seen = { (2 * CHANNELS + 3) * PATCH * PATCH, HEIGHT / PATCH, WIDTH / PATCH };
    const udm_shape made = { CHANNELS * PATCH * PATCH, HEIGHT / PATCH, WIDTH / PATCH };
    float *values = random_values(udm_shape_elements(plane), 5), *level = values_of(plane, 6);
    for (size_t i = 0; i < udm_shape_elements(plane); i++)
        level[i] = fabsf(values[i]);
    const udm_observation observation = { .frame = tensor_of(device, picture, UDM_PLANAR, 1),
                                          .level = tensor_new(device, plane, UDM_PLANAR, level),
                                          .predicted = tensor_of(device, picture, UDM_PLANAR, 2),
                                          .predicted_level = tensor_new(device, plane, UDM_PLANAR, level) };
    udm_tensor observed[2], restored[2];
    for (int k = 0; k < 2; k++) {
        const udm_layout layout = k ? UDM_HALVES : UDM_FEATURES;
        const udm_tensor correction = tensor_of(device, made, layout, 7);
        observed[k] = blank_tensor(device, seen, layout);
        restored[k] = blank_tensor(device, picture, UDM_PLANAR);
        device->ops->observe(device, &observed[k], &observation, PATCH);
        device->ops->restore(device, &restored[k], &correction, &observation, PATCH);
        tensor_free(device, &correction);
    }
    compare_rounded(device, &observed[0], &observed[1]);
    float *expected = download(device, &restored[0]), *got = download(device, &restored[1]);
    ck_assert_mem_eq(expected, got, udm_shape_elements(picture) * sizeof *got);
    free(expected);
    free(got);
    free(values);
    free(level);
    for (int k = 0; k < 2; k++) {
        tensor_free(device, &observed[k]);
        tensor_free(device, &restored[k]);
    }
    const udm_tensor *inputs[] = { &observation.frame, &observation.level, &observation.predicted,
                                   &observation.predicted_level };
    for (int k = 0; k < 4; k++)
        tensor_free(device, inputs[k]);
    udm_device_close(device);
}
END_TEST

START_TEST(shuffles)
{
    udm_device *device = open_bf16();
    if (!device)
        return;
    const bool adds = _i & 1;
    const udm_shape from = { _i & 2 ? 128 : 20, 7, 11 }, to = { from.c / 4, 14, 22 };
    udm_tensor made[2];
    for (int k = 0; k < 2; k++) {
        const udm_layout layout = k ? UDM_HALVES : UDM_FEATURES;
        const udm_tensor src = tensor_of(device, from, layout, 1), addend = tensor_of(device, to, layout, 2);
        made[k] = blank_tensor(device, to, layout);
        device->ops->shuffle_add(device, &made[k], &src, adds ? &addend : NULL);
        tensor_free(device, &src);
        tensor_free(device, &addend);
    }
    compare_rounded(device, &made[0], &made[1]);
    tensor_free(device, &made[0]);
    tensor_free(device, &made[1]);
    udm_device_close(device);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = convolutions, .cases = COUNT_OF(convs) },
        { .test = patches },
        { .test = shuffles, .cases = 4 },
    };
    return test_main("bf16", tests, COUNT_OF(tests));
}
