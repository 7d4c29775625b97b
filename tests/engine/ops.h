// SPDX-License-Identifier: LGPL-2.1-or-later
// For the tests of operations: each set up on a device, with inputs that depend on the case alone, run, and its result
// in planes, which the caller frees.
#ifndef UDM_TESTS_OPS_H
#define UDM_TESTS_OPS_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "backend/backend.h"

// Repeatable numbers in [-1, 1).
static inline float random_value(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(int32_t)*state / 2147483648.f;
}

static inline float *random_values(size_t count, uint32_t seed)
{
    float *values = malloc(count * sizeof(float));
    for (size_t i = 0; i < count; i++)
        values[i] = random_value(&seed);
    return values;
}

// A tensor with memory of its own. It does not start where the memory does.
static inline udm_tensor tensor_new(udm_device *device, udm_shape shape, udm_layout layout, const float *values)
{
    size_t bytes = device->ops->bytes(device, shape, layout);
    udm_tensor tensor = { device->ops->alloc(device, bytes + UDM_ALIGNMENT, NULL), UDM_ALIGNMENT, shape, layout };
    if (values)
        device->ops->upload(device, &tensor, &values, 1);
    return tensor;
}

static inline void tensor_free(udm_device *device, const udm_tensor *tensor)
{
    device->ops->free(device, tensor->memory);
}

// A tensor to write to, of NaN: operations must write all of it.
static inline udm_tensor blank_tensor(udm_device *device, udm_shape shape, udm_layout layout)
{
    size_t count = udm_shape_elements(shape);
    float *values = malloc(count * sizeof(float));
    for (size_t i = 0; i < count; i++)
        values[i] = NAN;
    udm_tensor tensor = tensor_new(device, shape, layout, values);
    free(values);
    return tensor;
}

typedef struct conv_case {
    int sources, in[UDM_MAX_SOURCES], out, size, stride, padding, height, width;
    udm_activation activation;
    bool bias;
    enum { NO_RESIDUAL, RESIDUAL, IN_PLACE } residual;
    int pixels; // that the kernel is told of; 0: none
} conv_case;

enum { PADDING_AFTER = 2 }; // a padding: one after the last row and column only

static inline int total_in(const conv_case *c)
{
    return c->in[0] + c->in[1] + c->in[2];
}

static inline udm_shape conv_shape(const conv_case *c)
{
    int more = (c->padding == PADDING_AFTER ? 1 : 2 * c->padding) - c->size;
    return (udm_shape){ c->out, (c->height + more) / c->stride + 1, (c->width + more) / c->stride + 1 };
}

static inline udm_conv_weights *conv_weights_new(udm_device *device, const conv_case *c)
{
    int in = total_in(c);
    size_t weights = (size_t)c->out * in * c->size * c->size;
    float *weight = random_values(weights, 1), *bias = random_values(c->out, 2);
    for (size_t i = 0; i < weights; i++)
        weight[i] *= sqrtf(3.f / (in * c->size * c->size)); // so that sums are near 1
    udm_conv_spec spec = { .sources = c->sources,
                           .in = { c->in[0], c->in[1], c->in[2] },
                           .out = c->out,
                           .size = c->size,
                           .stride = c->stride,
                           .padding = c->padding % PADDING_AFTER,
                           .extra = c->padding / PADDING_AFTER,
                           .pixels = c->pixels,
                           .weight = weight,
                           .bias = c->bias ? bias : NULL };
    udm_conv_weights *packed = device->ops->conv_weights_new(device, &spec, NULL);
    free(weight);
    free(bias);
    return packed;
}

// A convolution set up on a device, with inputs that depend on the case alone.
typedef struct conv_setup {
    udm_device *device;
    udm_conv conv;
    udm_tensor residual;
    udm_conv_weights *weights;
} conv_setup;

static inline void conv_setup_init(conv_setup *setup, udm_device *device, const conv_case *c)
{
    udm_shape shape = conv_shape(c);
    float *values = random_values(udm_shape_elements(shape), 9);
    setup->device = device;
    setup->weights = conv_weights_new(device, c);
    setup->conv = (udm_conv){ .weights = setup->weights, .activation = c->activation };
    for (int s = 0; s < c->sources; s++) {
        udm_shape from = { c->in[s], c->height, c->width };
        float *src = random_values(udm_shape_elements(from), 3 + s);
        setup->conv.src[s] = tensor_new(device, from, UDM_FEATURES, src);
        free(src);
    }
    setup->conv.dst = c->residual == IN_PLACE ? tensor_new(device, shape, UDM_FEATURES, values)
                                              : blank_tensor(device, shape, UDM_FEATURES);
    setup->residual = c->residual == RESIDUAL ? tensor_new(device, shape, UDM_FEATURES, values) : setup->conv.dst;
    setup->conv.residual = c->residual == NO_RESIDUAL ? NULL : &setup->residual;
    free(values);
}

static inline void conv_setup_clear(conv_setup *setup, const conv_case *c)
{
    setup->device->ops->conv_weights_free(setup->device, setup->weights);
    for (int s = 0; s < c->sources; s++)
        tensor_free(setup->device, &setup->conv.src[s]);
    if (c->residual == RESIDUAL)
        tensor_free(setup->device, &setup->residual);
    tensor_free(setup->device, &setup->conv.dst);
}

// The result in planes [C, H, W]; the caller frees it.
static inline float *download(udm_device *device, const udm_tensor *tensor)
{
    float *values = malloc(udm_shape_elements(tensor->shape) * sizeof(float));
    device->ops->download(device, &values, tensor, 1);
    return values;
}

static inline float *run_conv(udm_device *device, const void *of)
{
    const conv_case *c = of;
    conv_setup setup;
    conv_setup_init(&setup, device, c);
    device->ops->conv(device, &setup.conv);
    float *result = download(device, &setup.conv.dst);
    conv_setup_clear(&setup, c);
    return result;
}

// observe, restore and shuffle_add
typedef struct patch_case {
    int channels, height, width, patch;
    bool addend;
    int beyond; // planes of restore that are not the frame's
    int lacks;  // rows and columns of the last patches, or more, that frames of devices that `mirrors` end before
} patch_case;

static inline udm_shape observe_shape(const patch_case *c)
{
    return (udm_shape){ (2 * c->channels + 3) * c->patch * c->patch, c->height / c->patch, c->width / c->patch };
}

static inline udm_shape frame_shape(const patch_case *c)
{
    return (udm_shape){ c->channels, c->height - c->lacks, c->width - c->lacks };
}

static inline udm_shape restore_shape(const patch_case *c)
{
    return (udm_shape){ c->channels + c->beyond, c->height - c->lacks, c->width - c->lacks };
}

// Levels in [0, 1], with the ends among them.
static inline udm_tensor level_new(udm_device *device, const patch_case *c, uint32_t seed)
{
    udm_shape shape = { 1, c->height - c->lacks, c->width - c->lacks };
    size_t count = udm_shape_elements(shape);
    float *values = random_values(count, seed);
    for (size_t i = 0; i < count; i++)
        values[i] = i % 5 == 0 ? 0 : i % 7 == 0 ? 1 : fabsf(values[i]);
    udm_tensor tensor = tensor_new(device, shape, UDM_PLANAR, values);
    free(values);
    return tensor;
}

static inline udm_tensor random_tensor(udm_device *device, udm_shape shape, udm_layout layout, uint32_t seed)
{
    float *values = random_values(udm_shape_elements(shape), seed);
    udm_tensor tensor = tensor_new(device, shape, layout, values);
    free(values);
    return tensor;
}

static inline udm_observation observation_new(udm_device *device, const patch_case *c)
{
    return (udm_observation){
        .frame = random_tensor(device, frame_shape(c), UDM_PLANAR, 1),
        .level = level_new(device, c, 2),
        .predicted = random_tensor(device, frame_shape(c), UDM_PLANAR, 3),
        .predicted_level = level_new(device, c, 4),
    };
}

static inline void observation_free(udm_device *device, const udm_observation *seen)
{
    tensor_free(device, &seen->frame);
    tensor_free(device, &seen->level);
    tensor_free(device, &seen->predicted);
    tensor_free(device, &seen->predicted_level);
}

static inline float *run_observe(udm_device *device, const void *of)
{
    const patch_case *c = of;
    udm_observation seen = observation_new(device, c);
    udm_tensor dst = blank_tensor(device, observe_shape(c), UDM_FEATURES);
    device->ops->observe(device, &dst, &seen, c->patch);
    float *result = download(device, &dst);
    tensor_free(device, &dst);
    observation_free(device, &seen);
    return result;
}

static inline float *run_restore(udm_device *device, const void *of)
{
    const patch_case *c = of;
    int planes = c->channels + c->beyond;
    udm_shape patches = { planes * c->patch * c->patch, c->height / c->patch, c->width / c->patch };
    udm_observation seen = observation_new(device, c);
    udm_tensor correction = random_tensor(device, patches, UDM_FEATURES, 5);
    udm_tensor dst = blank_tensor(device, restore_shape(c), UDM_PLANAR);
    device->ops->restore(device, &dst, &correction, &seen, c->patch);
    float *result = download(device, &dst);
    tensor_free(device, &dst);
    tensor_free(device, &correction);
    observation_free(device, &seen);
    return result;
}

static inline float *run_shuffle(udm_device *device, const void *of)
{
    const patch_case *c = of;
    udm_shape deep = { 4 * c->channels, c->height / 2, c->width / 2 };
    udm_tensor src = random_tensor(device, deep, UDM_FEATURES, 1);
    udm_tensor addend = random_tensor(device, frame_shape(c), UDM_FEATURES, 2);
    udm_tensor dst = blank_tensor(device, frame_shape(c), UDM_FEATURES);
    device->ops->shuffle_add(device, &dst, &src, c->addend ? &addend : NULL);
    float *result = download(device, &dst);
    tensor_free(device, &dst);
    tensor_free(device, &addend);
    tensor_free(device, &src);
    return result;
}

static inline float *run_copy(udm_device *device, const void *of)
{
    const patch_case *c = of;
    udm_tensor src = random_tensor(device, frame_shape(c), UDM_FEATURES, 1);
    udm_tensor dst = blank_tensor(device, frame_shape(c), UDM_FEATURES);
    device->ops->copy(device, &dst, &src);
    float *result = download(device, &dst);
    tensor_free(device, &dst);
    tensor_free(device, &src);
    return result;
}

typedef struct norm_case {
    int sources, in[UDM_MAX_SOURCES], groups, height, width;
    udm_embedding embedding;
    int first; // of the vector
    udm_activation activation;
    float mean; // of the values, which deviate by about 1/2
} norm_case;

static inline udm_shape norm_shape(const norm_case *c)
{
    return (udm_shape){ c->in[0] + c->in[1] + c->in[2], c->height, c->width };
}

static inline udm_tensor shifted_tensor(udm_device *device, udm_shape shape, float mean, uint32_t seed)
{
    size_t count = udm_shape_elements(shape);
    float *values = random_values(count, seed);
    for (size_t i = 0; i < count; i++)
        values[i] += mean;
    udm_tensor tensor = tensor_new(device, shape, UDM_FEATURES, values);
    free(values);
    return tensor;
}

static inline udm_norm norm_new(udm_device *device, const norm_case *c)
{
    udm_shape shape = norm_shape(c);
    udm_norm norm = { .dst = blank_tensor(device, shape, UDM_FEATURES),
                      .sources = c->sources,
                      .affine = random_tensor(device, (udm_shape){ 2, 1, shape.c }, UDM_PLANAR, 7),
                      .groups = c->groups,
                      .eps = 1e-5f,
                      .embedding = c->embedding,
                      .vector = random_tensor(device, (udm_shape){ c->first + 2 * shape.c + 3, 1, 1 }, UDM_FEATURES, 8),
                      .first = c->first,
                      .activation = c->activation };
    for (int s = 0; s < c->sources; s++)
        norm.src[s] = shifted_tensor(device, (udm_shape){ c->in[s], c->height, c->width }, c->mean, 3 + s);
    return norm;
}

static inline void norm_free(udm_device *device, const udm_norm *norm)
{
    const udm_tensor *const others[] = { &norm->dst, &norm->affine, &norm->vector };
    for (int i = 0; i < 3; i++)
        tensor_free(device, others[i]);
    for (int s = 0; s < norm->sources; s++)
        tensor_free(device, &norm->src[s]);
}

static inline float *run_norm(udm_device *device, const void *of)
{
    udm_norm norm = norm_new(device, of);
    device->ops->norm(device, &norm);
    float *result = download(device, &norm.dst);
    norm_free(device, &norm);
    return result;
}

typedef struct attention_case {
    int channels, heads, height, width;
    int other_height, other_width; // of key and value
    float sharpness;               // of the weights: queries are so large
    bool causal;
} attention_case;

static inline udm_shape attention_shape(const attention_case *c)
{
    return (udm_shape){ c->channels, c->height, c->width };
}

static inline udm_attention attention_new(udm_device *device, const attention_case *c)
{
    udm_shape shape = attention_shape(c), other = { c->channels, c->other_height, c->other_width };
    size_t count = udm_shape_elements(shape);
    float *queries = random_values(count, 1);
    for (size_t i = 0; i < count; i++)
        queries[i] *= c->sharpness;
    udm_attention attention = { .dst = blank_tensor(device, shape, UDM_FEATURES),
                                .query = tensor_new(device, shape, UDM_FEATURES, queries),
                                .key = random_tensor(device, other, UDM_FEATURES, 2),
                                .value = random_tensor(device, other, UDM_FEATURES, 3),
                                .heads = c->heads,
                                .causal = c->causal };
    free(queries);
    return attention;
}

static inline void attention_free(udm_device *device, const udm_attention *attention)
{
    const udm_tensor *const all[] = { &attention->dst, &attention->query, &attention->key, &attention->value };
    for (int i = 0; i < 4; i++)
        tensor_free(device, all[i]);
}

static inline float *run_attention(udm_device *device, const void *of)
{
    udm_attention attention = attention_new(device, of);
    device->ops->attention(device, &attention);
    float *result = download(device, &attention.dst);
    attention_free(device, &attention);
    return result;
}

typedef struct layer_norm_case {
    int channels, height, width;
    float mean; // of the values
} layer_norm_case;

static inline udm_shape layer_norm_shape(const layer_norm_case *c)
{
    return (udm_shape){ c->channels, c->height, c->width };
}

static inline float *run_layer_norm(udm_device *device, const void *of)
{
    const layer_norm_case *c = of;
    udm_layer_norm norm = { .dst = blank_tensor(device, layer_norm_shape(c), UDM_FEATURES),
                            .src = shifted_tensor(device, layer_norm_shape(c), c->mean, 1),
                            .affine = random_tensor(device, (udm_shape){ 2, 1, c->channels }, UDM_PLANAR, 2),
                            .eps = 1e-5f };
    device->ops->layer_norm(device, &norm);
    float *result = download(device, &norm.dst);
    tensor_free(device, &norm.dst);
    tensor_free(device, &norm.src);
    tensor_free(device, &norm.affine);
    return result;
}

typedef struct join_case {
    int channels, sources, pixels[UDM_MAX_FRAMES], first, count;
} join_case;

static inline udm_shape join_shape(const join_case *c)
{
    return (udm_shape){ c->channels, 1, c->count };
}

static inline float *run_join(udm_device *device, const void *of)
{
    const join_case *c = of;
    udm_join join = { .dst = blank_tensor(device, join_shape(c), UDM_FEATURES),
                      .sources = c->sources,
                      .first = c->first };
    for (int s = 0; s < c->sources; s++)
        join.src[s] = random_tensor(device, (udm_shape){ c->channels, 1, c->pixels[s] }, UDM_FEATURES, 1 + s);
    device->ops->join(device, &join);
    float *result = download(device, &join.dst);
    tensor_free(device, &join.dst);
    for (int s = 0; s < c->sources; s++)
        tensor_free(device, &join.src[s]);
    return result;
}

// of: a layer_norm_case
static inline float *run_multiply(udm_device *device, const void *of)
{
    udm_tensor a = random_tensor(device, layer_norm_shape(of), UDM_FEATURES, 1);
    udm_tensor b = random_tensor(device, layer_norm_shape(of), UDM_FEATURES, 2);
    udm_tensor dst = blank_tensor(device, layer_norm_shape(of), UDM_FEATURES);
    device->ops->multiply(device, &dst, &a, &b);
    float *result = download(device, &dst);
    tensor_free(device, &dst);
    tensor_free(device, &a);
    tensor_free(device, &b);
    return result;
}

typedef struct frame_attention_case {
    int channels, heads, height, width, frames;
} frame_attention_case;

static inline udm_shape frame_attention_shape(const frame_attention_case *c)
{
    return (udm_shape){ c->channels, c->height, c->width };
}

static inline float *run_attend_frames(udm_device *device, const void *of)
{
    const frame_attention_case *c = of;
    const udm_shape shape = frame_attention_shape(c);
    udm_frame_attention attention = { .dst = blank_tensor(device, shape, UDM_FEATURES),
                                      .query = random_tensor(device, shape, UDM_FEATURES, 1),
                                      .frames = c->frames,
                                      .heads = c->heads };
    for (int f = 0; f < c->frames; f++) {
        attention.key[f] = random_tensor(device, shape, UDM_FEATURES, 2 + f);
        attention.value[f] = random_tensor(device, shape, UDM_FEATURES, 50 + f);
    }
    device->ops->attend_frames(device, &attention);
    float *result = download(device, &attention.dst);
    tensor_free(device, &attention.dst);
    tensor_free(device, &attention.query);
    for (int f = 0; f < c->frames; f++) {
        tensor_free(device, &attention.key[f]);
        tensor_free(device, &attention.value[f]);
    }
    return result;
}

// of: a patch_case; to twice the size where `addend`, to half of it otherwise
static inline udm_shape resample_shape(const patch_case *c)
{
    return (udm_shape){ c->channels, c->addend ? 2 * c->height : c->height / 2,
                        c->addend ? 2 * c->width : c->width / 2 };
}

static inline float *run_resample(udm_device *device, const void *of)
{
    udm_tensor src = random_tensor(device, frame_shape(of), UDM_FEATURES, 1);
    udm_tensor dst = blank_tensor(device, resample_shape(of), UDM_FEATURES);
    device->ops->resample(device, &dst, &src);
    float *result = download(device, &dst);
    tensor_free(device, &dst);
    tensor_free(device, &src);
    return result;
}

// From planes to features and back, through memory that must be written whole.
static inline float *run_convert(udm_device *device, const void *of)
{
    udm_tensor planes = random_tensor(device, frame_shape(of), UDM_PLANAR, 1);
    udm_tensor features = blank_tensor(device, frame_shape(of), UDM_FEATURES);
    udm_tensor back = blank_tensor(device, frame_shape(of), UDM_PLANAR);
    device->ops->copy(device, &features, &planes);
    device->ops->copy(device, &back, &features);
    float *result = download(device, &back);
    tensor_free(device, &planes);
    tensor_free(device, &features);
    tensor_free(device, &back);
    return result;
}

typedef struct warp_case {
    int channels, height, width;
    udm_filter filter;
    float reach; // of the flow, in pixels; 0: it stays where it is
    bool inside; // is asked for, and given after the planes
} warp_case;

static inline udm_shape warp_shape(const warp_case *c)
{
    return (udm_shape){ c->channels + c->inside, c->height, c->width };
}

// Some of the flow is no number.
static inline udm_tensor flow_new(udm_device *device, const warp_case *c)
{
    const udm_shape shape = { 2, c->height, c->width };
    const size_t count = udm_shape_elements(shape);
    float *values = random_values(count, 1);
    for (size_t i = 0; i < count; i++)
        values[i] = i % 31 == 30 ? NAN : values[i] * c->reach;
    udm_tensor tensor = tensor_new(device, shape, UDM_PLANAR, values);
    free(values);
    return tensor;
}

static inline void warp_free(udm_device *device, const udm_warp *warp)
{
    tensor_free(device, &warp->dst);
    tensor_free(device, &warp->src);
    tensor_free(device, &warp->flow);
}

static inline float *run_warp(udm_device *device, const void *of)
{
    const warp_case *c = of;
    const udm_shape planes = { c->channels, c->height, c->width }, plane = { 1, c->height, c->width };
    const size_t count = udm_shape_elements(planes);
    udm_tensor inside = blank_tensor(device, plane, UDM_PLANAR);
    udm_warp warp = { .dst = blank_tensor(device, planes, UDM_PLANAR),
                      .src = random_tensor(device, planes, UDM_PLANAR, 2),
                      .flow = flow_new(device, c),
                      .inside = c->inside ? &inside : NULL,
                      .filter = c->filter };
    float *result = malloc((count + udm_shape_elements(plane)) * sizeof(float));
    device->ops->warp(device, &warp);
    device->ops->download(device, &(float *){ result }, &warp.dst, 1);
    device->ops->download(device, &(float *){ result + count }, &inside, 1);
    warp_free(device, &warp);
    tensor_free(device, &inside);
    return result;
}

#endif
