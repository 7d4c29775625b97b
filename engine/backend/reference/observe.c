// SPDX-License-Identifier: LGPL-2.1-or-later
// The input of the network from a frame and its prediction, and how its correction is applied. The equations of the
// fusion, a precision-weighted mean under a flat prior, are in backend/fusion.h.
#include "backend/fusion.h"
#include "backend/host.h"
#include "backend/reference/reference.h"
#include "base/maths.h"

static udm_fusion fusion_at(const udm_observation *seen, size_t pixel)
{
    return udm_fusion_at(udm_host_data(&seen->level)[pixel], udm_host_data(&seen->predicted_level)[pixel]);
}

// Channel c of [fused, rho, innovation, level, predicted_level] at a pixel (y, x) of the frame.
static float observed(const udm_observation *seen, int c, int y, int x)
{
    udm_shape shape = seen->frame.shape;
    int colours = shape.c;
    y = udm_mirror_index(y, shape.h), x = udm_mirror_index(x, shape.w);
    size_t pixel = udm_reference_at(shape, 0, y, x);
    if (c == 2 * colours + 1)
        return udm_host_data(&seen->level)[pixel];
    if (c == 2 * colours + 2)
        return udm_host_data(&seen->predicted_level)[pixel];

    udm_fusion at = fusion_at(seen, pixel);
    if (c == colours)
        return at.rho;
    size_t value = udm_reference_at(shape, c < colours ? c : c - colours - 1, y, x);
    float frame = udm_host_data(&seen->frame)[value], predicted = udm_host_data(&seen->predicted)[value];
    return c < colours ? udm_fusion_mean(at, frame, predicted) : udm_fusion_innovation(at, frame, predicted);
}

// dst[c p p + dy p + dx, y, x] = observed(c, y p + dy, x p + dx)
void udm_reference_observe(udm_device *device, const udm_tensor *dst, const udm_observation *seen, int patch)
{
    udm_shape shape = dst->shape;
    float *out = udm_host_data(dst);
    for (int k = 0; k < shape.c; k++) {
        int c = k / (patch * patch), dy = k / patch % patch, dx = k % patch;
        for (int y = 0; y < shape.h; y++)
            for (int x = 0; x < shape.w; x++)
                out[udm_reference_at(shape, k, y, x)] = observed(seen, c, y * patch + dy, x * patch + dx);
    }
}

static float restored(const udm_observation *seen, size_t value, float correction)
{
    udm_fusion at = fusion_at(seen, value % ((size_t)seen->frame.shape.h * seen->frame.shape.w));
    float fused = udm_fusion_mean(at, udm_host_data(&seen->frame)[value], udm_host_data(&seen->predicted)[value]);
    return fused + udm_fusion_gate(at) * correction;
}

// dst[c, y, x] = fused[c, y, x] + gate correction[c p p + (y mod p) p + x mod p, y / p, x / p]; the
// correction alone beyond the frame's channels
void udm_reference_restore(udm_device *device, const udm_tensor *dst, const udm_tensor *correction,
                           const udm_observation *seen, int patch)
{
    udm_shape shape = dst->shape;
    float *out = udm_host_data(dst);
    for (int c = 0; c < shape.c; c++)
        for (int y = 0; y < shape.h; y++)
            for (int x = 0; x < shape.w; x++) {
                size_t value = udm_reference_at(shape, c, y, x);
                int k = (c * patch + y % patch) * patch + x % patch;
                float correct = udm_host_data(correction)[udm_reference_at(correction->shape, k, y / patch, x / patch)];
                out[value] = c < seen->frame.shape.c ? restored(seen, value, correct) : correct;
            }
}
