// SPDX-License-Identifier: LGPL-2.1-or-later
// A small network of all operations, with random weights.
#include "backend/trial.h"

#include <math.h>
#include <stdlib.h>

#include "base/random.h"

enum {
    WIDTH = 40, // of the frame
    HEIGHT = 24,
    CHANNELS = 3,
    PATCH = 2,
    W = WIDTH / PATCH,
    H = HEIGHT / PATCH,
    OUT = CHANNELS * HEIGHT * WIDTH,
    MAX_KERNELS = 8,
};

static const double tolerance = 1e-4, tolerance_of_halves = 0.02;

typedef struct trial {
    udm_device *device;
    udm_memory *memory;
    size_t used, room;
    udm_conv_weights *kernels[MAX_KERNELS];
    int weights_count;
    uint64_t inputs; // so far, which name their numbers
    udm_error *error;
    bool failed;
} trial;

static void begin(trial *t, udm_device *device, size_t room, udm_error *error)
{
    *t = (trial){ .device = device, .room = room, .error = error };
    t->memory = device->ops->alloc(device, room, error);
    t->failed = !t->memory;
}

static bool end(trial *t)
{
    const udm_ops *ops = t->device->ops;
    if (!t->failed)
        t->failed = !ops->finish(t->device, t->error);
    for (int i = 0; i < t->weights_count; i++)
        ops->conv_weights_free(t->device, t->kernels[i]);
    if (t->memory)
        ops->free(t->device, t->memory);
    return !t->failed;
}

static udm_tensor tensor(trial *t, int c, int h, int w, udm_layout layout)
{
    const udm_shape shape = { c, h, w };
    const size_t bytes = t->device->ops->bytes(t->device, shape, layout);
    const udm_tensor made = { .memory = t->memory, .offset = t->used, .shape = shape, .layout = layout };
    t->used += (bytes + UDM_ALIGNMENT - 1) / UDM_ALIGNMENT * UDM_ALIGNMENT;
    if (t->used > t->room && !t->failed)
        t->failed = !udm_fail(t->error, UDM_ERROR_MEMORY, "%s: no memory for a trial", t->device->name);
    return made;
}

// The same numbers on every device. NULL where there is no memory.
static float *numbers(trial *t, size_t count)
{
    float *values = malloc(count * sizeof *values);
    if (values)
        udm_normal(1, t->inputs++, 0, 0, count, values);
    else if (!t->failed)
        t->failed = !udm_fail(t->error, UDM_ERROR_MEMORY, "no memory for a trial");
    return values;
}

static udm_tensor input(trial *t, int c, int h, int w, udm_layout layout, bool level)
{
    const udm_tensor made = tensor(t, c, h, w, layout);
    float *values = numbers(t, udm_shape_elements(made.shape));
    for (size_t i = 0; level && values && i < udm_shape_elements(made.shape); i++)
        values[i] = fminf(fabsf(values[i]) / 2, 1);
    if (!t->failed)
        t->device->ops->upload(t->device, &made, &(const float *){ values }, 1);
    free(values);
    return made;
}

// A convolution with new weights, `size` wide.
static udm_tensor conv(trial *t, int out, int size, int stride, const udm_tensor *src, int sources,
                       const udm_tensor *residual)
{
    udm_conv_spec spec = { .sources = sources, .out = out, .size = size, .stride = stride, .padding = size == 3 };
    udm_conv run = { .residual = residual, .activation = size == 3 ? UDM_SILU : size == 2 ? UDM_GELU : UDM_LINEAR };
    int in = 0;
    for (int s = 0; s < sources; s++) {
        spec.in[s] = src[s].shape.c;
        in += spec.in[s];
        run.src[s] = src[s];
    }
    run.dst = tensor(t, out, src->shape.h / stride, src->shape.w / stride, UDM_FEATURES);
    const size_t count = (size_t)out * in * size * size;
    float *weight = numbers(t, count + out);
    for (size_t i = 0; weight && i < count; i++)
        weight[i] /= sqrtf((float)(in * size * size)); // so that sums are near 1
    spec.weight = weight, spec.bias = weight + count;
    udm_conv_weights *weights = t->failed ? NULL : t->device->ops->conv_weights_new(t->device, &spec, t->error);
    free(weight);
    run.weights = weights;
    if (weights) {
        t->kernels[t->weights_count++] = weights;
        t->device->ops->conv(t->device, &run);
    } else {
        t->failed = true;
    }
    return run.dst;
}

static udm_tensor attend(trial *t, const udm_tensor *x)
{
    const udm_tensor squared = tensor(t, x->shape.c, H, W, UDM_FEATURES);
    const udm_layer_norm norm = { .dst = tensor(t, x->shape.c, H, W, UDM_FEATURES),
                                  .src = squared,
                                  .affine = input(t, 2, 1, x->shape.c, UDM_PLANAR, false),
                                  .eps = 1e-5f };
    const udm_join others = {
        .dst = tensor(t, x->shape.c, 1, H * W + 3, UDM_FEATURES), .src = { *x, norm.dst }, .sources = 2, .first = 5
    };
    const udm_attention pixels = { .dst = tensor(t, x->shape.c, H, W, UDM_FEATURES),
                                   .query = *x,
                                   .key = others.dst,
                                   .value = others.dst,
                                   .heads = 2,
                                   .causal = true };
    const udm_frame_attention frames = { .dst = tensor(t, x->shape.c, H, W, UDM_FEATURES),
                                         .query = pixels.dst,
                                         .key = { *x, pixels.dst },
                                         .value = { pixels.dst, *x },
                                         .frames = 2,
                                         .heads = 4 };
    if (!t->failed) {
        t->device->ops->multiply(t->device, &squared, x, x);
        t->device->ops->layer_norm(t->device, &norm);
        t->device->ops->join(t->device, &others);
        t->device->ops->attention(t->device, &pixels);
        t->device->ops->attend_frames(t->device, &frames);
    }
    return frames.dst;
}

static udm_tensor normalise(trial *t, const udm_tensor *x)
{
    const udm_norm norm = { .dst = tensor(t, x->shape.c, H, W, UDM_FEATURES),
                            .src = { *x },
                            .sources = 1,
                            .affine = input(t, 2, 1, x->shape.c, UDM_PLANAR, false),
                            .groups = 4,
                            .eps = 1e-5f,
                            .embedding = UDM_EMBED_ADD,
                            .vector = input(t, x->shape.c, 1, 1, UDM_FEATURES, false),
                            .activation = UDM_LINEAR };
    if (!t->failed)
        t->device->ops->norm(t->device, &norm);
    return norm.dst;
}

// Down and up again, with the frame itself added.
static udm_tensor resize(trial *t, const udm_tensor *x, const udm_tensor *frame)
{
    const udm_tensor half = conv(t, 48, 2, 2, x, 1, NULL), same = tensor(t, 48, H, W, UDM_FEATURES);
    const udm_tensor features = tensor(t, CHANNELS, HEIGHT, WIDTH, UDM_FEATURES);
    const udm_tensor large = tensor(t, 12, HEIGHT, WIDTH, UDM_FEATURES), mean = tensor(t, 12, H, W, UDM_FEATURES);
    if (!t->failed) {
        t->device->ops->resample(t->device, &same, &half);
        t->device->ops->copy(t->device, &features, frame);
    }
    const udm_tensor sum = conv(t, 48, 1, 1, (const udm_tensor[]){ *x, same }, 2, &same);
    const udm_tensor added = conv(t, 12, 1, 1, &features, 1, NULL);
    if (!t->failed) {
        t->device->ops->shuffle_add(t->device, &large, &sum, &added);
        t->device->ops->resample(t->device, &mean, &large);
    }
    return conv(t, 12, 1, 1, (const udm_tensor[]){ mean, same, *x }, 3, NULL);
}

static bool compute(udm_device *device, float out[OUT], udm_error *error)
{
    trial t;
    begin(&t, device, 4 << 20, error);
    const udm_observation seen = {
        .frame = input(&t, CHANNELS, HEIGHT, WIDTH, UDM_PLANAR, false),
        .level = input(&t, 1, HEIGHT, WIDTH, UDM_PLANAR, true),
        .predicted = input(&t, CHANNELS, HEIGHT, WIDTH, UDM_PLANAR, false),
        .predicted_level = input(&t, 1, HEIGHT, WIDTH, UDM_PLANAR, true),
    };
    const udm_tensor observed = tensor(&t, (2 * CHANNELS + 3) * PATCH * PATCH, H, W, UDM_FEATURES);
    if (!t.failed)
        device->ops->observe(device, &observed, &seen, PATCH);
    const udm_tensor wide = conv(&t, 32, 3, 1, &observed, 1, NULL), normal = normalise(&t, &wide);
    const udm_tensor attended = attend(&t, &normal), correction = resize(&t, &attended, &seen.frame);
    const udm_tensor restored = tensor(&t, CHANNELS, HEIGHT, WIDTH, UDM_PLANAR);
    const udm_warp warp = { .dst = tensor(&t, CHANNELS, HEIGHT, WIDTH, UDM_PLANAR),
                            .src = restored,
                            .flow = input(&t, 2, HEIGHT, WIDTH, UDM_PLANAR, false),
                            .filter = UDM_LANCZOS_3 };
    if (!t.failed) {
        device->ops->restore(device, &restored, &correction, &seen, PATCH);
        device->ops->warp(device, &warp);
        device->ops->download(device, &out, &warp.dst, 1);
    }
    return end(&t);
}

// The largest difference of two devices; what is not a number is infinitely far. Negative, with *error, where one
// fails.
static double difference_of(udm_device *device, udm_device *processor, udm_error *error)
{
    float got[OUT], want[OUT];
    double worst = 0;
    if (!compute(processor, want, error) || !compute(device, got, error))
        return -1;
    for (int i = 0; i < OUT; i++) {
        const double difference = fabs((double)got[i] - want[i]);
        worst = difference <= worst ? worst : isnan(difference) ? INFINITY : difference;
    }
    return worst;
}

bool udm_trial(udm_device *device, udm_device *processor, udm_error *error)
{
    const double worst = difference_of(device, processor, error);
    if (worst < 0)
        return false;
    if (worst > tolerance)
        return udm_fail(error, UDM_ERROR_DEVICE,
                        "%s computes other results than %s, off by %.2g: its driver may need an update", device->name,
                        processor->name, worst);
    return udm_seconds(device, error) < udm_seconds(processor, error);
}

bool udm_trial_auto(udm_device *device, udm_device *processor)
{
    if (!device->ops->set_precision(device, UDM_PRECISION_AUTO, NULL))
        return false;
    const double worst = difference_of(device, processor, NULL);
    return worst >= 0 && worst <= tolerance_of_halves;
}
