// SPDX-License-Identifier: LGPL-2.1-or-later
// The operations of `reference`, which all others are compared with, by closed forms.
#include "backend/backend.h"

#include <math.h>

#include "compare.h"
#include "ops.h"

START_TEST(reference_conv)
{
    udm_device *device = udm_device_open("reference", 1, NULL);
    const float weight[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, bias[] = { 100 };
    const float in[] = { 1, 2, 3, 4, 5, 6 };               // [1, 2, 3]
    const float want[] = { 194, 254, 206, 158, 191, 158 }; // by hand
    udm_conv_spec spec = {
        .sources = 1, .in = { 1 }, .out = 1, .size = 3, .stride = 1, .padding = 1, .weight = weight, .bias = bias
    };
    udm_conv conv = { .src = { tensor_new(device, (udm_shape){ 1, 2, 3 }, UDM_FEATURES, in) },
                      .dst = tensor_new(device, (udm_shape){ 1, 2, 3 }, UDM_FEATURES, NULL),
                      .weights = device->ops->conv_weights_new(device, &spec, NULL) };
    device->ops->conv(device, &conv);
    float *got = download(device, &conv.dst);
    assert_close(got, want, 6, 1e-5);
    free(got);
    device->ops->conv_weights_free(device, (udm_conv_weights *)conv.weights);
    tensor_free(device, &conv.src[0]);
    tensor_free(device, &conv.dst);
    udm_device_close(device);
}
END_TEST

// A group of 1, 2, 3, 4 and one of 10, 10, 10, 14: by hand.
START_TEST(reference_norm)
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
    assert_close(got, want, 8, 1e-5);
    free(got);
    norm_free(device, &norm);
    udm_device_close(device);
}
END_TEST

// With scores 0 and log 3 the weights are 1/4 and 3/4.
START_TEST(reference_attention)
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
    assert_close(got, want, 4, 1e-5);
    free(got);
    attention.causal = true; // the first pixel sees itself alone
    device->ops->attention(device, &attention);
    got = download(device, &attention.dst);
    assert_close(got, ((float[]){ 4, 7.6f, 0, .9f }), 4, 1e-5);
    free(got);
    attention_free(device, &attention);
    udm_device_close(device);
}
END_TEST

// With scores 0 and log 3, both for the second pixel's heads, the weights are 1/4 and 3/4.
START_TEST(reference_attend_frames)
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
    assert_close(got, want, 4, 1e-5);
    free(got);
    tensor_free(device, &attention.dst);
    tensor_free(device, &attention.query);
    for (int f = 0; f < 2; f++) {
        tensor_free(device, &attention.key[f]);
        tensor_free(device, &attention.value[f]);
    }
    udm_device_close(device);
}
END_TEST

// A linear layer that doubles, and what the activations make of 2 and -2.
START_TEST(reference_activations)
{
    static const struct {
        udm_activation activation;
        float want[2];
    } known[] = { { UDM_LINEAR, { 2, -2 } },
                  { UDM_RELU, { 2, 0 } },
                  { UDM_SILU, { 1.761594f, -.238406f } },
                  { UDM_GELU, { 1.954500f, -.045500f } },
                  { UDM_QUICK_GELU, { 1.935658f, -.064342f } },
                  { UDM_RELU_OF_SUM, { 2, 0 } } };
    udm_device *device = udm_device_open("reference", 1, NULL);
    const udm_shape shape = { 1, 1, 2 };
    const float two = 2, x[] = { 1, -1 };
    const udm_conv_spec spec = { .sources = 1, .in = { 1 }, .out = 1, .size = 1, .stride = 1, .weight = &two };
    udm_conv_weights *weights = device->ops->conv_weights_new(device, &spec, NULL);
    udm_conv conv = { .dst = tensor_new(device, shape, UDM_FEATURES, NULL),
                      .src = { tensor_new(device, shape, UDM_FEATURES, x) },
                      .weights = weights };
    for (int i = 0; i < COUNT_OF(known); i++) {
        conv.activation = known[i].activation;
        device->ops->conv(device, &conv);
        float *got = download(device, &conv.dst);
        assert_close(got, known[i].want, 2, 1e-6);
        free(got);
    }
    const float add[] = { -3, 5 }; // to 2 and -2: before the last activation, after the others
    static const float sums[2][2] = { { -1, 5 }, { 0, 3 } };
    udm_tensor residual = tensor_new(device, shape, UDM_FEATURES, add);
    conv.residual = &residual;
    for (int i = 0; i < 2; i++) {
        conv.activation = i ? UDM_RELU_OF_SUM : UDM_RELU;
        device->ops->conv(device, &conv);
        float *got = download(device, &conv.dst);
        assert_close(got, sums[i], 2, 1e-6);
        free(got);
    }
    tensor_free(device, &residual);
    tensor_free(device, &conv.dst);
    tensor_free(device, &conv.src[0]);
    device->ops->conv_weights_free(device, weights);
    udm_device_close(device);
}
END_TEST

// Two pixels of three channels, 1 2 3 and 0 0 6: their deviations are sqrt(2 / 3) and sqrt(8).
START_TEST(reference_layer_norm)
{
    udm_device *device = udm_device_open("reference", 1, NULL);
    const udm_shape shape = { 3, 1, 2 };
    const float src[] = { 1, 0, 2, 0, 3, 6 }, affine[] = { 1, 1, 2, 0, 10, 0 };
    const float want[] = { -1.224745f, -.707107f, 10, 9.292893f, 2.449490f, 2.828427f };
    udm_layer_norm norm = { .dst = tensor_new(device, shape, UDM_FEATURES, NULL),
                            .src = tensor_new(device, shape, UDM_FEATURES, src),
                            .affine = tensor_new(device, (udm_shape){ 2, 1, 3 }, UDM_PLANAR, affine) };
    device->ops->layer_norm(device, &norm);
    float *got = download(device, &norm.dst);
    assert_close(got, want, 6, 1e-6);
    free(got);
    tensor_free(device, &norm.dst);
    tensor_free(device, &norm.src);
    tensor_free(device, &norm.affine);
    udm_device_close(device);
}
END_TEST

// The last of the first and the first of the second.
START_TEST(reference_join)
{
    udm_device *device = udm_device_open("reference", 1, NULL);
    const float one[] = { 1, 2, 3, 4 }, other[] = { 5, 6 }, want[] = { 2, 5, 4, 6 };
    udm_join join = { .dst = tensor_new(device, (udm_shape){ 2, 1, 2 }, UDM_FEATURES, NULL),
                      .src = { tensor_new(device, (udm_shape){ 2, 1, 2 }, UDM_FEATURES, one),
                               tensor_new(device, (udm_shape){ 2, 1, 1 }, UDM_FEATURES, other) },
                      .sources = 2,
                      .first = 1 };
    device->ops->join(device, &join);
    float *got = download(device, &join.dst);
    assert_within(got, want, 4, 0);
    free(got);
    tensor_free(device, &join.dst);
    tensor_free(device, &join.src[0]);
    tensor_free(device, &join.src[1]);
    udm_device_close(device);
}
END_TEST

START_TEST(reference_multiply)
{
    udm_device *device = udm_device_open("reference", 1, NULL);
    const udm_shape shape = { 1, 1, 3 };
    const float one[] = { 2, -3, 0 }, other[] = { 5, 4, 7 }, want[] = { 10, -12, 0 };
    const udm_tensor a = tensor_new(device, shape, UDM_FEATURES, one),
                     b = tensor_new(device, shape, UDM_FEATURES, other);
    const udm_tensor dst = tensor_new(device, shape, UDM_FEATURES, NULL);
    device->ops->multiply(device, &dst, &a, &b);
    float *got = download(device, &dst);
    assert_within(got, want, 3, 0);
    free(got);
    tensor_free(device, &dst);
    tensor_free(device, &a);
    tensor_free(device, &b);
    udm_device_close(device);
}
END_TEST

// A tent by hand; Lanczos-3 half way between a pulse and its neighbours: sinc(d) sinc(d / 3) at 1/2, -3/2 and 5/2.
START_TEST(reference_warp)
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
    assert_close(got, tent, 8, 1e-6);
    assert_within(was, within, 8, 0);
    free(got);
    warp.filter = UDM_LANCZOS_3;
    device->ops->warp(device, &warp);
    got = download(device, &warp.dst);
    assert_close(got + 3, lanczos, 5, 1e-5);
    free(got);
    free(was);
    warp_free(device, &warp);
    tensor_free(device, &inside);
    udm_device_close(device);
}
END_TEST

START_TEST(reference_resample)
{
    udm_device *device = udm_device_open("reference", 1, NULL);
    const float small[] = { 1, 2 }, want[] = { 1, 1, 2, 2, 1, 1, 2, 2 };
    udm_tensor src = tensor_new(device, (udm_shape){ 1, 1, 2 }, UDM_FEATURES, small);
    udm_tensor dst = tensor_new(device, (udm_shape){ 1, 2, 4 }, UDM_FEATURES, NULL);
    device->ops->resample(device, &dst, &src);
    float *large = download(device, &dst);
    assert_within(large, want, 8, 0);
    const float *values = (const float[]){ 1, 3, 0, 0, 5, 7, 0, 8 };
    device->ops->upload(device, &dst, &values, 1);
    device->ops->resample(device, &src, &dst);
    float *half = download(device, &src);
    ck_assert_double_eq(half[0], 4);
    ck_assert_double_eq(half[1], 2);
    free(large);
    free(half);
    tensor_free(device, &src);
    tensor_free(device, &dst);
    udm_device_close(device);
}
END_TEST

// One pixel: frame .6 at `level`, prediction -.2 at `guess_level`; out: fused, rho, innovation, level, guess_level.
static void observe_pixel(float level, float predicted_level, float out[5])
{
    udm_device *device = udm_device_open("reference", 1, NULL);
    udm_shape one = { 1, 1, 1 };
    float frame = .6f, predicted = -.2f;
    udm_observation seen = { tensor_new(device, one, UDM_PLANAR, &frame), tensor_new(device, one, UDM_PLANAR, &level),
                             tensor_new(device, one, UDM_PLANAR, &predicted),
                             tensor_new(device, one, UDM_PLANAR, &predicted_level) };
    udm_tensor dst = tensor_new(device, (udm_shape){ 5, 1, 1 }, UDM_FEATURES, NULL);
    device->ops->observe(device, &dst, &seen, 1);
    device->ops->download(device, &(float *){ out }, &dst, 1);
    tensor_free(device, &dst);
    observation_free(device, &seen);
    udm_device_close(device);
}

START_TEST(reference_fusion)
{
    float out[5];
    observe_pixel(.5f, 1, out); // no prediction: the frame, freed of its signal's gain (but for the tiny prior)
    ck_assert_double_eq_tol(out[0], .6 / sqrt(1 - .25), 3e-3);
    ck_assert_double_eq_tol(out[1], .5, 1e-3);
    observe_pixel(0, 0, out); // both known: their mean
    ck_assert_double_eq_tol(out[0], .2, 1e-5);
    ck_assert_double_eq_tol(out[2], -.8, 1e-5);
    ck_assert_double_eq(out[3] + out[4], 0);
    observe_pixel(0, .9f, out); // a known frame needs no prediction
    ck_assert_double_eq_tol(out[0], .6, 1e-5);
    ck_assert_double_eq_tol(out[1], UDM_MIN_LEVEL, 1e-5);
    observe_pixel(1, 1, out); // nothing is known
    ck_assert_double_eq(out[0], 0);
    ck_assert_double_eq_tol(out[1], sqrt(100. / 101), 1e-6);
    observe_pixel(.6f, .6f, out); // two alike: half the variance, .36 / .64 / 2
    ck_assert_double_eq_tol(out[1], sqrt(.28125 / 1.28125), 2e-3);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = reference_conv },          { .test = reference_norm },        { .test = reference_attention },
        { .test = reference_attend_frames }, { .test = reference_warp },        { .test = reference_resample },
        { .test = reference_fusion },        { .test = reference_activations }, { .test = reference_layer_norm },
        { .test = reference_join },          { .test = reference_multiply },
    };
    return test_main("reference", tests, COUNT_OF(tests));
}
