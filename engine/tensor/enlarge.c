// SPDX-License-Identifier: LGPL-2.1-or-later
// Larger images: each sample becomes a block, which is what the process "pixelate" leaves of a picture.
#include "tensor/samples.h"

#include <string.h>

static bool check_pair(const udm_image *from, int factor, const udm_image *to, udm_error *error)
{
    if (!udm_image_check(from, error) || !udm_image_check(to, error))
        return false;
    if (factor < 1 || to->width != factor * (int64_t)from->width || to->height != factor * (int64_t)from->height)
        return udm_fail(error, UDM_ERROR_SETTINGS, "an image of %dx%d is not %d times one of %dx%d", to->width,
                        to->height, factor, from->width, from->height);
    if (to->channels != from->channels || to->bits != from->bits || to->shift != from->shift ||
        to->subsample_x != from->subsample_x || to->subsample_y != from->subsample_y)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "an image is enlarged to one of as many channels and bits, which shares chroma as it does");
    return true;
}

static void copy_row(const udm_image *from, int factor, const udm_image *to, int c, int row)
{
    const int count = udm_samples_width(to, c);
    const size_t size = to->bits == 8 ? sizeof(uint8_t) : sizeof(uint16_t);
    const uint8_t *read = from->data[c] + row / factor * from->stride[c];
    uint8_t *written = to->data[c] + row * to->stride[c];
    for (int x = 0; x < count; read += from->step[c])
        for (int i = 0; i < factor && x < count; i++, x++, written += to->step[c])
            memcpy(written, read, size);
}

bool udm_image_enlarge(const udm_image *from, int factor, const udm_image *to, udm_error *error)
{
    if (!check_pair(from, factor, to, error))
        return false;
    for (int c = 0; c < to->channels; c++)
        for (int row = 0; row < udm_samples_height(to, c); row++)
            copy_row(from, factor, to, c, row);
    return true;
}
