// SPDX-License-Identifier: LGPL-2.1-or-later
// Numbers of 16 bits, as files of weights have them.
#ifndef UDM_BASE_HALVES_H
#define UDM_BASE_HALVES_H

#include <stdint.h>
#include <string.h>

// IEEE float16, and the upper half of a float32.
typedef enum udm_half_kind { UDM_NO_HALF, UDM_FLOAT16, UDM_BFLOAT16 } udm_half_kind;

static inline float udm_float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// Exact for all of the 65536 values: subnormal ones are multiples of 2^-24, infinity and NaN have an exponent of their
// own.
static inline float udm_half_to_float(udm_half_kind kind, uint16_t half)
{
    if (kind == UDM_BFLOAT16)
        return udm_float_of_bits((uint32_t)half << 16);
    uint32_t magnitude = half & 0x7fffu, sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t bits;
    float subnormal = (float)(int32_t)magnitude * 0x1p-24f;
    memcpy(&bits, &subnormal, sizeof bits);
    uint32_t normal = (magnitude << 13) + ((127u - 15u) << 23);
    bits = magnitude < 0x0400u ? bits : normal;
    bits = magnitude < 0x7c00u ? bits : (magnitude << 13) | 0x7f800000u;
    return udm_float_of_bits(bits | sign);
}

#endif
