// SPDX-License-Identifier: LGPL-2.1-or-later
// Planes moved along a flow: an item is a pixel. Of the sines of Lanczos-3 (backend/lanczos.h) one factor is the same
// for all six taps but for its sign, and so lost when they are divided by their sum.

#define TAPS 6

// A coordinate, brought to where pixels are; 0 for what is not a number.
float within(float x, int size)
{
    return x > 0 ? fmin(x, (float)(size - 1)) : 0.f;
}

// Those of eight taps, the last two of which are 0.
float8 lanczos_weights(float part)
{
    const float8 d = part - (float8)(-2, -1, 0, 1, 2, 3, 4, 5);
    const float8 sign = (float8)(1, -1, 1, -1, 1, -1, 0, 0);
    const float8 weights = sign * sinpi(d / 3) / (d * d);
    const float8 whole = (float8)(0, 0, 1, 0, 0, 0, 0, 0);
    return part < 1e-6f ? whole : weights / (dot(weights.lo, (float4)(1)) + dot(weights.hi, (float4)(1)));
}

float8 bilinear_weights(float part)
{
    return (float8)(0, 0, 1 - part, part, 0, 0, 0, 0);
}

// The row of a plane around column `left`, its ends repeated.
float8 read_columns(const global float *row, int width, int left)
{
    if (left >= 2 && left + 5 < width)
        return vload8(0, row + left - 2);
    float values[8];
    for (int i = 0; i < 8; i++)
        values[i] = row[clamp(left - 2 + i, 0, width - 1)];
    return vload8(0, values);
}

POINTWISE warp(const udm_cl_tensor dst, const udm_cl_tensor src, const udm_cl_tensor flow, const udm_cl_tensor inside,
               int lanczos, global float *out, const global float *in, const global float *flows,
               global float *insides)
{
    const range items = range_of((size_t)dst.h * dst.w);
    for (size_t i = items.first; i < items.end; i++) {
        const int x = i % dst.w, y = i / dst.w;
        const float to_x = x + flows[planar_at(flow, 0, y, x)], to_y = y + flows[planar_at(flow, 1, y, x)];
        const float px = within(to_x, src.w), py = within(to_y, src.h);
        const int left = (int)px, top = (int)py;
        const float8 across = lanczos ? lanczos_weights(px - left) : bilinear_weights(px - left);
        float down[8];
        vstore8(lanczos ? lanczos_weights(py - top) : bilinear_weights(py - top), 0, down);
        for (int c = 0; c < src.c; c++) {
            float8 sum = 0;
            for (int j = 0; j < TAPS; j++)
                sum += down[j] * read_columns(in + planar_at(src, c, clamp(top - 2 + j, 0, src.h - 1), 0), src.w, left);
            out[planar_at(dst, c, y, x)] = dot(sum.lo, across.lo) + dot(sum.hi, across.hi);
        }
        if (!inside.none)
            insides[planar_at(inside, 0, y, x)] = px == to_x && py == to_y;
    }
}
