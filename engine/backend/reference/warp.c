// SPDX-License-Identifier: LGPL-2.1-or-later
// Planes moved along a flow.
#include "backend/host.h"
#include "backend/lanczos.h"
#include "backend/reference/reference.h"
#include "base/maths.h"

// A coordinate, brought to where pixels are.
static float within(float x, int size)
{
    return udm_clamp(x, 0, (float)(size - 1));
}

// The weights of the pixels around a place `part` of a pixel past the middle one; how many there are.
static int weigh(udm_filter filter, float part, float weights[UDM_LANCZOS_TAPS])
{
    if (filter == UDM_BILINEAR) {
        weights[0] = 1 - part, weights[1] = part;
        return 2;
    }
    udm_lanczos_weights(part, weights);
    return UDM_LANCZOS_TAPS;
}

// Channel c of src at a place within.
static float sample(const udm_warp *warp, int c, float px, float py)
{
    const udm_shape shape = warp->src.shape;
    const int left = (int)px, top = (int)py;
    float across[UDM_LANCZOS_TAPS], down[UDM_LANCZOS_TAPS], sum = 0;
    const int taps = weigh(warp->filter, px - (float)left, across);
    weigh(warp->filter, py - (float)top, down);
    for (int j = 0; j < taps; j++)
        for (int i = 0; i < taps; i++) {
            const int y = udm_clamp_index(top + j - taps / 2 + 1, shape.h),
                      x = udm_clamp_index(left + i - taps / 2 + 1, shape.w);
            sum += down[j] * across[i] * udm_host_data(&warp->src)[udm_reference_at(shape, c, y, x)];
        }
    return sum;
}

void udm_reference_warp(udm_device *device, const udm_warp *warp)
{
    const udm_shape shape = warp->dst.shape;
    const float *flow = udm_host_data(&warp->flow);
    for (int y = 0; y < shape.h; y++)
        for (int x = 0; x < shape.w; x++) {
            const size_t at = udm_reference_at(shape, 0, y, x), down = udm_reference_at(shape, 1, y, x);
            const float to_x = (float)x + flow[at], to_y = (float)y + flow[down];
            const float px = within(to_x, shape.w), py = within(to_y, shape.h);
            for (int c = 0; c < shape.c; c++)
                udm_host_data(&warp->dst)[udm_reference_at(shape, c, y, x)] = sample(warp, c, px, py);
            if (warp->inside)
                udm_host_data(warp->inside)[at] = px == to_x && py == to_y;
        }
}
