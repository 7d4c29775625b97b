// SPDX-License-Identifier: LGPL-2.1-or-later
// Attention for some queries of a head at a time, side by side in a vector, in tiles of keys: what is kept is the
// largest score so far, the sum of the weights, and the sums of the values, which are scaled when a larger score comes
// (Milakov and Gimelshein 2018; Dao et al. 2022, algorithm 1). On a processor a work-item does all of it; on a GPU each
// work-item of a team has one key of a tile, and some channels of the values.

// Channel c at the first pixel.
size_t plane_at(const udm_cl_tensor tensor, int c)
{
    return tensor.at + (size_t)(c / BLOCK) * tensor.h * tensor.w * BLOCK + c % BLOCK;
}

#ifndef GPU

#define KEYS 16 // of a tile
#define EACH_KEY _Pragma("unroll") for (int k = 0; k < KEYS; k++)

// Those of channel c of the pixels from `first` on; the last again past the end.
float16 read_queries(const udm_cl_tensor tensor, const global feature *data, int c, int first)
{
    const int last = tensor.h * tensor.w - 1;
    float x[QUERIES];
    for (int i = 0; i < QUERIES; i++)
        x[i] = load_one(data + plane_at(tensor, c) + (size_t)min(first + i, last) * BLOCK);
    return vload16(0, x);
}

// Some keys and values, from n on, for the queries from `first` on: the sums of the values, [size][QUERIES], take them
// in. Keys past the end weigh nothing.
void attend_tile(const udm_cl_attention *of, int channel, int first, int n, const global feature *key,
                 const global feature *value, const global float *queries, global float *sums, float16 *most,
                 float16 *total)
{
    const int last = of->key.h * of->key.w - 1;
    float16 score[KEYS], largest = *most;
    size_t at[KEYS];
    EACH_KEY {
        score[k] = 0;
        at[k] = (size_t)min(n + k, last) * BLOCK;
    }
    for (int i = 0; i < of->size; i++) {
        const float16 query = vload16(i, queries);
        const global feature *plane = key + plane_at(of->key, channel + i);
        EACH_KEY score[k] = fma(query, (float16)load_one(plane + at[k]), score[k]);
    }
    if (of->causal) {
        const float16 places = first + (float16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        EACH_KEY score[k] = select((float16)-INFINITY, score[k], isgreaterequal(places, (float16)(n + k)));
    }
    EACH_KEY largest = fmax(largest, score[k]);
    const float16 fade = exp(*most - largest);
    float16 weights = 0;
    EACH_KEY {
        score[k] = n + k <= last ? exp(score[k] - largest) : (float16)0;
        weights += score[k];
    }
    for (int i = 0; i < of->size; i++) {
        const global feature *plane = value + plane_at(of->value, channel + i);
        float16 sum = vload16(i, sums) * fade;
        EACH_KEY sum = fma(score[k], (float16)load_one(plane + at[k]), sum);
        vstore16(sum, i, sums);
    }
    *most = largest;
    *total = *total * fade + weights;
}

void write_channel(const udm_cl_tensor dst, global feature *out, int c, int first, float16 value)
{
    float x[QUERIES];
    vstore16(value, 0, x);
    for (int i = 0; i < QUERIES && first + i < dst.h * dst.w; i++)
        store_one(x[i], out + plane_at(dst, c) + (size_t)(first + i) * BLOCK);
}

POINTWISE attention(const udm_cl_attention of, global feature *dst, const global feature *query,
                    const global feature *key, const global feature *value, global float *scratch)
{
    const int steps = divide_up(of.dst.h * of.dst.w, QUERIES), keys = of.key.h * of.key.w;
    const float scale = 1 / sqrt((float)of.size);
    global float *queries = scratch + get_global_id(0) * 2 * of.size * QUERIES, *sums = queries + of.size * QUERIES;
    const range items = range_of((size_t)of.heads * steps);
    for (size_t item = items.first; item < items.end; item++) {
        const int channel = item / steps * of.size, first = item % steps * QUERIES;
        float16 most = -INFINITY, total = 0;
        for (int i = 0; i < of.size; i++) {
            vstore16(read_queries(of.query, query, channel + i, first) * scale, i, queries);
            vstore16((float16)0, i, sums);
        }
        const int seen = of.causal ? min(keys, first + QUERIES) : keys;
        for (int n = 0; n < seen; n += KEYS)
            attend_tile(&of, channel, first, n, key, value, queries, sums, &most, &total);
        for (int i = 0; i < of.size; i++)
            write_channel(of.dst, dst, channel + i, first, vload16(i, sums) / total);
        if (channel + of.size == of.dst.c)
            for (int c = of.dst.c; c % BLOCK; c++)
                write_channel(of.dst, dst, c, first, 0);
    }
}

#else

void write_queries(const udm_cl_tensor dst, global feature *out, int c, int first, float8 value)
{
    float x[TEAM_QUERIES];
    vstore8(value, 0, x);
    for (int i = 0; i < TEAM_QUERIES && first + i < dst.h * dst.w; i++)
        store_one(x[i], out + plane_at(dst, c) + (size_t)(first + i) * BLOCK);
}

// The scores of key n for the queries from `first` on, which lie in [size][TEAM_QUERIES]; what it may not see, and what
// is past the end, has none.
float8 score_key(const udm_cl_attention *of, int channel, int first, int n, const global feature *key,
                 const global float *queries)
{
    const int last = of->key.h * of->key.w - 1;
    const size_t at = (size_t)min(n, last) * BLOCK;
    float8 score = 0;
    for (int i = 0; i < of->size; i++)
        score = fma(vload8(i, queries), (float8)load_one(key + plane_at(of->key, channel + i) + at), score);
    const float8 places = first + (float8)(0, 1, 2, 3, 4, 5, 6, 7);
    if (n > last)
        return -INFINITY;
    return of->causal ? select((float8)-INFINITY, score, isgreaterequal(places, (float8)n)) : score;
}

TEAMWORK attention(const udm_cl_attention of, global feature *dst, const global feature *query,
                   const global feature *key, const global feature *value, global float *scratch)
{
    local float shared[SHARED];
    const int steps = divide_up(of.dst.h * of.dst.w, TEAM_QUERIES), keys = of.key.h * of.key.w, lane = team_lane();
    const float scale = 1 / sqrt((float)of.size);
    const range items = team_range((size_t)of.heads * steps);
    for (size_t item = items.first; item < items.end; item++) {
        const int channel = item / steps * of.size, first = item % steps * TEAM_QUERIES;
        global float *queries = scratch + item * 2 * of.size * TEAM_QUERIES, *sums = queries + of.size * TEAM_QUERIES;
        for (int i = lane; i < of.size; i += TEAM)
            for (int q = 0; q < TEAM_QUERIES; q++) {
                const size_t pixel = min(first + q, of.dst.h * of.dst.w - 1) * (size_t)BLOCK;
                queries[i * TEAM_QUERIES + q] = load_one(query + plane_at(of.query, channel + i) + pixel) * scale;
                sums[i * TEAM_QUERIES + q] = 0;
            }
        team_wait();
        float8 most = -INFINITY, total = 0;
        const int seen = of.causal ? min(keys, first + TEAM_QUERIES) : keys;
        for (int n = 0; n < seen; n += TEAM) {
            const float8 score = score_key(&of, channel, first, n + lane, key, queries);
            const float8 largest = fmax(most, team_max8(score, shared));
            const float8 fade = exp(most - largest), weight = exp(score - largest);
            const int count = min(TEAM, keys - n);
            total = total * fade + team_sum8(weight, shared);
            most = largest;
            team_put8(weight, shared);
            for (int c = 0; c < of.size; c += TEAM) { // all of a team, as what is shared asks for
                const int i = min(c + lane, of.size - 1);
                const global feature *plane = value + plane_at(of.value, channel + i) + (size_t)n * BLOCK;
                float8 sum = vload8(i, sums) * fade;
                for (int k = 0; k < count; k++)
                    sum = fma(team_get8(weight, k, shared), (float8)load_one(plane + (size_t)k * BLOCK), sum);
                if (c + lane < of.size)
                    vstore8(sum, i, sums);
            }
        }
        for (int i = lane; i < of.size; i += TEAM)
            write_queries(of.dst, dst, channel + i, first, vload8(i, sums) / total);
        if (channel + of.size == of.dst.c)
            for (int c = of.dst.c + lane; c < divide_up(of.dst.c, BLOCK) * BLOCK; c += TEAM)
                write_queries(of.dst, dst, c, first, 0);
    }
}

#endif

// One frame more of the attention over frames: scratch has the largest score of those before and the sum of their
// weights, for each head at each pixel, and then the sums of their values, [C][H][W].
POINTWISE attend_frame(const udm_cl_attention of, global feature *dst, const global feature *query,
                       const global feature *key, const global feature *value, global float *scratch)
{
    const size_t pixels = (size_t)of.dst.h * of.dst.w;
    const float scale = 1 / sqrt((float)of.size);
    global float *sums = scratch + 2 * of.heads * pixels;
    const range items = range_of(of.heads * pixels);
    for (size_t item = items.first; item < items.end; item++) {
        const int channel = item / pixels * of.size;
        const size_t pixel = item % pixels * BLOCK;
        float score = 0;
        for (int i = channel; i < channel + of.size; i++)
            score = fma(load_one(query + plane_at(of.query, i) + pixel), load_one(key + plane_at(of.key, i) + pixel),
                        score);
        const float most = of.first ? -INFINITY : scratch[2 * item], largest = fmax(most, score * scale);
        const float fade = exp(most - largest), weight = exp(score * scale - largest);
        const float total = (of.first ? 0 : scratch[2 * item + 1] * fade) + weight;
        for (int i = channel; i < channel + of.size; i++) {
            const size_t at = i * pixels + item % pixels;
            const float more = weight * load_one(value + plane_at(of.value, i) + pixel);
            const float sum = (of.first ? 0 : sums[at] * fade) + more;
            if (of.last)
                store_one(sum / total, dst + plane_at(of.dst, i) + pixel);
            else
                sums[at] = sum;
        }
        if (channel + of.size == of.dst.c)
            for (int c = of.dst.c; c % BLOCK; c++)
                store_one(0.f, dst + plane_at(of.dst, c) + pixel);
        scratch[2 * item] = largest;
        scratch[2 * item + 1] = total;
    }
}
