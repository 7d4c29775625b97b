// SPDX-License-Identifier: LGPL-2.1-or-later
// Half precision (IEEE 754 binary16) on the host: to the nearest, halfway to even, and the largest for what is larger.
#ifndef UDM_BACKEND_OPENCL_HALF_H
#define UDM_BACKEND_OPENCL_HALF_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t udm_to_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    const uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000)
        return sign | 0x7e00; // not a number
    if (magnitude > 0x477fe000)
        return sign | 0x7bff;   // 65504
    if (magnitude < 0x38800000) // less than the least normal one, 2^-14: a multiple of 2^-24
        return sign | (uint16_t)lrintf(fabsf(value) * 0x1p24f);
    return sign | (uint16_t)((magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13);
}

static inline float udm_from_half(uint16_t half)
{
    const int exponent = half >> 10 & 31, fraction = half & 0x3ff;
    const float magnitude = exponent == 31 ? (fraction ? NAN : INFINITY)
                            : exponent     ? ldexpf((float)(1024 + fraction), exponent - 25)
                                           : ldexpf((float)fraction, -24);
    return half & 0x8000 ? -magnitude : magnitude;
}

#endif
