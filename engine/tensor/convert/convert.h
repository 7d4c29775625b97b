// SPDX-License-Identifier: LGPL-2.1-or-later
// Images to planes and back: one conversion, and the operations that it is made of.
#ifndef UDM_TENSOR_CONVERT_CONVERT_H
#define UDM_TENSOR_CONVERT_CONVERT_H

#include "base/threads.h"
#include "udm/image.h"

// What all samples of a conversion share. Values are the integers of the image. Where luma is said, grey is treated
// alike, and so are red, green and blue of an RGB image.
typedef struct udm_conversion {
    const udm_image *image;
    float *to;                 // planes [channels, height, width], or
    const float *from;         // those that the image is made of
    bool is_yuv;               // else components are planes
    bool cosited_x, cosited_y; // chroma lies on the first of the pixels that share it, not in their middle
    int middle;                // the value of chroma that is none; Cb and Cr are values less this
    float gain, bias;          // luma = value * gain + bias
    float red, blue;           // red = luma + this * Cr, blue = luma + this * Cb,
    float green_cb, green_cr;  // green = luma - (green_cb * Cb + green_cr * Cr)
    float kr, kb;              // luma = green + (kr * (red - green) + kb * (blue - green))
    float scale, half;         // value = (luma + 1) * scale + half, clamped, then truncated
    float cb, cr;              // Cb = (blue - luma) * cb, Cr = (red - luma) * cr
    float top;                 // the greatest value
} udm_conversion;

// A unit is a row of chroma, and the one or two rows of pixels that share it. Operations do the units [first, end),
// from and to which others neither read nor write what they write. All have the same bits: each says its sums in the
// same order, and none is contracted.
typedef void (*udm_convert_units)(const udm_conversion *job, int first, int end);

typedef struct udm_convert_ops {
    const char *name;
    udm_convert_units to_planes, from_planes;
} udm_convert_ops;

// NULL-ended: those that run on this machine, the fastest first and `reference`, the specification, last.
const udm_convert_ops *const *udm_convert_ops_list(void);
const udm_convert_ops *udm_convert_ops_for(const udm_pool *pool); // the fastest that the pool allows; of NULL: of all

// By operations of one's choice. pool: NULL for this thread alone.
void udm_convert_to_planes(const udm_convert_ops *ops, const udm_image *image, float *planes, udm_pool *pool);
void udm_convert_from_planes(const udm_convert_ops *ops, const udm_image *image, const float *planes, udm_pool *pool);

// How many samples there are where 2^level pixels share one.
static inline int udm_convert_samples(int pixels, int level)
{
    return (pixels + (1 << level) - 1) >> level;
}

#endif
