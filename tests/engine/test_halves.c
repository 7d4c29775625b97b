// SPDX-License-Identifier: LGPL-2.1-or-later
// Weights of 16 bits, as large models have them: convolutions of them are those of the same weights as floats. Where
// Winograd's are transformed only when they are used they are nearly so, and otherwise to the bit.
#include "backend/host.h"
#include "base/random.h"
#include "compare.h"
#include "ops.h"
#include "testing.h"

typedef struct halves_case {
    udm_half_kind kind;
    int in, out, size, stride, side;
} halves_case;

static const halves_case cases[] = {
    { UDM_FLOAT16, 300, 35, 1, 1, 9 },  { UDM_BFLOAT16, 300, 35, 1, 1, 9 },  { UDM_FLOAT16, 40, 48, 3, 2, 9 },
    { UDM_FLOAT16, 20, 17, 3, 1, 10 },  { UDM_FLOAT16, 348, 345, 3, 1, 22 }, { UDM_BFLOAT16, 345, 350, 3, 1, 6 },
    { UDM_FLOAT16, 700, 33, 1, 1, 30 },
};

static bool is_late(const halves_case *c)
{
    return c->size == 3 && c->stride == 1 && c->in * c->out * 144 >= 16 << 20;
}

static uint16_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)(bits >> 16);
}

// Those of a float16 that is 2^-15 to 1, or subnormal.
static void fill(const halves_case *c, uint16_t *halves, float *floats, size_t count)
{
    udm_normal(5, 0, 0, 0, count, floats);
    for (size_t i = 0; i < count; i++) {
        const uint16_t bits = bits_of(floats[i]);
        halves[i] = c->kind == UDM_BFLOAT16
                        ? bits
                        : (uint16_t)((bits & 0x8000) | ((uint32_t)(bits * 2654435761u) >> 18 & 0x37ff));
        floats[i] = udm_half_to_float(c->kind, halves[i]);
    }
}

static float *run(udm_device *device, const halves_case *c, const float *x, const udm_conv_spec *spec)
{
    udm_error error = { 0 };
    const int padding = spec->padding, side = (c->side + 2 * padding - c->size) / c->stride + 1;
    udm_conv_weights *weights = device->ops->conv_weights_new(device, spec, &error);
    ck_assert_msg(weights, "%s", error.message);
    udm_conv conv = {
        .dst = tensor_new(device, (udm_shape){ c->out, side, side }, UDM_FEATURES, NULL),
        .src = { tensor_new(device, (udm_shape){ c->in, c->side, c->side }, UDM_FEATURES, x) },
        .weights = weights,
    };
    device->ops->conv(device, &conv);
    float *got = download(device, &conv.dst);
    tensor_free(device, &conv.dst);
    tensor_free(device, &conv.src[0]);
    device->ops->conv_weights_free(device, weights);
    return got;
}

static void compare(udm_device *device, const halves_case *c, bool rounds)
{
    const size_t count = (size_t)c->in * c->out * c->size * c->size, pixels = (size_t)c->in * c->side * c->side;
    uint16_t *halves = malloc((count + 1) * sizeof *halves);
    uint16_t *odd = (uint16_t *)(void *)((char *)halves + 1); // as a file may have them
    float *floats = malloc((count + pixels) * sizeof *floats), *x = floats + count;
    fill(c, halves, floats, count);
    memmove(odd, halves, count * sizeof *halves);
    udm_normal(6, 0, 0, 0, pixels, x);
    udm_conv_spec spec = { .sources = 1,
                           .in = { c->in },
                           .out = c->out,
                           .size = c->size,
                           .stride = c->stride,
                           .padding = c->size / 2,
                           .weight = floats };
    float *want = run(device, c, x, &spec);
    spec.weight = NULL, spec.half = odd, spec.kind = c->kind;
    float *got = run(device, c, x, &spec);
    const int side = (c->side + 2 * spec.padding - c->size) / c->stride + 1;
    const size_t outputs = (size_t)c->out * side * side;
    double most = 0;
    for (size_t i = 0; i < outputs; i++)
        most = fmax(most, fabs(want[i]));
    test_at("kind %d, %d to %d, size %d", c->kind, c->in, c->out, c->size);
    assert_within(got, want, outputs, is_late(c) ? most * (rounds ? 1e-2 : 1e-5) : 0);
    free(want), free(got);
    free(halves), free(floats);
}

START_TEST(same_as_floats)
{
    static const char *const names[] = { "cpu:sse2", "cpu:avx2", "cpu:avx512", "cpu", "cpu" };
    udm_error error = { 0 };
    const bool rounds = _i == 4;
    test_case("%s%s", names[_i], rounds ? ", bf16" : "");
    udm_device *device = udm_device_open(names[_i], 2, &error);
    if (!device || (rounds && !udm_device_set_precision(device, UDM_PRECISION_BF16, &error))) {
        test_skip("%s", error.message);
        udm_device_close(device);
        return;
    }
    ck_assert(device->takes_halves);
    for (int i = 0; i < COUNT_OF(cases); i++)
        compare(device, &cases[i], rounds);
    udm_device_close(device);
}
END_TEST

START_TEST(every_half)
{
    for (uint32_t i = 0; i < 65536; i++) {
        const int exponent = i >> 10 & 31, fraction = i & 1023;
        const double size = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
        const float got = udm_half_to_float(UDM_FLOAT16, (uint16_t)i);
        if (exponent == 31)
            ck_assert(fraction ? isnan(got) : isinf(got));
        else
            ck_assert_double_eq(got, i & 0x8000 ? -size : size);
    }
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = same_as_floats, .cases = 5 },
        { .test = every_half },
    };
    return test_main("halves", tests, COUNT_OF(tests));
}
