// SPDX-License-Identifier: LGPL-2.1-or-later
// Between a resolution and half of it.
#include "backend/host.h"
#include "backend/reference/reference.h"

// dst[c, y, x] = src[4 c + 2 (y mod 2) + x mod 2, y / 2, x / 2] + addend[c, y, x]
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

// dst[c, y, x] = src[c, y / 2, x / 2]
static void enlarge(const udm_tensor *dst, const udm_tensor *src)
{
    udm_shape shape = dst->shape;
    for (int c = 0; c < shape.c; c++)
        for (int y = 0; y < shape.h; y++)
            for (int x = 0; x < shape.w; x++)
                udm_host_data(dst)[udm_reference_at(shape, c, y, x)] =
                    udm_host_data(src)[udm_reference_at(src->shape, c, y / 2, x / 2)];
}

// dst[c, y, x] = the mean of src[c, 2 y .. 2 y + 1, 2 x .. 2 x + 1]
static void halve(const udm_tensor *dst, const udm_tensor *src)
{
    udm_shape shape = dst->shape;
    for (int c = 0; c < shape.c; c++)
        for (int y = 0; y < shape.h; y++)
            for (int x = 0; x < shape.w; x++) {
                const float *upper = udm_host_data(src) + udm_reference_at(src->shape, c, 2 * y, 2 * x);
                const float *lower = upper + src->shape.w;
                udm_host_data(dst)[udm_reference_at(shape, c, y, x)] = (upper[0] + upper[1] + lower[0] + lower[1]) / 4;
            }
}

void udm_reference_resample(udm_device *device, const udm_tensor *dst, const udm_tensor *src)
{
    if (dst->shape.h > src->shape.h)
        enlarge(dst, src);
    else
        halve(dst, src);
}
