// SPDX-License-Identifier: LGPL-2.1-or-later
// Layer normalisation of each pixel over its channels, pixels of several tensors as one, and products.

// The channels of a pixel lie over the lanes of its team.
TEAMWORK layer_norm(const udm_cl_layer_norm norm, global feature *dst, const global feature *src,
                    const global float *affine)
{
    local float shared[SHARED];
    const int channels = norm.dst.c, lane = team_lane();
    const size_t pixels = (size_t)norm.dst.h * norm.dst.w;
    const global float *gamma = affine + norm.affine, *beta = gamma + channels;
    const range items = team_range(pixels);
    for (size_t p = items.first; p < items.end; p++) {
        const global feature *x = src + norm.src.at + p * BLOCK;
        global feature *y = dst + norm.dst.at + p * BLOCK;
        float sum = 0, squares = 0;
        for (int c = lane; c < channels; c += TEAM)
            sum += load_one(x + c / BLOCK * pixels * BLOCK + c % BLOCK);
        const float mean = team_sum(sum, shared) / channels;
        for (int c = lane; c < channels; c += TEAM) {
            const float far = load_one(x + c / BLOCK * pixels * BLOCK + c % BLOCK) - mean;
            squares = fma(far, far, squares);
        }
        const float gain = 1 / sqrt(team_sum(squares, shared) / channels + norm.eps);
        for (int c = lane; c < divide_up(channels, BLOCK) * BLOCK; c += TEAM) {
            const size_t at = c / BLOCK * pixels * BLOCK + c % BLOCK;
            store_one(c < channels ? (load_one(x + at) - mean) * gain * gamma[c] + beta[c] : 0.f, y + at);
        }
    }
}

POINTWISE join_pixels(const udm_cl_join join, global feature *dst, const global feature *src0,
                      const global feature *src1, const global feature *src2)
{
    const size_t all = (size_t)join.dst.h * join.dst.w;
    const range items = range_of(divide_up(join.dst.c, BLOCK) * (size_t)join.count);
    for (size_t i = items.first; i < items.end; i++) {
        const size_t block = i / join.count, to = block * all + join.place + i % join.count;
        size_t from = join.first + i % join.count;
        int s = 0;
        udm_cl_tensor of = join.src[0];
        while (from >= (size_t)of.h * of.w) {
            from -= (size_t)of.h * of.w;
            of = SOURCE(join, ++s);
        }
        const global feature *src = s == 0 ? src0 : s == 1 ? src1 : src2;
        const size_t pixels = (size_t)of.h * of.w;
        store_block(load_block(block * pixels + from, src + of.at), to, dst + join.dst.at);
    }
}

POINTWISE multiply_values(const udm_cl_tensor dst, const udm_cl_tensor a, const udm_cl_tensor b, global feature *out,
                          const global feature *one, const global feature *other)
{
    const range items = range_of((size_t)divide_up(dst.c, BLOCK) * dst.h * dst.w);
    for (size_t i = items.first; i < items.end; i++)
        store_block(load_block(i, one + a.at) * load_block(i, other + b.at), i, out + dst.at);
}
