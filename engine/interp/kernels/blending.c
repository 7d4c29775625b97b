// SPDX-License-Identifier: LGPL-2.1-or-later
// Blending of estimates (reference.c has the equations), compiled once for each instruction set. Loops are plain, for
// compilers to vectorise.
#include "interp/kernels/blending.h"

#include <math.h>
#include <string.h>

#include "backend/fusion.h"

#define LANES 8

#include "base/exponential.h"

INLINE float precision_of(float variance)
{
    return variance < UDM_BLENDING_UNKNOWN
               ? 1 / (variance > UDM_BLENDING_LEAST_VARIANCE ? variance : UDM_BLENDING_LEAST_VARIANCE)
               : 0;
}

// The level of the prediction, and the weight of each estimate in it. Where neither picture is known, both weigh alike.
static void find_weights(const udm_blending_job *job, size_t row)
{
    const size_t n = (size_t)job->width * job->height;
    const float *restrict a = job->variance[0] + row, *restrict b = job->variance[1] + row;
    const float *restrict still = job->still + row;
    float *restrict level = job->level + row, *restrict of_a = job->context + UDM_BLENDING_ESTIMATES * n + row;
    float *restrict of_b = of_a + n, *restrict of_still = of_b + n;
    for (int x = 0; x < job->width; x++) {
        const float both = 1 / sqrtf(1 + precision_of(a[x]) + precision_of(b[x]));
        const float share = a[x] / (a[x] + b[x] + 1e-12f), motion = 1 - still[x];
        level[x] = both < UDM_BLENDING_MOST_LEVEL ? both : UDM_BLENDING_MOST_LEVEL;
        of_a[x] = motion * (1 - share);
        of_b[x] = motion * share;
        of_still[x] = still[x];
    }
}

static void find_support(const udm_blending_job *job, size_t row)
{
    const size_t n = (size_t)job->width * job->height;
    for (int k = 0; k < 2; k++) {
        const float *restrict support = job->support[k] + row;
        float *restrict shown = job->context + (2 * UDM_BLENDING_ESTIMATES + k) * n + row;
        for (int x = 0; x < job->width; x++)
            shown[x] = support[x] / (1 + support[x]);
    }
}

static void find_mean(const udm_blending_job *job, size_t row)
{
    const size_t n = (size_t)job->width * job->height;
    const float *restrict level = job->level + row;
    for (int c = 0; c < job->wide; c++) {
        const float *restrict mean = job->mean + (c < job->channels ? c * n : 0) + row;
        float *restrict predicted = job->predicted + c * n + row;
        for (int x = 0; x < job->width; x++)
            predicted[x] = sqrtf(1 - level[x] * level[x]) * mean[x];
    }
}

// A channel of the estimates' mean, the pictures warped, and the pictures themselves.
typedef struct estimates {
    const float *mean, *a, *b, *first, *second;
    float position;
} estimates;

INLINE estimates estimates_of(const udm_blending_job *job, int c, size_t row)
{
    const size_t at = (c < job->channels ? (size_t)job->width * job->height * c : 0) + row;
    return (estimates){ job->mean + at,        job->warped[0] + at,   job->warped[1] + at,
                        job->pictures[0] + at, job->pictures[1] + at, job->position };
}

// The cross-fade of both pictures where they are.
INLINE float still_at(const estimates *of, int x)
{
    return of->first[x] + of->position * (of->second[x] - of->first[x]);
}

static void find_differences(const udm_blending_job *job, size_t row)
{
    static const float luma[3] = { 0.299f, 0.587f, 0.114f };
    const size_t n = (size_t)job->width * job->height;
    float *restrict a = job->context + row, *restrict b = a + n, *restrict still = b + n;
    for (int c = 0; c < job->channels; c++) {
        const estimates of = estimates_of(job, c, row);
        const float share = UDM_BLENDING_CONTRAST * (job->channels == 3 ? luma[c] : 1), keep = c > 0;
        for (int x = 0; x < job->width; x++) {
            a[x] = keep * a[x] + share * (of.a[x] - of.mean[x]);
            b[x] = keep * b[x] + share * (of.b[x] - of.mean[x]);
            still[x] = keep * still[x] + share * (still_at(&of, x) - of.mean[x]);
        }
    }
}

void NAME(udm_blend_row)(const udm_blending_job *job, int y);
void NAME(udm_reblend_row)(const udm_blending_job *job, int y);

void NAME(udm_blend_row)(const udm_blending_job *job, int y)
{
    const size_t row = (size_t)y * job->width;
    find_weights(job, row);
    find_support(job, row);
    find_mean(job, row);
    find_differences(job, row);
}

enum { PART = 256 }; // pixels whose weights are kept

INLINE float plain_weight(float weight)
{
    return weight > UDM_BLENDING_LEAST_WEIGHT ? weight : UDM_BLENDING_LEAST_WEIGHT;
}

INLINE float conviction(float logit)
{
    float power = UDM_BLENDING_CONVICTION * logit;
    power = power > -UDM_BLENDING_MOST_POWER ? power : -UDM_BLENDING_MOST_POWER;
    power = power < UDM_BLENDING_MOST_POWER ? power : UDM_BLENDING_MOST_POWER;
    return exp_float(power);
}

// By how much each estimate has more of x0, of the prediction's part in it, than without the network.
static void divide(const udm_blending_job *job, size_t at, int count, float parts[][PART])
{
    const size_t n = (size_t)job->width * job->height;
    const float *restrict a_logit = job->logits + at, *restrict b_logit = a_logit + n,
                          *restrict still_logit = b_logit + n;
    const float *restrict a = job->context + UDM_BLENDING_ESTIMATES * n + at;
    const float *restrict b = a + n, *restrict still = b + n;
    float levels[PART], known[PART];
    memcpy(levels, job->level + at, (size_t)count * sizeof *levels);
    for (int i = 0; i < count; i++)
        known[i] = job->frame_level ? job->frame_level[at + i] : 1;
    for (int i = 0; i < count; i++) {
        const udm_fusion fusion = udm_fusion_at(known[i], levels[i]);
        const float p = plain_weight(a[i]), q = plain_weight(b[i]), r = plain_weight(still[i]);
        const float to_a = p * conviction(a_logit[i]), to_b = q * conviction(b_logit[i]);
        const float to_still = r * conviction(still_logit[i]);
        const float part = fusion.predicted * fusion.predicted_gain;
        const float before = part / (p + q + r), after = part / (to_a + to_b + to_still);
        parts[0][i] = after * to_a - before * p, parts[1][i] = after * to_b - before * q;
        parts[2][i] = after * to_still - before * r;
    }
}

static void reblend_part(const udm_blending_job *job, size_t at, int count)
{
    const size_t n = (size_t)job->width * job->height;
    float parts[UDM_BLENDING_ESTIMATES][PART];
    divide(job, at, count, parts);
    for (int c = 0; c < job->wide; c++) {
        const estimates of = estimates_of(job, c, at);
        float *restrict x0 = job->x0 + c * n + at;
        for (int i = 0; i < count; i++)
            x0[i] += parts[0][i] * of.a[i] + parts[1][i] * of.b[i] + parts[2][i] * still_at(&of, i);
    }
}

void NAME(udm_reblend_row)(const udm_blending_job *job, int y)
{
    for (int x = 0; x < job->width; x += PART)
        reblend_part(job, (size_t)y * job->width + x, job->width - x < PART ? job->width - x : PART);
}
