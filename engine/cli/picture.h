// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures in files, as planes of floats in [-1, 1].
#ifndef UDM_CLI_PICTURE_H
#define UDM_CLI_PICTURE_H

#include "cli/npy.h"

// A picture of three channels, or of four with alpha, [3, H, W] or [1, 3, H, W], from .npy, or from PNG, JPEG or PPM
// (P6, 8 or 16 bits), which are known by how they begin. False, with a reason in *why.
bool picture_read(const char *path, npy *picture, const char **why);

// PNG of 8 bits, of planes [3, height, width].
bool picture_write(const char *path, const float *planes, int width, int height, const char **why);

#endif
