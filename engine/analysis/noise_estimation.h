// SPDX-License-Identifier: LGPL-2.1-or-later
// The standard deviation of the noise in a picture, estimated from the picture alone.
#ifndef UDM_ANALYSIS_NOISE_ESTIMATION_H
#define UDM_ANALYSIS_NOISE_ESTIMATION_H

#include <stdbool.h>

#include "udm/error.h"

// planes: [channels, height, width] in [-1, 1]. *sigma: of white Gaussian noise, on the 0-255 scale; of coloured noise,
// as cameras and codecs leave it, that of the white noise which is as strong at half the size. False with MEMORY only;
// a picture too small for an estimate has sigma 0.
bool udm_estimate_sigma(const float *planes, int channels, int width, int height, double *sigma, udm_error *error);

#endif
