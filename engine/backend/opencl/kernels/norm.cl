// SPDX-License-Identifier: LGPL-2.1-or-later
// Group normalisation as one gain and one offset per channel: the moments of parts of the pixels, which are joined to
// those of the groups, and a pass that applies both.

// Where a source starts.
const global feature *source_of(const udm_cl_norm *norm, int s, const global feature *src0, const global feature *src1,
                              const global feature *src2)
{
    return (s == 0 ? src0 : s == 1 ? src1 : src2) + SOURCE(*norm, s).at;
}

// The source that has a block, counted through all of them; *block becomes its number there.
int find_block(const udm_cl_norm *norm, int *block)
{
    for (int s = 0; s < norm->sources - 1; s++) {
        const int blocks = divide_up(SOURCE(*norm, s).c, BLOCK);
        if (*block < blocks)
            return s;
        *block -= blocks;
    }
    return norm->sources - 1;
}

// The source that has a channel, counted through all of them; *channel becomes its number there, *blocks that of the
// blocks before the source.
int find_channel(const udm_cl_norm *norm, int *channel, int *blocks)
{
    *blocks = 0;
    for (int s = 0; s < norm->sources - 1; s++) {
        if (*channel < SOURCE(*norm, s).c)
            return s;
        *channel -= SOURCE(*norm, s).c;
        *blocks += divide_up(SOURCE(*norm, s).c, BLOCK);
    }
    return norm->sources - 1;
}

// The sums of x - pivot, x of a block's first pixel, and of its square over a part of the pixels.
POINTWISE norm_moments(const udm_cl_norm norm, const global feature *src0, const global feature *src1,
                       const global feature *src2, global float *scratch)
{
    const int pixels = norm.dst.h * norm.dst.w;
    int blocks = 0;
    for (int s = 0; s < norm.sources; s++)
        blocks += divide_up(SOURCE(norm, s).c, BLOCK);
    const range parts = range_of((size_t)blocks * norm.parts);
    for (size_t i = parts.first; i < parts.end; i++) {
        int block = i / norm.parts;
        const int s = find_block(&norm, &block);
        const global feature *in = source_of(&norm, s, src0, src1, src2) + (size_t)block * pixels * BLOCK;
        const int first = i % norm.parts * NORM_PART, end = min(pixels, first + NORM_PART);
        const float16 pivot = load_block(0, in);
        float16 sum = 0, squares = 0;
        for (int p = first; p < end; p++) {
            const float16 x = load_block(p, in) - pivot;
            sum += x;
            squares = fma(x, x, squares);
        }
        vstore16(sum, 2 * i, scratch);
        vstore16(squares, 2 * i + 1, scratch);
    }
}

typedef struct moments {
    float mean, squares, count; // squares: of the distance from the mean
} moments;

// Chan, Golub and LeVeque 1983, equation 2.1.
moments join(moments a, moments b)
{
    const float count = a.count + b.count, distance = b.mean - a.mean;
    moments both = { a.mean + distance * b.count / count,
                     a.squares + b.squares + distance * distance * a.count * b.count / count, count };
    return both;
}

// Joins what this work-item's share of the parts has of channel c of a block, to which `added` is added. sums: of the
// block.
moments join_parts(const udm_cl_norm *norm, moments all, const global float *sums, int c, float pivot, float added)
{
    const int pixels = norm->dst.h * norm->dst.w;
    for (int p = team_lane(); p < norm->parts; p += TEAM) {
        const global float *of = sums + p * 2 * BLOCK;
        const float count = min(NORM_PART, pixels - p * NORM_PART), sum = of[c], squares = of[BLOCK + c];
        moments part = { pivot + added + sum / count, fmax(0.f, squares - sum * sum / count), count };
        all = join(all, part);
    }
    return all;
}

// Joins the shares of a team.
moments join_team(moments own, local float *shared)
{
    const float count = team_sum(own.count, shared), mean = team_sum(own.mean * own.count, shared) / count;
    const float distance = own.mean - mean;
    moments all = { mean, team_sum(own.squares + own.count * distance * distance, shared), count };
    return all;
}

// The gain and the offset of each channel of a group.
TEAMWORK norm_gains(const udm_cl_norm norm, const global feature *src0, const global feature *src1,
                    const global feature *src2, global float *scratch, const global float *affine,
                    const global feature *vector)
{
    local float shared[SHARED];
    const int channels = norm.dst.c, size = channels / norm.groups;
    const global feature *e = vector + norm.vector;
    const range groups = team_range(norm.groups);
    for (size_t g = groups.first; g < groups.end; g++) {
        moments group = { 0, 0, 0 };
        for (int c = g * size; c < ((int)g + 1) * size; c++) {
            int blocks, at = c;
            const int s = find_channel(&norm, &at, &blocks);
            const size_t block = (size_t)(at / BLOCK) * norm.dst.h * norm.dst.w * BLOCK;
            const float pivot = load_one(source_of(&norm, s, src0, src1, src2) + block + at % BLOCK);
            group = join_parts(&norm, group, scratch + (size_t)(blocks + at / BLOCK) * norm.parts * 2 * BLOCK,
                               at % BLOCK, pivot, norm.embedding == 1 ? load_one(e + c) : 0.f);
        }
        if (TEAM > 1)
            group = join_team(group, shared);
        for (int c = g * size + team_lane(); c < ((int)g + 1) * size; c += TEAM) {
            float gain = affine[norm.affine + c] / sqrt(group.squares / group.count + norm.eps);
            float offset = affine[norm.affine + channels + c];
            if (norm.embedding == 2) {
                gain *= 1 + load_one(e + c);
                offset = offset * (1 + load_one(e + c)) + load_one(e + channels + c);
            }
            const float added = norm.embedding == 1 ? load_one(e + c) : 0.f;
            scratch[norm.gains + c] = gain;
            scratch[norm.gains + channels + c] = offset + gain * (added - group.mean);
        }
    }
}

// A block of dst at a pixel where its channels do not lie side by side in one block of a source.
float16 read_scattered(const udm_cl_norm *norm, int first, int pixel, const global feature *src0,
                       const global feature *src1, const global feature *src2)
{
    float x[BLOCK];
    for (int i = 0; i < BLOCK; i++) {
        int blocks, at = first + i;
        const int s = find_channel(norm, &at, &blocks);
        const global feature *in = source_of(norm, s, src0, src1, src2);
        const size_t place = ((size_t)(at / BLOCK) * norm->dst.h * norm->dst.w + pixel) * BLOCK + at % BLOCK;
        x[i] = at < SOURCE(*norm, s).c ? load_one(in + place) : 0.f;
    }
    return vload16(0, x);
}

// Past the last channel, gain and offset are zero.
float16 read_gains(const global float *from, int first, int channels)
{
    float gains[BLOCK];
    for (int i = 0; i < BLOCK; i++)
        gains[i] = first + i < channels ? from[first + i] : 0;
    return vload16(0, gains);
}

// A source's block holds all 16 channels from `first` on, or the last ones; its number, and where it begins in *at.
int find_aligned(const udm_cl_norm *norm, int first, int *at)
{
    int blocks;
    *at = first;
    const int s = find_channel(norm, at, &blocks);
    const bool whole = *at + BLOCK <= SOURCE(*norm, s).c || s == norm->sources - 1;
    return whole && *at % BLOCK == 0 ? s : -1;
}

POINTWISE normalise(const udm_cl_norm norm, const global feature *src0, const global feature *src1,
                    const global feature *src2, const global float *scratch, global feature *dst)
{
    const int channels = norm.dst.c, pixels = norm.dst.h * norm.dst.w;
    const range items = range_of((size_t)divide_up(channels, BLOCK) * pixels);
    for (size_t i = items.first; i < items.end;) {
        const int first = i / pixels * BLOCK;
        const size_t end = min((size_t)(first / BLOCK + 1) * pixels, items.end);
        const float16 gain = read_gains(scratch + norm.gains, first, channels);
        const float16 offset = read_gains(scratch + norm.gains + channels, first, channels);
        int at;
        const int s = find_aligned(&norm, first, &at);
        const global feature *in = s < 0 ? src0 : source_of(&norm, s, src0, src1, src2) + (size_t)at * pixels;
        for (; i < end; i++) {
            const int pixel = i % pixels;
            const float16 x = s < 0 ? read_scattered(&norm, first, pixel, src0, src1, src2) : load_block(pixel, in);
            const float16 y = fma(x, gain, offset);
            store_block(norm.activation == 2   ? y / (1 + exp(-y))
                     : norm.activation == 1 ? fmax(y, (float16)0)
                                            : y,
                     i, dst + norm.dst.at);
        }
    }
}
