// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures made smaller or larger, as Pillow does it and so CLIP's are.
#ifndef UDM_TENSOR_BICUBIC_H
#define UDM_TENSOR_BICUBIC_H

#include <stdbool.h>

// The middle square, planes of side x side, of what planes [planes, height, width] in [-1, 1] are when their shorter
// side is `side` pixels. False: there is no memory.
bool udm_bicubic_square(const float *in, int planes, int width, int height, int side, float *out);

// The whole, planes of to_width x to_height; values that swing beyond [-1, 1] stay, as in PyTorch with antialias.
bool udm_bicubic_resize(const float *in, int planes, int width, int height, int to_width, int to_height, float *out);

#endif
