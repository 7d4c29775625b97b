// SPDX-License-Identifier: LGPL-2.1-or-later
// One picture on its way down a list of timesteps, a step at a time, for those who have several pictures on their way
// at once, each on another timestep. All its pixels share their time, and the process is the Gaussian one. The loop
// (loop.h) does the same for one picture whose pixels may differ.
#ifndef UDM_SAMPLER_TRACK_H
#define UDM_SAMPLER_TRACK_H

#include "sampler/sampler.h"
#include "schedule/spacing.h"

typedef struct udm_track {
    double start;                  // the time at which it is on its way from
    int count;                     // estimates that were made and are kept
    udm_point seen[UDM_ESTIMATES]; // where, the newest first
    float *kept[UDM_ESTIMATES];    // [elements] each, in the same order; udm_track_looks() of them
} udm_track;

// Samplers that estimate once a step, and go on from there.
bool udm_track_takes(const udm_sampler *sampler);
int udm_track_looks(const udm_sampler *sampler); // how many estimates are kept: 1 and more

// Where a picture is after k steps of the list of timesteps.
udm_point udm_track_point(const udm_track *track, const udm_sampler *sampler, const udm_timesteps *timesteps, int k);

// Takes step k, from the estimate of x0. x: [elements], x_t, becomes x_s. e: new noise, or NULL if there is none. A new
// track begins with count 0. x0 may be changed.
void udm_track_step(udm_track *track, const udm_sampler *sampler, const udm_timesteps *timesteps, int k, float *x0,
                    const float *e, size_t elements, float *x);

#endif
