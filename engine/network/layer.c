// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads the weights of a convolution and packs them.
#include "network/layer.h"

#include <stdio.h>
#include <stdlib.h>

static bool pack(udm_layer *layer, udm_kernel_spec spec, udm_device *device, udm_error *error)
{
    layer->kernel = device->ops->kernel_new(device, &spec, error);
    layer->spec = spec;
    layer->spec.weight = layer->spec.bias = NULL;
    return layer->kernel != NULL;
}

bool udm_layer_open(udm_layer *layer, udm_kernel_spec spec, bool bias, const udm_weights *weights, const char *name,
                    udm_device *device, udm_error *error)
{
    int in = 0;
    for (int i = 0; i < spec.sources; i++)
        in += spec.in[i];
    char full[160];
    snprintf(full, sizeof full, "%s.weight", name);
    float *w = udm_weights_read(weights, full, 4, (int64_t[]){ spec.out, in, spec.size, spec.size }, error);
    float *b = NULL;
    if (w && bias) {
        snprintf(full, sizeof full, "%s.bias", name);
        b = udm_weights_read(weights, full, 1, (int64_t[]){ spec.out }, error);
    }
    spec.weight = w, spec.bias = b;
    bool good = w && (b || !bias) && pack(layer, spec, device, error);
    free(w);
    free(b);
    return good;
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
    udm_kernel_spec spec = {
        .sources = 3,
        .in = { channels, channels, channels },
        .out = channels,
        .size = 1,
        .stride = 1,
        .weight = taps,
    };
    bool good = taps && pack(layer, spec, device, error);
    free(w);
    free(taps);
    return good;
}

void udm_layer_close(udm_layer *layer, udm_device *device)
{
    if (layer->kernel)
        device->ops->kernel_free(device, layer->kernel);
    layer->kernel = NULL;
}
