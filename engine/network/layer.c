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

bool udm_layer_open(udm_layer *layer, udm_conv_spec spec, bool bias, const udm_weights *weights, const char *name,
                    udm_device *device, udm_error *error)
{
    int in = 0;
    for (int i = 0; i < spec.sources; i++)
        in += spec.in[i];
    float *w, *b;
    bool good = read_weights(weights, name, 4, (int64_t[]){ spec.out, in, spec.size, spec.size }, bias, &w, &b, error);
    spec.weight = w, spec.bias = b;
    good = good && udm_layer_pack(layer, spec, device, error);
    free(w);
    free(b);
    return good;
}

static bool open_linear(udm_layer *layer, int in, int out, bool bias, const udm_weights *weights, const char *name,
                        udm_device *device, udm_error *error)
{
    float *w, *b;
    bool good = read_weights(weights, name, 2, (int64_t[]){ out, in }, bias, &w, &b, error);
    udm_conv_spec spec = { .sources = 1, .in = { in }, .out = out, .size = 1, .stride = 1, .weight = w, .bias = b };
    good = good && udm_layer_pack(layer, spec, device, error);
    free(w);
    free(b);
    return good;
}

bool udm_layer_open_linear(udm_layer *layer, int in, int out, const udm_weights *weights, const char *name,
                           udm_device *device, udm_error *error)
{
    return open_linear(layer, in, out, true, weights, name, device, error);
}

bool udm_layer_open_plain(udm_layer *layer, int in, int out, const udm_weights *weights, const char *name,
                          udm_device *device, udm_error *error)
{
    return open_linear(layer, in, out, false, weights, name, device, error);
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
