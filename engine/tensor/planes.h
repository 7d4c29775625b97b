// SPDX-License-Identifier: LGPL-2.1-or-later
// Planes of float, [channels, height, width], as images become them.
#ifndef UDM_TENSOR_PLANES_H
#define UDM_TENSOR_PLANES_H

#include "base/threads.h"
#include "udm/image.h"

// As udm_image_to_planes() and udm_image_from_planes(), by all threads of a pool. The same bits.
void udm_planes_of_image(float *planes, const udm_image *image, udm_pool *pool);
void udm_planes_into_image(const float *planes, const udm_image *image, udm_pool *pool);

// The luma of ITU-R BT.601 of red, green and blue, or what is grey as it is. planes: [channels, pixels]; luma:
// [pixels].
void udm_planes_to_luma(const float *planes, int channels, size_t pixels, float *luma);

// Three planes become their mean. What a network of colour says of a grey picture are three estimates of the same.
void udm_planes_make_grey(float *planes, size_t pixels);

// The same for what is grey in a picture, given the three planes that were restored as out: pixels without chroma stay
// without, unless most of those around them have some, as in noise of three colours.
void udm_planes_keep_grey(const float *in, float *out, int width, int height, udm_pool *pool);

#endif
