// SPDX-License-Identifier: LGPL-2.1-or-later
// Both pictures, moved to the instant, and what lies still are three estimates of a frame; their mean, weighted by what
// is known of each, is the guess. A network sees by how much they differ from it, and votes on each:
//
//     guess = sum_k weight_k estimate_k,  better = sum_k weight_k e^(8 vote_k) estimate_k / sum_k weight_k e^(8 vote_k)
//     x0    = what it makes of frame and guess + (the guess's part in that) (better - guess)
//
// Where the frame is known, a guess has no part in it (backend/fusion.h).
#include "stream/evidence.h"

#include <math.h>
#include <stdlib.h>

#include "stream/midway/kernels.h"

enum { BAND = 16 }; // rows of a job

#define NOMINAL_RATE 24

struct udm_evidence {
    udm_evidence_job job;
    size_t pixels;
    const udm_network *network;
    udm_pool *pool;
    float *memory;
};

static bool check(const udm_network *network, udm_error *error)
{
    enum { CONTEXT = UDM_EVIDENCE_CONTEXT, ESTIMATES = UDM_EVIDENCE_ESTIMATES };
    if (network && ((network->context != 0 && network->context != CONTEXT) ||
                    (network->mixes != 0 && network->mixes != ESTIMATES)))
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "a network for frames between has %d planes of context and mixes %d estimates, or none; this "
                        "one has %d and %d",
                        CONTEXT, ESTIMATES, network->context, network->mixes);
    return true;
}

udm_evidence *udm_evidence_new(int width, int height, int channels, const udm_network *network, udm_pool *pool,
                               udm_error *error)
{
    if (!check(network, error))
        return NULL;
    const size_t n = (size_t)width * height;
    const int wide = network ? network->channels : channels;
    udm_evidence *e = calloc(1, sizeof *e);
    float *memory = calloc(n * (wide + 1 + UDM_EVIDENCE_CONTEXT), sizeof(float));
    if (!e || !memory) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for frames of %dx%d", width, height);
        free(memory);
        free(e);
        return NULL;
    }
    e->job = (udm_evidence_job){ .width = width, .height = height, .channels = channels, .wide = wide };
    e->pixels = n, e->network = network, e->pool = pool, e->memory = memory;
    e->job.guess = memory, e->job.level = memory + n * wide, e->job.context = e->job.level + n;
    return e;
}

void udm_evidence_free(udm_evidence *evidence)
{
    if (!evidence)
        return;
    free(evidence->memory);
    free(evidence);
}

typedef struct band_job {
    const udm_evidence_job *job;
    udm_evidence_row row;
} band_job;

static void run_band(void *context, int index, int worker)
{
    const band_job *b = context;
    for (int y = index * BAND; y < (index + 1) * BAND && y < b->job->height; y++)
        b->row(b->job, y);
}

static void for_rows(const udm_evidence *e, const udm_evidence_job *job, udm_evidence_row row)
{
    udm_pool_run(e->pool, (job->height + BAND - 1) / BAND, run_band, &(band_job){ job, row });
}

static void fill(float *plane, size_t pixels, float value)
{
    for (size_t i = 0; i < pixels; i++)
        plane[i] = value;
}

static float told_rate(double seconds)
{
    const double gaps = seconds > 0 ? log2(seconds * NOMINAL_RATE) : 0;
    return (float)((gaps < -6 ? -6 : gaps < 6 ? gaps : 6) / 3);
}

void udm_evidence_find(udm_evidence *e, const udm_midway *midway, const float *const pictures[2], double position,
                       double seconds)
{
    udm_evidence_job *job = &e->job;
    for (int k = 0; k < 2; k++) {
        job->moved[k] = udm_midway_planes(midway, k), job->variance[k] = udm_midway_variance(midway, k);
        job->support[k] = udm_midway_support(midway, k);
        job->pictures[k] = pictures[k];
    }
    job->mean = udm_midway_mean(midway), job->rest = udm_midway_rest(midway);
    job->position = (float)(position < 0 ? 0 : position < 1 ? position : 1);
    for_rows(e, job, udm_midway_ops_list()[0]->find_evidence);
    float *constants = job->context + UDM_EVIDENCE_TOLD * e->pixels;
    fill(constants, e->pixels, (float)position - 0.5f);
    fill(constants + e->pixels, e->pixels, told_rate(seconds));
}

const float *udm_evidence_guess(const udm_evidence *evidence)
{
    return evidence->job.guess;
}

const float *udm_evidence_level(const udm_evidence *evidence)
{
    return evidence->job.level;
}

const float *udm_evidence_context(const udm_evidence *evidence)
{
    return evidence->network && evidence->network->context ? evidence->job.context : NULL;
}

const float *udm_evidence_told(const udm_evidence *evidence)
{
    return evidence->job.context;
}

void udm_evidence_mix(const udm_evidence *e, const float *level, const float *output, float *x0)
{
    if (!e->network || e->network->mixes == 0)
        return;
    udm_evidence_job job = e->job;
    job.frame_level = level, job.x0 = x0;
    job.votes = output + (udm_network_outputs(e->network) - e->network->mixes) * e->pixels;
    for_rows(e, &job, udm_midway_ops_list()[0]->mix_evidence);
}
