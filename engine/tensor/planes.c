// SPDX-License-Identifier: LGPL-2.1-or-later
// What is common to pictures as planes: their luma, and grey.
#include "tensor/planes.h"

#include <string.h>

void udm_planes_to_luma(const float *planes, int channels, size_t pixels, float *luma)
{
    const float *red = planes, *green = red + pixels, *blue = green + pixels;
    if (channels == 1)
        memcpy(luma, planes, pixels * sizeof *luma);
    for (size_t i = 0; channels == 3 && i < pixels; i++)
        luma[i] = 0.299f * red[i] + 0.587f * green[i] + 0.114f * blue[i];
}

void udm_planes_make_grey(float *planes, size_t pixels)
{
    float *red = planes, *green = red + pixels, *blue = green + pixels;
    for (size_t i = 0; i < pixels; i++)
        red[i] = green[i] = blue[i] = (red[i] + green[i] + blue[i]) / 3;
}
