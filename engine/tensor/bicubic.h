// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures made smaller or larger, as Pillow does it and so CLIP's are.
#ifndef UDM_TENSOR_BICUBIC_H
#define UDM_TENSOR_BICUBIC_H

#include <stdbool.h>

// The middle square, planes of side x side, of what planes [planes, height, width] in [-1, 1] are when their shorter
// side is `side` pixels. False: there is no memory.
bool udm_bicubic_square(const float *in, int planes, int width, int height, int side, float *out);

#endif
