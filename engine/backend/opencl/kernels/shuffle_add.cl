// SPDX-License-Identifier: LGPL-2.1-or-later
// dst[c, y, x] = src[4 c + 2 (y mod 2) + x mod 2, y / 2, x / 2] + addend[c, y, x]

void write_shuffled(const udm_cl_tensor dst, const udm_cl_tensor addend, global feature *out,
                    const global feature *added, size_t at, float4 value)
{
    if (!addend.none)
        value += load_four(0, added + addend.at + at);
    store_four(value, 0, out + dst.at + at);
}

// A quarter of a block of dst at a pixel of src: 16 of its channels become 4 of the four pixels there.
void shuffle_quarter(const udm_cl_tensor dst, const udm_cl_tensor src, const udm_cl_tensor addend, size_t item,
                     global feature *out, const global feature *in, const global feature *added)
{
    const int quarter = item % 4, x = item / 4 % src.w, y = item / 4 / src.w % src.h, b = item / 4 / src.w / src.h;
    const bool within = 4 * b + quarter < divide_up(src.c, BLOCK);
    const float16 v = within ? load_block(0, in + feature_at(src, (4 * b + quarter) * BLOCK, y, x)) : (float16)0;
    const size_t line = (size_t)dst.w * BLOCK;
    const size_t at = (((size_t)b * dst.h + 2 * y) * dst.w + 2 * x) * BLOCK + 4 * quarter;
    write_shuffled(dst, addend, out, added, at, v.s048c);
    write_shuffled(dst, addend, out, added, at + BLOCK, v.s159d);
    write_shuffled(dst, addend, out, added, at + line, v.s26ae);
    write_shuffled(dst, addend, out, added, at + line + BLOCK, v.s37bf);
}

POINTWISE shuffle_add(const udm_cl_tensor dst, const udm_cl_tensor src, const udm_cl_tensor addend, global feature *out,
                      const global feature *in, const global feature *added)
{
    const range quarters = range_of((size_t)divide_up(dst.c, BLOCK) * src.h * src.w * 4);
    for (size_t i = quarters.first; i < quarters.end; i++)
        shuffle_quarter(dst, src, addend, i, out, in, added);
}
