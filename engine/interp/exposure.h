// SPDX-License-Identifier: LGPL-2.1-or-later
// What a shutter that stays open sees: the mean of pictures over time.
#ifndef UDM_INTERP_EXPOSURE_H
#define UDM_INTERP_EXPOSURE_H

#include <stdbool.h>
#include <stddef.h>

#include "udm/error.h"

typedef struct udm_exposure udm_exposure;

// floats: of a picture.
udm_exposure *udm_exposure_new(size_t floats, udm_error *error);
void udm_exposure_free(udm_exposure *exposure); // NULL is fine

// How many pictures show motion of so many pixels without a gap.
int udm_exposure_pictures(double motion);

// Adds floats from `first` on that are seen for so long; those of a picture are added one part after another, and the
// part that begins at 0 counts the time.
void udm_exposure_add(udm_exposure *exposure, size_t first, const float *values, size_t count, double seconds);
double udm_exposure_seconds(const udm_exposure *exposure); // that were added

// The mean, valid until the next call; begins anew.
const float *udm_exposure_develop(udm_exposure *exposure);

#endif
