// SPDX-License-Identifier: LGPL-2.1-or-later
// Small sums on sizes, indices and places.
#ifndef UDM_BASE_MATHS_H
#define UDM_BASE_MATHS_H

#include <stddef.h>

static inline int udm_min(int a, int b)
{
    return a < b ? a : b;
}

static inline int udm_max(int a, int b)
{
    return a > b ? a : b;
}

static inline size_t udm_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t udm_max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

// a and b are positive.
static inline int udm_divide_up(int a, int b)
{
    return (a + b - 1) / b;
}

static inline int udm_round_up(int value, int step)
{
    return udm_divide_up(value, step) * step;
}

// The index nearest to i of those that there are: a picture goes on beyond its border with the pixels there.
// i, beyond the end of `size` as in a mirror that does not repeat the edge; i < 2 size - 1.
static inline int udm_mirror_index(int i, int size)
{
    return i < size ? i : 2 * (size - 1) - i;
}

static inline int udm_clamp_index(int i, int size)
{
    return i < 0 ? 0 : i < size ? i : size - 1;
}

// low for what is not a number
static inline float udm_clamp(float x, float low, float high)
{
    x = x > low ? x : low;
    return x < high ? x : high;
}

#endif
