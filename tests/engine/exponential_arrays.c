// SPDX-License-Identifier: LGPL-2.1-or-later
// Both forms of e^x over arrays, compiled once for each instruction set, as kernels are: test_exponential.c.
#include "exponential_arrays.h"

#include <stdint.h>

#define LANES TEST_EXPONENTIAL_LANES

#include "base/exponential.h"

static void floats(const float *x, float *to, int count)
{
    for (int i = 0; i < count; i++)
        to[i] = exp_float(x[i]);
}

static void vectors(const float *x, float *to, int count)
{
    for (int i = 0; i < count; i += LANES)
        store(to + i, exp_vec(load(x + i)));
}

extern const test_exponential NAME(test_exponential);

const test_exponential NAME(test_exponential) = { TEXT(UDM_ISA), floats, vectors, UDM_EXP_FLOAT_ERROR,
                                                  UDM_EXP_VEC_ERROR };
