// SPDX-License-Identifier: LGPL-2.1-or-later
// The rows of stream/evidence.c, compiled once for each instruction set. Loops are plain, for compilers to vectorise.
#include "interp/kernels/blending.h"

#include <math.h>
#include <string.h>

#include "backend/fusion.h"

enum { LANES = 8 };

#include "base/simd.h"
#include "base/exponential.h"

#define UNKNOWN 10.f // a variance from which on a picture says nothing
#define LEAST_VARIANCE 1e-6f
#define MOST_LEVEL 0.7f // of a prediction, which is worth something even where both pictures end
#define CONTRAST 8.f    // by which differences are shown
#define CONVICTION 8.f
#define LEAST_WEIGHT 1e-3f
#define MOST_POWER 12.f

INLINE float precision_of(float variance)
{
    return variance < UNKNOWN ? 1 / (variance > LEAST_VARIANCE ? variance : LEAST_VARIANCE) : 0;
}

// How well the prediction is known, and what share each estimate has in it. Where neither picture is known they are
// shared.
static void find_weights(const udm_blending_job *job, size_t row)
{
    const size_t n = (size_t)job->width * job->height;
    const float *restrict a = job->variance[0] + row, *restrict b = job->variance[1] + row;
    const float *restrict rest = job->rest + row;
    float *restrict level = job->level + row, *restrict of_a = job->context + UDM_BLENDING_ESTIMATES * n + row;
    float *restrict of_b = of_a + n, *restrict of_rest = of_b + n;
    for (int x = 0; x < job->width; x++) {
        const float both = 1 / sqrtf(1 + precision_of(a[x]) + precision_of(b[x]));
        const float share = a[x] / (a[x] + b[x] + 1e-12f), motion = 1 - rest[x];
        level[x] = both < MOST_LEVEL ? both : MOST_LEVEL;
        of_a[x] = motion * (1 - share);
        of_b[x] = motion * share;
        of_rest[x] = rest[x];
    }
}

static void find_support(const udm_blending_job *job, size_t row)
{
    const size_t n = (size_t)job->width * job->height;
    for (int k = 0; k < 2; k++) {
        const float *restrict support = job->support[k] + row;
        float *restrict told = job->context + (2 * UDM_BLENDING_ESTIMATES + k) * n + row;
        for (int x = 0; x < job->width; x++)
            told[x] = support[x] / (1 + support[x]);
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

// A channel of what estimates are made of.
typedef struct estimates {
    const float *predicted, *a, *b, *first, *second;
    float position;
} estimates;

INLINE estimates estimates_of(const udm_blending_job *job, int c, size_t row)
{
    const size_t at = (c < job->channels ? (size_t)job->width * job->height * c : 0) + row;
    return (estimates){ job->mean + at,        job->moved[0] + at,    job->moved[1] + at,
                        job->pictures[0] + at, job->pictures[1] + at, job->position };
}

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
        const float share = CONTRAST * (job->channels == 3 ? luma[c] : 1), keep = c > 0;
        for (int x = 0; x < job->width; x++) {
            a[x] = keep * a[x] + share * (of.a[x] - of.predicted[x]);
            b[x] = keep * b[x] + share * (of.b[x] - of.predicted[x]);
            still[x] = keep * still[x] + share * (still_at(&of, x) - of.predicted[x]);
        }
    }
}

void NAME(udm_blending_row)(const udm_blending_job *job, int y);
void NAME(udm_blending_refine_row)(const udm_blending_job *job, int y);

void NAME(udm_blending_row)(const udm_blending_job *job, int y)
{
    const size_t row = (size_t)y * job->width;
    find_weights(job, row);
    find_support(job, row);
    find_mean(job, row);
    find_differences(job, row);
}

enum { PART = 256 }; // pixels whose weights are remembered

// A vote of 1 makes an estimate e^CONVICTION times as likely. What seems impossible has a chance; nothing overflows.
INLINE float weight_by(float weight, float vote)
{
    float power = CONVICTION * vote;
    power = power > -MOST_POWER ? power : -MOST_POWER;
    power = power < MOST_POWER ? power : MOST_POWER;
    return (weight > LEAST_WEIGHT ? weight : LEAST_WEIGHT) * exponential(power);
}

// The prediction's part in x0, divided among the estimates.
static void count_votes(const udm_blending_job *job, size_t at, int count, float parts[][PART])
{
    const size_t n = (size_t)job->width * job->height;
    const float *restrict a_vote = job->votes + at, *restrict b_vote = a_vote + n, *restrict rest_vote = b_vote + n;
    const float *restrict a = job->context + UDM_BLENDING_ESTIMATES * n + at;
    const float *restrict b = a + n, *restrict rest = b + n;
    float levels[PART], known[PART];
    memcpy(levels, job->level + at, (size_t)count * sizeof *levels);
    for (int i = 0; i < count; i++)
        known[i] = job->frame_level ? job->frame_level[at + i] : 1;
    for (int i = 0; i < count; i++) {
        const udm_fusion fusion = udm_fusion_at(known[i], levels[i]);
        const float p = weight_by(a[i], a_vote[i]), q = weight_by(b[i], b_vote[i]);
        const float r = weight_by(rest[i], rest_vote[i]);
        const float part = fusion.predicted * fusion.predicted_gain / (p + q + r);
        parts[0][i] = part * p, parts[1][i] = part * q, parts[2][i] = part * r;
    }
}

static void mix_part(const udm_blending_job *job, size_t at, int count)
{
    const size_t n = (size_t)job->width * job->height;
    float parts[UDM_BLENDING_ESTIMATES][PART];
    count_votes(job, at, count, parts);
    for (int c = 0; c < job->wide; c++) {
        const estimates of = estimates_of(job, c, at);
        float *restrict x0 = job->x0 + c * n + at;
        for (int i = 0; i < count; i++) {
            const float predicted = of.predicted[i];
            x0[i] += parts[0][i] * (of.a[i] - predicted) + parts[1][i] * (of.b[i] - predicted) +
                     parts[2][i] * (still_at(&of, i) - predicted);
        }
    }
}

void NAME(udm_blending_refine_row)(const udm_blending_job *job, int y)
{
    for (int x = 0; x < job->width; x += PART)
        mix_part(job, (size_t)y * job->width + x, job->width - x < PART ? job->width - x : PART);
}
