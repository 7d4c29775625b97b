// SPDX-License-Identifier: LGPL-2.1-or-later
// What the surroundings of lost pixels say about them: a smooth guess, for networks that are shown one.
#ifndef UDM_STREAM_SURROUND_H
#define UDM_STREAM_SURROUND_H

#include <stddef.h>

#include "base/error.h"

// The level at which it is a guess: some 26 of 255 grey levels. models/train/degrade.py has the same.
#define UDM_SURROUNDED 0.2f

typedef struct udm_surround udm_surround;

udm_surround *udm_surround_new(int channels, int width, int height, udm_error *error);
void udm_surround_free(udm_surround *surround); // NULL is fine

// Fills the pixels that are not known. planes: [channels, height, width]; known: [height, width], 1 or 0. Returns the
// filled planes, which are valid until the next call.
const float *udm_surround_fill(udm_surround *surround, const float *planes, const float *known);

#endif
