// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether an image is one, and whether it is grey.
#include "tensor/samples.h"

#include <string.h>

static const char *const components[3] = { "first", "second", "third" };

static bool is_yuv(const udm_image *image)
{
    return image->channels == 3 && image->matrix != UDM_MATRIX_RGB;
}

static bool check_values(const udm_image *image, udm_error *error)
{
    if (image->bits < 8 || image->bits > 16)
        return udm_fail(error, UDM_ERROR_SETTINGS, "an image of %d bits: it must have 8 to 16", image->bits);
    if (image->shift < 0 || image->shift > (image->bits == 8 ? 0 : 16 - image->bits))
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "an image of %d bits, shifted by %d: 8 bits fill a byte, and more must lie in 16", image->bits,
                        image->shift);
    if ((unsigned)image->range > UDM_RANGE_LIMITED)
        return udm_fail(error, UDM_ERROR_SETTINGS, "an image whose range is %d: it must be full or limited",
                        (int)image->range);
    return true;
}

static bool check_chroma(const udm_image *image, udm_error *error)
{
    if ((unsigned)image->matrix > UDM_MATRIX_FCC)
        return udm_fail(error, UDM_ERROR_SETTINGS, "an image whose matrix is %d: there are 0 to %d", (int)image->matrix,
                        (int)UDM_MATRIX_FCC);
    if ((unsigned)image->siting > UDM_SITING_TOP)
        return udm_fail(error, UDM_ERROR_SETTINGS, "an image whose siting is %d: there are 0 to %d", (int)image->siting,
                        (int)UDM_SITING_TOP);
    if (!is_yuv(image) && (image->subsample_x || image->subsample_y))
        return udm_fail(error, UDM_ERROR_SETTINGS, "pixels share chroma, but the image is %s: set its matrix",
                        image->channels == 1 ? "grey" : "RGB");
    if (image->subsample_x < 0 || image->subsample_x > 2 || image->subsample_y < 0 || image->subsample_y > 1)
        return udm_fail(
            error, UDM_ERROR_SETTINGS,
            "chroma is shared by 2^%d x 2^%d pixels: there may be 2^0 to 2^2 along x and 2^0 or 2^1 along y",
            image->subsample_x, image->subsample_y);
    return true;
}

static bool check_memory(const udm_image *image, udm_error *error)
{
    const ptrdiff_t bytes = image->bits == 8 ? 1 : 2;
    for (int c = 0; c < image->channels; c++) {
        if (!image->data[c])
            return udm_fail(error, UDM_ERROR_SETTINGS, "an image whose %s component has no memory", components[c]);
        if (image->step[c] < bytes && image->step[c] > -bytes)
            return udm_fail(error, UDM_ERROR_SETTINGS,
                            "samples of an image's %s component are %d bytes apart: they must be %d or more",
                            components[c], (int)image->step[c], (int)bytes);
        if (image->stride[c] == 0 && image->height > 1 << image->subsample_y)
            return udm_fail(error, UDM_ERROR_SETTINGS, "an image whose %s component has a stride of 0: set it",
                            components[c]);
    }
    return true;
}

bool udm_image_check(const udm_image *image, udm_error *error)
{
    if (!image)
        return udm_fail(error, UDM_ERROR_SETTINGS, "there is no image");
    if (image->width < 1 || image->width > 65536 || image->height < 1 || image->height > 65536)
        return udm_fail(error, UDM_ERROR_SETTINGS, "an image of %dx%d: width and height must be 1 to 65536",
                        image->width, image->height);
    if (image->channels != 1 && image->channels != 3)
        return udm_fail(error, UDM_ERROR_SETTINGS, "an image of %d channels: it must have 1 or 3", image->channels);
    return check_values(image, error) && check_chroma(image, error) && check_memory(image, error);
}

static int value_at(const udm_image *image, int c, int x, int y)
{
    const uint8_t *at = image->data[c] + y * image->stride[c] + x * image->step[c];
    uint16_t word;
    if (image->bits == 8)
        return *at;
    memcpy(&word, at, sizeof word);
    return word >> image->shift;
}

static bool is_row_grey(const udm_image *image, int y, int count)
{
    const int middle = 1 << (image->bits - 1);
    int different = 0;
    for (int x = 0; x < count; x++) {
        const int none = is_yuv(image) ? middle : value_at(image, 0, x, y);
        different |= (value_at(image, 1, x, y) ^ none) | (value_at(image, 2, x, y) ^ none);
    }
    return !different;
}

bool udm_image_is_grey(const udm_image *image)
{
    const int columns = udm_samples_width(image, 1), rows = udm_samples_height(image, 1);
    for (int y = 0; image->channels == 3 && y < rows; y++)
        if (!is_row_grey(image, y, columns))
            return false;
    return true;
}
