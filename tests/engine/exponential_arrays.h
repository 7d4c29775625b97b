// SPDX-License-Identifier: LGPL-2.1-or-later
// For test_exponential.c: e^x of one instruction set.
#ifndef UDM_TESTS_EXPONENTIAL_ARRAYS_H
#define UDM_TESTS_EXPONENTIAL_ARRAYS_H

enum { TEST_EXPONENTIAL_LANES = 8 };

// count: a multiple of the lanes
typedef struct test_exponential {
    const char *name;
    void (*floats)(const float *x, float *to, int count);
    void (*vectors)(const float *x, float *to, int count);
    double float_error, vector_error; // UDM_EXP_FLOAT_ERROR, UDM_EXP_VEC_ERROR
} test_exponential;

#endif
