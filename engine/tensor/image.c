// SPDX-License-Identifier: LGPL-2.1-or-later
// Images to planes in [-1, 1] and back.
#include "udm/image.h"

#include <string.h>

static float scale(const udm_image *image)
{
    return 2.0f / (float)((1 << image->bits) - 1);
}

static void row_to_plane(const udm_image *image, const uint8_t *from, ptrdiff_t step, float *to)
{
    const float k = scale(image);
    if (image->bits == 8) {
        for (int x = 0; x < image->width; x++)
            to[x] = (float)from[x * step] * k - 1;
        return;
    }
    for (int x = 0; x < image->width; x++) {
        uint16_t value;
        memcpy(&value, from + x * step, sizeof value); // packed 16-bit pixels need not be aligned
        to[x] = (float)value * k - 1;
    }
}

static void row_from_plane(const udm_image *image, uint8_t *to, ptrdiff_t step, const float *from)
{
    const float top = (float)((1 << image->bits) - 1), k = top / 2;
    for (int x = 0; x < image->width; x++) {
        float value = (from[x] + 1) * k + 0.5f;
        value = value > 0 ? value : 0; // NaN becomes 0
        uint16_t rounded = (uint16_t)(value < top ? value : top);
        if (image->bits == 8)
            to[x * step] = (uint8_t)rounded;
        else
            memcpy(to + x * step, &rounded, sizeof rounded);
    }
}

void udm_image_to_planes(const udm_image *image, float *planes)
{
    for (int c = 0; c < image->channels; c++)
        for (int y = 0; y < image->height; y++, planes += image->width)
            row_to_plane(image, image->data[c] + y * image->stride[c], image->step[c], planes);
}

void udm_image_from_planes(const udm_image *image, const float *planes)
{
    for (int c = 0; c < image->channels; c++)
        for (int y = 0; y < image->height; y++, planes += image->width)
            row_from_plane(image, image->data[c] + y * image->stride[c], image->step[c], planes);
}

void udm_planes_to_luma(const float *planes, int channels, size_t pixels, float *luma)
{
    const float *red = planes, *green = red + pixels, *blue = green + pixels;
    if (channels == 1)
        memcpy(luma, planes, pixels * sizeof *luma);
    for (size_t i = 0; channels == 3 && i < pixels; i++)
        luma[i] = 0.299f * red[i] + 0.587f * green[i] + 0.114f * blue[i];
}
