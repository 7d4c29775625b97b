// SPDX-License-Identifier: LGPL-2.1-or-later
// Attention in tiles: some keys against some queries at a time, keeping for each query the largest score so far, the
// sum of the weights, and the sum of the values, which are scaled when a larger score comes (Milakov and Gimelshein
// 2018; Dao et al. 2022, algorithm 1). Queries lie side by side in vectors, so that all of it is done for many at once.
#include <math.h>

#include "backend/cpu/kernels/gemm.h"
#include "backend/cpu/kernels/kernels.h"

enum { QUERIES = UDM_CPU_QUERIES, KEYS = UDM_CPU_KEYS };

// What is multiplied: floats, or pairs of bf16 in their place (gemm.h), of which the odd last one is beside a zero.
#if defined(__AVX512BF16__)
typedef uint16_t element;

INLINE element element_of(float value)
{
    uint32_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return (element)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
#else
typedef float element;

INLINE element element_of(float value)
{
    return value;
}
#endif

enum { TOGETHER = sizeof(float) / sizeof(element) };

// One head of one job.
typedef struct head {
    int first, size;        // its channels
    int depth;              // floats that those take
    float *queries;         // [queries / QUERIES][depth][QUERIES], and room for a step of rows
    float *sums;            // [queries / QUERIES][size][QUERIES], ...
    float *keys, *values;   // [KEYS][depth], [size][KEYS] elements, ...
    float *largest, *total; // [queries]
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

// A pixel's channels of the head, times scale, each to its place: `together` side by side, then `step` elements on.
INLINE void read_pixel(const head *of, const udm_tensor *from, int pixel, float scale, float *to, const size_t step,
                       const int together)
{
    element *at = (element *)(void *)to;
    for (int i = 0, run; i < of->size; i += run) {
        const float *x = pixel_at(from, of->first + i, pixel);
        run = run_from(of, i);
        for (int k = 0; k < run; k++)
            at[(i + k) / together * step + (i + k) % together] = element_of(x[k] * scale);
    }
    if (together > 1 && of->size % together)
        at[of->size / together * step + 1] = 0;
}

// Step m of the queries, of which `count` are pixels; the others are never written.
static void read_queries(head *of, const udm_tensor *query, int m, int pixel, int count)
{
    float *to = of->queries + (size_t)m * of->depth, scale = 1 / sqrtf((float)of->size);
    for (int i = 0; i < QUERIES; i++) {
        read_pixel(of, query, pixel + m + (i < count - m ? i : 0), scale, to + i, QUERIES * TOGETHER, TOGETHER);
        of->largest[m + i] = -INFINITY;
        of->total[m + i] = 0;
    }
}

static void read_keys_and_values(head *of, const udm_attention *attention, int pixel, int count)
{
    for (int n = 0; n < count; n++) {
        read_pixel(of, &attention->key, pixel + n, 1, of->keys + (size_t)n * of->depth, TOGETHER, TOGETHER);
        read_pixel(of, &attention->value, pixel + n, 1, (float *)(void *)((element *)(void *)of->values + n), KEYS, 1);
    }
    for (int i = 0; i < of->size && count % TOGETHER; i++)
        ((element *)(void *)of->values)[i * KEYS + count] = 0;
}

// The scores [count][QUERIES] of step m become weights; fade: by what earlier sums are to be multiplied.
INLINE void weigh(head *of, int m, float *scores, int count, float *fade)
{
    for (int i = 0; i < QUERIES; i += LANES) {
        vec before = load(of->largest + m + i), most = before, total = broadcast(0);
        for (int n = 0; n < count; n++) {
            vec score = load(scores + n * QUERIES + i);
            most = choose(score > most, score, most);
        }
        for (int n = 0; n < count; n++) {
            vec weight = exp_vec(load(scores + n * QUERIES + i) - most);
            store(scores + n * QUERIES + i, weight);
            total += weight;
        }
        vec factor = exp_vec(before - most);
        store(fade + i, factor);
        store(of->largest + m + i, most);
        store(of->total + m + i, load(of->total + m + i) * factor + total);
    }
}

// Once, not inlined twice.
static void multiply_elements(const float *a, size_t row, const float *b, float *c, int rows, int depth)
{
    multiply(a, row, b, QUERIES, c, rows, depth, TOGETHER > 1, false);
}

#if defined(__AVX512BF16__)
// Weights [count][QUERIES] as pairs of two keys', in place.
static void join_weights(float *weights, int count)
{
    for (int n = 0; n < count; n += 2)
        for (int i = 0; i < QUERIES; i += LANES) {
            const __m512 first = (__m512)load(weights + n * QUERIES + i);
            const __m512 second = n + 1 < count ? (__m512)load(weights + (n + 1) * QUERIES + i) : _mm512_setzero_ps();
            const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(first));
            const __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(second));
            store(weights + n / 2 * QUERIES + i, (vec)_mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
        }
}
#else
static void join_weights(float *weights, int count)
{
}
#endif

// The scores of keys after a query, where `ahead` is how far the first key is after the first query.
static void hide_later(float *scores, int count, int ahead)
{
    for (int n = 0; n < count; n++)
        for (int i = 0; i < QUERIES && i < n + ahead; i++)
            scores[n * QUERIES + i] = -INFINITY;
}

// A step of queries, from m on, against `count` keys and values. ahead: of a causal one, as above; else no more than
// -count.
static void attend_step(head *of, int m, int count, int ahead, bool first)
{
    float scores[KEYS * QUERIES], product[MICRO_ROWS * QUERIES], fade[QUERIES];
    multiply_elements(of->keys, of->depth, of->queries + (size_t)m * of->depth, scores, count, of->depth);
    if (count + ahead > 1)
        hide_later(scores, count, ahead);
    weigh(of, m, scores, count, fade);
    join_weights(scores, count);
    for (int c = 0; c < of->size; c += MICRO_ROWS) {
        int rows = of->size - c < MICRO_ROWS ? of->size - c : MICRO_ROWS;
        float *sums = of->sums + ((size_t)m * of->size + (size_t)c * QUERIES);
        multiply_elements(of->values + (size_t)c * KEYS / TOGETHER, KEYS / TOGETHER, scores, product, rows,
                          (count + TOGETHER - 1) / TOGETHER);
        for (int i = 0; i < rows * QUERIES; i += LANES) {
            vec before = first ? broadcast(0) : load(sums + i) * load(fade + i % QUERIES);
            store(sums + i, before + load(product + i));
        }
    }
}

static void write_sums(const head *of, const udm_tensor *dst, int pixel, int count)
{
    for (int m = 0; m < count; m++) {
        const float *sums = of->sums + (size_t)(m / QUERIES * QUERIES) * of->size + m % QUERIES;
        float scale = 1 / of->total[m];
        for (int i = 0, run; i < of->size; i += run) {
            float *to = (float *)pixel_at(dst, of->first + i, pixel + m);
            run = run_from(of, i);
            for (int k = 0; k < run; k++)
                to[k] = sums[(size_t)(i + k) * QUERIES] * scale;
        }
    }
}

// The channels of dst past its last.
static void clear_rest(const udm_tensor *dst, int pixel, int count)
{
    for (int c = dst->shape.c; c % UDM_CPU_BLOCK != 0; c++)
        for (int m = 0; m < count; m++)
            *(float *)pixel_at(dst, c, pixel + m) = 0;
}

static head head_of(const udm_cpu_attend *run, int h, int worker)
{
    head of = { .size = run->attention->dst.shape.c / run->attention->heads };
    size_t rows = (size_t)of.size + UDM_CPU_ROW_STEP;
    of.first = h * of.size, of.depth = (of.size + TOGETHER - 1) / TOGETHER;
    of.queries = run->scratch + worker * run->per_worker;
    of.sums = of.queries + rows * run->queries;
    of.keys = of.sums + rows * run->queries;
    of.values = of.keys + rows * KEYS;
    of.largest = of.values + rows * KEYS;
    of.total = of.largest + run->queries;
    return of;
}

// index: part of the queries + head * parts
void NAME(udm_cpu_attend)(void *context, int index, int worker)
{
    const udm_cpu_attend *run = context;
    const udm_attention *attention = run->attention;
    udm_shape shape = attention->dst.shape, other = attention->key.shape;
    int pixel = index % run->parts * run->queries, left = shape.h * shape.w - pixel, keys = other.h * other.w;
    int count = left < run->queries ? left : run->queries;
    head of = head_of(run, index / run->parts, worker);
    for (int m = 0; m < count; m += QUERIES)
        read_queries(&of, &attention->query, m, pixel, count);
    for (int n = 0; n < keys; n += KEYS) {
        int some = keys - n < KEYS ? keys - n : KEYS;
        read_keys_and_values(&of, attention, n, some);
        for (int m = 0; m < count; m += QUERIES)
            if (!attention->causal || n < pixel + m + QUERIES)
                attend_step(&of, m, some, attention->causal ? n - pixel - m : -some, n == 0);
    }
    write_sums(&of, &attention->dst, pixel, count);
    if (index / run->parts == attention->heads - 1)
        clear_rest(&attention->dst, pixel, count);
}
