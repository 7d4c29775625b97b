// SPDX-License-Identifier: LGPL-2.1-or-later
// Rows of samples, in and out of images, and the sums that are made of them. They are worked on in strips of STRIP
// pixels, with what filters reach beyond. Loops are plain, for compilers to vectorise.
#ifndef UDM_TENSOR_CONVERT_ROWS_H
#define UDM_TENSOR_CONVERT_ROWS_H

#include <string.h>

#include "base/macros.h"
#include "base/maths.h"
#include "tensor/convert/convert.h"

enum {
    STRIP = 512, // pixels; divided by 4
    REACH = 12,  // beyond either end of it, at most
    ROOM = STRIP + 2 * REACH + 2,
};

// Samples [first, end) of a row that has `count`; those outside of it are what is at its ends. at[0] is sample first.
typedef struct span {
    int first, end, count;
    float *at;
} span;

// Where the part of a span begins and ends that is inside its row. There is one: spans are made of such a part and what
// filters reach beyond it.
INLINE int inner_first(const span *s)
{
    return udm_max(s->first, 0);
}

INLINE int inner_end(const span *s)
{
    return udm_min(s->end, s->count);
}

INLINE void repeat_ends(const span *s)
{
    const int first = inner_first(s) - s->first, end = inner_end(s) - s->first;
    for (int i = 0; i < first; i++)
        s->at[i] = s->at[first];
    for (int i = end; i < s->end - s->first; i++)
        s->at[i] = s->at[end - 1];
}

// The point amid b and c on the cubic through four.
INLINE float cubic(float a, float b, float c, float d)
{
    return (9 * (b + c) - (a + d)) * (1 / 16.f);
}

// By how much the second of two pixels is above their mean, if the means of the two pairs before them are a and b, and
// those of the two after them d and e.
INLINE float slope(float a, float b, float d, float e)
{
    return (22 * (d - b) - 3 * (e - a)) * (1 / 128.f);
}

// (value - less) * gain + bias of `count` samples.
typedef struct level {
    int less;
    float gain, bias;
} level;

INLINE void load_bytes(const uint8_t *at, ptrdiff_t step, int count, level l, float *restrict to)
{
    for (int i = 0; i < count; i++)
        to[i] = (float)(at[i * step] - l.less) * l.gain + l.bias;
}

typedef uint16_t word __attribute__((aligned(1), may_alias)); // packed pixels need not be aligned

INLINE void load_words(const uint8_t *at, ptrdiff_t step, int shift, int count, level l, float *restrict to)
{
    for (int i = 0; i < count; i++)
        to[i] = (float)((*(const word *)(at + i * step) >> shift) - l.less) * l.gain + l.bias;
}

// Steps that are known when this is compiled become shuffles.
static inline void load_any_bytes(const uint8_t *at, ptrdiff_t step, int count, level l, float *restrict to)
{
    switch (step) {
    case 1:
        load_bytes(at, 1, count, l, to);
        return;
    case 2:
        load_bytes(at, 2, count, l, to);
        return;
    case 3:
        load_bytes(at, 3, count, l, to);
        return;
    case 4:
        load_bytes(at, 4, count, l, to);
        return;
    default:
        load_bytes(at, step, count, l, to);
    }
}

static inline void load_any_words(const uint8_t *at, ptrdiff_t step, int shift, int count, level l, float *restrict to)
{
    switch (step) {
    case 2:
        load_words(at, 2, shift, count, l, to);
        return;
    case 4:
        load_words(at, 4, shift, count, l, to);
        return;
    case 8:
        load_words(at, 8, shift, count, l, to);
        return;
    default:
        load_words(at, step, shift, count, l, to);
    }
}

// Sample x and those after it.
static inline void load_samples(const udm_image *image, int c, int x, int y, int count, level l, float *to)
{
    const uint8_t *at = image->data[c] + y * image->stride[c] + x * image->step[c];
    if (image->bits == 8)
        load_any_bytes(at, image->step[c], count, l, to);
    else
        load_any_words(at, image->step[c], image->shift, count, l, to);
}

// How values come of floats: (x + add) * scale + half, clamped and truncated.
typedef struct rounding {
    float add, scale, half, top;
} rounding;

INLINE int round_one(float x, rounding r)
{
    return (int)udm_clamp((x + r.add) * r.scale + r.half, 0, r.top);
}

INLINE void store_bytes(uint8_t *at, ptrdiff_t step, const float *restrict from, int count, rounding r)
{
    uint8_t values[STRIP];
    for (int i = 0; i < count; i++)
        values[i] = (uint8_t)round_one(from[i], r);
    if (step == 1)
        memcpy(at, values, (size_t)count);
    for (int i = 0; step != 1 && i < count; i++)
        at[i * step] = values[i];
}

INLINE void store_words(uint8_t *at, ptrdiff_t step, int shift, const float *restrict from, int count, rounding r)
{
    uint16_t values[STRIP];
    for (int i = 0; i < count; i++)
        values[i] = (uint16_t)(round_one(from[i], r) << shift);
    if (step == 2)
        memcpy(at, values, (size_t)count * sizeof *values);
    for (int i = 0; step != 2 && i < count; i++)
        *(word *)(at + i * step) = values[i];
}

// At most STRIP.
static inline void store_samples(const udm_image *image, int c, int x, int y, const float *from, int count, rounding r)
{
    uint8_t *at = image->data[c] + y * image->stride[c] + x * image->step[c];
    if (image->bits == 8)
        store_bytes(at, image->step[c], from, count, r);
    else
        store_words(at, image->step[c], image->shift, from, count, r);
}

#endif
