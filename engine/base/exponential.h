// SPDX-License-Identifier: LGPL-2.1-or-later
// e^x without a call, in two forms: exp_float() for plain loops over floats, which compilers then vectorise, and
// exp_vec() for kernels that are written in vectors. Both take x = n log 2 + r, |r| <= log(2) / 2, so that e^x = 2^n
// e^r: n comes from adding and taking away 1.5 * 2^23, which leaves no bits for a fraction, 2^n is put together from
// its bits, and e^r is a Taylor series. They differ in how exact they are and in what lies outside of their range, and
// the bits of what is restored and interpolated depend on either: neither can stand in for the other.
#ifndef UDM_BASE_EXPONENTIAL_H
#define UDM_BASE_EXPONENTIAL_H

#include <stdint.h>
#include <string.h>

#include "base/simd.h"

// For |x| <= 80, which it does not check: NaN and what lies beyond give any number. Off by at most
// UDM_EXP_FLOAT_ERROR (1 + |x|) of e^x, since x / log 2 is rounded before n is taken off: 2e-7 near 0, 3e-6 at 16. For
// variances and weights, where |x| is at most 16.
#define UDM_EXP_FLOAT_ERROR 2e-7

INLINE float exp_float(float x)
{
    const float power = x * 1.44269504f, whole = (power + 0x1.8p23f) - 0x1.8p23f, y = (power - whole) * 0.693147181f;
    const float series = 1 + y * (1 + y * (1 / 2.f + y * (1 / 6.f + y * (1 / 24.f + y * (1 / 120.f + y / 720)))));
    const uint32_t bits = (uint32_t)((int32_t)whole + 127) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return scale * series;
}

// For every x: beyond 87 and -87 it is the value there, and NaN gives NaN. Off by at most UDM_EXP_VEC_ERROR of e^x: log
// 2 is in two parts, the first of so few bits that n times it is exact. For activations and attention.
#define UDM_EXP_VEC_ERROR 1.2e-7

INLINE vec exp_vec(vec x)
{
    vec limit = broadcast(87);
    x = choose(x > limit, limit, x);
    x = choose(x < -limit, -limit, x);
    vec magic = broadcast(12582912); // 1.5 * 2^23
    vec shifted = x * 1.44269504f + magic;
    vec n = shifted - magic;
    vec r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    vec sum = broadcast(1.f / 5040);
    sum = sum * r + 1.f / 720;
    sum = sum * r + 1.f / 120;
    sum = sum * r + 1.f / 24;
    sum = sum * r + 1.f / 6;
    sum = sum * r + .5f;
    sum = sum * r + 1.f;
    sum = sum * r + 1.f;
    vec_int exponent = ((vec_int)shifted - (vec_int)magic) << 23;
    return (vec)((vec_int)sum + exponent);
}

#endif
