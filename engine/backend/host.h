// SPDX-License-Identifier: LGPL-2.1-or-later
// Tensors in the memory of the process, for the backends that compute there: a udm_memory is the address itself.
#ifndef UDM_BACKEND_HOST_H
#define UDM_BACKEND_HOST_H

#include "backend/backend.h"

udm_memory *udm_host_alloc(udm_device *device, size_t bytes, udm_error *error);
void udm_host_free(udm_device *device, udm_memory *memory);
void udm_host_clear(udm_device *device, udm_memory *memory, size_t bytes);
bool udm_host_finish(udm_device *device, udm_error *error);                      // nothing is queued and nothing fails
void udm_host_profile(const udm_device *device, udm_timed found, void *context); // nothing is timed

// Whether a device computes in the memory of the process, and a tensor of planes there.
static inline bool udm_host_computes(const udm_device *device)
{
    return device->ops->alloc == udm_host_alloc;
}

static inline udm_tensor udm_host_tensor(float *planes, udm_shape shape)
{
    return (udm_tensor){ .memory = (udm_memory *)planes, .shape = shape, .layout = UDM_PLANAR };
}

static inline float *udm_host_data(const udm_tensor *tensor)
{
    return (float *)((char *)tensor->memory + tensor->offset);
}

// a * b, or false where it does not fit. b may be 0.
static inline bool udm_multiply(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

#endif
