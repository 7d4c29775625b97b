// SPDX-License-Identifier: LGPL-2.1-or-later
// What a loop holds, for the samplers that run it in their own way (udm_sampler.run).
#ifndef UDM_SAMPLER_STATE_H
#define UDM_SAMPLER_STATE_H

#include "sampler/loop.h"

// What planes are filled with, where all pixels entered at the same time: they need not be filled with it again.
typedef struct udm_filled {
    bool even;
    float start;
    double timestep;
} udm_filled;

// Signal, noise and time of every pixel.
typedef struct udm_planes {
    float *signal, *noise, *time;
    udm_filled *filled;
} udm_planes;

// An estimate, and on which timestep of the list of timesteps it was made.
typedef struct udm_estimate {
    float *values; // [channels, pixels]
    double timestep;
} udm_estimate;

struct udm_loop {
    udm_loop_settings settings;
    size_t elements; // channels * pixels
    float *memory;   // all of the following
    udm_planes from, to;
    udm_filled filled[2];                  // of both
    udm_estimate estimates[UDM_ESTIMATES]; // as many as the sampler looks at, the newest first
    int count;                             // that were made
    float *start, *before; // x where this step began, and where the one before it did; NULL if not needed
    float *e, *scratch;    // e: NULL if nothing is drawn
    float *work;           // for processes that blend
    float *variance;       // from the network; NULL if not needed
};

// A run through it.
struct udm_walk {
    const udm_loop_calls *calls;
    udm_timesteps timesteps;
    const float *times; // where the pixels entered
    float *x;
    int step, stage, asked, draws; // asked, draws: estimates and draws so far
    bool drawn;                    // e is new
};

int udm_loop_repeats(const udm_loop_settings *settings);

// A pixel that entered at `start`, on a timestep; and all of them, which are put into `out`.
udm_point udm_walk_point(const udm_loop *loop, const udm_walk *walk, double start, double timestep);
udm_levels udm_walk_levels(const udm_loop *loop, const udm_walk *walk, double timestep, udm_planes out);

bool udm_walk_estimate(udm_loop *loop, udm_walk *walk, double timestep, float *x0, udm_error *error); // from x
bool udm_walk_draw(udm_loop *loop, udm_walk *walk, udm_error *error);                                 // into e
// udm_reverse_step() of x between two timesteps, with estimates[0], and e if it is drawn.
void udm_walk_general_step(udm_loop *loop, const udm_walk *walk, double from, double to);

#endif
