// SPDX-License-Identifier: LGPL-2.1-or-later
// dst[c, y, x] = src[4 c + 2 (y mod 2) + x mod 2, y / 2, x / 2] + addend[c, y, x]
#include "backend/host.h"
#include "backend/reference/reference.h"

void udm_reference_shuffle_add(udm_device *device, const udm_tensor *dst, const udm_tensor *src,
                               const udm_tensor *addend)
{
    udm_shape shape = dst->shape;
    float *out = udm_host_data(dst);
    const float *in = udm_host_data(src), *add = addend ? udm_host_data(addend) : NULL;
    size_t at = 0;
    for (int c = 0; c < shape.c; c++)
        for (int y = 0; y < shape.h; y++)
            for (int x = 0; x < shape.w; x++, at++)
                out[at] =
                    in[udm_reference_at(src->shape, 4 * c + 2 * (y % 2) + x % 2, y / 2, x / 2)] + (add ? add[at] : 0);
}
