// SPDX-License-Identifier: LGPL-2.1-or-later
// Any convolution on a GPU without sub-groups: a group of 16 x 16 work-items computes 64 outputs of 64 pixels, four by
// four each, from local memory that it fills with 16 channels of one tap at a time. registers.cl is its other half.
#if defined GPU && !defined SUB_GROUP

#define SIDE 64

// The quad of channels from `channel` on that a tap sees at (y, x).
float4 read_quad(const udm_cl_tensor *src, const global feature *data, int channel, int y, int x)
{
    bool within = y >= 0 && y < src->h && x >= 0 && x < src->w;
    return within ? load_four(0, data + feature_at(*src, channel, y, x)) : (float4)0;
}

// Writes outputs [out, out + 4) of a pixel.
void write_quad(const udm_cl_conv *conv, global feature *dst, const global feature *residual, const global float *bias,
                int out, int pixel, float4 sum)
{
    size_t at = ((size_t)(out / BLOCK) * conv->dst.h * conv->dst.w + pixel) * BLOCK + out % BLOCK;
    float4 value = sum + vload4(0, bias + out);
    value = (float4)(activate(conv->activation, value.x), activate(conv->activation, value.y),
                     activate(conv->activation, value.z), activate(conv->activation, value.w));
    if (!conv->residual.none)
        value += load_four(0, residual + conv->residual.at + at);
    if (conv->activation == 5)
        value = fmax(value, (float4)0);
    store_four(value, 0, dst + conv->dst.at + at);
}

// weights: [taps][sources][channels, in blocks of 16][outputs, in parts of 64]
kernel __attribute__((reqd_work_group_size(16, 16, 1))) void
conv_tiled(const udm_cl_conv conv, global feature *dst, const global feature *residual, const global feature *src0,
           const global feature *src1, const global feature *src2, const global feature *weights)
{
    local float pixels[BLOCK][SIDE + 4], outputs[BLOCK][SIDE];
    const int column = get_local_id(0), line = get_local_id(1), item = line * 16 + column;
    const int first_out = get_group_id(0) * SIDE, first_pixel = get_group_id(1) * SIDE;
    const int loaded = first_pixel + item / 4, quad = item % 4 * 4; // what this item brings
    const int top = loaded / conv.dst.w * conv.stride - conv.padding;
    const int left = loaded % conv.dst.w * conv.stride - conv.padding;
    const size_t width = get_num_groups(0) * SIDE;
    const global feature *from = weights + (item / 16) * width + first_out + item % 16 * 4;
    float4 sum[4] = { 0, 0, 0, 0 };
    for (int tap = 0; tap < conv.size * conv.size; tap++)
        for (int s = 0; s < conv.sources; s++) {
            const udm_cl_tensor src = SOURCE(conv, s);
            for (int c = 0; c < src.c; c += BLOCK, from += BLOCK * width) {
                const int y = loaded < conv.rows ? top + tap / conv.size : -1;
                float4 seen = read_quad(&src, s == 0 ? src0 : s == 1 ? src1 : src2, c + quad, y,
                                        left + tap % conv.size);
                pixels[quad][item / 4] = seen.x;
                pixels[quad + 1][item / 4] = seen.y;
                pixels[quad + 2][item / 4] = seen.z;
                pixels[quad + 3][item / 4] = seen.w;
                vstore4(load_four(0, from), item % 16, outputs[item / 16]);
                barrier(CLK_LOCAL_MEM_FENCE);
                for (int k = 0; k < BLOCK; k++) {
                    float4 w = vload4(column, outputs[k]), p = vload4(line, pixels[k]);
                    sum[0] = fma((float4)p.x, w, sum[0]);
                    sum[1] = fma((float4)p.y, w, sum[1]);
                    sum[2] = fma((float4)p.z, w, sum[2]);
                    sum[3] = fma((float4)p.w, w, sum[3]);
                }
                barrier(CLK_LOCAL_MEM_FENCE);
            }
        }
    const int out = first_out + 4 * column, pixel = first_pixel + 4 * line;
    for (int i = 0; i < 4; i++)
        if (out < divide_up(conv.dst.c, BLOCK) * BLOCK && pixel + i < conv.rows)
            write_quad(&conv, dst, residual, (const global float *)weights + conv.bias, out, pixel + i, sum[i]);
}

#endif
