// SPDX-License-Identifier: LGPL-2.1-or-later
// Sizes of tensors.
#include "tensor/tensor.h"

#include <stdint.h>

size_t udm_shape_elements(udm_shape shape)
{
    size_t plane, all;
    if (shape.c <= 0 || shape.h <= 0 || shape.w <= 0)
        return 0;
    if (__builtin_mul_overflow((size_t)shape.h, (size_t)shape.w, &plane) ||
        __builtin_mul_overflow(plane, (size_t)shape.c, &all) || all > SIZE_MAX / sizeof(float) / 4)
        return 0;
    return all;
}
