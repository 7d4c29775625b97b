// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads the weights of layers, and packs or uploads them.
#include "network/layer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool udm_layer_pack(udm_layer *layer, udm_conv_spec spec, udm_device *device, udm_error *error)
{
    layer->weights = device->ops->conv_weights_new(device, &spec, error);
    layer->spec = spec;
    layer->spec.weight = layer->spec.bias = NULL;
    return layer->weights != NULL;
}

// NAME.weight of this shape, and NAME.bias [out] where `bias`; the caller frees both.
static bool read_weights(const udm_weights *weights, const char *name, int dims, const int64_t *shape, bool bias,
                         float **weight, float **added, udm_error *error)
{
    char full[160];
    snprintf(full, sizeof full, "%s.weight", name);
    *weight = udm_weights_read(weights, full, dims, shape, error);
    *added = NULL;
    if (!*weight || !bias)
        return *weight;
    snprintf(full, sizeof full, "%s.bias", name);
    *added = udm_weights_read(weights, full, 1, shape, error);
    return *added;
}

// Whether a tensor goes to the device as it is.
static bool stays_half(const udm_weights *weights, const udm_weight *weight, const udm_device *device)
{
    return device->takes_halves && !udm_weights_is_patched(weights, weight) &&
           (weight->dtype == UDM_F16 || weight->dtype == UDM_BF16);
}

bool udm_layer_open_rows(udm_layer *layer, udm_conv_spec spec, int dims, int rows, int first, bool bias,
                         const udm_weights *weights, const char *name, udm_device *device, udm_error *error)
{
    int in = 0;
    for (int i = 0; i < spec.sources; i++)
        in += spec.in[i];
    const size_t row = (size_t)in * spec.size * spec.size;
    const int64_t shape[4] = { rows, in, spec.size, spec.size };
    char full[160];
    snprintf(full, sizeof full, "%s.weight", name);
    const udm_weight *weight = udm_weights_require(weights, full, dims, shape, error);
    float *values = NULL, *added = NULL;
    bool good = weight != NULL;
    if (good && stays_half(weights, weight, device)) {
        spec.half = (const char *)weight->data + (size_t)first * row * sizeof(uint16_t);
        spec.kind = weight->dtype == UDM_F16 ? UDM_FLOAT16 : UDM_BFLOAT16;
    } else if (good) {
        values = udm_weights_read(weights, full, dims, shape, error);
        spec.weight = values ? values + (size_t)first * row : NULL;
        good = values;
    }
    snprintf(full, sizeof full, "%s.bias", name);
    if (good && bias)
        good = (added = udm_weights_read(weights, full, 1, shape, error));
    spec.bias = added ? added + first : NULL;
    good = good && udm_layer_pack(layer, spec, device, error);
    if (weight)
        udm_weights_done(weights, weight);
    free(values);
    free(added);
    return good;
}

bool udm_layer_open(udm_layer *layer, udm_conv_spec spec, bool bias, const udm_weights *weights, const char *name,
                    udm_device *device, udm_error *error)
{
    return udm_layer_open_rows(layer, spec, 4, spec.out, 0, bias, weights, name, device, error);
}

static udm_conv_spec linear(int in, int out)
{
    return (udm_conv_spec){ .sources = 1, .in = { in }, .out = out, .size = 1, .stride = 1 };
}

bool udm_layer_open_linear(udm_layer *layer, int in, int out, const udm_weights *weights, const char *name,
                           udm_device *device, udm_error *error)
{
    return udm_layer_open_rows(layer, linear(in, out), 2, out, 0, true, weights, name, device, error);
}

bool udm_layer_open_plain(udm_layer *layer, int in, int out, const udm_weights *weights, const char *name,
                          udm_device *device, udm_error *error)
{
    return udm_layer_open_rows(layer, linear(in, out), 2, out, 0, false, weights, name, device, error);
}

bool udm_layer_open_temporal(udm_layer *layer, int channels, const udm_weights *weights, const char *name,
                             udm_device *device, udm_error *error)
{
    char full[160];
    snprintf(full, sizeof full, "%s.weight", name);
    float *w = udm_weights_read(weights, full, 3, (int64_t[]){ channels, channels, 3 }, error);
    float *taps = w ? malloc((size_t)channels * channels * 3 * sizeof *taps) : NULL;
    if (w && !taps)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for the weights of %s", name);
    if (taps) // [out, in, tap] to [out, tap, in]: the three frames are read one after the other
        for (int o = 0; o < channels; o++)
            for (int i = 0; i < channels; i++)
                for (int k = 0; k < 3; k++)
                    taps[((size_t)o * 3 + k) * channels + i] = w[((size_t)o * channels + i) * 3 + k];
    udm_conv_spec spec = {
        .sources = 3,
        .in = { channels, channels, channels },
        .out = channels,
        .size = 1,
        .stride = 1,
        .weight = taps,
    };
    bool good = taps && udm_layer_pack(layer, spec, device, error);
    free(w);
    free(taps);
    return good;
}

void udm_layer_close(udm_layer *layer, udm_device *device)
{
    if (layer->weights)
        device->ops->conv_weights_free(device, layer->weights);
    layer->weights = NULL;
}

bool udm_norm_layer_open(udm_norm_layer *layer, int channels, int groups, double eps, const udm_weights *weights,
                         const char *name, udm_device *device, udm_error *error)
{
    if (groups < 1 || channels % groups != 0)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: %d channels cannot be divided into %d groups", name,
                        channels, groups);
    const udm_shape shape = { 2, 1, channels };
    float *gamma, *beta, *both = malloc(2 * channels * sizeof *both);
    bool good = read_weights(weights, name, 1, (int64_t[]){ channels }, true, &gamma, &beta, error);
    *layer = (udm_norm_layer){ .channels = channels, .groups = groups, .eps = (float)eps };
    layer->affine = (udm_tensor){ .shape = shape, .layout = UDM_PLANAR };
    if (good && !both)
        good = udm_fail(error, UDM_ERROR_MEMORY, "no memory for the weights of %s", name);
    if (good)
        layer->affine.memory = device->ops->alloc(device, device->ops->bytes(device, shape, UDM_PLANAR), error);
    good = layer->affine.memory;
    if (good) {
        memcpy(both, gamma, channels * sizeof *both);
        memcpy(both + channels, beta, channels * sizeof *both);
        device->ops->upload(device, &layer->affine, (const float *const[]){ both }, 1);
    }
    free(gamma);
    free(beta);
    free(both);
    return good;
}

void udm_norm_layer_close(udm_norm_layer *layer, udm_device *device)
{
    if (layer->affine.memory)
        device->ops->free(device, layer->affine.memory);
    layer->affine.memory = NULL;
}
