// SPDX-License-Identifier: LGPL-2.1-or-later
// The components of an image as planes of float.
#include "fields/samples.h"

#include <string.h>

#include "base/maths.h"

static uint8_t *row_of(const udm_image *image, int c, int y)
{
    return image->data[c] + y * image->stride[c];
}

void udm_samples_read(const udm_image *image, int c, int y, float *row)
{
    const int width = udm_samples_width(image, c);
    const ptrdiff_t step = image->step[c];
    const uint8_t *from = row_of(image, c, y);
    const float scale = 2.f / (float)((1 << image->bits) - 1);
    if (image->bits == 8)
        for (int x = 0; x < width; x++)
            row[x] = from[x * step] * scale - 1;
    else
        for (int x = 0; x < width; x++)
            row[x] = (float)(*(const uint16_t *)(from + x * step) >> image->shift) * scale - 1;
}

void udm_samples_write(const udm_image *image, int c, int y, const float *row)
{
    const int width = udm_samples_width(image, c);
    const ptrdiff_t step = image->step[c];
    uint8_t *to = row_of(image, c, y);
    const float most = (float)((1 << image->bits) - 1), half = 0.5f * most;
    for (int x = 0; x < width; x++) {
        const int code = (int)(udm_clamp((row[x] + 1) * half, 0, most) + 0.5f);
        if (image->bits == 8)
            to[x * step] = (uint8_t)code;
        else
            *(uint16_t *)(to + x * step) = (uint16_t)(code << image->shift);
    }
}

void udm_samples_copy(const udm_image *from, const udm_image *to, int c, int y)
{
    const int width = udm_samples_width(from, c), size = from->bits > 8 ? 2 : 1;
    const uint8_t *a = row_of(from, c, y);
    uint8_t *b = row_of(to, c, y);
    if (from->step[c] == size && to->step[c] == size)
        memcpy(b, a, (size_t)width * (size_t)size);
    else
        for (int x = 0; x < width; x++)
            memcpy(b + x * to->step[c], a + x * from->step[c], (size_t)size);
}
