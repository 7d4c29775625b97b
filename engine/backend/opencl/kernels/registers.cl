// SPDX-License-Identifier: LGPL-2.1-or-later
// Any convolution on a GPU with sub-groups: each computes OUTPUTS outputs of PIXELS pixels, from registers. Its
// work-items bring 16 channels of one tap of the pixels, and hand them to each other; each has its own outputs.
#if defined GPU && defined SUB_GROUP

#define PER_ITEM (SUB_GROUP < 32 ? 32 / SUB_GROUP : 1) // outputs
#define OUTPUTS (PER_ITEM * SUB_GROUP)
#define BROUGHT (BLOCK * PIXELS / SUB_GROUP) // channels of pixels, of which lane l has l, l + SUB_GROUP ...
#define WIDTH 64                             // to which the outputs of weights are padded

// Writes an output of a pixel.
void write_output(const udm_cl_conv *conv, global feature *dst, const global feature *residual,
                  const global float *bias, int out, int pixel, float sum)
{
    const size_t at = ((size_t)(out / BLOCK) * conv->dst.h * conv->dst.w + pixel) * BLOCK + out % BLOCK;
    float value = activate(conv->activation, sum + bias[out]);
    if (!conv->residual.none)
        value += load_one(residual + conv->residual.at + at);
    store_one(conv->activation == 5 ? fmax(value, 0.f) : value, dst + conv->dst.at + at);
}

// weights: as in tiled.cl
TEAMWORK conv_tiled(const udm_cl_conv conv, global feature *dst, const global feature *residual,
                    const global feature *src0, const global feature *src1, const global feature *src2,
                    const global feature *weights)
{
    const int lane = team_lane(), first_out = get_group_id(1) * OUTPUTS;
    const int first = (get_group_id(0) * (LOCAL_ITEMS / SUB_GROUP) + get_sub_group_id()) * PIXELS;
    const size_t width = (size_t)divide_up(conv.dst.c, WIDTH) * WIDTH;
    const global feature *from = weights + first_out + lane;
    int top[BROUGHT], left[BROUGHT];
    float sum[PIXELS][PER_ITEM];
    UNROLL for (int i = 0; i < BROUGHT; i++) {
        const int pixel = first + (i * SUB_GROUP + lane) / BLOCK;
        top[i] = pixel < conv.rows ? pixel / conv.dst.w * conv.stride - conv.padding : -conv.size;
        left[i] = pixel % conv.dst.w * conv.stride - conv.padding;
    }
    UNROLL for (int p = 0; p < PIXELS; p++)
        UNROLL for (int o = 0; o < PER_ITEM; o++)
            sum[p][o] = 0;
    for (int tap = 0; tap < conv.size * conv.size; tap++)
        for (int s = 0; s < conv.sources; s++) {
            const udm_cl_tensor src = SOURCE(conv, s);
            const global feature *data = s == 0 ? src0 : s == 1 ? src1 : src2;
            for (int c = 0; c < src.c; c += BLOCK) {
                float seen[BROUGHT];
                UNROLL for (int i = 0; i < BROUGHT; i++) {
                    const int y = top[i] + tap / conv.size, x = left[i] + tap % conv.size;
                    const bool within = y >= 0 && y < src.h && x >= 0 && x < src.w;
                    seen[i] = within ? load_one(data + feature_at(src, c + (i * SUB_GROUP + lane) % BLOCK, y, x)) : 0.f;
                }
                UNROLL for (int k = 0; k < BLOCK; k++, from += width) {
                    float weight[PER_ITEM];
                    UNROLL for (int o = 0; o < PER_ITEM; o++)
                        weight[o] = load_one(from + o * SUB_GROUP);
                    UNROLL for (int p = 0; p < PIXELS; p++) {
                        const int at = p * BLOCK + k;
                        const float value = sub_group_broadcast(seen[at / SUB_GROUP], at % SUB_GROUP);
                        UNROLL for (int o = 0; o < PER_ITEM; o++)
                            sum[p][o] = fma(value, weight[o], sum[p][o]);
                    }
                }
            }
        }
    UNROLL for (int o = 0; o < PER_ITEM; o++) {
        const int out = first_out + o * SUB_GROUP + lane;
        UNROLL for (int p = 0; p < PIXELS; p++)
            if (first + p < conv.rows && out < divide_up(conv.dst.c, BLOCK) * BLOCK)
                write_output(&conv, dst, residual, (const global float *)weights + conv.bias, out, first + p,
                             sum[p][o]);
    }
}

#endif
