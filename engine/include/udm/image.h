// SPDX-License-Identifier: LGPL-2.1-or-later
/** @file
 * Images in memory as media frameworks keep them, and the float planes that the engine computes with.
 */
#ifndef UDM_IMAGE_H
#define UDM_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "udm/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What three components are: red, green and blue, or luma, Cb and Cr, which a matrix makes of them. The numbers are
 * those of MatrixCoefficients in ITU-T H.273, table 4.
 */
typedef enum udm_matrix {
    UDM_MATRIX_RGB,       /**< none: red, green, blue (0) */
    UDM_MATRIX_BT601,     /**< ITU-R BT.601, BT.470 and SMPTE 170M (5, 6) */
    UDM_MATRIX_BT709,     /**< ITU-R BT.709 (1) */
    UDM_MATRIX_BT2020,    /**< ITU-R BT.2020 and BT.2100, non-constant luminance (9) */
    UDM_MATRIX_SMPTE240M, /**< SMPTE 240M (7) */
    UDM_MATRIX_FCC,       /**< FCC, title 47, 73.682 (4) */
} udm_matrix;

/** Which values stand for black and white. */
typedef enum udm_range {
    UDM_RANGE_FULL,    /**< the least and the greatest that the bits hold */
    UDM_RANGE_LIMITED, /**< 16 and 235 of 8 bits, and their multiples; there may be values below and above */
} udm_range;

/**
 * Where a sample of chroma lies, along each axis on which pixels share one: on the first of them (cosited), or in their
 * middle. In the order of ChromaLocType in ITU-T H.273.
 */
typedef enum udm_siting {
    UDM_SITING_LEFT,     /**< cosited along x alone: MPEG-2, and H.264 and its successors if nothing is said */
    UDM_SITING_CENTRE,   /**< in the middle: JPEG, MPEG-1 */
    UDM_SITING_TOP_LEFT, /**< cosited along both: ITU-R BT.2020 */
    UDM_SITING_TOP,      /**< cosited along y alone */
} udm_siting;

/**
 * A view of a picture's components: 1 (grey), or 3 (red, green, blue, or Y, Cb, Cr). Sample (x, y) of component c is at
 * data[c] + y * stride[c] + x * step[c]: a uint8_t for 8 bits, else a uint16_t in the machine's byte order. So packed,
 * planar and padded pictures, and those with alpha between, are all the same. Where 2^subsample_x by 2^subsample_y
 * pixels share chroma, Cb and Cr have as many samples as cover the picture. If all from `shift` on is 0 the picture is
 * grey or RGB, of full range.
 *
 *     format     data                                   step (bytes)  bits, shift  subsample_x, _y
 *     I420       planes 0, 1, 2; YV12: 0, 2, 1          1, 1, 1       8, 0         1, 1
 *     NV12       planes 0, 1, 1 + 1 byte                1, 2, 2       8, 0         1, 1
 *     YUY2       plane 0, and 1 and 3 bytes after it    2, 4, 4       8, 0         1, 0
 *     AYUV       plane 0, 1, 2 and 3 bytes after it     4, 4, 4       8, 0         0, 0
 *     P010_10LE  planes 0, 1, 1 + 2 bytes               2, 4, 4       10, 6        1, 1
 */
typedef struct udm_image {
    int width, height;            /**< 1 to 65536 */
    int channels;                 /**< 1 or 3 */
    int bits;                     /**< of a value: 8 to 16 */
    uint8_t *data[3];             /**< owned by the caller */
    ptrdiff_t stride[3], step[3]; /**< bytes; negative if need be */
    int shift;                    /**< zero bits below a value in its uint16_t: bits + shift is 16 at most */
    udm_matrix matrix;            /**< of 3 channels */
    udm_range range;              /**< of any */
    int subsample_x;              /**< log2 of the pixels that share chroma along x: 0, 1 or 2; of YUV alone */
    int subsample_y;              /**< ... and along y: 0 or 1 */
    udm_siting siting;            /**< along axes on which they do */
} udm_image;

/** All calls that take an image of the caller's make sure of this. @return false with SETTINGS, which says why */
UDM_API bool udm_image_check(const udm_image *image, udm_error *error);

/** Whether no sample has chroma: Cb and Cr are 2^(bits - 1) everywhere, or red, green and blue the same. */
UDM_API bool udm_image_is_grey(const udm_image *image);

/**
 * A larger image, in which each sample has become a block of factor x factor. A model of the process "pixelate" makes a
 * picture of that, with the factor as the amount: super-resolution.
 * @param to factor times as wide and high, of as many channels and bits, sharing chroma likewise, in other memory
 * @return false with SETTINGS, which says why
 */
UDM_API bool udm_image_enlarge(const udm_image *from, int factor, const udm_image *to, udm_error *error);

/**
 * Planes of grey, or of red, green and blue, in which black is -1 and white is 1, of an image. With E from 0 to 1, and
 * Cb and Cr from -1/2 to 1/2 (ITU-R BT.601 2.5, BT.709 3 and 4, BT.2020 tables 4 and 5; ITU-T H.273, 8.3):
 *
 *     plane = 2 E - 1
 *     Y = Kr R + Kg G + Kb B,  Cb = (B - Y) / (2 (1 - Kb)),  Cr = (R - Y) / (2 (1 - Kr))
 *     value = (2^bits - 1) E,  Cb and Cr: + 2^(bits - 1)            full range
 *     value = (219 E + 16) 2^(bits - 8),  Cb and Cr: 224 E + 128    limited range
 *
 * Nothing is clamped: YUV has colours outside of [-1, 1]. Shared chroma is upsampled: along an axis where it is
 * cosited, by the cubic of Deslauriers and Dubuc, (-1 9 9 -1) / 16; along others to c - s and c + s with s = (3 -22 0
 * 22 -3) / 128, the quartic whose means over pairs are the samples.
 * @param image for which udm_image_check() is true
 * @param planes [channels, height, width]
 */
UDM_API void udm_image_to_planes(const udm_image *image, float *planes);

/**
 * The way back. Values are rounded, and clamped to what the bits hold. Chroma is downsampled by the filters that are
 * biorthogonal to those above: the first pixel and a quarter of what both its neighbours differ by from that cubic; or
 * the mean. So planes that nobody changed give the image that they were made of, bit for bit, and where a few pixels
 * changed nothing else does.
 */
UDM_API void udm_image_from_planes(const udm_image *image, const float *planes);

#ifdef __cplusplus
}
#endif
#endif
