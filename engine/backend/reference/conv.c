// SPDX-License-Identifier: LGPL-2.1-or-later
// dst[o, y, x] = activation(bias[o] + sum over i, ky, kx of weight[o, i, ky, kx] src[i, y s + ky - p, x s + kx - p])
// + residual[o, y, x], with zeros outside of src; stride s, padding p.
#include <stdlib.h>
#include <string.h>

#include "backend/host.h"
#include "backend/reference/reference.h"

struct udm_conv_weights {
    udm_conv_spec spec; // its weight and bias point into values
    int in;             // of all sources
    float values[];     // weight [out, in, size, size], then bias [out]
};

// How many values a kernel has; false where that does not fit.
static bool count_values(const udm_conv_spec *spec, int in, size_t *weights, size_t *bytes)
{
    size_t values;
    return udm_multiply((size_t)spec->out, (size_t)in, weights) &&
           udm_multiply(*weights, (size_t)spec->size * spec->size, weights) &&
           !__builtin_add_overflow(*weights, (size_t)spec->out, &values) &&
           udm_multiply(values, sizeof(float), bytes) &&
           !__builtin_add_overflow(*bytes, sizeof(udm_conv_weights), bytes);
}

udm_conv_weights *udm_reference_conv_weights_new(udm_device *device, const udm_conv_spec *spec, udm_error *error)
{
    int in = 0;
    for (int s = 0; s < spec->sources; s++)
        in += spec->in[s];
    size_t weights, bytes;
    udm_conv_weights *packed = count_values(spec, in, &weights, &bytes) ? calloc(1, bytes) : NULL;
    if (!packed) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a kernel of %d x %d channels", in, spec->out);
        return NULL;
    }
    memcpy(packed->values, spec->weight, weights * sizeof(float));
    if (spec->bias)
        memcpy(packed->values + weights, spec->bias, (size_t)spec->out * sizeof(float));
    packed->spec = *spec;
    packed->spec.weight = packed->values;
    packed->spec.bias = packed->values + weights;
    packed->in = in;
    return packed;
}

void udm_reference_conv_weights_free(udm_device *device, udm_conv_weights *packed)
{
    free(packed);
}

// The part of one source channel: weight: [size, size], plane: [H, W] of src; y, x: of dst.
static float convolve_plane(const udm_conv_spec *spec, const float *weight, const float *plane, udm_shape shape,
                            const int at[2])
{
    float sum = 0;
    for (int ky = 0; ky < spec->size; ky++) {
        int y = at[0] * spec->stride + ky - spec->padding;
        for (int kx = 0; kx < spec->size; kx++) {
            int x = at[1] * spec->stride + kx - spec->padding;
            if (y >= 0 && y < shape.h && x >= 0 && x < shape.w)
                sum += weight[ky * spec->size + kx] * plane[(size_t)y * shape.w + x];
        }
    }
    return sum;
}

static float convolve(const udm_conv *conv, int o, int y, int x)
{
    const udm_conv_spec *spec = &conv->weights->spec;
    size_t taps = (size_t)spec->size * spec->size;
    const float *weight = spec->weight + (size_t)o * conv->weights->in * taps;
    float sum = spec->bias[o];
    for (int s = 0; s < spec->sources; s++) {
        udm_shape shape = conv->src[s].shape;
        const float *src = udm_host_data(&conv->src[s]);
        for (int i = 0; i < shape.c; i++, weight += taps)
            sum += convolve_plane(spec, weight, src + udm_reference_at(shape, i, 0, 0), shape, (int[]){ y, x });
    }
    return sum;
}

static float finish(udm_activation activation, float sum, float residual)
{
    const float value = udm_reference_activate(activation, sum) + residual;
    return activation == UDM_RELU_OF_SUM && !(value > 0) ? 0 : value;
}

void udm_reference_conv(udm_device *device, const udm_conv *conv)
{
    udm_shape shape = conv->dst.shape;
    float *dst = udm_host_data(&conv->dst);
    const float *residual = conv->residual ? udm_host_data(conv->residual) : NULL;
    size_t at = 0;
    for (int o = 0; o < shape.c; o++)
        for (int y = 0; y < shape.h; y++)
            for (int x = 0; x < shape.w; x++, at++)
                dst[at] = finish(conv->activation, convolve(conv, o, y, x), residual ? residual[at] : 0);
}
