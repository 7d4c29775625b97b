// SPDX-License-Identifier: LGPL-2.1-or-later
// Counts what the processor would keep.
#include "backend/plan.h"

#include <stdio.h>
#include <stdlib.h>

#include "backend/cpu/cpu.h"

typedef struct plan {
    udm_device device;
    size_t weights, largest;
} plan;

// Nothing is kept: one address stands for all memory.
static udm_memory *plan_alloc(udm_device *device, size_t bytes, udm_error *error)
{
    (void)bytes, (void)error;
    return (udm_memory *)(void *)device;
}

static void plan_free(udm_device *device, udm_memory *memory)
{
    (void)device, (void)memory;
}

static void plan_upload(udm_device *device, const udm_tensor *dst, const float *const *src, int count)
{
    (void)device, (void)dst, (void)src, (void)count;
}

static bool plan_finish(udm_device *device, udm_error *error)
{
    (void)device, (void)error;
    return true;
}

static udm_conv_weights *plan_weights_new(udm_device *device, const udm_conv_spec *spec, udm_error *error)
{
    size_t *bytes = malloc(sizeof *bytes);
    if (!bytes) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a plan");
        return NULL;
    }
    *bytes = udm_cpu_weights_bytes(spec);
    plan *made = (plan *)device;
    made->weights += *bytes;
    made->largest = *bytes > made->largest ? *bytes : made->largest;
    return (udm_conv_weights *)(void *)bytes;
}

static void plan_weights_free(udm_device *device, udm_conv_weights *weights)
{
    size_t *bytes = (size_t *)(void *)weights;
    ((plan *)device)->weights -= *bytes;
    free(bytes);
}

static void plan_close(udm_device *device)
{
    free(device);
}

static const udm_ops ops = {
    .alloc = plan_alloc,
    .free = plan_free,
    .bytes = udm_cpu_bytes,
    .upload = plan_upload,
    .finish = plan_finish,
    .conv_weights_new = plan_weights_new,
    .conv_weights_free = plan_weights_free,
    .close = plan_close,
};

udm_device *udm_plan_open(udm_error *error)
{
    plan *made = calloc(1, sizeof *made);
    if (!made) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a plan");
        return NULL;
    }
    made->device = (udm_device){ .ops = &ops, .largest = SIZE_MAX, .takes_halves = true };
    snprintf(made->device.name, sizeof made->device.name, "plan");
    return &made->device;
}

size_t udm_plan_weights(const udm_device *device)
{
    return ((const plan *)device)->weights;
}

size_t udm_plan_largest(udm_device *device)
{
    plan *made = (plan *)device;
    const size_t largest = made->largest;
    made->largest = 0;
    return largest;
}
