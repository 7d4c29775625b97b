// SPDX-License-Identifier: LGPL-2.1-or-later
// An exponential that compilers vectorise.
#ifndef UDM_BASE_EXPONENTIAL_H
#define UDM_BASE_EXPONENTIAL_H

#include <stdint.h>
#include <string.h>

#include "base/simd.h"

// e^x for |x| <= 80, to 1e-6 of it: 2^n from the bits of a float, and 2^f for |f| <= 1/2 from its series.
INLINE float exponential(float x)
{
    const float power = x * 1.44269504f, whole = (power + 0x1.8p23f) - 0x1.8p23f, y = (power - whole) * 0.693147181f;
    const float series = 1 + y * (1 + y * (1 / 2.f + y * (1 / 6.f + y * (1 / 24.f + y * (1 / 120.f + y / 720)))));
    const uint32_t bits = (uint32_t)((int32_t)whole + 127) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return scale * series;
}

#endif
