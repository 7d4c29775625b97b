// SPDX-License-Identifier: LGPL-2.1-or-later
// Attention in tiles: some queries against some keys at a time, keeping for each query the largest score so far, the
// sum of the weights, and the sum of the values, which are scaled when a larger score comes (Milakov and Gimelshein
// 2018; Dao et al. 2022, algorithm 1).
#include <math.h>

#include "backend/cpu/kernels/gemm.h"
#include "backend/cpu/kernels/kernels.h"

enum { QUERIES = UDM_CPU_QUERIES, KEYS = UDM_CPU_KEYS, PANEL = UDM_CPU_GROUP };

// One head of one job; rows are as long as the head, rounded up to a panel, with zeros past its end.
typedef struct head {
    int first, size, row;
    float *queries, *sums; // [QUERIES][row]
    float *keys;           // [KEYS / PANEL][size][PANEL]
    float *values;         // [row / PANEL][KEYS][PANEL]
    float largest[QUERIES], total[QUERIES];
} head;

INLINE const float *pixel_at(const udm_tensor *tensor, int channel, int pixel)
{
    size_t plane = (size_t)tensor->shape.h * tensor->shape.w;
    return udm_host_data(tensor) + ((size_t)(channel / UDM_CPU_BLOCK) * plane + pixel) * UDM_CPU_BLOCK +
           channel % UDM_CPU_BLOCK;
}

// Channels of a head that lie side by side from its i-th on: up to the end of their block.
INLINE int run_from(const head *of, int i)
{
    int within = UDM_CPU_BLOCK - (of->first + i) % UDM_CPU_BLOCK;
    return within < of->size - i ? within : of->size - i;
}

// Scaled by 1 / sqrt(size).
static void read_queries(head *of, const udm_tensor *query, int pixel, int count)
{
    float scale = 1 / sqrtf((float)of->size);
    for (int m = 0; m < QUERIES; m++) {
        float *row = of->queries + (size_t)m * of->row;
        for (int i = 0, run; m < count && i < of->size; i += run) {
            const float *from = pixel_at(query, of->first + i, pixel + m);
            run = run_from(of, i);
            for (int k = 0; k < run; k++)
                row[i + k] = from[k] * scale;
        }
        of->largest[m] = -INFINITY;
        of->total[m] = 0;
    }
}

// A key is a column of its panel.
static void read_keys(head *of, const udm_tensor *key, int pixel, int count)
{
    for (int n = 0; n < count; n++) {
        float *column = of->keys + (size_t)(n / PANEL) * of->size * PANEL + n % PANEL;
        for (int i = 0, run; i < of->size; i += run) {
            const float *from = pixel_at(key, of->first + i, pixel + n);
            run = run_from(of, i);
            for (int k = 0; k < run; k++)
                column[(size_t)(i + k) * PANEL] = from[k];
        }
    }
}

// A value is a row of each panel; the last panel ends in zeros.
static void read_values(head *of, const udm_tensor *value, int pixel, int count)
{
    for (int n = 0; n < KEYS; n++) {
        float *row = of->values + (size_t)n * PANEL;
        for (int i = 0; i < of->row; i++) {
            bool within = n < count && i < of->size;
            row[(size_t)(i / PANEL) * KEYS * PANEL + i % PANEL] =
                within ? *pixel_at(value, of->first + i, pixel + n) : 0;
        }
    }
}

INLINE float largest_lane(vec x)
{
    float most = x[0];
    for (int i = 1; i < LANES; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

INLINE float sum_lanes(vec x)
{
    float sum = 0;
    for (int i = 0; i < LANES; i++)
        sum += x[i];
    return sum;
}

// The scores of one query become weights; returns by what its earlier sums are to be multiplied. Scores past `count`
// are those of no key.
INLINE float weigh(head *of, int m, float *scores, int count)
{
    for (int n = count; n < KEYS; n++)
        scores[n] = -INFINITY;
    vec most = load(scores), total = broadcast(0);
    for (int n = LANES; n < KEYS; n += LANES)
        most = choose(load(scores + n) > most, load(scores + n), most);
    float before = of->largest[m], largest = largest_lane(most);
    largest = largest > before ? largest : before;
    for (int n = 0; n < KEYS; n += LANES) {
        vec weight = exponential(load(scores + n) - largest);
        store(scores + n, weight);
        total += weight;
    }
    for (int n = count; n < KEYS; n++)
        scores[n] = 0;
    float fade = expf(before - largest);
    of->largest[m] = largest;
    of->total[m] = of->total[m] * fade + sum_lanes(total);
    return fade;
}

// One tile of keys and values for all queries of the job.
static void attend_tile(head *of, int count, bool first)
{
    float scores[QUERIES][KEYS], product[QUERIES][PANEL], fade[QUERIES];
    for (int n = 0; n < count; n += PANEL) {
        multiply(of->queries, of->row, of->keys + (size_t)n * of->size, PANEL, product[0], QUERIES, of->size);
        for (int m = 0; m < QUERIES; m++)
            for (int k = 0; k < PANEL; k += LANES)
                store(scores[m] + n + k, load(product[m] + k));
    }
    for (int m = 0; m < QUERIES; m++)
        fade[m] = weigh(of, m, scores[m], count);
    for (int p = 0; p < of->row; p += PANEL) {
        multiply(scores[0], KEYS, of->values + (size_t)p * KEYS, PANEL, product[0], QUERIES, KEYS);
        for (int m = 0; m < QUERIES; m++) {
            float *sums = of->sums + (size_t)m * of->row + p;
            for (int k = 0; k < PANEL; k += LANES)
                store(sums + k, first ? load(product[m] + k) : load(sums + k) * fade[m] + load(product[m] + k));
        }
    }
}

static void write_sums(const head *of, const udm_tensor *dst, int pixel, int count)
{
    for (int m = 0; m < count; m++) {
        const float *sums = of->sums + (size_t)m * of->row;
        float scale = 1 / of->total[m];
        for (int i = 0, run; i < of->size; i += run) {
            float *to = (float *)pixel_at(dst, of->first + i, pixel + m);
            run = run_from(of, i);
            for (int k = 0; k < run; k++)
                to[k] = sums[i + k] * scale;
        }
    }
}

// The channels of dst past its last are the last head's to clear.
static void clear_rest(const udm_tensor *dst, int pixel, int count)
{
    for (int c = dst->shape.c; c % UDM_CPU_BLOCK != 0; c++)
        for (int m = 0; m < count; m++)
            *(float *)pixel_at(dst, c, pixel + m) = 0;
}

// index: part of the queries + head * parts
void NAME(udm_cpu_attend)(void *context, int index, int worker)
{
    const udm_cpu_attend *run = context;
    const udm_attention *attention = run->attention;
    int queries = attention->dst.shape.h * attention->dst.shape.w,
        keys = attention->key.shape.h * attention->key.shape.w;
    int pixel = index % run->parts * QUERIES, h = index / run->parts;
    int count = queries - pixel < QUERIES ? queries - pixel : QUERIES;
    head of = { .size = attention->dst.shape.c / attention->heads };
    of.first = h * of.size;
    of.row = udm_round_up(of.size, PANEL);
    of.queries = run->scratch + worker * run->per_worker;
    of.sums = of.queries + (size_t)QUERIES * of.row;
    of.keys = of.sums + (size_t)QUERIES * of.row;
    of.values = of.keys + (size_t)KEYS * of.row;
    read_queries(&of, &attention->query, pixel, count);
    for (int n = 0; n < keys; n += KEYS) {
        int some = keys - n < KEYS ? keys - n : KEYS;
        read_keys(&of, &attention->key, n, some);
        read_values(&of, &attention->value, n, some);
        attend_tile(&of, some, n == 0);
    }
    write_sums(&of, &attention->dst, pixel, count);
    if (h == attention->heads - 1)
        clear_rest(&attention->dst, pixel, count);
}
