// SPDX-License-Identifier: LGPL-2.1-or-later
// dst[c, y, x] = src[c, y / 2, x / 2], or the mean of src[c, 2 y .. 2 y + 1, 2 x .. 2 x + 1].

float16 read_block(const udm_cl_tensor src, const global feature *in, int block, int y, int x)
{
    return load_block(0, in + feature_at(src, block * BLOCK, y, x));
}

POINTWISE resample(const udm_cl_tensor dst, const udm_cl_tensor src, global feature *out, const global feature *in)
{
    const range items = range_of((size_t)divide_up(dst.c, BLOCK) * dst.h * dst.w);
    for (size_t i = items.first; i < items.end; i++) {
        const int x = i % dst.w, y = i / dst.w % dst.h, block = i / dst.w / dst.h;
        const float16 value =
            dst.h > src.h ? read_block(src, in, block, y / 2, x / 2)
                          : (read_block(src, in, block, 2 * y, 2 * x) + read_block(src, in, block, 2 * y, 2 * x + 1) +
                             read_block(src, in, block, 2 * y + 1, 2 * x) +
                             read_block(src, in, block, 2 * y + 1, 2 * x + 1)) *
                                .25f;
        store_block(value, i, out + dst.at);
    }
}
