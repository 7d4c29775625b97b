// SPDX-License-Identifier: LGPL-2.1-or-later
// The filter of each pixel; temporal/prediction.c has the equations.
#include <math.h>
#include <string.h>

#include "temporal/kernels/jobs.h"
#include "network/network.h"
#include "temporal/variance.h"

enum { PART = UDM_TEMPORAL_PART, RUN = 256, LANES = 4 }; // RUN: pixels of a part whose factors are kept at a time

#include "base/exponential.h"

#define FADE 0.15f
#define FADE_AT_REST 0.03f // where the flow is exactly 0

static const float unknown = UDM_UNKNOWN_VARIANCE;

// Runs of pixels of part `index`: [*first, return value) each, until it returns 0. *first: that of the part at first.
INLINE size_t next_run(size_t pixels, int index, size_t *first, size_t end)
{
    const size_t last = ((size_t)index + 1) * PART < pixels ? ((size_t)index + 1) * PART : pixels;
    *first = end;
    return end >= last ? 0 : last - end < RUN ? last : end + RUN;
}

#define FOR_RUNS(job, index)                                                                                           \
    for (size_t first, end = (size_t)(index)*PART; (end = next_run((job)->pixels, index, &first, end)) > 0;)

void NAME(udm_temporal_scale)(void *context, int index, int worker)
{
    const udm_prediction_job *job = context;
    FOR_RUNS(job, index)
    {
        const size_t count = end - first;
        const float *level = job->level + first;
        float signal[RUN];
        for (size_t i = 0; i < count; i++)
            signal[i] = sqrtf(1 - level[i] * level[i]);
        for (size_t at = first; at < job->pixels * (size_t)job->channels; at += job->pixels) {
            const float *frame = job->frame + at;
            float *restrict shown = job->shown + at;
            for (size_t i = 0; i < count; i++)
                shown[i] = frame[i] * signal[i];
        }
    }
}

// The variance grows; it is `unknown` where the flow came from outside.
void NAME(udm_temporal_fade)(void *context, int index, int worker)
{
    const udm_prediction_job *job = context;
    FOR_RUNS(job, index)
    {
        const float *valid = job->mean_variance + first, *u = job->flow + first, *v = u + job->pixels;
        float *restrict variance = job->variance + first;
        for (size_t i = 0; i < end - first; i++) {
            const float fade = u[i] == 0 && v[i] == 0 ? FADE_AT_REST : FADE;
            variance[i] = valid[i] > 0 ? (1 + fade) * variance[i] : unknown;
        }
    }
}

// exp() of the network's output, clamped.
void NAME(udm_temporal_add_variance)(void *context, int index, int worker)
{
    const udm_prediction_job *job = context;
    FOR_RUNS(job, index)
    {
        const float *log_variance = job->log_variance + first;
        float *restrict variance = job->variance + first;
        for (size_t i = 0; i < end - first; i++) {
            const float log = log_variance[i] + UDM_LOG_VARIANCE_BIAS, least = log > -16 ? log : -16;
            variance[i] += exp_float(least < 4 ? least : 4);
        }
    }
}

// What is known of a pixel: its variance is below `unknown`, which that of noise never exceeds.
void NAME(udm_temporal_learn)(void *context, int index, int worker)
{
    const udm_prediction_job *job = context;
    const bool made = job->made;
    FOR_RUNS(job, index)
    {
        const size_t count = end - first;
        const float *level = job->level + first, *variance = job->variance + first;
        float *restrict mean_variance = job->mean_variance + first;
        float gain[RUN];
        for (size_t i = 0; i < count; i++) {
            const float noise = variance_of(level[i], unknown);
            const float both = variance[i] + noise, ratio = variance[i] / both, known = both > 0 ? ratio : 0.5f;
            gain[i] = made && variance[i] < unknown ? known : 1;
            mean_variance[i] = gain[i] * noise;
        }
        for (size_t at = first; at < job->pixels * (size_t)job->channels; at += job->pixels) {
            const float *frame = job->frame + at, *moved = job->moved + at;
            float *restrict mean = job->mean + at;
            for (size_t i = 0; made && i < count; i++)
                mean[i] = moved[i] + gain[i] * (frame[i] - moved[i]);
            if (!made)
                memcpy(mean, frame, count * sizeof *mean);
        }
    }
}

void NAME(udm_temporal_join)(void *context, int index, int worker)
{
    const udm_prediction_job *job = context;
    FOR_RUNS(job, index)
    {
        const size_t count = end - first;
        const float *theirs = job->other_variance + first;
        float *restrict ours = job->variance + first;
        float share[RUN]; // of the other
        for (size_t i = 0; i < count; i++) {
            const float p = ours[i], q = theirs[i], both = p + q, quotient = p / both,
                        ratio = both > 0 ? quotient : 0.5f;
            share[i] = q >= unknown ? 0 : p >= unknown ? 1 : ratio;
            ours[i] = q >= unknown ? p : share[i] * q;
        }
        for (size_t at = first; at < job->pixels * (size_t)job->channels; at += job->pixels) {
            const float *other = job->other + at;
            float *restrict moved = job->moved + at;
            for (size_t i = 0; i < count; i++)
                moved[i] += share[i] * (other[i] - moved[i]);
        }
    }
}

void NAME(udm_temporal_show)(void *context, int index, int worker)
{
    const udm_prediction_job *job = context;
    FOR_RUNS(job, index)
    {
        const size_t count = end - first;
        float signal[RUN];
        for (size_t i = 0; i < count; i++) {
            const float variance = job->variance[first + i], ratio = 1 / sqrtf(1 + variance);
            const float level = sqrtf(variance) * ratio;
            signal[i] = variance < unknown ? ratio : 0;
            job->shown_level[first + i] = variance < unknown ? level : 1;
        }
        for (size_t at = first; at < job->pixels * (size_t)job->channels; at += job->pixels)
            for (size_t i = 0; i < count; i++)
                job->shown[at + i] = signal[i] * job->moved[at + i];
    }
}
