// SPDX-License-Identifier: LGPL-2.1-or-later
// Larger images: each sample becomes a block, which is what the process "pixelate" leaves of a picture.
#include "udm/image.h"

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

static void copy_bytes(const udm_image *from, int factor, const udm_image *to, int c, int row, int count)
{
    const uint8_t *read = from->data[c] + row / factor * from->stride[c];
    uint8_t *written = to->data[c] + row * to->stride[c];
    for (int x = 0; x < count; read += from->step[c])
        for (int i = 0; i < factor && x < count; i++, x++, written += to->step[c])
            *written = *read;
}

static void copy_words(const udm_image *from, int factor, const udm_image *to, int c, int row, int count)
{
    const uint8_t *read = from->data[c] + row / factor * from->stride[c];
    uint8_t *written = to->data[c] + row * to->stride[c];
    for (int x = 0; x < count; read += from->step[c])
        for (int i = 0; i < factor && x < count; i++, x++, written += to->step[c])
            memcpy(written, read, sizeof(uint16_t));
}

// Samples of a component along an axis on which 2^shared pixels share one.
static int samples_of(int pixels, int shared)
{
    return (pixels + (1 << shared) - 1) >> shared;
}

bool udm_image_enlarge(const udm_image *from, int factor, const udm_image *to, udm_error *error)
{
    if (!check_pair(from, factor, to, error))
        return false;
    for (int c = 0; c < to->channels; c++) {
        const int rows = samples_of(to->height, c > 0 ? to->subsample_y : 0);
        const int count = samples_of(to->width, c > 0 ? to->subsample_x : 0);
        for (int row = 0; row < rows; row++)
            (to->bits == 8 ? copy_bytes : copy_words)(from, factor, to, c, row, count);
    }
    return true;
}
