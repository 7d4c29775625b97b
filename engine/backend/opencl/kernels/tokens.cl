// SPDX-License-Identifier: LGPL-2.1-or-later
// Layer normalisation of each pixel over its channels, pixels of several tensors as one, and products.

POINTWISE layer_norm(const udm_cl_layer_norm norm, global float *dst, const global float *src,
                     const global float *affine)
{
    const int channels = norm.dst.c;
    const size_t pixels = (size_t)norm.dst.h * norm.dst.w;
    const global float *gamma = affine + norm.affine, *beta = gamma + channels;
    const range items = range_of(pixels);
    for (size_t p = items.first; p < items.end; p++) {
        const global float *x = src + norm.src.at + p * BLOCK;
        global float *y = dst + norm.dst.at + p * BLOCK;
        float sum = 0, squares = 0;
        for (int c = 0; c < channels; c++)
            sum += x[c / BLOCK * pixels * BLOCK + c % BLOCK];
        const float mean = sum / channels;
        for (int c = 0; c < channels; c++) {
            const float far = x[c / BLOCK * pixels * BLOCK + c % BLOCK] - mean;
            squares = fma(far, far, squares);
        }
        const float gain = 1 / sqrt(squares / channels + norm.eps);
        for (int c = 0; c < divide_up(channels, BLOCK) * BLOCK; c++) {
            const size_t at = c / BLOCK * pixels * BLOCK + c % BLOCK;
            y[at] = c < channels ? (x[at] - mean) * gain * gamma[c] + beta[c] : 0;
        }
    }
}

POINTWISE join_pixels(const udm_cl_join join, global float *dst, const global float *src0, const global float *src1,
                      const global float *src2)
{
    const size_t all = (size_t)join.dst.h * join.dst.w;
    const range items = range_of(divide_up(join.dst.c, BLOCK) * (size_t)join.count);
    for (size_t i = items.first; i < items.end; i++) {
        const size_t block = i / join.count, to = block * all + join.place + i % join.count;
        size_t from = join.first + i % join.count;
        int s = 0;
        while (from >= (size_t)join.src[s].h * join.src[s].w) {
            from -= (size_t)join.src[s].h * join.src[s].w;
            s++;
        }
        const global float *src = s == 0 ? src0 : s == 1 ? src1 : src2;
        const size_t pixels = (size_t)join.src[s].h * join.src[s].w;
        vstore16(vload16(block * pixels + from, src + join.src[s].at), to, dst + join.dst.at);
    }
}

POINTWISE multiply_values(const udm_cl_tensor dst, const udm_cl_tensor a, const udm_cl_tensor b, global float *out,
                          const global float *one, const global float *other)
{
    const range items = range_of((size_t)divide_up(dst.c, BLOCK) * dst.h * dst.w);
    for (size_t i = items.first; i < items.end; i++)
        vstore16(vload16(i, one + a.at) * vload16(i, other + b.at), i, out + dst.at);
}
