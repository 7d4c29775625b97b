// SPDX-License-Identifier: LGPL-2.1-or-later
// The components of an image as planes of float, each of its own size, with nothing converted between them: rows go in
// and come out bit for bit.
#ifndef UDM_FIELDS_SAMPLES_H
#define UDM_FIELDS_SAMPLES_H

#include "tensor/samples.h"

// Row y of component c, from -1 for the least code to 1 for the greatest.
void udm_samples_read(const udm_image *image, int c, int y, float *row);
// Rounded, and clamped to what the bits hold.
void udm_samples_write(const udm_image *image, int c, int y, const float *row);
// Row y as it is, between images of one kind.
void udm_samples_copy(const udm_image *from, const udm_image *to, int c, int y);

#endif
