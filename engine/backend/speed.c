// SPDX-License-Identifier: LGPL-2.1-or-later
// The time of a convolution, the operation that networks spend most of theirs on.
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "backend/trial.h"

enum { SIDE = 128, CHANNELS = 64, TAPS = 9, RUNS = 4 };

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec * 1e-9;
}

// The least time of several runs, the first of which only warms up.
static double time_runs(udm_device *device, const udm_conv *conv, udm_error *error)
{
    double least = INFINITY;
    for (int i = 0; i < RUNS; i++) {
        const double start = now();
        device->ops->conv(device, conv);
        if (!device->ops->finish(device, error))
            return INFINITY;
        if (i > 0)
            least = fmin(least, now() - start);
    }
    return least;
}

double udm_seconds(udm_device *device, udm_error *error)
{
    const udm_ops *ops = device->ops;
    const udm_shape shape = { CHANNELS, SIDE, SIDE };
    float *weight = calloc((size_t)CHANNELS * CHANNELS * TAPS, sizeof *weight);
    const udm_conv_spec spec = {
        .sources = 1, .in = { CHANNELS }, .out = CHANNELS, .size = 3, .stride = 1, .padding = 1, .weight = weight
    };
    udm_conv conv = { .dst = { .shape = shape, .layout = UDM_FEATURES }, .src[0] = { .shape = shape } };
    if (!weight) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a trial");
        return INFINITY;
    }
    udm_conv_weights *weights = ops->conv_weights_new(device, &spec, error);
    free(weight);
    const size_t bytes = ops->bytes(device, shape, UDM_FEATURES);
    udm_memory *from = weights ? ops->alloc(device, bytes, error) : NULL;
    udm_memory *to = from ? ops->alloc(device, bytes, error) : NULL;
    conv.weights = weights;
    conv.src[0].layout = UDM_FEATURES, conv.src[0].memory = from, conv.dst.memory = to;
    const double seconds = to ? time_runs(device, &conv, error) : INFINITY;
    if (to)
        ops->free(device, to);
    if (from)
        ops->free(device, from);
    if (weights)
        ops->conv_weights_free(device, weights);
    return seconds;
}
