// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures with alpha: planes [4, pixels] of red, green, blue and alpha, in which 1 is opaque and -1 transparent.
#ifndef UDM_TENSOR_ALPHA_H
#define UDM_TENSOR_ALPHA_H

#include <stddef.h>

// Colours become what they look like over black (Porter and Duff, "Compositing Digital Images", SIGGRAPH 1984): those
// of what is transparent no longer matter, and means of neighbours are right.
void udm_alpha_premultiply(float *planes, size_t pixels);

// The way back: opaque pixels take `colours` [3, pixels], the others premultiplied's. Into planes [4, pixels].
void udm_alpha_straighten(const float *premultiplied, const float *colours, size_t pixels, float *planes);

// Luma [pixels] over a background that is darker than black, so that nothing is invisible.
void udm_alpha_luma(const float *premultiplied, size_t pixels, float *luma);

#endif
