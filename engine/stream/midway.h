// SPDX-License-Identifier: LGPL-2.1-or-later
// Two pictures, both moved to an instant between or beyond them, and how well each is known there.
#ifndef UDM_STREAM_MIDWAY_H
#define UDM_STREAM_MIDWAY_H

#include "base/error.h"
#include "base/threads.h"

typedef struct udm_midway udm_midway;

// width, height: at least 1; channels: 1 or 3. The pool is borrowed, and must outlive it. All memory is allocated here.
udm_midway *udm_midway_new(int width, int height, int channels, udm_pool *pool, udm_error *error);
void udm_midway_free(udm_midway *midway); // NULL is fine

// first, second: [channels, height, width] in [-1, 1]; borrowed until the next pair. Finds the motion both ways.
void udm_midway_pair(udm_midway *midway, const float *first, const float *second);

// Moves both to an instant: 0 is that of the first and 1 that of the second; beyond them motion goes on as it is.
void udm_midway_at(udm_midway *midway, double position);

// What came out: valid until the next call. which: 0 the first, 1 the second.
const float *udm_midway_planes(const udm_midway *midway, int which);   // [channels, height, width]
const float *udm_midway_variance(const udm_midway *midway, int which); // [height, width], of its doubt
const float *udm_midway_support(const udm_midway *midway, int which);  // [height, width], how much of it moved there
const float *udm_midway_mean(const udm_midway *midway);                // [channels, height, width], of all
const float *udm_midway_rest(const udm_midway *midway);                // [height, width], share of what lies still

#endif
