// SPDX-License-Identifier: LGPL-2.1-or-later
// A smooth prediction of lost pixels from their surroundings, for networks that take one.
#ifndef UDM_DIFFUSION_HOLE_FILLING_H
#define UDM_DIFFUSION_HOLE_FILLING_H

#include <stddef.h>

#include "udm/error.h"

// The level at which it is a prediction: some 26 of 255 grey levels. models/train/degrade.py has the same.
#define UDM_FILLED_LEVEL 0.2f

typedef struct udm_hole_filler udm_hole_filler;

udm_hole_filler *udm_hole_filler_new(int channels, int width, int height, udm_error *error);
void udm_hole_filler_free(udm_hole_filler *filler); // NULL is fine

// Fills the pixels that are not known. planes: [channels, height, width]; known: [height, width], 1 or 0. Returns the
// filled planes, which are valid until the next call.
const float *udm_hole_filler_fill(udm_hole_filler *filler, const float *planes, const float *known);

#endif
