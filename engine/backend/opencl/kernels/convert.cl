// SPDX-License-Identifier: LGPL-2.1-or-later
// Between planes and blocks of 16 channels; an item is a pixel of a block.

POINTWISE to_features(const udm_cl_tensor dst, const udm_cl_tensor src, global feature *out, const global float *in)
{
    const size_t pixels = (size_t)dst.h * dst.w;
    const range items = range_of(divide_up(dst.c, BLOCK) * pixels);
    for (size_t i = items.first; i < items.end; i++)
        for (int lane = 0; lane < BLOCK; lane++) {
            const int c = i / pixels * BLOCK + lane;
            store_one(c < src.c ? in[src.at + c * pixels + i % pixels] : 0.f, out + dst.at + i * BLOCK + lane);
        }
}

POINTWISE to_planes(const udm_cl_tensor dst, const udm_cl_tensor src, global float *out, const global feature *in)
{
    const size_t pixels = (size_t)dst.h * dst.w;
    const range items = range_of(divide_up(dst.c, BLOCK) * pixels);
    for (size_t i = items.first; i < items.end; i++)
        for (int lane = 0; lane < BLOCK; lane++) {
            const int c = i / pixels * BLOCK + lane;
            if (c < dst.c)
                out[dst.at + c * pixels + i % pixels] = load_one(in + src.at + i * BLOCK + lane);
        }
}
