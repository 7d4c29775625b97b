// SPDX-License-Identifier: LGPL-2.1-or-later
// Holds the enlarged frame, in planes.
#include "cli/restore/enlarge.h"

#include <stdlib.h>

// Where its components lie in planes of words, of which samples of 8 bits take the half.
static udm_image lay_out(const udm_image *like, int factor, uint16_t *memory)
{
    udm_image to = *like;
    to.width *= factor, to.height *= factor;
    const size_t plane = (size_t)to.width * to.height;
    const ptrdiff_t bytes = to.bits > 8 ? 2 : 1;
    for (int c = 0; c < to.channels; c++) {
        to.data[c] = (uint8_t *)(memory + c * plane);
        to.step[c] = bytes;
        to.stride[c] = to.width * bytes;
    }
    return to;
}

bool enlarge_image(enlarge *e, udm_image *image, udm_error *error)
{
    if (e->factor == 1)
        return true;
    const size_t pixels = (size_t)image->width * image->height * e->factor * e->factor;
    if (!e->memory)
        e->memory = malloc(pixels * image->channels * sizeof *e->memory);
    if (!e->memory)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", image->width * e->factor,
                        image->height * e->factor);
    const udm_image large = lay_out(image, e->factor, e->memory);
    if (!udm_image_enlarge(image, e->factor, &large, error))
        return false;
    *image = large;
    return true;
}

void enlarge_close(enlarge *e)
{
    free(e->memory);
    e->memory = NULL;
}
