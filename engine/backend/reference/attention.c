// SPDX-License-Identifier: LGPL-2.1-or-later
// dst[:, p] = sum over q of exp(s(p, q) - m) value[:, q] / sum over q of exp(s(p, q) - m), with
// s(p, q) = query[:, p] . key[:, q] / sqrt(channels of a head), for each head; m is the largest s so far, and what was
// summed before is scaled when it grows (Milakov and Gimelshein 2018), so no row of s is kept.
#include <math.h>

#include "backend/host.h"
#include "backend/reference/reference.h"

// The planes of one head: [size, pixels] of query and dst, [size, others] of key and value.
typedef struct head {
    const float *query, *key, *value;
    float *dst;
    int size;
    size_t pixels, others;
    bool causal;
} head;

static float score(const head *at, size_t p, size_t q)
{
    float sum = 0;
    for (int i = 0; i < at->size; i++)
        sum += at->query[i * at->pixels + p] * at->key[i * at->others + q];
    return sum / sqrtf((float)at->size);
}

static void attend(const head *at, size_t p)
{
    float most = -INFINITY, total = 0;
    for (int i = 0; i < at->size; i++)
        at->dst[i * at->pixels + p] = 0;
    for (size_t q = 0; q < at->others && (q <= p || !at->causal); q++) {
        float s = score(at, p, q), larger = fmaxf(most, s);
        float before = expf(most - larger), weight = expf(s - larger);
        most = larger;
        total = total * before + weight;
        for (int i = 0; i < at->size; i++) {
            float *sum = &at->dst[i * at->pixels + p];
            *sum = *sum * before + weight * at->value[i * at->others + q];
        }
    }
    for (int i = 0; i < at->size; i++)
        at->dst[i * at->pixels + p] /= total;
}

void udm_reference_attention(udm_device *device, const udm_attention *attention)
{
    udm_shape shape = attention->dst.shape, other = attention->key.shape;
    int size = shape.c / attention->heads;
    for (int h = 0; h < attention->heads; h++) {
        size_t from = udm_reference_at(shape, h * size, 0, 0), of = udm_reference_at(other, h * size, 0, 0);
        head at = { udm_host_data(&attention->query) + from,
                    udm_host_data(&attention->key) + of,
                    udm_host_data(&attention->value) + of,
                    udm_host_data(&attention->dst) + from,
                    size,
                    (size_t)shape.h * shape.w,
                    (size_t)other.h * other.w,
                    attention->causal };
        for (size_t p = 0; p < at.pixels; p++)
            attend(&at, p);
    }
}
