// SPDX-License-Identifier: LGPL-2.1-or-later
// Images in memory as media frameworks keep them, and the float planes the engine computes with.
#ifndef UDM_IMAGE_H
#define UDM_IMAGE_H

#include <stddef.h>
#include <stdint.h>

// A view of 1 (grey) or 3 (red, green, blue) components. Component c of pixel (x, y) is at
// data[c] + y * stride[c] + x * step[c] (bytes): a uint8_t for 8 bits, else a uint16_t in the machine's byte order with
// the value in its low bits. So packed, planar and padded pictures, and those with alpha between, are all the same.
// Owned by the caller.
typedef struct udm_image {
    int width, height; // 1 to 65536
    int channels;      // 1 or 3
    int bits;          // 8 to 16
    uint8_t *data[3];
    ptrdiff_t stride[3], step[3];
} udm_image;

// To planes [channels, height, width] in [-1, 1]: value / (2^bits - 1) * 2 - 1; and back: clamped, rounded.
void udm_image_to_planes(const udm_image *image, float *planes);
void udm_image_from_planes(const udm_image *image, const float *planes);

// The luma of ITU-R BT.601 of red, green and blue, or what is grey as it is. planes: [channels, pixels]; luma:
// [pixels].
void udm_planes_to_luma(const float *planes, int channels, size_t pixels, float *luma);

#endif
