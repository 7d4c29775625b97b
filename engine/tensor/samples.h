// SPDX-License-Identifier: LGPL-2.1-or-later
// How many samples the components of an image have: Cb and Cr as many as cover the picture.
#ifndef UDM_TENSOR_SAMPLES_H
#define UDM_TENSOR_SAMPLES_H

#include "udm/image.h"

static inline int udm_samples_width(const udm_image *image, int c)
{
    return c > 0 ? (image->width + (1 << image->subsample_x) - 1) >> image->subsample_x : image->width;
}

static inline int udm_samples_height(const udm_image *image, int c)
{
    return c > 0 ? (image->height + (1 << image->subsample_y) - 1) >> image->subsample_y : image->height;
}

#endif
