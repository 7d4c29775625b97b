// SPDX-License-Identifier: LGPL-2.1-or-later
// Layer normalisation of each pixel over its channels, pixels of several tensors as one, and products.
#include "backend/host.h"
#include "backend/reference/reference.h"

void udm_reference_layer_norm(udm_device *device, const udm_layer_norm *norm)
{
    const udm_shape shape = norm->dst.shape;
    const size_t pixels = (size_t)shape.h * shape.w;
    const float *src = udm_host_data(&norm->src), *affine = udm_host_data(&norm->affine);
    float *dst = udm_host_data(&norm->dst);
    for (size_t p = 0; p < pixels; p++) {
        double sum = 0, squares = 0;
        for (int c = 0; c < shape.c; c++)
            sum += src[c * pixels + p];
        const double mean = sum / shape.c;
        for (int c = 0; c < shape.c; c++)
            squares += (src[c * pixels + p] - mean) * (src[c * pixels + p] - mean);
        const double gain = 1 / sqrt(squares / shape.c + norm->eps);
        for (int c = 0; c < shape.c; c++)
            dst[c * pixels + p] = (float)((src[c * pixels + p] - mean) * gain * affine[c] + affine[shape.c + c]);
    }
}

void udm_reference_join(udm_device *device, const udm_join *join)
{
    const size_t count = (size_t)join->dst.shape.h * join->dst.shape.w;
    for (size_t p = 0; p < count; p++) {
        size_t from = join->first + p;
        int s = 0;
        for (size_t pixels; from >= (pixels = (size_t)join->src[s].shape.h * join->src[s].shape.w); s++)
            from -= pixels;
        const size_t plane = (size_t)join->src[s].shape.h * join->src[s].shape.w;
        for (int c = 0; c < join->dst.shape.c; c++)
            udm_host_data(&join->dst)[c * count + p] = udm_host_data(&join->src[s])[c * plane + from];
    }
}

void udm_reference_multiply(udm_device *device, const udm_tensor *dst, const udm_tensor *a, const udm_tensor *b)
{
    for (size_t i = 0; i < udm_shape_elements(dst->shape); i++)
        udm_host_data(dst)[i] = udm_host_data(a)[i] * udm_host_data(b)[i];
}
